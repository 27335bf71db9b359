from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.errors import InvalidInput
from ota.waves import (
    Complete,
    Demands,
    Deploy,
    NextWave,
    Pause,
    Wait,
    Watch,
    WaveCounts,
    check_waves,
    checked_window,
    decide,
    is_open,
    spread,
    wave_of_each,
    wave_sizes,
)

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)  # a Monday
percents = st.lists(st.integers(1, 99), max_size=8, unique=True).map(lambda found: [*sorted(found), 100])
numbers = st.integers(0, 30)
counts = st.builds(
    WaveCounts,
    planned=numbers,
    deploying=numbers,
    succeeded=numbers,
    failed=numbers,
    cancelled=numbers,
    skipped=numbers,
)
demands = st.builds(
    Demands,
    success_threshold=st.integers(0, 100),
    failure_threshold=st.integers(0, 100),
    health_seconds=st.sampled_from([0, 600]),
    stays_open=st.booleans(),
)


def decided(*waves, success=90, failure=10, **others):
    asked = {"is_last": False, "done_at": None, "unhealthy": 0, "at": NOON, **others}
    health, open_ = asked.pop("health", 0), asked.pop("stays_open", False)
    return decide(list(waves), demands=Demands(success, failure, health, open_), **asked)


# Sizes


@pytest.mark.parametrize(
    ("total", "waves", "sizes"),
    [
        (10_000, [1, 10, 25, 50, 100], [100, 900, 1500, 2500, 5000]),
        (10, [5, 100], [1, 9]),  # never an empty first wave
        (3, [1, 5, 50, 100], [1, 0, 1, 1]),
        (0, [50, 100], [0, 0]),
        (1, [100], [1]),
    ],
)
def test_percents_say_how_far_the_waves_reach(total, waves, sizes):
    assert wave_sizes(total, percents=waves) == sizes


@pytest.mark.parametrize(
    ("total", "sizes"), [(100, [5, 20, 75]), (25, [5, 20, 0]), (7, [5, 2, 0]), (0, [0, 0, 0])]
)
def test_counts_are_the_sizes_of_the_first_waves(total, sizes):
    assert wave_sizes(total, counts=[5, 20]) == sizes


@given(st.integers(0, 20_000), percents)
def test_the_sizes_of_percents_add_up_and_none_is_negative(total, waves):
    sizes = wave_sizes(total, percents=waves)

    assert sum(sizes) == total
    assert len(sizes) == len(waves)
    assert min(sizes) >= 0
    assert sizes[0] > 0 or total == 0


@given(st.integers(0, 500), st.lists(st.integers(1, 100), min_size=1, max_size=6))
def test_the_sizes_of_counts_add_up_and_none_is_more_than_was_asked_for(total, wanted):
    sizes = wave_sizes(total, counts=wanted)

    assert sum(sizes) == total
    assert all(0 <= size <= most for size, most in zip(sizes, [*wanted, total], strict=True))


@pytest.mark.parametrize(
    ("waves", "wave_counts", "field"),
    [
        (None, None, "waves"),
        ([100], [5], "waves"),
        ([], None, "waves"),
        ([0, 100], None, "waves"),
        ([5, 50], None, "waves"),
        ([50, 5, 100], None, "waves"),
        ([5, 5, 100], None, "waves"),
        ([5, 101], None, "waves"),
        ([5.5, 100], None, "waves"),
        ([True, 100], None, "waves"),
        ("100", None, "waves"),
        (list(range(1, 61)), None, "waves"),
        (None, [], "waveCounts"),
        (None, [5, 0], "waveCounts"),
        (None, ["5"], "waveCounts"),
    ],
)
def test_waves_that_nobody_could_go_through_are_refused(waves, wave_counts, field):
    with pytest.raises(InvalidInput) as refusal:
        check_waves(waves, wave_counts)

    assert list(refusal.value.fields) == [field]


# Order


