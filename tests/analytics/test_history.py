import csv
import io
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from alerts.models import Alert
from alerts.services.handling import acknowledge_alert, resolve_alert
from analytics import alert_csv
from tests.alerts.outbox import raise_trouble
from tests.analytics.looking import HTMX, ROLES, words
from tests.builders import make_device, make_group, make_user, sign_in

pytestmark = pytest.mark.django_db
BERLIN = ZoneInfo("Europe/Berlin")
JUNE = datetime(2026, 6, 1, 12, tzinfo=UTC)
EVER = "?from="
MINUTE = timedelta(minutes=1)


def listed(client, query: str = EVER) -> list[str]:
    """The messages in the table, from the top."""
    page = client.get(f"/alerts/history/{query}")
    assert page.status_code == 200
    return re.findall(r"<small>(Trouble[^<]*)</small>", page.content.decode())


def download(client, query: str = EVER) -> list[dict[str, str]]:
    """The file as a spreadsheet reads it."""
    response = client.get(f"/alerts/history.csv{query}")
    assert response.status_code == 200
    content = response.getvalue()
    assert content.endswith(b"\r\n")
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def trouble(name: str, *, at: datetime = JUNE, **about: object) -> Alert:
    return raise_trouble(message=f"Trouble {name}", at=at, **about)


def test_all_alerts_are_listed_newest_first_with_who_acknowledged_after_how_long(client, mira):
    alert = trouble("one", device_id=make_device(name="Press 3", zone="Hall B").pk)
    acknowledge_alert(alert=alert, by=make_user(name="Noor"), at=JUNE + 3 * MINUTE)
    resolve_alert(alert=alert, by=make_user(role="operator"), at=JUNE + 12 * MINUTE)
    trouble("two")

    text = words(client.get(f"/alerts/history/{EVER}"))

    assert listed(client) == ["Trouble two", "Trouble one"]
    assert "2 alerts since ever" in text
    assert re.search(r"Press 3 Trouble one Critical · Hall B .*? 12 min after 3 min Noor 1", text)
    assert re.search(r"The system Trouble two .*? open – 1", text)


def test_the_last_thirty_days_are_shown_unless_others_are_asked_for(client, mira):
    now = timezone.now()
    trouble("today", at=now)
    trouble("long ago", at=now - timedelta(days=31))

    assert listed(client, "") == ["Trouble today"]
    assert listed(client, "?from=nonsense") == ["Trouble today"]
    assert listed(client, EVER) == ["Trouble long ago", "Trouble today"]


def test_days_are_the_plants(client, mira, settings):
    settings.PLANT_TIME_ZONE = BERLIN.key
    for name, hour in (("evening", 21), ("night", 22)):  # 23:00 and 00:00 on the wall
        trouble(name, at=datetime(2026, 6, 1, hour, tzinfo=UTC))

    assert listed(client, "?from=2026-06-01&to=2026-06-01") == ["Trouble evening"]
    assert listed(client, "?from=2026-06-02&to=2026-06-02") == ["Trouble night"]
    assert listed(client, "?from=&to=2026-06-01") == ["Trouble evening"]


@pytest.mark.parametrize("query", ["?from=0001-01-01", "?from=9999-12-31&to=9999-12-31", "?from=&to=x"])
def test_days_that_no_calendar_has_room_for_are_no_error(client, mira, query):
    assert client.get(f"/alerts/history/{query}").status_code == 200


def test_filters_and_the_file_agree(client, omar):
    press, mixer = make_device(name="Press", zone="Hall A"), make_device(name="Mixer", zone="Hall B")
    line = make_group(name="Line", devices=[press])
    hot = trouble("hot", severity="warning", device_id=press.pk)
    resolve_alert(alert=hot, by=omar, at=JUNE)
    trouble("cold", severity="info", device_id=mixer.pk)
    trouble("dark", zone="Hall B")

    for query, expected in {
        "&severity=info": {"Trouble cold"},
        "&status=resolved": {"Trouble hot"},
        "&status=active": {"Trouble cold", "Trouble dark"},
        "&zone=Hall+B": {"Trouble cold", "Trouble dark"},
        f"&group={line.pk}": {"Trouble hot"},
        "&search=mixer": {"Trouble cold"},
        "&type=device_offline": set(),
        f"&key={hot.key}": {"Trouble hot"},
        "&status=nonsense&severity=nonsense": {"Trouble hot", "Trouble cold", "Trouble dark"},
    }.items():
        assert set(listed(client, EVER + query)) == expected
        assert {row["message"] for row in download(client, EVER + query)} == expected


