"""Messages that are dealt with together, whatever goes wrong meanwhile."""

import pytest
from django.db import DataError, OperationalError

from factory.errors import Unavailable
from factory.live.together import Together
from tests.live.desk import Counter

pytestmark = pytest.mark.django_db(transaction=True)


class Handle:
    """Remembers what it was given together; fails as it is told, and always over `poison`."""

    def __init__(self, *errors, poison=None):
        self.given, self.errors, self.poison = [], list(errors), poison

    def __call__(self, messages):
        payloads = [message.payload for message in messages]
        self.given.append(payloads)
        if self.errors:
            raise self.errors.pop(0)
        if b"poison" in payloads:
            raise self.poison
        return ["bad" if payload == b"bad" else None for payload in payloads]


def deal_with(handle, *payloads):
    """(what was finished, what was refused) in the end."""
    desk = Counter()
    messages = [desk.message("press-1", payload) for payload in payloads]
    Together(desk, handle, name="test").take(messages)
    desk.settle(messages)
    return [m.payload for m in desk.finished], [(m.payload, reason) for m, reason in desk.refused]


def test_what_waits_is_dealt_with_at_once_and_each_has_its_own_end():
    handle = Handle()

    assert deal_with(handle, b"one", b"bad", b"two") == ([b"one", b"two"], [(b"bad", "bad")])
    assert handle.given == [[b"one", b"bad", b"two"]]


@pytest.mark.parametrize("error", [OperationalError("gone"), Unavailable("full")])
def test_a_database_that_is_away_is_waited_for(error):
    handle = Handle(error, error)

    assert deal_with(handle, b"one", b"two") == ([b"one", b"two"], [])
    assert handle.given == [[b"one", b"two"]] * 3


@pytest.mark.parametrize("error", [ValueError("a mistake"), DataError("out of range")])
def test_a_mistake_costs_the_message_at_fault_only(error):
    finished, refused = deal_with(Handle(poison=error), b"one", b"poison", b"two")

    assert finished == [b"one", b"two"]
    assert refused == [(b"poison", f"{type(error).__name__} on our side")]


def test_what_is_put_off_while_the_fault_is_looked_for_is_not_finished_twice():
    handle = Handle(ValueError("a mistake"), OperationalError("gone"))

    finished, refused = deal_with(handle, b"one", b"two")

    assert (sorted(finished), refused) == ([b"one", b"two"], [])


def test_messages_of_a_connection_that_is_over_are_left_to_the_broker():
    desk, handle = Counter(), Handle()
    old = desk.message("press-1", b"old")
    desk.connection += 1
    new = desk.message("press-1", b"new")

    Together(desk, handle, name="test").take([old, new])
    desk.settle([new])

    assert handle.given == [[b"new"]]
