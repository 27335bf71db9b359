"""What reports say, as page, paper and table: of nothing, of little and of a year, in every script."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from alerts.models import Alert
from analytics.models import StopCode
from analytics.pdf import render
from analytics.reports.alert_history import alert_history_report
from analytics.reports.as_csv import as_csv
from analytics.reports.device import device_report
from analytics.reports.pages import as_page, as_print
from analytics.reports.plant import plant_report
from analytics.services.following import follow_machines
from analytics.services.machines import set_machine_profile
from analytics.services.meters import set_energy_price
from analytics.services.results import keep_results
from analytics.services.stops import add_stop
from telemetry.batch import Sample
from telemetry.rules import rules
from telemetry.services import store_readings
from telemetry.services.metrics import declare_metric
from telemetry.services.rollups import roll_up_due
from tests.alerts.outbox import raise_trouble
from tests.analytics.pdf_reading import joined, on_each_other, outside_of_margins, texts
from tests.analytics.report_sample import OWN_SCRIPT
from tests.builders import make_device, make_group, ms

pytestmark = pytest.mark.django_db

HOUR = 3_600_000
DAY = 24 * HOUR
NOW = datetime(2026, 7, 1, tzinfo=UTC)
END = ms(NOW)
HEAD_AND_FOOT = 90  # letters, at most
NAMES = "Fräse Süd Ø1 · Пресс Ё · Σταθμός Ώ"


@pytest.fixture(autouse=True)
def _zone(settings):
    settings.PLANT_TIME_ZONE = "Europe/Berlin"


@pytest.fixture
def press():
    """A machine that is also a meter, with a name in three scripts."""
    declare_metric(key="power", unit="W", integration="trapezoid", max_gap_seconds=7200)
    declare_metric(key="running", max_gap_seconds=7200)
    declare_metric(key="parts", kind="counter", unit="pcs", max_gap_seconds=7200)
    rules.forget()
    device = make_device(name=NAMES, zone="Halle Süd", type="controller")
    set_machine_profile(
        device=device,
        by=None,
        at=NOW,
        ideal_cycle_seconds=30.0,
        total_metric="parts",
        running_by="metric",
        running_metric="running",
        running_above=0.5,
    )
    set_energy_price(per_kwh=0.24, currency="EUR")
    return device


def fill(device, days: int) -> None:
    """Hour by hour, up to now: it runs all but every seventh hour, and makes a hundred pieces an hour."""
    first = END - days * DAY
    samples = [
        Sample(
            device.pk,
            first + hour * HOUR,
            {"power": 4000.0 + 500 * (hour % 5), "running": float(hour % 7 > 0), "parts": 100.0 * hour},
        )
        for hour in range(days * 24 + 1)
    ]
    for place in range(0, len(samples), 5000):
        store_readings(samples=samples[place : place + 5000], received_at=END)
    roll_up_due()
    follow_machines(now=END)
    keep_results(now=END)


def told(percent: int) -> None:
    assert 0 < percent < 100


def reports_of(device, days: int, **of):
    span = {"start": END - days * DAY, "end": END, "at": NOW, "tell": told}
    return {
        "plant": plant_report(**span),
        "device": device_report(device=device, **span),
        "alerts": alert_history_report(**span),
    }


def printed(document, font=None) -> bytes:
    return render(as_print(document), font=font, title=document.title, made_at=document.made_at)


def tables(document) -> list[list[str]]:
    return list(csv.reader(io.StringIO(as_csv(document))))


@pytest.mark.parametrize(("days", "data_days"), [(7, 0), (1, 1), (7, 3), (365, 365)])
def test_nothing_is_cut_lies_over_another_or_stands_empty(press, days, data_days):
    if data_days:
        fill(press, data_days)
        raise_trouble(device_id=press.pk, message="Too hot: 96 °C", at=NOW - timedelta(hours=5))

    for name, document in reports_of(press, days).items():
        pdf = printed(document)
        pages = texts(pdf)
        assert outside_of_margins(pdf) == [], name
        assert on_each_other(pdf) == [], name
        assert all(len(words) > HEAD_AND_FOOT for words in pages), (name, [len(words) for words in pages])
        assert joined(document.title) in pages[0]
        assert as_page(document).count("<h2>") == len(document.sections)


def test_of_a_plant_that_measures_nothing_each_part_says_so():
    page = re.sub(r"<[^>]+>", " ", as_page(plant_report(start=END - DAY, end=END, at=NOW, tell=told)))

    for words in (
        "No energy is known in this time.",
        "Nothing failed in this time.",
        "No alert in this time.",
    ):
        assert words in page


def test_the_figures_of_page_paper_and_table_are_the_same(press):
    fill(press, 2)

    document = plant_report(start=END - DAY, end=END, at=NOW, tell=told)

    rows = {row[0]: row[1:] for row in tables(document) if row}
    energy, oee = float(rows["Energy"][0]), float(rows["OEE"][0])
    page = re.sub(r"<[^>]+>", "", as_page(document))
    paper = "".join(texts(printed(document)))
    for text in (f"{energy:,.1f} kWh", f"{oee:.1f} %"):
        assert text in page
        assert joined(text) in paper
    assert rows["Coverage"][-1] == "1 meter"
    assert energy == pytest.approx(120, rel=0.01)
    assert float(rows["Availability"][0]) == pytest.approx(100 * 6 / 7, abs=2)


def test_the_table_has_every_alert_with_its_moment_in_utc_and_no_formula(press):
    raise_trouble(device_id=press.pk, message="=HYPERLINK(1)", at=NOW - timedelta(hours=5))

    rows = tables(alert_history_report(start=END - DAY, end=END, at=NOW, tell=told))

    [row] = [row for row in rows if "=HYPERLINK" in " ".join(row) and row[0].startswith("2026")]
    assert row[0] == "2026-06-30T19:00:00.000Z"
    assert "'=HYPERLINK(1)" in row


def test_a_report_on_one_severity_has_no_other(press):
    raise_trouble(device_id=press.pk, severity="warning", message="Warm", at=NOW - timedelta(hours=5))
    raise_trouble(device_id=press.pk, severity="critical", message="Hot", at=NOW - timedelta(hours=4))

    text = as_csv(
        alert_history_report(start=END - DAY, end=END, at=NOW, tell=told, severity=Alert.Severity.WARNING)
    )

    assert ("Warm" in text, "Hot" in text) == (True, False)


def test_a_report_speaks_german_on_page_and_paper_and_english_in_its_table(press):
    raise_trouble(device_id=press.pk, message="Hot", severity="critical", at=NOW - timedelta(hours=5))
    english = as_csv(plant_report(start=END - DAY, end=END, at=NOW, tell=told))
    with translation.override("de"):
        document = plant_report(start=END - DAY, end=END, at=NOW, tell=told)
        page = as_page(document)
        paper = "".join(texts(printed(document)))
        table = as_csv(document)

    assert '<html lang="de">' in page
    for said in ("Auswertung: die Anlage", "30. Jun 2026", "Verfügbarkeit", "Zuverlässigkeit", "kritisch"):
        assert said in page
        assert joined(said) in paper
    assert table == english


def test_names_of_umlauts_greek_and_cyrillic_are_read_on_paper(press):
    paper = "".join(texts(printed(device_report(device=press, start=END - DAY, end=END, at=NOW, tell=told))))

    assert joined(NAMES) in paper
    assert "REPORT_FONT" not in paper


def test_what_no_font_has_is_said_and_the_font_of_the_plant_has_it(settings):
    device = make_device(name="冲压机一号")
    span = {"start": END - DAY, "end": END, "at": NOW, "tell": told}

    without = "".join(texts(printed(device_report(device=device, **span))))
    settings.REPORT_FONT = str(OWN_SCRIPT)
    with_font = "".join(texts(printed(device_report(device=device, **span), font=OWN_SCRIPT)))

    assert joined("No font here has some characters (U+4E00, U+51B2") in without
    assert "冲压机一号" in with_font
    assert "REPORT_FONT" not in with_font


def test_what_people_wrote_is_text_and_no_markup(press):
    StopCode.objects.create(code="x", label="<b>Jam</b>")
    fill(press, 1)
    add_stop(
        device=press,
        start=END - 5 * HOUR,
        end=END - 4 * HOUR,
        code="x",
        note="<script>alert(1)</script>",
        by=None,
        at=NOW,
    )

    document = plant_report(start=END - DAY, end=END, at=NOW, tell=told)

    assert "<script>" not in as_page(document)
    paper = "".join(texts(printed(document)))
    assert joined("<b>Jam</b>") in paper
    assert "<script>alert(1)</script>" in paper


def test_a_group_is_told_of_alone(press):
    other = make_device(name="Elsewhere")
    fill(press, 1)

    text = as_csv(
        plant_report(start=END - DAY, end=END, at=NOW, tell=told, group_id=make_group(devices=[other]).pk)
    )

    assert NAMES not in text
