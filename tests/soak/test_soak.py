"""The short form, and how the verdict is come to. The long one: `python -m tests.soak`, or `--soak-minutes`."""

import pytest

from tests.soak.sampling import Held, Samples, growth_per_hour, problems


def samples(*rows: Held) -> Samples:
    return Samples([(60.0 * minute, {"worker": held}) for minute, held in enumerate(rows)])


def test_what_is_level_after_the_warm_up_is_flat():
    level = samples(*[Held(100 + 20 * minute, 4, 10) for minute in range(5)], *[Held(200, 4, 10)] * 10)

    assert growth_per_hour(level, "worker") == 0
    assert problems(level, ["worker"]) == []


def test_what_grows_all_the_while_is_named():
    growing = samples(*[Held(100 + 5 * minute, 4, 10) for minute in range(15)])

    assert round(growth_per_hour(growing, "worker")) == 300
    assert problems(growing, ["worker"]) == ["worker: grew by 45 MB after the warm-up; at most 16 are flat"]


def test_files_that_stay_open_are_named():
    leaking = samples(*[Held(100, 4, 10 + 10 * minute) for minute in range(15)])

    assert problems(leaking, ["worker"]) == ["worker: files went from 100 to 150"]


def test_a_unit_that_was_hardly_seen_is_named():
    assert problems(samples(Held(100, 4, 10)), ["worker"]) == ["worker: only 1 samples"]


@pytest.mark.soak
@pytest.mark.usefixtures("_programs")
def test_a_day_in_an_hour_leaves_nothing_behind(request, capsys):
    from tests.soak.run import run

    minutes = request.config.getoption("--soak-minutes")
    with capsys.disabled():
        outcome = run(minutes=minutes, devices=500, every=min(60.0, minutes * 60 / 12), say=print)

    assert outcome.problems == []
