import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.rules import (
    NORMAL,
    Condition,
    Latch,
    Level,
    Rule,
    elapse,
    judge,
    revise,
    runs_out_at,
    why_implausible,
)

HOT = Rule(id=1, max_value=100.0, warning_max=90.0)
MINUTE = 60_000


def levels(rule, *points):
    """The level after each (minute, value)."""
    condition, told = Condition(), []
    for minute, value in points:
        condition = judge(rule, condition, value, int(minute * MINUTE))
        told.append(condition.level.name.lower())
    return told


def test_a_value_on_the_bound_is_inside():
    rule = Rule(id=1, min_value=20.0, max_value=100.0)

    assert levels(rule, (0, 100.0), (1, 20.0), (2, 100.1), (3, 19.9)) == [
        "normal",
        "normal",
        "critical",
        "critical",
    ]


def test_the_level_rises_and_falls_through_warning():
    assert levels(HOT, (0, 89), (1, 91), (2, 101), (3, 95), (4, 90)) == [
        "normal",
        "warning",
        "critical",
        "warning",
        "normal",
    ]


def test_a_jump_straight_to_critical_is_critical():
    assert levels(HOT, (0, 150)) == ["critical"]


def test_hysteresis_keeps_the_level_until_the_value_is_well_inside():
    rule = Rule(id=1, max_value=100.0, hysteresis=5.0)

    assert levels(rule, (0, 101), (1, 99), (2, 95.1), (3, 95), (4, 99)) == [
        "critical",
        "critical",
        "critical",
        "normal",
        "normal",
    ]


def test_a_breach_must_last_as_long_as_the_on_delay():
    rule = Rule(id=1, max_value=100.0, hold_ms=10 * MINUTE)

    assert levels(rule, (0, 101), (9, 102), (10, 101)) == ["normal", "normal", "critical"]


def test_one_good_value_starts_the_on_delay_anew():
    rule = Rule(id=1, max_value=100.0, hold_ms=10 * MINUTE)

    assert levels(rule, (0, 101), (9, 99), (10, 101), (19, 101), (20, 101))[-2:] == ["normal", "critical"]


def test_the_return_must_last_as_long_as_the_off_delay():
    rule = Rule(id=1, max_value=100.0, clear_ms=5 * MINUTE)

    assert levels(rule, (0, 101), (1, 99), (5, 99), (6, 99)) == ["critical", "critical", "critical", "normal"]


def test_as_many_readings_in_a_row_must_breach_as_the_rule_counts():
    rule = Rule(id=1, max_value=100.0, count=3)

    assert levels(rule, (0, 101), (1, 101), (2, 99), (3, 101), (4, 101), (5, 101)) == [
        *["normal"] * 5,
        "critical",
    ]


def test_nothing_changing_gives_back_the_same_object():
    condition = judge(HOT, Condition(), 95.0, 0)

    assert judge(HOT, condition, 96.0, MINUTE) is condition


@given(st.lists(st.floats(min_value=-200, max_value=200), min_size=1))
def test_without_delays_and_hysteresis_the_level_is_that_of_the_last_value(values):
    rule = Rule(id=1, min_value=-100.0, warning_min=-50.0, warning_max=50.0, max_value=100.0)
    condition = Condition()
    for at, value in enumerate(values):
        condition = judge(rule, condition, value, at)

    last = values[-1]
    if last < -100 or last > 100:
        expected = Level.CRITICAL
    elif last < -50 or last > 50:
        expected = Level.WARNING
    else:
        expected = Level.NORMAL
    assert condition.level is expected


@given(
    st.lists(st.tuples(st.integers(0, 600), st.floats(0, 200)), min_size=1),
    st.integers(0, 120),
    st.integers(1, 4),
)
def test_an_alarm_needs_a_run_of_breaches_as_long_and_as_many_as_the_rule_says(points, hold, count):
    rule = Rule(id=1, max_value=100.0, hold_ms=hold, count=count)
    condition, run = Condition(), []
    for at, value in sorted(points):
        before = condition.level
        condition = judge(rule, condition, value, at)
        run = [*run, at] if value > 100 else []
        if before is Level.NORMAL and condition.level is Level.CRITICAL:
            assert len(run) >= count
            assert run[-1] - run[0] >= hold


