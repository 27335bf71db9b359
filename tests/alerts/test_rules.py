import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.rules import Condition, Level, Rule, judge, why_implausible

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


def test_a_band_as_wide_as_the_range_is_implausible():
    assert why_implausible(Rule(id=1, min_value=0, max_value=10, hysteresis=10)) == {
        "hysteresis": "must be smaller than the range between the bounds"
    }
    assert why_implausible(Rule(id=1, min_value=0, max_value=10, hysteresis=9)) == {}


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