def test_fifty_make_a_page(client, mira):
    for number in range(51):
        trouble(f"{number:02}")

    assert len(listed(client)) == 50
    assert listed(client, f"{EVER}&page=2") == ["Trouble 00"]
    assert len(download(client)) == 51


def test_an_empty_history_says_where_to_look(client, mira):
    filtered = words(client.get("/alerts/history/", {"search": "nothing"}))

    assert "No alert has opened in the last 30 days. Look at all days" in words(
        client.get("/alerts/history/")
    )
    assert "No alert matches. Show the last 30 days or look at all days" in filtered


# The file


@pytest.mark.parametrize("role", ROLES)
def test_everybody_signed_in_may_have_the_file(client, role):
    sign_in(client, make_user(role=role))
    trouble("one")

    assert len(download(client)) == 1


def test_a_stranger_has_no_file(client):
    assert client.get("/alerts/history.csv").status_code == 302


def test_each_alert_is_a_row_with_all_that_is_known(client, mira):
    device = make_device(name="Press 3", external_id="press-3", zone="Hall B")
    alert = trouble("one", device_id=device.pk, metric="temperature", value=95.5, threshold=90.0)
    acknowledge_alert(alert=alert, by=make_user(name="Noor"), at=JUNE + 3 * MINUTE)
    resolve_alert(alert=alert, by=make_user(role="operator"), at=JUNE + 12 * MINUTE)

    [row] = download(client)

    assert row == {
        "id": str(alert.pk),
        "severity": "critical",
        "type": "system_error",
        "status": "resolved",
        "deviceId": "press-3",
        "device": "Press 3",
        "zone": "Hall B",
        "metric": "temperature",
        "value": "95.5",
        "threshold": "90.0",
        "message": "Trouble one",
        "startedAt": "2026-06-01T12:00:00.000Z",
        "endedAt": "",
        "openedAt": "2026-06-01T12:00:00.000Z",
        "acknowledgedAt": "2026-06-01T12:03:00.000Z",
        "acknowledgedBy": "Noor",
        "acknowledgedAfterSeconds": "180",
        "resolvedAt": "2026-06-01T12:12:00.000Z",
        "openSeconds": "720",
        "occurrences": "1",
        "late": "false",
    }


def test_what_people_wrote_is_no_formula(client, mira):
    for begin in "=+-@\t\r":
        alert = raise_trouble(message=f'{begin}1+1,"\n"')
        Alert.objects.filter(pk=alert.pk).update(zone=f"{begin}zone")

    rows = download(client)

    assert [row["message"] for row in rows] == [f'\'{begin}1+1,"\n"' for begin in "=+-@\t\r"]
    assert {row["zone"][0] for row in rows} == {"'"}


def test_the_file_is_named_by_its_days_and_is_no_page(client, mira):
    response = client.get("/alerts/history.csv?from=2026-06-01&to=2026-06-30", headers=HTMX)
    response.getvalue()

    assert response["Content-Type"] == "text/csv; charset=utf-8; header=present"
    assert response["Content-Disposition"] == 'attachment; filename="alerts-20260601-20260630.csv"'


def test_a_file_of_many_pages_has_every_alert_once_oldest_first(client, mira, monkeypatch):
    monkeypatch.setattr(alert_csv, "PAGE", 2)
    monkeypatch.setattr(alert_csv, "CHUNK_BYTES", 200)
    expected = [str(trouble(f"{number}").pk) for number in range(5)]

    assert [row["id"] for row in download(client)] == expected


def test_as_many_files_as_we_make_at_once_are_enough(client, mira):
    trouble("one")
    under_way = [client.get(f"/alerts/history.csv{EVER}") for _ in range(alert_csv.AT_ONCE)]

    refused = client.get(f"/alerts/history.csv{EVER}")
    for response in under_way:
        response.getvalue()

    assert (refused.status_code, refused["Retry-After"]) == (503, "60")
    assert len(download(client)) == 1


@pytest.mark.parametrize("alerts", [1, 3])
def test_the_file_costs_the_same_for_any_number_of_alerts(client, mira, alerts, django_assert_num_queries):
    for number in range(alerts):
        trouble(f"{number}", device_id=make_device().pk)

    with django_assert_num_queries(3):  # the person, the groups, the alerts
        assert len(download(client)) == alerts