def followed(rule, condition, value, at):
    """(condition, moment) of everything that a reading brings about, delays that ran out before it included."""
    steps = list(elapse(rule, condition, at))
    before = steps[-1][0] if steps else condition
    after = judge(rule, before, value, at)
    return [*steps, *([(after, at)] if after is not before else [])]


def test_an_on_delay_runs_out_without_another_reading():
    rule = Rule(id=1, max_value=100.0, hold_ms=10 * MINUTE)
    pending = judge(rule, NORMAL, 101.0, 0)

    assert runs_out_at(rule, pending) == 10 * MINUTE
    assert list(elapse(rule, pending, 10 * MINUTE - 1)) == []
    assert [(c.level, at) for c, at in elapse(rule, pending, 60 * MINUTE)] == [(Level.CRITICAL, 10 * MINUTE)]


def test_an_off_delay_runs_out_without_another_reading():
    rule = Rule(id=1, max_value=100.0, clear_ms=5 * MINUTE)
    returned = judge(rule, judge(rule, NORMAL, 101.0, 0), 99.0, MINUTE)

    assert [(c, at) for c, at in elapse(rule, returned, 6 * MINUTE)] == [(NORMAL, 6 * MINUTE)]


def test_readings_in_a_row_are_never_made_up_by_waiting():
    rule = Rule(id=1, max_value=100.0, hold_ms=MINUTE, count=3)
    condition = judge(rule, judge(rule, NORMAL, 101.0, 0), 101.0, MINUTE)

    assert runs_out_at(rule, condition) is None
    assert judge(rule, condition, 101.0, 2 * MINUTE).level is Level.CRITICAL


def test_warning_and_critical_run_out_each_in_its_time():
    rule = Rule(id=1, warning_max=90.0, max_value=100.0, hold_ms=10 * MINUTE)
    condition = judge(rule, judge(rule, NORMAL, 95.0, 0), 101.0, 4 * MINUTE)

    assert [(c.level, at) for c, at in elapse(rule, condition, 60 * MINUTE)] == [
        (Level.WARNING, 10 * MINUTE),
        (Level.CRITICAL, 14 * MINUTE),
    ]


def test_under_another_rule_only_delays_go_on_that_the_value_still_speaks_for():
    before, after = Rule(id=1, max_value=90.0, hold_ms=MINUTE), Rule(id=2, max_value=100.0, hold_ms=MINUTE)
    pending = judge(before, NORMAL, 95.0, 0)

    assert revise(after, pending, 95.0) is NORMAL
    assert revise(before, pending, 95.0) == pending
    closed = Condition(warning=Latch(closed=True), critical=Latch(closed=True))
    assert revise(after, closed, 95.0) == closed


def test_what_is_at_rest_waits_for_nothing():
    assert runs_out_at(HOT, NORMAL) is None
    assert runs_out_at(HOT, Condition(warning=Latch(closed=True))) is None


@given(
    st.lists(st.tuples(st.integers(1, 40), st.sampled_from([80.0, 95.0, 105.0])), min_size=1, max_size=12),
    st.integers(0, 30),
    st.integers(0, 30),
    st.integers(1, 3),
)
def test_levels_between_readings_are_those_of_a_value_that_holds(gaps, hold, clear, count):
    """The oracle asks at every tick: has the last run of readings on the other side lasted long enough?"""
    rule = Rule(id=1, warning_max=90.0, max_value=100.0, hold_ms=hold, clear_ms=clear, count=count)
    readings, at = [], 0
    for gap, value in gaps:
        at += gap
        readings.append((at, value))
    end = at + 50

    condition, found = NORMAL, {}
    for (moment, value), (until, _) in zip(readings, [*readings[1:], (end, None)], strict=True):
        steps = followed(rule, condition, value, moment)
        steps += elapse(rule, steps[-1][0] if steps else condition, until - 1)
        condition = steps[-1][0] if steps else condition
        found.update({when: after.level for after, when in steps})
    assert _by_tick(found, end) == _oracle(rule, readings, end)


