"""Counting that asks Redis about every few requests only."""

import threading

import pytest

from factory.limits.leases import AT_MOST, Leases
from factory.limits.shared import Counter

pytestmark = pytest.mark.usefixtures("_redis")


class Asked(Counter):
    """Remembers how often it was asked."""

    times = 0

    def add(self, key, amount, *, keep_seconds):
        self.times += 1
        return super().add(key, amount, keep_seconds=keep_seconds)


def take(leases, times, *, limit=100, key="rate:device:7:60"):
    return [leases.add(key, 1, limit=limit, keep_seconds=65, resets_at=2**31) for _ in range(times)]


def test_one_process_counts_exactly():
    assert take(Leases(Counter()), 120) == list(range(1, 121))


def test_it_asks_about_every_few_and_near_the_limit_about_each():
    counter = Asked()
    leases = Leases(counter)

    take(leases, 50)
    far = counter.times
    take(leases, 50)

    assert (far, counter.times - far) == (10, 18)


def test_what_several_processes_let_through_is_bounded():
    processes = [Leases(Counter()) for _ in range(4)]

    let_through = 0
    for _ in range(60):
        for leases in processes:
            let_through += take(leases, 1)[0] <= 100

    assert 100 <= let_through <= 100 + 3 * (AT_MOST - 1)


def test_threads_lose_nothing():
    leases, told = Leases(Counter()), []
    threads = [threading.Thread(target=lambda: told.extend(take(leases, 25))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(told) == 200
    assert take(leases, 1) == [201]


def test_several_at_once_count_as_several():
    leases = Leases(Counter())

    assert leases.add("rate:x:60", 3, limit=100, keep_seconds=65, resets_at=2**31) == 3
    assert leases.add("rate:x:60", 2, limit=100, keep_seconds=65, resets_at=2**31) == 5


def test_with_redis_away_nobody_counts():
    assert take(Leases(Counter("unix:///nowhere/at/all.sock")), 3) == [None] * 3


def test_old_windows_are_forgotten(monkeypatch):
    monkeypatch.setattr("factory.limits.leases.KEYS_KEPT", 3)
    leases = Leases(Counter())
    for number in range(10):
        leases.add(f"rate:{number}:60", 1, limit=100, keep_seconds=65, resets_at=60)

    assert len(leases._known) <= 3
