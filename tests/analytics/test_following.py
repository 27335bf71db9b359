"""What machines did and what it came to, whatever the order in which readings arrive and workers come by."""

from datetime import timedelta
from itertools import pairwise
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.models import MachineMark, Redo, ShiftResult, StateInterval, StopReason
from analytics.oee.sums import summed
from analytics.queries.downtime import downtime_in
from analytics.queries.oee import work_in
from analytics.queries.states import moment
from analytics.services import following
from analytics.services.following import follow_machines
from analytics.services.machines import set_machine_profile
from analytics.services.results import keep_results
from analytics.services.stops import add_stop, classify_stop, set_stop_code
from devices.seen_lately import seen_lately
from devices.services import edit_device, note_seen, notice_silent_devices
from devices.services.statuses import set_status_many
from telemetry.batch import Sample
from telemetry.models import ArchivedDay, Day, DirtyQuarter, Quarter, Reading, State, Watermark
from telemetry.rules import rules
from telemetry.services import store_readings
from telemetry.services.rollups import roll_up_due
from tests.builders import NOON, make_device, ms

pytestmark = pytest.mark.django_db

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = ms(NOON) // (24 * HOUR) * 24 * HOUR  # a midnight
GAP = 15 * MINUTE
NOW = DAY + 48 * HOUR


@pytest.fixture
def press():
    device = make_device(type="controller")
    profile_of(device)
    return device


def profile_of(device, **others):
    set_machine_profile(
        device=device,
        by=None,
        at=NOON,
        **{
            "ideal_cycle_seconds": 10.0,
            "total_metric": "parts",
            "running_by": "metric",
            "running_metric": "running",
            "running_above": 0.5,
            "micro_stop_seconds": 120,
            **others,
        },
    )
    rules.forget()


def put(device, *points):
    """(minute of the day, {metric: value}), in one transaction."""
    samples = [Sample(device.pk, DAY + int(minute * MINUTE), data) for minute, data in points]
    return store_readings(samples=samples, received_at=NOW)


def workers():
    roll_up_due()
    follow_machines(now=NOW)
    keep_results(now=NOW)


def sums(device, start=0, end=24 * 60):
    """What the device did from one minute of the day to another."""
    [work] = work_in(device_ids=[device.pk], start=DAY + start * MINUTE, end=DAY + end * MINUTE, now=NOW)
    return work.sums


def rows():
    kept = StateInterval.objects.order_by("device_id", "start")
    return [((row.start - DAY) / MINUTE, (row.end - DAY) / MINUTE, row.state) for row in kept]


# The slow and obvious way


def state_spans(readings, start, end, gap=GAP):
    """[(from, to, state)] of {time: data}, cut to [start, end); a value holds until the next, at most for the gap."""
    points = sorted((at, data["running"] > 0.5) for at, data in readings.items() if "running" in data)
    spans = []
    for (at, runs), (following_at, _) in pairwise([*points, (end + gap, False)]):
        until = min(following_at, at + gap)
        spans.append((at, until, "running" if runs else "stopped"))
    return [(max(lo, start), min(hi, end), state) for lo, hi, state in spans if lo < end and hi > start]


def run_of(readings, start, end):
    """Actual production time: running, and stops shorter than two minutes between running."""
    joined = []
    for lo, hi, state in state_spans(readings, start - HOUR, end + HOUR):
        if joined and joined[-1][1] == lo and joined[-1][2] == state:
            joined[-1] = (joined[-1][0], hi, state)
        else:
            joined.append((lo, hi, state))
    total = 0
    for place, (lo, hi, state) in enumerate(joined):
        is_micro = (
            state == "stopped"
            and hi - lo < 2 * MINUTE
            and 0 < place < len(joined) - 1
            and joined[place - 1][1:] == (lo, "running")
            and (joined[place + 1][0], joined[place + 1][2]) == (hi, "running")
        )
        if state == "running" or is_micro:
            total += max(0, min(hi, end) - max(lo, start))
    return total


def check_against_brute_force(device, readings, spans):
    for start, end in spans:
        found = sums(device, start, end)
        lo, hi = DAY + start * MINUTE, DAY + end * MINUTE
        known = sum(until - at for at, until, _ in state_spans(readings, lo, hi))
        assert found.planned_ms == hi - lo
        assert found.run_ms == run_of(readings, lo, hi)
        assert found.unknown_ms == hi - lo - known


