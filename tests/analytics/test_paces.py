"""How long rollouts and reports still take, and what is said where nobody knows."""

from datetime import timedelta

import pytest

from analytics.models import Report
from analytics.queries.report_pace import seconds_left_of
from analytics.queries.rollout_pace import Pace, paces_of
from analytics.queries.rollout_pages import told_of
from analytics.remaining import seconds_left_as_before
from devices.models import Device
from ota.models import Rollout, RolloutDevice
from ota.queries.rollouts import get_rollout
from ota.services.rollout_steps import cancel_rollout, pause_rollout, resume_rollout
from tests.builders import NOON
from tests.ota.rolling import begin, make_plant

pytestmark = pytest.mark.django_db
MINUTE, DAY_MS = timedelta(minutes=1), 86_400_000
UNKNOWN = Pace(waits="how long this wave takes is not known yet")


def pace_of(rollout, *, at) -> Pace | None:
    return paces_of(told_of([get_rollout(rollout.pk)]), at=at).get(rollout.pk)


def over(rollout, count, *, at):
    """So many more of its devices have ended."""
    ids = list(
        RolloutDevice.objects.filter(rollout=rollout, status="deploying").values_list("pk", flat=True)[:count]
    )
    RolloutDevice.objects.filter(pk__in=ids).update(status="succeeded", updated_at=at)


def made(took, *, days=7, kind="analytics", **more):
    given = {"status": "done", "started_at": NOON, "finished_at": NOON + timedelta(seconds=took), **more}
    parameters = {"startTime": 0, "endTime": days * DAY_MS}
    return Report.objects.create(
        kind=kind,
        parameters=parameters,
        title="Plant",
        filename="a",
        created_at=NOON,
        expires_at=NOON,
        **given,
    )


def making(**more):
    return made(0, **{"status": "running", "finished_at": None, **more})


def left_of(report, *, seconds):
    return seconds_left_of([report], at=NOON + timedelta(seconds=seconds))[report.pk]


def test_a_wave_takes_as_long_as_its_pace_until_now_says():
    rollout = begin(100, devices=make_plant(4, status="online"))
    over(rollout, 1, at=NOON + MINUTE)

    assert pace_of(rollout, at=NOON + 2 * MINUTE) == Pace(left=360)


def test_only_the_wave_that_runs_is_reckoned():
    rollout = begin(50, 100, devices=make_plant(8, status="online"))
    over(rollout, 2, at=NOON + MINUTE)

    assert pace_of(rollout, at=NOON + 2 * MINUTE) == Pace(left=120)


def test_before_anything_has_ended_nobody_knows():
    assert pace_of(begin(100, devices=make_plant(4, status="online")), at=NOON + MINUTE) == UNKNOWN


def test_after_a_pause_only_what_came_since_is_a_pace():
    rollout = begin(100, devices=make_plant(4, status="online"))
    over(rollout, 1, at=NOON + MINUTE)
    rollout = pause_rollout(rollout=rollout, reason="Lunch", at=NOON + MINUTE)
    assert pace_of(rollout, at=NOON + 2 * MINUTE) == Pace(waits="waits until somebody has it go on")

    rollout = resume_rollout(rollout=rollout, at=NOON + 60 * MINUTE)
    assert pace_of(rollout, at=NOON + 61 * MINUTE) == UNKNOWN
    over(rollout, 1, at=NOON + 62 * MINUTE)

    assert pace_of(rollout, at=NOON + 62 * MINUTE) == Pace(left=240)


def test_devices_that_are_away_are_waited_for_without_a_time():
    devices = make_plant(4, status="online")
    rollout = begin(100, devices=devices)
    over(rollout, 2, at=NOON + MINUTE)
    Device.objects.filter(pk=devices[3].pk).update(status="offline")

    assert pace_of(rollout, at=NOON + MINUTE) == Pace(
        waits="waits for 1 device that is offline: nobody knows when it is back"
    )


def test_a_shut_window_is_named_and_time_in_which_it_was_shut_is_no_pace():
    """NOON is twelve in UTC, on a Tuesday."""
    days = list(range(1, 8))
    rollout = begin(
        100, devices=make_plant(4, status="online"), window={"days": days, "start": "11:00", "end": "13:00"}
    )
    over(rollout, 2, at=NOON + MINUTE)
    assert pace_of(rollout, at=NOON + MINUTE) == Pace(left=60)

    assert pace_of(rollout, at=NOON + 120 * MINUTE) == Pace(waits="waits for its window, 11:00 to 13:00")
    assert pace_of(rollout, at=NOON + 24 * 60 * MINUTE) == UNKNOWN


def test_a_wave_that_is_watched_says_until_when():
    rollout = begin(50, 100, devices=make_plant(2, status="online"), health_seconds=600)
    Rollout.objects.filter(pk=rollout.pk).update(wave_done_at=NOON)

    assert pace_of(rollout, at=NOON + MINUTE) == Pace(waits="its wave is over and is watched until 12:10")


def test_what_does_not_run_has_no_pace():
    rollout = begin(100, devices=make_plant(2, status="online"))

    assert pace_of(cancel_rollout(rollout=rollout, at=NOON), at=NOON) is None


def test_a_report_takes_as_long_as_the_last_one_like_it():
    made(600)
    made(100)
    made(5, days=1)
    made(7, kind="device")
    made(9, started_at=None)

    assert left_of(making(), seconds=30) == 70
    assert left_of(making(days=400), seconds=30) is None
    assert left_of(making(), seconds=100) is None


def test_reports_that_wait_or_are_over_have_no_time_left():
    reports = [made(100), making(status="queued")]

    assert seconds_left_of(reports, at=NOON) == {}


@pytest.mark.parametrize(("seconds", "left"), [(0, 60), (59, 1), (60, None), (90, None)])
def test_as_long_as_before_is_said_until_it_takes_longer(seconds, left):
    assert seconds_left_as_before(took=60, since=NOON, at=NOON + timedelta(seconds=seconds)) == left
