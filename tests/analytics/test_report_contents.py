"""What reports count and leave out: alerts from before, stops by their loss, time that nobody knows of, units."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from alerts.services.handling import resolve_alert
from analytics.reports.alert_history import alert_history_report
from analytics.reports.as_csv import as_csv
from analytics.reports.device import device_report
from analytics.reports.document import Document, Table
from analytics.reports.pages import as_page
from analytics.reports.plant import plant_report
from analytics.services.stops import add_stop
from telemetry.batch import Sample
from telemetry.rules import rules
from telemetry.services import store_readings
from telemetry.services.metrics import declare_metric
from tests.alerts.outbox import raise_trouble
from tests.analytics.machining import DAY, HOUR, MINUTE, midnight
from tests.analytics.setting_up import look_at_rules, make_machine
from tests.analytics.standing import make_codes, make_press, runs_but_for, workers
from tests.builders import NOON, make_device, make_user, ms

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 7, 1, tzinfo=UTC)
END = ms(NOW)
BEFORE = NOW - timedelta(days=3)


def told(percent: int) -> None:
    assert 0 < percent < 100


def of_device(device, *, start=END - DAY, end=END, at=NOW) -> Document:
    return device_report(device=device, start=start, end=end, at=at, tell=told)


def table_of(document: Document, section: str, title: str = "") -> Table:
    [blocks] = [one.blocks for one in document.sections if one.title == section]
    [found] = [block for block in blocks if isinstance(block, Table) and block.title == title]
    return found


def lines_of(document: Document) -> list[list[str]]:
    return list(csv.reader(io.StringIO(as_csv(document))))


# Alerts


def test_an_alert_that_is_open_since_before_is_in_the_report():
    device = make_device()
    alert = raise_trouble(device_id=device.pk, at=BEFORE)

    document = of_device(device)

    [row] = table_of(document, "Alerts", "Alerts").rows
    assert row[:4] == [alert.started_at, "critical", "Too hot (open since 28 Jun 2026, 00:00)", None]
    [top] = table_of(document, "Alerts", "What rang most often").rows
    assert top[2:4] == [1, alert.started_at]
    [of_plant] = table_of(
        plant_report(start=END - DAY, end=END, at=NOW, tell=told), "Alerts", "What rang most often"
    ).rows
    assert of_plant == top


def test_of_alerts_from_before_only_those_that_were_not_over_are_there():
    device, omar = make_device(), make_user(role="operator")
    over, lasting = (
        raise_trouble(device_id=device.pk, at=BEFORE, message=words) for words in ("Over", "Lasting")
    )
    raise_trouble(device_id=device.pk, at=NOW, message="Later")
    raise_trouble(device_id=device.pk, at=NOW - timedelta(hours=1), message="Within")
    resolve_alert(alert=over, by=omar, at=NOW - timedelta(days=1))
    resolve_alert(alert=lasting, by=omar, at=NOW - timedelta(hours=20))

    rows = table_of(of_device(device), "Alerts", "Alerts").rows

    assert [(row[2], row[3]) for row in rows] == [
        ("Lasting (since 28 Jun 2026, 00:00)", 2 * 86_400 + 4 * 3600),
        ("Within", None),
    ]


def test_it_is_shaded_in_the_course_from_its_beginning_on():
    declare_metric(key="power", unit="W", integration="hold", max_gap_seconds=7200)
    rules.forget()
    device = make_device()
    samples = [Sample(device.pk, END - DAY + hour * HOUR, {"power": 4.0}) for hour in range(24)]
    store_readings(samples=samples, received_at=END)
    assert as_page(of_device(device)).count("Too hot") == 0

    raise_trouble(device_id=device.pk, at=BEFORE, metric="power")

    in_tables = 2
    assert as_page(of_device(device)).count("Too hot") > in_tables


def test_the_history_says_what_had_begun_before():
    raise_trouble(device_id=make_device().pk, at=BEFORE)

    text = as_csv(alert_history_report(start=END - DAY, end=END, at=NOW, tell=told))

    assert "1 alert had begun before and was not over when this time began; not counted here." in text
    assert "Alerts,0," in text


# Presence


def test_of_time_in_which_nobody_knows_what_it_was_the_report_says_so():
    """A device is known of from when it was registered, at noon."""
    device = make_device()

    table = table_of(
        of_device(device, start=ms(NOON) - DAY, end=ms(NOON) + DAY, at=NOON + timedelta(hours=8)), "Presence"
    )

    assert table.rows == [["offline", 8 * 3600, 0.25], ["unknown", 24 * 3600, 0.75]]


def test_where_all_is_known_nothing_is_unknown():
    device = make_device()

    table = table_of(of_device(device, start=ms(NOON), end=ms(NOON) + DAY), "Presence")

    assert table.rows == [["offline", 86_400, 1.0]]


# Stops


def test_stops_stand_in_order_of_what_they_lost():
    make_codes()
    day = midnight()
    press = make_press(day)
    add_stop(device=press, start=day + 6 * HOUR, end=day + 8 * HOUR, code="clean", by=None, at=NOW)

    table = table_of(
        plant_report(start=day, end=day + DAY, at=datetime.now(UTC), tell=told),
        "Stops",
        "The stops that lost most",
    )

    assert [(row[2], row[3], row[4]) for row in table.rows] == [
        (1800.0, 1800.0, None),
        (1200.0, 1200.0, None),
        (7200.0, 0.0, "Cleaning"),
    ]


# CSV


def test_the_table_has_notes_and_units_and_shares_in_percent(settings):
    settings.PLANT_TIME_ZONE = "UTC"
    make_codes()
    day = midnight()
    make_press(day)

    rows = lines_of(plant_report(start=day, end=day + DAY, at=datetime.now(UTC), tell=told))

    place = rows.index(["Stops: Reasons"])
    assert rows[place + 1 : place + 3] == [
        ["Reason", "Stops", "Lost (s)", "Share (%)", "Together (%)"],
        ["No reason given", "2", "3000.0", "100.0", "100.0"],
    ]
    place = rows.index(["OEE: By machine"])
    assert rows[place + 1][1:4] == ["Planned (s)", "Running (s)", "Unknown (s)"]
    assert rows[place + 1][-1] == "OEE (%)"
    tiles = {row[0]: row[1:] for row in rows if len(row) == 4}
    assert (tiles["Planned time"][1], tiles["OEE"][1], tiles["Coverage"][1]) == ("s", "%", "%")
    notes = [row[1] for row in rows if row[0:1] == ["Note"]]
    assert "No energy is known in this time." in notes
    assert "1 short stop, 0.2\u00a0% of the planned time: a loss of speed, not of availability." in notes
    assert "Machines by stops that are failures or have no reason yet, others by critical alerts." in notes


def test_what_is_flagged_is_in_the_table_too():
    day = midnight()
    press = make_machine(make_device(type="controller"))
    look_at_rules()
    runs_but_for(press, [], start=day, end=day + 60 * MINUTE)
    workers()

    rows = lines_of(plant_report(start=day, end=day + DAY, at=datetime.now(UTC), tell=told))

    notes = [row[1] for row in rows if row[0:1] == ["Note"]]
    assert "Nobody has given some machines shifts: all time counts as planned." in notes
