import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from factory.live.lease import LONG_AGO, LeaseKeeper
from factory.live.models import Lease
from tests.services import wait_until

pytestmark = pytest.mark.django_db


class Clock:
    """Stands still unless somebody moves it."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def run_out():
    """As if nobody had renewed it for a while."""
    Lease.objects.update(until=LONG_AGO)


def test_only_one_of_two_gets_it_and_renews_it():
    one, other = LeaseKeeper("job"), LeaseKeeper("job")

    assert one.take()
    assert not other.take()
    assert one.take()
    assert one.is_held()
    assert not other.is_held()


def test_leases_of_different_names_have_nothing_to_do_with_each_other():
    assert LeaseKeeper("job").take()
    assert LeaseKeeper("another job").take()


def test_what_was_released_is_free_at_once():
    one, other = LeaseKeeper("job"), LeaseKeeper("job")
    one.take()

    one.release()

    assert not one.is_held()
    assert other.take()


def test_releasing_what_somebody_else_has_taken_meanwhile_changes_nothing():
    one, other = LeaseKeeper("job"), LeaseKeeper("job")
    one.take()
    run_out()
    other.take()

    one.release()

    assert not LeaseKeeper("job").take()


def test_what_was_not_renewed_is_taken_by_the_next_and_the_first_finds_out():
    one, other = LeaseKeeper("job"), LeaseKeeper("job")
    one.take()
    run_out()

    assert other.take()
    assert not one.take()
    assert not one.is_held()


def test_who_was_late_may_go_on_where_nobody_else_came():
    clock = Clock()
    keeper = LeaseKeeper("job", clock=clock)
    keeper.take()
    clock.now += 60

    assert not keeper.is_held()
    assert keeper.take()


def test_the_holder_knows_by_its_own_clock_that_time_is_up_before_another_may_begin():
    clock = Clock()
    keeper = LeaseKeeper("job", seconds=4.0, clock=clock)
    keeper.take()

    clock.now += 3.4
    assert keeper.is_held()
    clock.now += 0.2
    assert not keeper.is_held()


def test_the_end_is_told_in_the_databases_own_utc():
    keeper = LeaseKeeper("job", seconds=4.0)
    keeper.take()

    end = Lease.objects.get(name="job").until
    assert timedelta(seconds=2) < end - datetime.now(UTC) <= timedelta(seconds=4.5)


def test_a_session_in_another_time_zone_agrees():
    if connection.vendor != "mysql":
        pytest.skip("SQLite has no sessions")
    one, other = LeaseKeeper("job"), LeaseKeeper("job")
    one.take()
    with connection.cursor() as cursor:
        cursor.execute("SET time_zone = '+10:00'")
        try:
            assert not other.take()
        finally:
            cursor.execute("SET time_zone = 'SYSTEM'")


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_exactly_one_wins():
    keepers = [LeaseKeeper("job") for _ in range(8)]
    barrier, won = threading.Barrier(len(keepers)), []

    def contend(keeper):
        barrier.wait(10)
        try:
            if keeper.take():
                won.append(keeper)
        finally:
            connection.close()

    threads = [threading.Thread(target=contend, args=(keeper,)) for keeper in keepers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(won) == 1
    assert Lease.objects.get().holder == won[0].holder


@pytest.mark.django_db(transaction=True)
def test_it_is_told_when_somebody_stands_by_becomes_active_and_has_lost_it():
    told = []
    other = LeaseKeeper("job")
    other.take()
    keeper = LeaseKeeper("job", on_change=told.append)
    thread = threading.Thread(target=keeper.run)
    thread.start()
    try:
        wait_until(lambda: told == ["standby"], what="standing by")
        other.release()
        wait_until(lambda: told == ["standby", "active"], what="taking over")
        Lease.objects.update(holder="a third one", until=datetime.now(UTC) + timedelta(seconds=60))
        wait_until(lambda: told == ["standby", "active", "lost"], what="the loss")
    finally:
        keeper.stop()
        thread.join(10)
    assert not keeper.is_held()
