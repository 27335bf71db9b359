"""Before the next wave begins, it is seen how the updated devices do."""

from datetime import timedelta

import pytest

from alerts.services.handling import shelve_alert
from alerts.services.reporting import raise_alert
from devices.models import Device
from ota.services.rollout_steps import resume_rollout
from tests.builders import NOON, make_user
from tests.ota.rolling import advance, begin, make_plant, report, state, under_way

pytestmark = pytest.mark.django_db
UPDATED = NOON + timedelta(minutes=5)
WATCH = timedelta(seconds=600)


@pytest.fixture
def rollout():
    """A wave of ten that has been updated, watched for ten minutes, of which one in ten may have alerts."""
    started = begin(50, 100, devices=make_plant(20), failure=10, health_seconds=600)
    devices = under_way(started)
    alarm(devices[0], at=NOON + timedelta(minutes=1))  # from before its update
    report(started, at=UPDATED)
    started.devices = devices
    advance(started, at=UPDATED)
    return started


def alarm(device_id, *, at, severity="warning", type="system_error", **others):
    device = Device.objects.get(pk=device_id)
    return raise_alert(type=type, severity=severity, message="hot", at=at, device=device, **others)


def test_the_next_wave_waits_until_the_last_one_was_watched(rollout):
    assert state(advance(rollout, at=UPDATED + WATCH - timedelta(seconds=1))) == ("running", 1)
    assert state(advance(rollout, at=UPDATED + WATCH)) == ("running", 2)


def test_alerts_of_too_many_of_them_pause_it(rollout):
    alarm(rollout.devices[1], at=UPDATED + timedelta(seconds=5))
    assert state(advance(rollout, at=UPDATED + timedelta(seconds=10))) == ("running", 1)

    alarm(rollout.devices[2], at=UPDATED + timedelta(seconds=15), severity="critical")
    paused = advance(rollout, at=UPDATED + timedelta(seconds=20))

    assert state(paused) == ("paused", 1)
    assert paused.paused_because == (
        "Wave 1: 2 of 10 devices (20.0 %) have had alerts since their update, 10 % are allowed."
    )


@pytest.mark.parametrize(
    ("severity", "type", "counts"),
    [
        ("info", "system_error", False),
        ("warning", "device_offline", True),
        ("critical", "firmware_update", False),  # a failed update is counted as that
    ],
)
def test_which_alerts_count(rollout, severity, type, counts):
    for device_id in rollout.devices[1:4]:
        alarm(device_id, at=UPDATED + timedelta(seconds=5), severity=severity, type=type)

    assert (advance(rollout, at=UPDATED + timedelta(seconds=10)).status == "paused") is counts


def test_several_alerts_of_one_device_count_once(rollout):
    for metric in ("temperature", "vibration", "power"):
        alarm(rollout.devices[1], at=UPDATED + timedelta(seconds=5), metric=metric)

    assert state(advance(rollout, at=UPDATED + timedelta(seconds=10))) == ("running", 1)


def test_shelving_hides_no_alert_from_the_gate(rollout):
    mira = make_user(role="operator")
    for device_id in rollout.devices[1:3]:
        alert = alarm(device_id, at=UPDATED + timedelta(seconds=5))
        shelve_alert(
            alert=alert,
            lasting=WATCH,
            reason="planned",
            by=mira,
            at=UPDATED + timedelta(seconds=6),
        )

    assert advance(rollout, at=UPDATED + timedelta(seconds=10)).status == "paused"


def test_after_a_resume_only_new_alerts_count_and_it_is_watched_anew(rollout):
    for device_id in rollout.devices[1:3]:
        alarm(device_id, at=UPDATED + timedelta(seconds=5))
    advance(rollout, at=UPDATED + timedelta(seconds=10))
    resumed = UPDATED + timedelta(seconds=60)
    resume_rollout(rollout=rollout, at=resumed)

    assert state(advance(rollout, at=resumed)) == ("running", 1)
    assert state(advance(rollout, at=resumed + WATCH - timedelta(seconds=1))) == ("running", 1)
    assert state(advance(rollout, at=resumed + WATCH)) == ("running", 2)
