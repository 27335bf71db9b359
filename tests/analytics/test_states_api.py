"""What machines did, piece by piece, through `analytics.getStates`."""

import pytest

from tests.analytics.machining import DAY, HOUR, MINUTE, midnight
from tests.analytics.standing import MICRO, added_stop, iso, make_press, span_of, stops_of
from tests.builders import data_of, make_device, make_group, refusal_of

pytestmark = pytest.mark.django_db
SAFE = 2**53 - 1


def states(api, start, end, **of):
    return data_of(api.query("analytics.getStates", {"startTime": start, "endTime": end, **of}))


def piece(device, start, end, state, **others):
    row = {"deviceId": device.pk, "startTime": iso(start), "endTime": iso(end), "state": state}
    return {**row, "code": None, "micro": False, **others}


def test_every_moment_of_a_day_has_one_state(operator, press, day):
    earlier, _ = stops_of(press)
    data_of(operator.mutate("analytics.classifyStop", {"id": earlier, "code": "jam"}))
    data_of(operator.mutate("analytics.addStop", added_stop(press, day)))
    first, second = span_of(day, 0), span_of(day, 1)
    micro = tuple(day + minute * MINUTE for minute in MICRO)
    holds_until = day + 14 * HOUR + 15 * MINUTE  # the last value, for as long as one holds

    assert states(operator, day, day + DAY) == [
        piece(press, day, day + 6 * HOUR, "unknown"),
        piece(press, day + 6 * HOUR, day + 7 * HOUR, "running"),
        piece(press, day + 7 * HOUR, day + 8 * HOUR, "stopped", code="setup"),
        piece(press, day + 8 * HOUR, first[0], "running"),
        piece(press, *first, "stopped", code="jam"),
        piece(press, first[1], micro[0], "running"),
        piece(press, *micro, "stopped", micro=True),
        piece(press, micro[1], second[0], "running"),
        piece(press, *second, "stopped"),
        piece(press, second[1], holds_until, "running"),
        piece(press, holds_until, day + DAY, "unknown"),
    ]


def test_a_state_is_told_as_far_as_it_was_asked_for(operator, press, day):
    start, end = span_of(day, 0)

    assert states(operator, start + 1, end - 1) == [piece(press, start + 1, end - 1, "stopped")]


def test_nothing_is_told_of_what_is_still_to_come(operator, press):
    from_now_on = midnight(-2)

    assert states(operator, from_now_on, from_now_on + DAY) == []


def test_machines_are_told_in_order_of_their_names(operator, press, day):
    first = make_press(day, name="Lathe")
    hall = make_group(devices=[press])
    start, end = span_of(day, 1)

    def machines(**of):
        return [row["deviceId"] for row in states(operator, start, end, **of)]

    assert machines() == [first.pk, press.pk]
    assert machines(groupId=hall.pk) == [press.pk]
    assert machines(deviceId=first.external_id) == [first.pk]
    assert machines(deviceId=make_device().pk) == []
    assert machines(groupId=make_group().pk) == []


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        (5, 5, "endTime: must be after startTime"),
        (5, 4, "endTime: must be after startTime"),
        (0, 32 * DAY + 1, "endTime: must be at most 32 days after startTime"),
        (-SAFE, SAFE, "startTime: is not in the years 2 to 9998"),
        (0, SAFE, "endTime: is not in the years 2 to 9998"),
    ],
)
def test_a_time_that_is_none_or_too_long_is_refused(operator, start, end, words):
    refused = operator.query("analytics.getStates", {"startTime": start, "endTime": end})

    assert refusal_of(refused) == (400, "BAD_REQUEST", words)


def test_thirty_two_days_are_answered(operator, press, day):
    found = states(operator, day - 31 * DAY, day + DAY)

    assert found[0] == piece(press, day - 31 * DAY, day + 6 * HOUR, "unknown")


@pytest.mark.parametrize("machines", [1, 3])
def test_it_costs_the_same_for_any_number_of_machines(operator, day, machines, django_assert_num_queries):
    for number in range(machines):
        make_press(day, name=f"Press {number}")

    with django_assert_num_queries(17):
        found = states(operator, day, day + DAY)

    assert len({row["deviceId"] for row in found}) == machines