TIMES = st.one_of(st.integers(0, 300), st.sampled_from([0.5, 14.75, 15, 15.25, 29, 45, 60, 61, 119.5, 600]))
READINGS = st.dictionaries(
    TIMES.map(lambda minute: DAY + int(minute * MINUTE)), st.booleans(), min_size=1, max_size=25
)


def forget_everything():
    for model in (Reading, State, Quarter, Day, Watermark, DirtyQuarter, StateInterval, Redo, ShiftResult):
        model.objects.all().delete()
    MachineMark.objects.update(seen_at=None, followed_to=None, kept_to=0)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    readings=READINGS,
    seed=st.integers(0, 2**32),
    batch=st.integers(1, 8),
    turns=st.lists(st.sampled_from(["", "r", "f", "rf", "fr", "rfk"]), min_size=1, max_size=6),
)
def test_any_order_lateness_and_duplication_gives_the_same_states(press, readings, seed, batch, turns):
    forget_everything()
    whole = {at: {"running": float(runs)} for at, runs in readings.items()}
    rng = Random(seed)
    arriving = [*whole.items(), *rng.choices(list(whole.items()), k=len(whole) // 2)]
    rng.shuffle(arriving)
    spans = [(0, 24 * 60), (7, 121), (60, 61)]
    work = {"r": roll_up_due, "f": lambda: follow_machines(now=NOW), "k": lambda: keep_results(now=NOW)}

    so_far = {}
    for number, start in enumerate(range(0, len(arriving), batch)):
        part = arriving[start : start + batch]
        store_readings(samples=[Sample(press.pk, at, data) for at, data in part], received_at=NOW)
        so_far |= dict(part)
        check_against_brute_force(press, so_far, spans)
        for letter in turns[number % len(turns)]:
            work[letter]()
            check_against_brute_force(press, so_far, spans)
    for _ in range(2):
        workers()
        check_against_brute_force(press, whole, spans)

    assert not Redo.objects.exists()
    last = max(whole)
    expected = [span for span in state_spans(whole, min(whole), last) if span[0] < span[1]]
    kept = [(row.start, row.end, row.state) for row in StateInterval.objects.exclude(state="unknown")]
    assert sum(hi - lo for lo, hi, _ in sorted(kept)) == sum(hi - lo for lo, hi, _ in expected)


def test_a_turn_keeps_states_up_to_the_newest_sample_and_the_next_goes_on():
    device = make_device()
    profile_of(device)
    put(device, (0, {"running": 1}), (10, {"running": 1}), (20, {"running": 0}), (30, {"running": 0}))

    assert follow_machines(now=NOW) == 1
    assert rows() == [(0, 20, "running"), (20, 30, "stopped")]
    assert follow_machines(now=NOW) == 0

    stop = StateInterval.objects.get(state="stopped").pk
    put(device, (40, {"running": 0}), (50, {"running": 1}), (51, {"running": 1}))
    follow_machines(now=NOW)

    assert rows() == [(0, 20, "running"), (20, 50, "stopped"), (50, 51, "running")]
    assert StateInterval.objects.get(state="stopped").pk == stop


def test_what_came_late_splits_a_stop_and_what_somebody_said_of_it_stays(press):
    set_stop_code(code="jam", label="Jam", planned=False)
    put(
        press,
        (0, {"running": 1}),
        (10, {"running": 0}),
        (24, {"running": 0}),
        (30, {"running": 1}),
        (31, {"running": 1}),
    )
    workers()
    [stop] = StateInterval.objects.filter(state="stopped")
    classify_stop(stop_id=stop.pk, code="jam", by=None, at=NOON)
    assert sums(press, 0, 31).by_code == {"jam": [20 * MINUTE, 1]}

    put(press, (15, {"running": 1}), (18, {"running": 0}))

    assert sums(press, 0, 31).by_code == {"jam": [17 * MINUTE, 2]}
    workers()
    assert rows() == [
        (0, 10, "running"),
        (10, 15, "stopped"),
        (15, 18, "running"),
        (18, 30, "stopped"),
        (30, 31, "running"),
    ]
    assert sums(press, 0, 31).by_code == {"jam": [17 * MINUTE, 2]}


def test_a_part_of_a_stop_that_was_split_gets_a_reason_of_its_own_and_the_other_keeps_what_was_said(press):
    for code in ("jam", "tool"):
        set_stop_code(code=code, label=code.title(), planned=False)
    put(press, (0, {"running": 1}), *[(minute, {"running": 0}) for minute in (10, 24)], (30, {"running": 1}))
    workers()
    [stop] = StateInterval.objects.filter(state="stopped")
    classify_stop(stop_id=stop.pk, code="jam", by=None, at=NOON, note="the feeder")
    put(press, (15, {"running": 1}), (18, {"running": 0}))
    workers()

    _, second = StateInterval.objects.filter(state="stopped").order_by("start")
    classify_stop(stop_id=second.pk, code="tool", by=None, at=NOON)
    assert sums(press, 0, 30).by_code == {"jam": [5 * MINUTE, 1], "tool": [12 * MINUTE, 1]}
    assert list(StopReason.objects.order_by("start").values_list("code", "note")) == [
        ("jam", "the feeder"),
        ("tool", ""),
    ]

    classify_stop(stop_id=second.pk, code=None, by=None, at=NOON)
    assert sums(press, 0, 30).by_code == {"jam": [5 * MINUTE, 1], "": [12 * MINUTE, 1]}


def test_a_kept_result_is_what_would_be_worked_out_and_goes_when_something_comes_late(press):
    every_ten = [
        (minute, {"running": float(minute % 60 < 40), "parts": minute}) for minute in range(0, 36 * 60, 10)
    ]
    put(press, *every_ten)
    before = sums(press)
    workers()
    assert ShiftResult.objects.count() == 1
    assert sums(press) == before

    put(press, (45, {"running": 1}))
    late = sums(press)
    assert late.run_ms == before.run_ms + 5 * MINUTE
    roll_up_due()
    assert ShiftResult.objects.count() == 0
    assert sums(press) == late
    workers()
    assert ShiftResult.objects.count() == 1
    assert sums(press) == late


@pytest.mark.parametrize("change", ["profile", "stop", "reason", "code"])
def test_whatever_is_said_anew_of_a_shift_is_in_its_result_at_once(press, change):
    set_stop_code(code="idle", label="Idle", planned=False)
    put(
        press,
        *[
            (minute, {"running": float(minute % 60 < 40), "parts": minute})
            for minute in range(0, 36 * 60, 10)
        ],
    )
    workers()
    if change == "code":
        stop = StateInterval.objects.filter(state="stopped").order_by("start").first()
        classify_stop(stop_id=stop.pk, code="idle", by=None, at=NOON)
        workers()
    before = sums(press)
    assert ShiftResult.objects.count() == 1

    if change == "profile":
        profile_of(press, ideal_cycle_seconds=20.0)
        assert sums(press).ideal_ms == pytest.approx(2 * before.ideal_ms)
    elif change == "stop":
        add_stop(device=press, start=DAY, end=DAY + HOUR, code="idle", by=None, at=NOON)
        assert sums(press).run_ms == before.run_ms - 40 * MINUTE
    elif change == "reason":
        stop = StateInterval.objects.filter(state="stopped").order_by("start").first()
        classify_stop(stop_id=stop.pk, code="idle", by=None, at=NOON)
        assert sums(press).by_code["idle"] == [20 * MINUTE, 1]
    else:
        set_stop_code(code="idle", label="Idle", planned=True)
        assert sums(press).planned_ms == before.planned_ms - 20 * MINUTE
    workers()
    assert sums(press) != before


def test_a_result_that_was_overtaken_is_not_kept(press, monkeypatch):
    from analytics.services import results

    put(press, *[(minute, {"running": 1.0, "parts": minute}) for minute in range(0, 36 * 60, 10)])
    roll_up_due()
    follow_machines(now=NOW)
    keep = results._keep

    def overtaken(mark, works, *, kept_to):
        monkeypatch.setattr(results, "_keep", keep)
        profile_of(press, ideal_cycle_seconds=20.0)
        return keep(mark, works, kept_to=kept_to)

    monkeypatch.setattr(results, "_keep", overtaken)

    assert keep_results(now=NOW) == 0
    assert ShiftResult.objects.count() == 0


def test_a_worker_that_was_overtaken_writes_no_states(press, monkeypatch):
    put(press, (0, {"running": 1}), (10, {"running": 1}))
    write = following._write

    def overtaken(steps):
        monkeypatch.setattr(following, "_write", write)
        assert follow_machines(now=NOW) == 1
        return write(steps)

    monkeypatch.setattr(following, "_write", overtaken)
    follow_machines(now=NOW)

    assert rows() == [(0, 10, "running")]


def test_one_machine_that_cannot_be_followed_does_not_hold_up_the_others(monkeypatch, caplog):
    machines = [make_device() for _ in range(3)]
    for device in machines:
        profile_of(device)
        put(device, (0, {"running": 1}), (10, {"running": 1}))
    derived = following.derived

    def broken(machine, *args, **options):
        if machine.device_id == machines[1].pk:
            raise RuntimeError("out of order")
        return derived(machine, *args, **options)

    monkeypatch.setattr(following, "derived", broken)

    assert follow_machines(now=NOW) == 2
    assert set(StateInterval.objects.values_list("device_id", flat=True)) == {machines[0].pk, machines[2].pk}
    assert [record.message for record in caplog.records if record.name.endswith("following")] == [
        "machine.not_followed"
    ]


def test_a_long_history_takes_several_steps_and_comes_to_the_same(monkeypatch, press):
    monkeypatch.setattr(following, "FOLLOWED_MS", HOUR)
    put(press, *[(minute, {"running": float(minute % 7 < 5)}) for minute in range(12 * 60)])
    live = sums(press)

    assert follow_machines(now=NOW) > 5

    assert sums(press) == live
    assert StateInterval.objects.order_by("-end").first().end == DAY + (12 * 60 - 1) * MINUTE


def test_hours_without_a_sample_are_stepped_over(monkeypatch, press):
    monkeypatch.setattr(following, "FOLLOWED_MS", HOUR)
    put(press, (0, {"running": 1}), (1, {"running": 1}), (600, {"running": 1}), (601, {"running": 0}))

    follow_machines(now=NOW)

    assert rows() == [(0, 16, "running"), (16, 600, "unknown"), (600, 601, "running")]


def test_a_change_of_what_running_means_derives_the_time_it_counts_for_anew(press):
    readings = [(minute, {"running": 1.0, "power": float(minute % 20 < 10)}) for minute in range(0, 120, 5)]
    put(press, *readings)
    workers()
    assert sums(press, 0, 60).run_ms == 60 * MINUTE

    profile_of(press, running_metric="power", valid_from=DAY + 60 * MINUTE)
    assert sums(press, 0, 60).run_ms == 60 * MINUTE
    assert sums(press, 60, 115).run_ms == 30 * MINUTE
    workers()
    assert sums(press, 0, 60).run_ms == 60 * MINUTE
    assert sums(press, 60, 115).run_ms == 30 * MINUTE

    profile_of(press, running_metric="power")
    assert sums(press, 0, 60).run_ms == 30 * MINUTE
    workers()
    assert sums(press, 0, 60).run_ms == 30 * MINUTE
    assert rows()[0] == (0, 10, "running")


def test_what_can_be_derived_no_more_stays_as_it_was_when_running_means_something_else(press):
    put(press, *[(minute, {"running": 1.0, "power": 0.0}) for minute in range(0, 2 * 24 * 60, 5)])
    workers()
    assert rows() == [(0, 2 * 24 * 60 - 5, "running")]
    day = moment(DAY).date()
    ArchivedDay.objects.create(day=day, dropped_at=NOON)
    Reading.objects.filter(timestamp__lt=DAY + 24 * HOUR).delete()

    profile_of(press, running_metric="power")
    workers()

    assert rows() == [(0, 24 * 60, "running"), (24 * 60, 2 * 24 * 60 - 5, "stopped")]
    assert sums(press, 0, 24 * 60).run_ms == 24 * HOUR


# Since when a machine is planned with


def planned_hours(device, *, start=-3 * 24 * HOUR, end=2 * 24 * HOUR):
    works = work_in(device_ids=[device.pk], start=DAY + start, end=DAY + end, now=NOW)
    whole = summed(work.sums for work in works)
    return whole.planned_ms / HOUR, whole.unknown_ms / HOUR


def test_shifts_before_a_machine_told_anything_were_not_planned_with_it(press):
    put(press, *[(minute, {"running": 1.0}) for minute in range(6 * 60, 2 * 24 * 60, 5)])
    assert planned_hours(press)[0] == 5 * 24  # until a worker has looked, since ever

    workers()

    assert planned_hours(press) == (2 * 24, 6)  # the day on which it was heard first is a whole one


def test_a_machine_that_never_told_is_missed_since_it_was_set_up(press):
    put(press, (0, {"parts": 7.0}))
    workers()

    assert planned_hours(press) == (2 * 24, 2 * 24)


def test_what_comes_late_from_before_is_planned_time_as_well(press):
    put(press, *[(minute, {"running": 1.0}) for minute in range(0, 60, 5)])
    workers()
    assert planned_hours(press)[0] == 2 * 24

    put(press, *[(minute - 24 * 60, {"running": 1.0}) for minute in range(0, 60, 5)])
    workers()

    assert planned_hours(press)[0] == 3 * 24


@pytest.mark.parametrize("metric", ["power", "never_sent"])
def test_what_nobody_had_followed_before_another_profile_begins_is_kept_all_the_same(press, metric):
    put(press, *[(minute, {"running": 1.0, "power": 0.0}) for minute in range(0, 245, 5)])

    profile_of(press, running_metric=metric, valid_from=DAY + 120 * MINUTE)
    workers()

    assert Redo.objects.count() == 0
    assert rows()[0] == (0, 120, "running")
    assert sums(press, 0, 120).run_ms == 120 * MINUTE


@pytest.mark.parametrize("machines", [1, 3])
def test_figures_cost_the_same_for_any_number_of_machines(machines, django_assert_num_queries):
    devices = [make_device() for _ in range(machines)]
    for device in devices:
        profile_of(device)
        put(device, *[(minute, {"running": 1.0, "parts": minute}) for minute in range(0, 60, 10)])
    workers()
    for device in devices:
        put(device, (60, {"running": 1.0, "parts": 60}))

    with django_assert_num_queries(21):
        works = work_in(device_ids=[device.pk for device in devices], start=DAY, end=DAY + 2 * HOUR, now=NOW)
    assert [work.sums.run_ms for work in works] == [75 * MINUTE] * machines
    with django_assert_num_queries(12):
        downtime_in(device_ids=[device.pk for device in devices], start=DAY, end=DAY + 2 * HOUR, now=NOW)


@pytest.mark.parametrize("machines", [1, 3])
def test_a_turn_of_following_costs_the_same_for_any_number_of_machines(machines, django_assert_num_queries):
    devices = [make_device() for _ in range(machines)]
    for device in devices:
        profile_of(device)
        put(device, (0, {"running": 1.0}), (10, {"running": 1.0}))
    follow_machines(now=NOW)
    for device in devices:
        put(device, (20, {"running": 1.0}))

    with django_assert_num_queries(17):
        assert follow_machines(now=NOW) == machines


def test_by_events_a_state_holds_until_the_next_one_and_is_unknown_while_the_machine_is_away():
    device = make_device()
    profile_of(device, running_by="events", running_metric="on")
    for minute, on in ((1, 1), (90, 0), (200, 1)):
        at = DAY + 24 * HOUR + minute * MINUTE
        store_readings(samples=[Sample(device.pk, at, {"on": on})], received_at=at)
        seen_lately.clear()
    workers()
    found = sums(device, 24 * 60, 24 * 60 + 400)
    assert (found.run_ms, found.unknown_ms) == (289 * MINUTE, MINUTE)

    notice_silent_devices(at=NOON + timedelta(hours=17))

    for _ in range(2):
        found = sums(device, 24 * 60, 24 * 60 + 400)
        assert (found.run_ms, found.down_ms) == (89 * MINUTE, 110 * MINUTE)
        assert found.unknown_ms == (400 - 199) * MINUTE
        workers()


def test_by_status_a_machine_runs_while_it_has_one_of_some_and_is_unknown_while_offline():
    device = make_device(status="online")  # at noon
    profile_of(device, running_by="status", running_metric="", running_statuses=["online"])
    for minutes, status in ((30, "error"), (50, "online"), (90, "maintenance")):
        edit_device(device=device, at=NOON + timedelta(minutes=minutes), status=status)
    set_status_many(device_ids=[device.pk], status="offline", at=NOON + timedelta(minutes=100))

    for _ in range(2):
        found = sums(device, 12 * 60, 14 * 60)
        assert (found.run_ms, found.down_ms, found.unknown_ms) == (70 * MINUTE, 30 * MINUTE, 20 * MINUTE)
        workers()
    assert rows()[:3] == [(720, 750, "running"), (750, 770, "stopped"), (770, 810, "running")]


def test_a_silence_that_is_noted_late_takes_back_what_was_kept():
    device = make_device(status="online")
    profile_of(device, running_by="status", running_metric="", running_statuses=["online"])
    note_seen(device_ids=[device.pk], at=NOON + timedelta(minutes=10))
    follow_machines(now=ms(NOON + timedelta(minutes=12)))
    assert rows() == [(720, 732, "running")]

    notice_silent_devices(at=NOON + timedelta(minutes=13))
    follow_machines(now=ms(NOON + timedelta(minutes=14)))

    assert rows() == [(720, 730, "running"), (730, 734, "unknown")]
