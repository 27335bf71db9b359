"""Rates as settings spell them, and counting against them."""

import logging

import pytest

from factory.limits.rates import Rate
from factory.limits.shared import Counter, Fuse
from factory.limits.usage import Usage, count, window_end
from tests.services import valkey

NOON = 1_780_315_200.0


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("100/m", Rate(100, 60)),
        ("5/s", Rate(5, 1)),
        ("10/15m", Rate(10, 900)),
        ("1/h", Rate(1, 3600)),
        ("7/2d", Rate(7, 172_800)),
    ],
)
def test_a_rate_is_read_and_written(text, rate):
    assert (Rate.read(text), str(rate)) == (rate, text)


@pytest.mark.parametrize("text", ["", "100", "0/m", "-1/m", "100/w", "100/0m", "a/m", "100/m ", "١/m"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(ValueError, match="no rate"):
        Rate.read(text)


def test_a_window_ends_after_now_and_at_most_its_length_later():
    ends = {window_end("device:7", 60, NOON + second) - NOON for second in range(60)}

    assert len(ends) == 2  # one begins within the minute
    assert all(0 < window_end("device:7", 60, NOON + s) - (NOON + s) <= 60 for s in range(120))


def test_windows_of_several_names_do_not_end_together():
    assert len({window_end(f"device:{number}", 60, NOON) for number in range(200)}) > 30


@pytest.mark.parametrize(
    ("used", "amount", "fitting"), [(1, 1, 1), (10, 3, 3), (11, 3, 2), (13, 3, 0), (99, 1, 0)]
)
def test_of_an_amount_fits_what_was_left(used, amount, fitting):
    usage = Usage(Rate(10), used, amount, resets_at=60, now=0.0)

    assert (usage.fitting, usage.headers()["X-RateLimit-Remaining"]) == (fitting, str(max(0, 10 - used)))


def test_counting_adds_up_within_a_window_and_begins_anew_after_it():
    counter = Counter()

    first = count(counter, "device:7", Rate(3), amount=2, now=NOON)
    second = count(counter, "device:7", Rate(3), now=NOON)
    other = count(counter, "device:8", Rate(3), now=NOON)
    assert first is not None
    later = count(counter, "device:7", Rate(3), now=first.resets_at + 0.5)

    assert [usage.used for usage in (first, second, other, later) if usage] == [2, 3, 1, 1]


def test_what_was_counted_vanishes_by_itself():
    import redis
    from django.conf import settings

    count(Counter(), "device:7", Rate(3), now=NOON)

    [key] = redis.Redis.from_url(settings.REDIS_URL).keys("rate:*")
    assert 0 < redis.Redis.from_url(settings.REDIS_URL).ttl(key) <= 65


def test_without_redis_nobody_counts_and_it_is_said_once(caplog):
    counter = Counter("unix:///nowhere/at/all.sock")

    with caplog.at_level(logging.WARNING, "factory.limits.shared"):
        told = [count(counter, "device:7", Rate(3), now=NOON) for _ in range(5)]

    assert told == [None] * 5
    assert [record.message for record in caplog.records] == ["limits.redis_away"]


def test_a_blown_fuse_lets_one_try_every_few_seconds():
    seconds = [0.0]
    fuse = Fuse(lambda: seconds[0])
    fuse.blow(ConnectionError("away"))
    seconds[0] = 6.0

    assert [fuse.holds() for _ in range(3)] == [True, False, False]

    fuse.mend()
    assert [fuse.holds() for _ in range(3)] == [True, True, True]


def test_a_redis_that_comes_back_is_counted_in_again(tmp_path):
    seconds = [0.0]
    place = tmp_path / "valkey.sock"
    counter = Counter(f"unix://{place}", clock=lambda: seconds[0])
    assert count(counter, "device:7", Rate(3), now=NOON) is None

    with valkey(place):
        seconds[0] = 6.0
        usage = count(counter, "device:7", Rate(3), now=NOON)

    assert usage is not None
    assert usage.used == 1
