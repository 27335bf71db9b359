from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from alerts.outbox.holding import FLOOD, QUIET, THROTTLE, Hold, Rules, Told, why_wait
from tests.builders import NOON

CRITICAL, WARNING = 0, 1
MINUTE = timedelta(minutes=1)
FREE = Rules(quiet_hours=None, throttle=None, floods=True)


def told(*minutes_ago: float, urgency: int = WARNING) -> list[Told]:
    return [Told(NOON - minutes * MINUTE, urgency) for minutes in minutes_ago]


def wait(
    rules: Rules,
    messages: list[Told],
    *,
    urgency: int = WARNING,
    since: datetime = NOON,
    is_digest: bool = False,
) -> Hold | None:
    return why_wait(
        rules,
        urgency=urgency,
        waiting_since=since,
        told=messages,
        at=NOON,
        zone=ZoneInfo("UTC"),
        is_digest=is_digest,
    )


def test_nothing_holds_back_the_first_ones():
    assert wait(FREE, told(*range(9))) is None


def test_after_ten_messages_in_ten_minutes_the_others_wait_for_a_digest():
    assert wait(FREE, told(*range(10))) == Hold(NOON + 5 * MINUTE, FLOOD)
    assert wait(FREE, told(*range(9), 10)) is None, "the tenth is ten minutes old"


def test_the_digest_itself_is_not_held_up_by_the_flood():
    assert wait(FREE, told(*range(10)), is_digest=True) is None


def test_only_critical_messages_count_against_critical_ones_and_they_wait_less():
    assert wait(FREE, told(*range(10)), urgency=CRITICAL) is None
    assert wait(FREE, told(*range(10), urgency=CRITICAL), urgency=CRITICAL) == Hold(NOON + MINUTE, FLOOD)


def test_a_machine_is_told_of_everything():
    assert wait(Rules(None, None, floods=False), told(*range(50))) is None


def test_a_throttle_lets_one_message_through_in_its_time():
    rules = Rules(None, 15 * MINUTE, floods=True)

    assert wait(rules, told(4, 40)) == Hold(NOON + 11 * MINUTE, THROTTLE)
    assert wait(rules, told(4), urgency=CRITICAL) == Hold(NOON + 11 * MINUTE, THROTTLE)
    assert wait(rules, told(15)) is None
    assert wait(rules, []) is None


def test_quiet_hours_hold_till_their_end_but_critical_ones_only_where_that_is_meant():
    rest = {"start": "11:00", "end": "13:00"}
    end = Hold(NOON + 60 * MINUTE, QUIET)

    assert wait(Rules(rest, None, floods=True), []) == end
    assert wait(Rules(rest, None, floods=True), [], urgency=CRITICAL) == end
    assert wait(Rules({**rest, "exceptCritical": True}, None, floods=True), [], urgency=CRITICAL) is None
    assert wait(Rules({**rest, "exceptCritical": True}, None, floods=True), []) == end


def test_what_has_waited_for_long_waits_no_longer_in_a_flood():
    held = wait(FREE, told(*range(10)), since=NOON - 30 * MINUTE)

    assert held is not None
    assert held.until <= NOON
