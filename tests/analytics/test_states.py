"""From samples to states: what holds for how long, and how kept ones are replaced."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.oee.spans import clipped, joined, length, without
from analytics.oee.states import State, Stretch, merged, overlaid, spliced, states_between

R, S, U = State.RUNNING, State.STOPPED, State.UNKNOWN


def told(samples, start=0, end=100, hold=None):
    return [(one.start, one.end, one.state) for one in states_between(samples, start, end, hold_ms=hold)]


def test_before_the_first_sample_nothing_is_known():
    assert told([(30, R)]) == [(0, 30, U), (30, 100, R)]


def test_a_sample_from_before_says_what_was_true_at_the_start():
    assert told([(-50, S), (-10, R), (40, S)]) == [(0, 40, R), (40, 100, S)]


def test_a_value_holds_for_so_long_and_no_longer():
    assert told([(0, R), (30, R), (60, S)], hold=20) == [
        (0, 20, R),
        (20, 30, U),
        (30, 50, R),
        (50, 60, U),
        (60, 80, S),
        (80, 100, U),
    ]


def test_a_second_event_that_says_the_same_begins_nothing_new():
    assert told([(0, R), (10, R), (20, R), (50, S), (60, S)]) == [(0, 50, R), (50, 100, S)]


def test_nothing_at_all_is_unknown():
    assert told([]) == [(0, 100, U)]


SAMPLES = st.lists(
    st.tuples(st.integers(-20, 120), st.sampled_from([R, S])), max_size=12, unique_by=lambda one: one[0]
).map(sorted)
HOLDS = st.one_of(st.none(), st.integers(1, 40))


def state_at(samples, at, hold):
    """The slow and obvious way."""
    before = [one for one in samples if one[0] <= at]
    if not before or (hold is not None and at >= before[-1][0] + hold):
        return U
    return before[-1][1]


@given(samples=SAMPLES, hold=HOLDS)
def test_every_moment_has_the_state_that_its_last_sample_says(samples, hold):
    found = states_between(samples, 0, 100, hold_ms=hold)

    assert [one.start for one in found] == [0, *(one.end for one in found[:-1])]
    assert found[-1].end == 100
    assert all(one.state != other.state for one, other in pairwise(found))
    for one in found:
        for at in range(one.start, one.end):
            assert state_at(samples, at, hold) is one.state


@given(samples=SAMPLES, hold=HOLDS, cut=st.tuples(st.integers(0, 100), st.integers(0, 100)).map(sorted))
def test_a_part_derived_anew_fits_into_the_whole(samples, hold, cut):
    whole = states_between(samples, 0, 100, hold_ms=hold)
    low, high = cut

    anew = states_between(samples, low, high, hold_ms=hold) if low < high else []

    assert spliced(whole, anew, low, high) == whole
    wrong = spliced(whole, [Stretch(low, high, U)] if low < high else [], low, high)
    assert spliced(wrong, anew, low, high) == whole


def test_what_lies_above_hides_what_is_below():
    below = [Stretch(0, 50, R), Stretch(50, 100, S)]

    assert overlaid(below, [Stretch(10, 20, U), Stretch(45, 60, U)]) == [
        Stretch(0, 10, R),
        Stretch(10, 20, U),
        Stretch(20, 45, R),
        Stretch(45, 60, U),
        Stretch(60, 100, S),
    ]


def test_stretches_that_meet_in_the_same_state_are_one():
    assert merged([Stretch(5, 9, R), Stretch(0, 5, R), Stretch(9, 12, S)]) == [
        Stretch(0, 9, R),
        Stretch(9, 12, S),
    ]


SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=6).map(
    lambda pairs: joined(sorted((start, start + lasts) for start, lasts in pairs))
)


def moments(spans):
    return {at for start, end in spans for at in range(start, end)}


@given(spans=SPANS, taken=SPANS, low=st.integers(0, 40), lasts=st.integers(0, 20))
def test_spans_are_what_their_moments_are(spans, taken, low, lasts):
    assert moments(without(spans, taken)) == moments(spans) - moments(taken)
    assert moments(clipped(spans, low, low + lasts)) == moments(spans) & set(range(low, low + lasts))
    assert length(spans) == len(moments(spans))


@pytest.mark.parametrize("spans", [[(0, 5), (5, 9)], [(0, 7), (3, 9)], [(0, 9), (2, 3)]])
def test_spans_that_meet_or_overlap_are_one(spans):
    assert joined(spans) == [(0, 9)]
