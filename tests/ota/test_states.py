"""The table of steps, and what a running version means: pure."""

from itertools import product

import pytest

from ota.states import (
    ACTIVE,
    CANCELLED,
    CLOCK,
    COMPLETED,
    DEVICE,
    DOWNLOADING,
    ENDS,
    FAILED,
    INSTALLING,
    PENDING,
    PEOPLE,
    ROLLED_BACK,
    STEPS,
    VERSION,
    is_newer,
    may_follow,
    same_version,
    verdict,
)

ALL = (*ACTIVE, *ENDS)


def steps_by(whom: str) -> set[tuple[str, str]]:
    return {(old, new) for old, new in product(ALL, ALL) if may_follow(old, new, by=whom)}


def test_a_device_may_take_these_steps_and_no_others():
    assert steps_by(DEVICE) == {
        (PENDING, DOWNLOADING),
        (PENDING, FAILED),
        (DOWNLOADING, INSTALLING),
        (DOWNLOADING, COMPLETED),
        (DOWNLOADING, FAILED),
        (DOWNLOADING, ROLLED_BACK),
        (INSTALLING, COMPLETED),
        (INSTALLING, FAILED),
        (INSTALLING, ROLLED_BACK),
        (COMPLETED, ROLLED_BACK),
    }


def test_people_cancel_what_is_safe_and_try_again_what_came_to_nothing():
    assert steps_by(PEOPLE) == {
        (PENDING, CANCELLED),
        (DOWNLOADING, CANCELLED),
        (INSTALLING, FAILED),  # a device that is taken out of service
        (COMPLETED, ROLLED_BACK),
        (FAILED, PENDING),
        (ROLLED_BACK, PENDING),
        (CANCELLED, PENDING),
    }


def test_the_clock_ends_every_active_state_and_only_those():
    assert steps_by(CLOCK) == {(state, FAILED) for state in ACTIVE}


def test_no_step_leads_to_where_it_begins():
    assert [step for step in STEPS if step[0] == step[1]] == []


def test_nothing_completes_but_by_its_device():
    assert {new for _, new in steps_by(PEOPLE) | steps_by(CLOCK)} & {COMPLETED} == set()


@pytest.mark.parametrize("status", ACTIVE)
@pytest.mark.parametrize("anew", [True, False])
def test_the_deployed_version_completes_whatever_is_under_way(status, anew):
    told = verdict(status=status, deployed="2.0.0", previous="1.0.0", running="2.0.0", has_started_anew=anew)

    assert told == COMPLETED
    assert may_follow(status, COMPLETED, by=VERSION)


@pytest.mark.parametrize(
    ("status", "running", "anew", "told"),
    [
        (PENDING, "1.0.0", True, None),
        (DOWNLOADING, "1.0.0", True, None),  # it lost its power, and goes on with the download
        (INSTALLING, "1.0.0", False, None),  # it runs the old one until it starts anew
        (INSTALLING, "1.0.0", True, ROLLED_BACK),
        (INSTALLING, "0.9.0", True, ROLLED_BACK),
        (COMPLETED, "1.0.0", False, ROLLED_BACK),
        (COMPLETED, "0.9.0", True, ROLLED_BACK),  # the image from the works
        (COMPLETED, "gibberish", True, ROLLED_BACK),
        (COMPLETED, "3.0.0", True, None),  # somebody put it on by hand
        (COMPLETED, "2.0.0", True, None),
        (FAILED, "2.0.0", True, None),
        (CANCELLED, "1.0.0", True, None),
    ],
)
def test_another_version_means_this(status, running, anew, told):
    assert (
        verdict(status=status, deployed="2.0.0", previous="1.0.0", running=running, has_started_anew=anew)
        == told
    )
    assert told is None or may_follow(status, told, by=VERSION)


def test_going_back_to_a_lower_version_ends_when_the_higher_one_comes_back():
    told = verdict(
        status=COMPLETED, deployed="1.0.0", previous="2.0.0", running="2.0.0", has_started_anew=True
    )

    assert told == ROLLED_BACK


def test_what_is_put_on_again_is_not_judged_by_its_version():
    told = verdict(
        status=INSTALLING, deployed="2.0.0", previous="v2.0.0", running="2.0.0", has_started_anew=True
    )

    assert told is None


def test_versions_are_compared_as_people_write_them():
    assert same_version("v2.0.0", "2.0.0")
    assert not same_version("2.0.0", "2.0.1")
    assert not same_version("", "2.0.0")
    assert is_newer("2.10.0", "2.9.0")
    assert not is_newer("2.10.0-rc.1", "2.10.0")
    assert not is_newer("gibberish", "2.0.0")