def _by_tick(changes, end):
    level, levels = Level.NORMAL, []
    for tick in range(end):
        level = changes.get(tick, level)
        levels.append(level)
    return levels


def _oracle(rule, readings, end):
    latches = {Level.WARNING: False, Level.CRITICAL: False}
    runs = {level: [] for level in latches}  # the readings in a row that say otherwise
    arriving, levels = dict(readings), []
    for tick in range(end):
        for level, bound in ((Level.WARNING, 90.0), (Level.CRITICAL, 100.0)):
            # A delay that is over at the very moment of a reading was over before it.
            for heard in (False, True):
                if heard and tick in arriving:
                    outside = arriving[tick] > bound
                    runs[level] = [*runs[level], tick] if outside != latches[level] else []
                run, patience = runs[level], (rule.clear_ms if latches[level] else rule.hold_ms)
                many = len(run) >= (1 if latches[level] else rule.count)
                if run and many and tick - run[0] >= patience:
                    latches[level], runs[level] = not latches[level], []
        levels.append(max((level for level, closed in latches.items() if closed), default=Level.NORMAL))
    return levels


def test_bounds_out_of_order_are_implausible():
    assert why_implausible(Rule(id=1, min_value=10, max_value=5)) == {
        "maxValue": "must not be below minValue (10)"
    }
    assert why_implausible(Rule(id=1, warning_max=90, max_value=80)) == {
        "maxValue": "must not be below warningMax (90)"
    }


def test_a_rule_without_any_bound_is_implausible():
    assert why_implausible(Rule(id=1)) == {
        "maxValue": "give at least one of minValue, maxValue, warningMin, warningMax"
    }


def test_a_band_that_no_value_could_be_inside_of_is_implausible():
    assert why_implausible(Rule(id=1, min_value=0, max_value=10, hysteresis=5)) == {
        "hysteresis": "must be smaller than half the range between the bounds"
    }
    assert why_implausible(Rule(id=1, min_value=0, max_value=10, hysteresis=4.9)) == {}


@pytest.mark.parametrize(
    ("values", "field", "reason"),
    [
        ({"hysteresis": -0.1}, "hysteresis", "must be 0 or more"),
        ({"hysteresis": float("nan")}, "hysteresis", "must be 0 or more"),
        ({"hysteresis": float("inf")}, "hysteresis", "must be 0 or more"),
        ({"min_value": float("-inf")}, "minValue", "must be finite"),
        ({"max_value": float("inf")}, "maxValue", "must be finite"),
        ({"warning_min": float("nan")}, "warningMin", "must be finite"),
        ({"warning_max": float("nan")}, "warningMax", "must be finite"),
        ({"count": 0}, "count", "must be from 1 to 1000"),
        ({"count": 1001}, "count", "must be from 1 to 1000"),
        ({"hold_ms": -1}, "holdSeconds", "must be from 0 to 86400"),
        ({"hold_ms": 86_400_001}, "holdSeconds", "must be from 0 to 86400"),
        ({"clear_ms": -1}, "clearSeconds", "must be from 0 to 86400"),
        ({"clear_ms": 86_400_001}, "clearSeconds", "must be from 0 to 86400"),
    ],
)
def test_numbers_beyond_reason_are_implausible(values, field, reason):
    assert why_implausible(Rule(**{"id": 1, "max_value": 90.0, **values})) == {field: reason}


def test_every_number_beyond_reason_is_named():
    assert list(why_implausible(Rule(id=1, hysteresis=-1, count=0))) == ["hysteresis", "count"]


def test_numbers_at_the_edge_of_reason_are_plausible():
    edge = Rule(id=1, max_value=90.0, hysteresis=0, count=1000, hold_ms=86_400_000, clear_ms=86_400_000)

    assert why_implausible(edge) == {}