@given(st.dictionaries(st.integers(1, 500), st.sampled_from(["", "Hall 1", "Hall 2"]), max_size=80))
def test_everybody_has_one_turn_and_the_order_is_always_the_same(zones):
    order = spread(zones.items())

    assert sorted(order) == sorted(zones)
    assert order == spread(reversed(list(zones.items())))


@given(st.integers(1, 30), st.integers(2, 5), st.integers(0, 150))
def test_equal_zones_are_equally_far_at_every_moment(devices, zones, looked_at):
    order = spread(
        (zone * 1000 + number, f"zone {zone}") for zone in range(zones) for number in range(devices)
    )
    found = Counter(device_id // 1000 for device_id in order[:looked_at])

    assert max(found.values(), default=0) - min(found[zone] for zone in range(zones)) <= 1


def test_a_small_zone_is_not_left_to_the_end():
    big, small = [(number, "big") for number in range(90)], [(1000 + number, "small") for number in range(10)]

    first_half = spread([*big, *small])[:50]

    assert sum(device_id >= 1000 for device_id in first_half) == 5


@given(st.integers(0, 300), percents)
def test_every_device_is_in_exactly_one_wave(total, waves):
    sizes = wave_sizes(total, percents=waves)

    found = wave_of_each(range(total), sizes)

    assert list(found) == list(range(total))
    assert [Counter(found.values())[wave] for wave in range(1, len(sizes) + 1)] == sizes


# Windows


def test_without_a_window_it_is_always_open():
    assert is_open(None, time_zone="UTC", at=NOON)


@pytest.mark.parametrize(
    ("clock", "day", "open_"),
    [("21:59", 1, False), ("22:00", 1, True), ("04:59", 2, True), ("05:00", 2, False), ("23:00", 2, False)],
)
def test_a_window_over_midnight_follows_the_clock_of_the_plant(clock, day, open_):
    window = {"days": [1], "start": "22:00", "end": "05:00"}
    at = datetime.fromisoformat(f"2026-06-0{day}T{clock}").replace(tzinfo=ZoneInfo("Europe/Berlin"))

    assert is_open(window, time_zone="Europe/Berlin", at=at) is open_


@pytest.mark.parametrize(
    ("window", "field"),
    [
        ("night", "window"),
        ({}, "window"),
        ({"days": [1], "start": "22:00"}, "window"),
        ({"days": [1], "start": "22:00", "end": "05:00", "zone": "UTC"}, "window"),
        ({"days": [], "start": "22:00", "end": "05:00"}, "window.days"),
        ({"days": [0], "start": "22:00", "end": "05:00"}, "window.days"),
        ({"days": [True], "start": "22:00", "end": "05:00"}, "window.days"),
        ({"days": [1], "start": "25:00", "end": "05:00"}, "window.start"),
        ({"days": [1], "start": "22:00", "end": 5}, "window.end"),
    ],
)
def test_a_window_that_would_never_be_open_is_refused(window, field):
    with pytest.raises(InvalidInput) as refusal:
        checked_window(window)

    assert list(refusal.value.fields) == [field]


def test_a_window_is_kept_in_one_spelling():
    assert checked_window({"days": [5, 1, 5], "start": "6:00", "end": "14:00"}) == {
        "days": [1, 5],
        "start": "06:00",
        "end": "14:00",
    }


# Decisions


def test_while_somebody_waits_for_a_turn_it_deploys_and_then_waits_for_outcomes():
    assert decided(WaveCounts(planned=3, deploying=5, succeeded=2)) == Deploy()
    assert decided(WaveCounts(deploying=1, succeeded=9)) == Wait()


def test_a_wave_that_went_well_is_followed_by_the_next_and_the_last_one_completes():
    assert decided(WaveCounts(succeeded=9, failed=1)) == NextWave()
    assert decided(WaveCounts(succeeded=9, failed=1), is_last=True) == Complete()


def test_failures_past_the_threshold_pause_it_at_once_though_others_are_under_way():
    assert decided(WaveCounts(planned=50, deploying=38, succeeded=1, failed=10), success=0) == Pause(
        "Wave 1: 10 of 99 devices (10.1 %) failed, 10 % are allowed."
    )


def test_as_many_failures_as_are_allowed_do_not_pause_it():
    assert decided(WaveCounts(planned=90, failed=10), success=0) == Deploy()


def test_an_earlier_wave_that_fails_later_pauses_it():
    told = decided(WaveCounts(succeeded=8, failed=2), WaveCounts(planned=90), success=0)

    assert told == Pause("Wave 1: 2 of 10 devices (20.0 %) failed, 10 % are allowed.")


def test_a_success_threshold_that_cannot_be_reached_any_more_pauses_it():
    told = decided(WaveCounts(planned=80, failed=8, cancelled=12), failure=50)

    assert told == Pause("Wave 1: no more than 80 of 100 devices (80.0 %) can succeed, 90 % are asked for.")


def test_skipped_devices_count_for_nothing():
    assert decided(WaveCounts(succeeded=9, failed=1, skipped=90)) == NextWave()
    assert decided(WaveCounts(skipped=5)) == NextWave()


def test_what_somebody_has_seen_and_gone_on_from_is_not_counted_again():
    seen = WaveCounts(planned=10, succeeded=70, failed=20, forgiven=20, forgiven_failed=20)

    assert decided(seen) == Deploy()
    assert isinstance(decided(seen + WaveCounts(failed=9)), Pause)


def test_an_empty_wave_is_gone_through_without_being_watched():
    assert decided(WaveCounts(succeeded=1), WaveCounts(), health=600) == NextWave()


def test_the_last_devices_of_a_wave_are_watched_before_the_next_one():
    wave, done = WaveCounts(succeeded=10), NOON - timedelta(seconds=600)

    assert decided(wave, health=600) == Watch()
    assert decided(wave, health=600, done_at=done + timedelta(seconds=1)) == Watch()
    assert decided(wave, health=600, done_at=done) == NextWave()


def test_alerts_of_too_many_updated_devices_pause_it():
    told = decided(WaveCounts(succeeded=10), health=600, unhealthy=2)

    assert told == Pause(
        "Wave 1: 2 of 10 devices (20.0 %) have had alerts since their update, 10 % are allowed."
    )
    assert decided(WaveCounts(succeeded=10), health=600, unhealthy=1) == Watch()
    assert decided(WaveCounts(succeeded=10), unhealthy=9) == NextWave()  # nobody asked to watch them


def test_where_devices_may_still_join_the_last_wave_it_does_not_complete():
    assert decided(WaveCounts(succeeded=5), is_last=True, stays_open=True) == Watch()


@given(st.lists(counts, min_size=1, max_size=4), demands, st.booleans(), st.integers(0, 40))
def test_it_never_goes_on_past_a_threshold_nor_before_all_have_an_outcome(waves, asked, is_last, unhealthy):
    told = decide(
        waves, demands=asked, is_last=is_last, done_at=NOON, unhealthy=unhealthy, at=NOON + timedelta(1)
    )

    if isinstance(told, NextWave | Complete | Deploy | Wait | Watch):
        for wave in waves:
            assert wave.failed * 100 <= asked.failure_threshold * (wave.total - wave.skipped)
            assert (wave.succeeded + wave.unfinished) * 100 >= asked.success_threshold * (
                wave.total - wave.skipped
            )
    if isinstance(told, NextWave | Complete):
        assert not any(wave.unfinished for wave in waves)
    if isinstance(told, Complete):
        assert is_last
        assert not asked.stays_open
    if isinstance(told, Deploy):
        assert any(wave.planned for wave in waves)


@given(counts, counts)
def test_counts_add_up(one, other):
    both = one + other

    assert both.total == one.total + other.total == both.unfinished + both.finished
    assert 0 <= both.progress <= 100
