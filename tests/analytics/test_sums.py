"""From pieces and counts to the figures of OEE; what people said of stops; losses that add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.oee.states import State, Stretch
from analytics.oee.stops import Added, Reason, pieces_in, resolved
from analytics.oee.sums import Count, Sums, figures_of, flags_of, losses_of, summed, sums_of

R, S, U = State.RUNNING, State.STOPPED, State.UNKNOWN
MINUTE = 60_000


def stretches(text: str) -> list[Stretch]:
    """`"R60 S5 R30 U10"`: states and minutes."""
    at, found = 0, []
    for part in text.split():
        end = at + int(part[1:]) * MINUTE
        found.append(Stretch(at, end, {"R": R, "S": S, "U": U}[part[0]]))
        at = end
    return found


def told(pieces):
    return [
        (piece.start // MINUTE, piece.end // MINUTE, piece.state.value[0], piece.code, piece.is_micro)
        for piece in pieces
    ]


def worked(text, *, planned=None, counts=(), codes=(), **said):
    found = stretches(text)
    end = found[-1].end
    return sums_of(
        shift=(0, end),
        planned=planned or [(0, end)],
        pieces=resolved(found, micro_ms=2 * MINUTE, **said),
        planned_codes=frozenset(codes),
        counts=counts,
    )


def test_a_short_stop_between_running_is_a_micro_stop_and_no_other_is():
    found = resolved(stretches("S1 R10 S1 R10 S3 R10 S1 U5 R10 S1"), micro_ms=2 * MINUTE)

    assert [piece.is_micro for piece in found if piece.state is S] == [False, True, False, False, False]


def test_a_short_stop_that_somebody_gave_a_reason_is_what_they_say():
    found = resolved(
        stretches("R10 S1 R10"), micro_ms=2 * MINUTE, reasons=[Reason(10 * MINUTE, 11 * MINUTE, "jam")]
    )

    assert told(found) == [(0, 10, "r", None, False), (10, 11, "s", "jam", False), (11, 21, "r", None, False)]


def test_a_reason_stays_with_the_stop_that_has_most_of_it():
    reasons = [Reason(12 * MINUTE, 30 * MINUTE, "jam", 1), Reason(29 * MINUTE, 31 * MINUTE, "lunch", 2)]

    found = resolved(stretches("R10 S20 R10"), reasons=reasons)

    assert [piece.code for piece in found] == [None, "jam", None]


def test_of_two_reasons_for_the_same_stop_the_later_said_one_counts():
    reasons = [Reason(10 * MINUTE, 30 * MINUTE, "jam", 1), Reason(10 * MINUTE, 30 * MINUTE, "lunch", 2)]

    assert resolved(stretches("R10 S20"), reasons=reasons)[1].code == "lunch"


def test_an_added_stop_goes_before_what_the_machine_says():
    found = resolved(stretches("R10 S10 R10"), added=[Added(7, 5 * MINUTE, 15 * MINUTE, "setup")])

    assert told(found) == [
        (0, 5, "r", None, False),
        (5, 15, "s", "setup", False),
        (15, 20, "s", None, False),
        (20, 30, "r", None, False),
    ]


def test_a_planned_stop_is_no_planned_time_and_any_other_is_a_loss():
    reasons = [
        Reason(60 * MINUTE, 70 * MINUTE, "no orders"),
        Reason(100 * MINUTE, 105 * MINUTE, "changeover"),
    ]

    sums = worked("R60 S10 R30 S5 R15", reasons=reasons, codes=["no orders"])

    assert (sums.planned_ms, sums.run_ms, sums.down_ms, sums.planned_stop_ms) == (
        110 * MINUTE,
        105 * MINUTE,
        5 * MINUTE,
        10 * MINUTE,
    )
    assert sums.by_code == {"changeover": [5 * MINUTE, 1]}
    assert sums.planned_by_code == {"no orders": [10 * MINUTE, 1]}


def test_a_micro_stop_is_a_loss_of_speed_and_not_of_availability():
    sums = worked("R60 S1 R59", counts=[Count(100, 100, 60_000)])

    assert figures_of(sums).availability == 1.0
    assert figures_of(sums).performance == pytest.approx(100 / 120)
    assert (sums.micro_ms, sums.micro_stops, sums.stops) == (MINUTE, 1, 0)


def test_unknown_time_is_neither_running_nor_forgotten():
    sums = worked("R60 U30 S30", counts=[Count(50, 50, 60_000)])

    assert figures_of(sums).availability == 0.5
    assert (sums.unknown_ms, flags_of(sums)) == (30 * MINUTE, ["unknown_time"])


def test_a_stop_over_a_break_is_counted_once_and_not_in_the_break():
    sums = worked("R10 S40 R10", planned=[(0, 20 * MINUTE), (30 * MINUTE, 60 * MINUTE)])

    assert (sums.stops, sums.down_ms, sums.break_ms) == (1, 30 * MINUTE, 10 * MINUTE)


@pytest.mark.parametrize(
    ("sums", "figures"),
    [
        (Sums(), (None, None, None, None)),
        (Sums(planned_ms=10, down_ms=10), (0.0, None, None, None)),
        (Sums(planned_ms=10, unknown_ms=10), (None, None, None, None)),
        (Sums(planned_ms=10, run_ms=10), (1.0, 0.0, None, None)),
        (Sums(planned_ms=10, run_ms=5, total=2, good=0, ideal_ms=4, good_ideal_ms=0), (0.5, 0.8, 0.0, 0.0)),
    ],
)
def test_what_cannot_be_known_is_neither_nothing_nor_everything(sums, figures):
    found = figures_of(sums)

    assert (found.availability, found.performance, found.quality, found.oee) == figures


def test_a_cycle_that_is_beaten_keeps_its_figure_and_is_flagged():
    sums = worked("R60", counts=[Count(90, 90, 60_000)])

    assert figures_of(sums).performance == 1.5
    assert flags_of(sums) == ["ideal_cycle_wrong"]


def test_several_products_are_worked_out_from_their_own_cycles():
    """30 of two minutes and 60 of half a minute: 90 minutes of ideal time, never a mean cycle."""
    sums = worked("R100", counts=[Count(30, 30, 120_000), Count(60, 30, 30_000)])

    assert figures_of(sums).performance == pytest.approx(0.9)
    assert figures_of(sums).oee == pytest.approx((60 + 15) / 100)


PARTS = st.tuples(st.sampled_from("RSU"), st.integers(1, 90)).map(lambda part: f"{part[0]}{part[1]}")
SHIFTS = st.lists(PARTS, min_size=1, max_size=9).map(" ".join)
COUNTS = st.lists(
    st.tuples(st.integers(0, 500), st.floats(0, 1), st.floats(100, 60_000)).map(
        lambda one: Count(one[0], one[0] * one[1], one[2])
    ),
    max_size=3,
)


@given(parts=st.lists(st.tuples(SHIFTS, COUNTS), min_size=1, max_size=4))
def test_oee_is_good_pieces_times_ideal_time_over_planned_time_of_any_sum(parts):
    whole = summed(worked(text, counts=counts) for text, counts in parts)
    figures = figures_of(whole)

    earned = sum(count.good * count.ideal_ms for _, counts in parts for count in counts)
    assert whole.planned_ms == whole.run_ms + whole.down_ms + whole.unknown_ms
    if figures.oee is not None:
        assert figures.oee == pytest.approx(earned / whole.planned_ms)
        assert figures.oee == pytest.approx(
            figures.availability * figures.performance * figures.quality, rel=1e-9, abs=1e-12
        )


@given(text=SHIFTS, counts=COUNTS, cut=st.integers(1, 60))
def test_losses_and_good_time_add_up_to_the_shift(text, counts, cut):
    end = stretches(text)[-1].end
    planned = [(0, end - end % (cut * MINUTE))] if end >= cut * MINUTE else [(0, end)]

    sums = worked(text, planned=planned, counts=counts)

    lost = sum(loss.ms for loss in losses_of(sums))
    assert lost + sums.good_ideal_ms == pytest.approx(sums.shift_ms)


@given(text=SHIFTS, cut=st.integers(0, 200))
def test_pieces_of_two_parts_are_those_of_the_whole(text, cut):
    pieces = resolved(stretches(text), micro_ms=2 * MINUTE)
    border = cut * MINUTE

    parts = [*pieces_in(pieces, 0, border), *pieces_in(pieces, border, 10**9)]

    assert sum(piece.ms for piece in parts) == sum(piece.ms for piece in pieces)
    by_state = {state: sum(piece.ms for piece in pieces if piece.state is state) for state in State}
    assert {state: sum(p.ms for p in parts if p.state is state) for state in State} == by_state


def test_where_a_counter_told_nothing_performance_is_not_known_and_nothing_made_is_a_figure():
    silent = worked("R60", counts=[Count(0, 0, 12_000, frozenset({"no_counts"}))])
    idle = worked("R60", counts=[Count(0, 0, 12_000)])

    assert (figures_of(silent).availability, figures_of(silent).performance, figures_of(silent).oee) == (
        1.0,
        None,
        None,
    )
    assert figures_of(idle).performance == 0.0


@pytest.mark.parametrize(
    ("total", "good", "flags"),
    [
        (10, -30, ["more_rejects_than_made"]),
        (10, 11, ["more_good_than_made"]),
        (-1, -1, []),  # a counter that trembled at the beginning of the time
        (0, 0, []),
    ],
)
def test_counters_that_contradict_each_other_are_flagged(total, good, flags):
    assert flags_of(worked("R60", counts=[Count(total, good, 1000)])) == flags
