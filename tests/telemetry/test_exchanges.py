"""A counter that resets, rolls over, jitters and is exchanged counts truly, and what happened to it is noted."""

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry.aggregates import totals
from telemetry.buckets import fixed_buckets
from telemetry.fold import QUARTER_MS, Exchange, Fold
from telemetry.metrics import Metric
from telemetry.models import Day, DirtyQuarter, MeterExchange, Quarter, Reading, State, Watermark
from telemetry.rules import metric_for, rules
from telemetry.services import forget_exchange, note_exchange
from telemetry.services.metrics import declare_metric
from telemetry.services.rollups import roll_up_due
from tests.builders import NOON, Trpc, data_of, make_device, make_user, ms, refusal_of, sign_in
from tests.telemetry.rolling import HOUR, MINUTE, answer, put

METER = Metric("meter", "Meter", "kWh", kind="counter", rollover=1000.0)


def folded(rows, *, exchanges=(), lo=0, hi=10 * HOUR, rule=METER):
    fold = Fold(lambda key: rule, lo, hi, exchanges={"meter": list(exchanges)})
    fold.feed((at, {"meter": value}) for at, value in rows)
    return {bucket: tally for (metric, bucket), tally in fold.tallies.items() if metric == "meter"}


def increase(tallies):
    return sum(tally.increase or 0.0 for tally in tallies.values())


def test_what_both_meters_counted_adds_up_over_an_exchange():
    tallies = folded([(0, 900.0), (HOUR, 30.0)], exchanges=[Exchange(30 * MINUTE, 905.0, 22.0)])

    assert increase(tallies) == pytest.approx(5.0 + 8.0)
    assert sum(tally.resets for tally in tallies.values()) == 0
    assert [tallies[n * QUARTER_MS].increase for n in range(4)] == pytest.approx([2.5, 2.5, 4.0, 4.0])


def test_a_meter_exchanged_for_one_that_shows_more_counts_no_jump():
    assert increase(folded([(0, 5.0), (HOUR, 800.0)], exchanges=[Exchange(MINUTE, 6.0, 798.0)])) == 3.0


def test_several_exchanges_between_two_samples_all_count():
    exchanges = [Exchange(10 * MINUTE, 12.0, 100.0), Exchange(20 * MINUTE, 103.0, 0.0)]

    assert increase(folded([(0, 10.0), (HOUR, 7.0)], exchanges=exchanges)) == pytest.approx(2 + 3 + 7)


@pytest.mark.parametrize(
    ("shown", "true"),
    [
        (905.0, 5.0 + 8.0),  # the old counter's last
        (22.0, 5.0 + 8.0),  # the new one's first
        (904.0, 4.0 + 8.0),
        (22.5, 5.0 + 7.5),
    ],
)
def test_a_reading_of_the_very_moment_is_of_the_counter_it_is_nearer_to(shown, true):
    exchanges = [Exchange(30 * MINUTE, 905.0, 22.0)]
    tallies = folded([(0, 900.0), (30 * MINUTE, shown), (HOUR, 30.0)], exchanges=exchanges)

    assert increase(tallies) == pytest.approx(true)
    assert sum(tally.resets for tally in tallies.values()) == 0


def test_a_reset_a_roll_over_and_a_tremor_are_told_apart_and_noted_where_they_were_seen():
    small = Metric("meter", "Meter", "kWh", kind="counter")

    rolled = folded([(0, 990.0), (20 * MINUTE, 10.0)])
    reset = folded([(0, 990.0), (20 * MINUTE, 10.0)], rule=small)
    tremor = folded([(0, 990.0), (MINUTE, 989.5), (2 * MINUTE, 991.0)])

    assert increase(rolled) == pytest.approx(20.0)
    assert [(t.resets, t.rollovers) for _, t in sorted(rolled.items())] == [(0, 0), (0, 1)]
    assert increase(reset) == pytest.approx(10.0)
    assert [(t.resets, t.rollovers) for _, t in sorted(reset.items())] == [(0, 0), (1, 0)]
    assert increase(tremor) == pytest.approx(1.0)
    assert (tremor[0].resets, tremor[0].rollovers) == (0, 0)


@pytest.fixture
def meter(db):
    declare_metric(key="meter", kind="counter", unit="kWh")
    rules.forget()
    return make_device()


def note(device, at, old, new, **others):
    return note_exchange(
        device=device, metric="meter", at=at, old_value=old, new_value=new, by=None, now=NOON, **others
    )


def counted(device, start=0, end=10 * HOUR):
    rows = answer([device], start, end, interval=10 * HOUR)
    return rows[0]["metrics"]["meter"]["increase"]


@pytest.mark.parametrize("rolled_up", [False, True])
def test_an_exchange_noted_after_the_fact_is_counted_so_at_once_and_after_the_worker_came_by(
    meter, rolled_up
):
    put(meter, (0, {"meter": 500.0}), (2 * HOUR, {"meter": 510.0}), (5 * HOUR, {"meter": 4.0}))
    if rolled_up:
        roll_up_due()
    assert counted(meter) == pytest.approx(14.0)

    exchange = note(meter, 3 * HOUR, 512.0, 1.0)
    assert counted(meter) == pytest.approx(10 + 2 + 3)
    roll_up_due()
    assert counted(meter) == pytest.approx(10 + 2 + 3)
    assert not DirtyQuarter.objects.exists()

    forget_exchange(exchange_id=exchange.pk)
    assert counted(meter) == pytest.approx(14.0)
    roll_up_due()
    assert counted(meter) == pytest.approx(14.0)


