"""The recording of tests/data, judged by five rules; docs/recording.md shows the table that is computed here."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alerts.models import Alert
from alerts.rules import NORMAL, Level, Rule, elapse, judge
from factory.demo.recording import Row, read_recording
from telemetry.batch import Sample
from telemetry.services import store_readings
from tests.builders import make_device, make_threshold

ROOT = Path(__file__).resolve().parent.parent.parent
RECORDING = ROOT / "tests" / "data" / "machine_temperature.csv"
HOUR, MINUTE = 3_600_000, 60_000
LABELLED = {
    "10–12 Dec": ("2013-12-10 06:25", "2013-12-12 05:35"),
    "15–17 Dec, planned shutdown": ("2013-12-15 17:50", "2013-12-17 17:00"),
    "27–29 Jan": ("2014-01-27 14:20", "2014-01-29 13:30"),
    "7–9 Feb, the failure": ("2014-02-07 14:55", "2014-02-09 14:05"),
}
BOUNDS = {"warning_min": 60.0, "min_value": 45.0}
RULES = {
    "the bare bounds": Rule(id=1, **BOUNDS),
    "hysteresis 8 °F": Rule(id=1, **BOUNDS, hysteresis=8.0),
    "and on-delay 60 min": Rule(id=1, **BOUNDS, hysteresis=8.0, hold_ms=HOUR),
    "and off-delay 6 h": Rule(id=1, **BOUNDS, hysteresis=8.0, hold_ms=HOUR, clear_ms=6 * HOUR),
    "warning below 55, on-delay 2 h": Rule(
        id=1, warning_min=55.0, min_value=45.0, hysteresis=8.0, hold_ms=2 * HOUR, clear_ms=6 * HOUR
    ),
}


def in_ms(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.fixture(scope="module")
def readings():
    """(time, value) in order; of the twelve times that occur twice the later value counts, as in the database."""
    with RECORDING.open() as lines:
        return sorted(
            {row.timestamp: row.value for row in read_recording(lines) if isinstance(row, Row)}.items()
        )


def alerts_by(rule, readings):
    """[(start, end, was it critical)] of the alerts a rule raises, in ms."""
    condition, found = NORMAL, []
    for at, value in readings:
        steps = list(elapse(rule, condition, at))
        after = judge(rule, steps[-1][0] if steps else condition, value, at)
        for reached, moment in [*steps, (after, at)]:
            if condition.level is Level.NORMAL and reached.level is not Level.NORMAL:
                found.append([moment, None, False])
            if reached.level is Level.NORMAL and condition.level is not Level.NORMAL:
                found[-1][1] = moment
            if reached.level is Level.CRITICAL:
                found[-1][2] = True
            condition = reached
    return [tuple(alert) for alert in found]


def row_of(name, alerts):
    counts = dict.fromkeys(LABELLED, 0)
    elsewhere = 0
    for start, end, _ in alerts:
        hits = [
            window
            for window, (begin, close) in LABELLED.items()
            if start < in_ms(close) and (end is None or end > in_ms(begin))
        ]
        elsewhere += not hits
        for window in hits:
            counts[window] += 1
    critical = sum(critical for *_, critical in alerts)
    return (
        f"| {name} | {len(alerts)} | {critical} | "
        + " | ".join(map(str, [*counts.values(), elsewhere]))
        + " |"
    )


@pytest.mark.parametrize("name", RULES)
def test_the_table_in_the_docs_is_what_the_judge_says(name, readings):
    assert (
        row_of(name, alerts_by(RULES[name], readings))
        in (ROOT / "docs" / "recording.md").read_text().splitlines()
    )


@pytest.mark.django_db
def test_stored_and_judged_by_the_product_the_alerts_are_the_same(readings):
    rule = RULES["and off-delay 6 h"]
    device = make_device()
    make_threshold(device, **BOUNDS, hysteresis=8.0, hold_seconds=3600, clear_seconds=6 * 3600)

    for start in range(0, len(readings), 2_000):
        part = readings[start : start + 2_000]
        store_readings(
            samples=[Sample(device.pk, at, {"temperature": value}) for at, value in part],
            received_at=part[-1][0] + 1,
        )

    found = Alert.objects.order_by("pk").values_list("started_at", "ended_at", "events__kind")
    spans = dict.fromkeys((start, end) for start, end, _ in found)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    ms = timedelta(milliseconds=1)
    assert [((start - epoch) // ms, (end - epoch) // ms) for start, end in spans] == [
        (start, end) for start, end, _ in alerts_by(rule, readings)
    ]