def test_an_exchange_noted_before_the_new_meter_reports_waits_for_it(meter):
    put(meter, (0, {"meter": 500.0}))
    roll_up_due()
    note(meter, HOUR, 501.0, 70.0)
    put(meter, (2 * HOUR, {"meter": 73.0}))

    assert counted(meter) == pytest.approx(4.0)
    roll_up_due()
    assert counted(meter) == pytest.approx(4.0)


@pytest.mark.parametrize("shown", [512.0, 1.0])
@pytest.mark.parametrize("goes_on", [False, True])
def test_an_exchange_at_the_moment_of_a_reading_counts_however_late_it_is_noted(meter, shown, goes_on):
    put(meter, (0, {"meter": 500.0}), (3 * HOUR, {"meter": shown}))
    if goes_on:
        put(meter, (5 * HOUR, {"meter": 4.0}))
    roll_up_due()

    note(meter, 3 * HOUR, 512.0, 1.0)

    assert counted(meter) == pytest.approx(15.0 if goes_on else 12.0)
    roll_up_due()
    assert counted(meter) == pytest.approx(15.0 if goes_on else 12.0)
    assert not DirtyQuarter.objects.exists()
    put(meter, (6 * HOUR, {"meter": 6.0}))
    roll_up_due()
    assert counted(meter) == pytest.approx(17.0)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    values=st.lists(st.floats(0, 1000).map(lambda v: round(v, 2)), min_size=2, max_size=8),
    places=st.lists(st.integers(1, 8 * 60 - 1), unique=True, min_size=1, max_size=3),
    turns=st.lists(st.booleans(), min_size=8, max_size=8),
)
def test_quarters_add_up_to_the_whole_whatever_is_exchanged_when(meter, values, places, turns):
    for model in (Reading, State, Quarter, Day, Watermark, DirtyQuarter, MeterExchange):
        model.objects.all().delete()
    samples = [(n * HOUR, value) for n, value in enumerate(values)]
    exchanges = [(minute * MINUTE + 1, 10.0 + minute, 3.0 * minute) for minute in sorted(places)]
    for number, (at, value) in enumerate(samples):
        put(meter, (at, {"meter": value}))
        if turns[number]:
            roll_up_due()
    for exchange in exchanges:
        note(meter, *exchange)

    inside = [(at, old, new) for at, old, new in exchanges if at < samples[-1][0]]
    true = 0.0
    points = sorted([(at, value, value) for at, value in samples] + inside)
    for (_, _, before), (_, after, _) in pairwise(points):
        true += after if after < before and before - after >= 0.01 * before else after - before

    for _ in range(2):
        quarters = totals(
            device_ids=[meter.pk],
            start=0,
            end=10 * HOUR,
            buckets=fixed_buckets(QUARTER_MS),
            rule=metric_for,
            metrics=["meter"],
        )
        parts = [found["meter"].increase or 0.0 for found in quarters.values() if "meter" in found]
        assert sum(parts) == pytest.approx(true, abs=1e-6)
        assert counted(meter) == pytest.approx(true, abs=1e-6)
        roll_up_due()


# Who may, and what is refused


@pytest.fixture
def tess(client):
    sign_in(client, make_user(role="technician"))
    return Trpc(client)


def test_a_technician_notes_looks_up_and_forgets_an_exchange(meter, tess):
    asked = {
        "deviceId": meter.external_id,
        "metric": "meter",
        "timestamp": ms(NOON),
        "oldValue": 12.5,
        "newValue": 0,
        "note": "calibration",
    }
    told = data_of(tess.mutate("readings.noteExchange", asked))

    assert {**told, "id": 0, "notedBy": 0, "notedAt": ""} == {
        **asked,
        "id": 0,
        "deviceId": meter.pk,
        "newValue": 0.0,
        "notedBy": 0,
        "notedAt": "",
    }
    assert data_of(tess.query("readings.exchanges", {"deviceId": meter.pk})) == [told]
    assert refusal_of(tess.mutate("readings.noteExchange", asked))[:2] == (409, "CONFLICT")
    assert data_of(tess.mutate("readings.forgetExchange", {"id": told["id"]})) is True
    assert refusal_of(tess.mutate("readings.forgetExchange", {"id": told["id"]}))[:2] == (404, "NOT_FOUND")
    assert data_of(tess.query("readings.exchanges", {"deviceId": meter.pk})) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metric": "power"}, "metric: power is not declared as a counter"),
        ({"timestamp": 4_102_444_800_000}, "timestamp: is in the future"),
        ({"oldValue": 1e301}, "oldValue: must be at most 1e300"),
        ({"newValue": "7"}, "newValue: Expected a number, got a string."),
    ],
)
def test_an_exchange_that_cannot_be_is_refused_by_name(meter, tess, changes, words):
    asked = {"deviceId": meter.pk, "metric": "meter", "timestamp": 0, "oldValue": 1, "newValue": 0, **changes}

    assert refusal_of(tess.mutate("readings.noteExchange", asked)) == (400, "BAD_REQUEST", words)
    assert not MeterExchange.objects.exists()


def test_a_viewer_sees_exchanges_and_notes_none(meter, client):
    sign_in(client, make_user())
    mira = Trpc(client)

    assert data_of(mira.query("readings.exchanges", {"deviceId": meter.pk})) == []
    assert mira.mutate("readings.noteExchange", {}).status_code == 403
