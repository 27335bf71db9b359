"""Rollouts from the plan to their end."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from devices.models import Device
from devices.queries import DeviceUnknown
from devices.services import deactivate_devices, delete_devices
from factory.errors import InvalidInput, PreconditionFailed
from grouping.queries import GroupUnknown
from grouping.services import add_devices
from ota.models import Deployment, Rollout, RolloutDevice
from ota.queries.rollouts import RolloutUnknown, get_rollout
from ota.services.advancing import take_in_newcomers
from ota.services.deployments import cancel_deployment, deploy, retry_deployment, roll_back
from ota.services.firmware import withdraw_firmware
from ota.services.rollout_guards import FirmwareIsWithdrawn, RolloutMovedOn
from ota.services.rollout_steps import cancel_rollout, pause_rollout, resume_rollout, retry_rollout
from ota.services.rollouts import Target, preview_rollout, start_rollout
from tests.builders import NOON, make_device, make_firmware, make_group, make_user
from tests.ota.rolling import (
    advance,
    begin,
    make_plant,
    make_rollout,
    pace,
    places,
    report,
    state,
    statuses,
    under_way,
)

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=5)


# Planning


def test_a_dry_run_says_who_is_in_which_wave_and_who_is_not_and_why():
    firmware = make_firmware(version="2.0.0")
    devices = make_plant(4)
    gateway, current = make_device(type="gateway"), make_device(firmware_version="v2.0.0")
    Device.objects.filter(pk=devices[0].pk).update(status="online")
    everybody = Target(device_ids=[each.pk for each in [*devices, gateway, current]])

    preview = preview_rollout(firmware=firmware, target=everybody, pace=pace(25, 100), at=NOON)

    assert preview.sizes == [1, 3]
    assert [(member.device_id, wave) for member, wave in preview.members] == [
        (devices[0].pk, 1),
        (devices[1].pk, 2),
        (devices[2].pk, 2),
        (devices[3].pk, 2),
    ]
    assert [(each.device_id, each.why_not) for each in preview.excluded] == [
        (gateway.pk, "Version 2.0.0 is for sensors."),
        (current.pk, "It runs 2.0.0 already."),
    ]
    assert preview.offline == 3
    assert not Rollout.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"waves": [50, 20, 100]}, "waves"),
        ({"success": 101}, "successThreshold"),
        ({"failure": -1}, "failureThreshold"),
        ({"failure": True}, "failureThreshold"),
        ({"max_parallel": 0}, "maxParallel"),
        ({"health_seconds": 10**9}, "healthSeconds"),
        ({"window": {"days": [8], "start": "06:00", "end": "14:00"}}, "window.days"),
        ({"name": "  "}, "name"),
        ({"continuous": True}, "continuous"),
    ],
)
def test_a_plan_that_cannot_be_meant_is_refused_and_nothing_is_kept(values, field):
    device = make_device()

    with pytest.raises(InvalidInput) as refusal:
        make_rollout(*values.pop("waves", []), devices=[device], **values)

    assert list(refusal.value.fields) == [field]
    assert not Rollout.objects.exists()


@pytest.mark.parametrize(
    ("target", "refusal"),
    [
        (Target(), InvalidInput),
        (Target(device_ids=[1], filter="zone = a"), InvalidInput),
        (Target(device_ids=[]), InvalidInput),
        (Target(device_ids=[987]), DeviceUnknown),
        (Target(group_id=987), GroupUnknown),
        (Target(filter="zone ="), InvalidInput),
    ],
)
def test_a_target_that_is_none_is_refused(target, refusal):
    with pytest.raises(refusal):
        preview_rollout(firmware=make_firmware(), target=target, pace=pace(), at=NOON)


def test_nothing_happens_before_the_start():
    rollout = advance(make_rollout(devices=make_plant(2)))

    assert state(rollout) == ("draft", 0)
    assert statuses(rollout) == {"planned": 2}
    assert not Deployment.objects.exists()


def test_members_are_frozen_at_the_start_with_those_left_out_and_the_reason():
    devices = make_plant(3)
    group = make_group(devices=devices[:2])
    rollout = make_rollout(50, 100, group=group)
    add_devices(group=group, device_ids=[devices[2].pk], at=NOON)
    Device.objects.filter(pk=devices[1].pk).update(firmware_version="2.0.0")

    start_rollout(rollout=rollout, at=NOON)
    late = make_device()
    add_devices(group=group, device_ids=[late.pk], at=NOON)
    take_in_newcomers(at=NOON)

    assert places(rollout, "device_id", "wave", "status", "reason") == [
        (devices[0].pk, 1, "planned", ""),
        (devices[1].pk, 0, "skipped", "It runs 2.0.0 already."),
        (devices[2].pk, 2, "planned", ""),
    ]


def test_a_wave_is_a_sample_of_all_zones():
    make_plant(100, zones=("Hall 1", "Hall 2", "Hall 3", "Hall 4"))

    rollout = begin(20, 100, filter="type = sensor")

    zones = Device.objects.filter(pk__in=under_way(rollout)).values_list("zone", flat=True)
    assert Counter(zones) == {"Hall 1": 5, "Hall 2": 5, "Hall 3": 5, "Hall 4": 5}


def test_waves_may_be_given_as_numbers_of_devices():
    rollout = begin(devices=make_plant(10), wave_counts=[1, 3])

    assert Counter(wave for (wave,) in places(rollout, "wave")) == {1: 1, 2: 3, 3: 6}
    assert statuses(rollout) == {"deploying": 1, "planned": 9}


def test_one_that_nobody_can_take_part_in_is_not_started():
    rollout = make_rollout(devices=[make_device(type="gateway")])

    with pytest.raises(PreconditionFailed, match="No device can take part: Version"):
        start_rollout(rollout=rollout, at=NOON)

    assert state(rollout) == ("draft", 0)


# Wave after wave


def test_wave_after_wave_until_all_have_it():
    rollout = begin(10, 50, 100, devices=make_plant(20), success=100, failure=0)
    seen = []
    while rollout.status == "running":
        seen.append((rollout.current_wave, report(rollout)))
        rollout = advance(rollout)

    assert seen == [(1, 2), (2, 8), (3, 10)]
    assert state(rollout) == ("completed", 3)
    assert statuses(rollout) == {"succeeded": 20}
    assert rollout.completed_at == NOON
    assert Device.objects.filter(firmware_version="2.0.0").count() == 20


def test_never_more_than_so_many_at_a_time():
    rollout = begin(devices=make_plant(10), max_parallel=4)
    assert statuses(rollout) == {"deploying": 4, "planned": 6}

    report(rollout, devices=under_way(rollout)[:1])
    advance(rollout)

    assert statuses(rollout) == {"deploying": 4, "planned": 5, "succeeded": 1}


def test_updates_begin_inside_the_window_only_and_those_under_way_go_on(settings):
    settings.TIME_ZONE = "Europe/Berlin"
    night = {"days": [1], "start": "22:00", "end": "05:00"}
    rollout = begin(50, 100, devices=make_plant(2), window=night)
    assert statuses(rollout) == {"planned": 2}

    advance(rollout, at=datetime(2026, 6, 1, 20, tzinfo=UTC))  # ten in the evening in Berlin
    assert statuses(rollout) == {"deploying": 1, "planned": 1}
    after = datetime(2026, 6, 2, 3, tzinfo=UTC)
    report(rollout, at=after)
    assert advance(rollout, at=after).current_wave == 2
    assert statuses(rollout) == {"succeeded": 1, "planned": 1}


def test_the_wave_waits_for_devices_that_are_away():
    rollout = begin(50, 100, devices=make_plant(4))
    away = under_way(rollout)[1]
    report(rollout, devices=under_way(rollout)[:1])

    assert state(advance(rollout, at=LATER)) == ("running", 1)
    report(rollout, devices=[away], at=LATER)
    assert state(advance(rollout, at=LATER)) == ("running", 2)


def test_a_device_on_its_way_to_another_version_has_its_turn_after_that():
    busy, free = make_plant(2)
    other = deploy(device=busy, firmware=make_firmware(version="1.5.0"), at=NOON)
    rollout = begin(devices=[busy, free])
    assert places(rollout, "status") == [("planned",), ("deploying",)]

    cancel_deployment(deployment=other, at=NOON)
    advance(rollout)

    assert places(rollout, "status") == [("deploying",), ("deploying",)]


def test_two_rollouts_over_the_same_devices_take_turns():
    devices = make_plant(3)
    first = begin(devices=devices)
    second = begin(devices=devices, firmware=make_firmware(version="3.0.0"))
    assert statuses(second) == {"planned": 3}

    report(first)
    advance(second)

    assert statuses(first) == {"succeeded": 3}
    assert statuses(second) == {"deploying": 3}


def test_a_device_that_cannot_have_it_any_more_is_skipped_with_the_reason():
    first, second = make_plant(2)
    rollout = begin(50, 100, devices=[first, second])
    Device.objects.filter(pk=second.pk).update(type="gateway")
    report(rollout)
    rollout = advance(rollout)

    assert places(rollout, "status", "reason") == [
        ("succeeded", ""),
        ("skipped", "Version 2.0.0 is for sensors."),
    ]
    assert rollout.status == "completed"


def test_devices_that_go_count_for_nothing(django_capture_on_commit_callbacks):
    devices = make_plant(4)
    rollout = begin(50, 100, devices=devices, success=100, failure=0)
    with django_capture_on_commit_callbacks(execute=True):
        delete_devices(devices=Device.objects.filter(pk=under_way(rollout)[0]))
        deactivate_devices(device_ids=[devices[-1].pk], at=NOON)
    report(rollout)
    advance(rollout)
    report(rollout)

    assert state(advance(rollout)) == ("completed", 2)
    assert statuses(rollout) == {"skipped": 2, "succeeded": 2}


# Thresholds


def test_a_failing_wave_stops_the_next_one():
    rollout = begin(50, 100, devices=make_plant(20), failure=10)
    bad = under_way(rollout)[:2]
    report(rollout, "failed", devices=bad, said="checksum mismatch")
    report(rollout)

    rollout = advance(rollout)

    assert state(rollout) == ("paused", 1)
    assert rollout.paused_because == "Wave 1: 2 of 10 devices (20.0 %) failed, 10 % are allowed."
    assert statuses(rollout) == {"succeeded": 8, "failed": 2, "planned": 10}
    assert set(RolloutDevice.objects.filter(status="failed").values_list("reason", flat=True)) == {
        "checksum mismatch"
    }
    advance(rollout, at=LATER)
    assert statuses(rollout)["planned"] == 10


def test_failures_stop_what_is_left_of_their_own_wave():
    rollout = begin(devices=make_plant(20), failure=4, max_parallel=5)
    report(rollout, "failed", devices=under_way(rollout)[:1])
    report(rollout)

    assert state(advance(rollout)) == ("paused", 1)
    assert statuses(rollout) == {"succeeded": 4, "failed": 1, "planned": 15}


def test_one_that_is_rolled_back_later_counts_as_failed_and_pauses_it():
    old = make_firmware(version="1.0.0")
    rollout = begin(50, 100, devices=make_plant(4, version=old.version), failure=0)
    bad = under_way(rollout)[0]
    report(rollout)
    assert state(advance(rollout)) == ("running", 2)

    roll_back(deployment=Deployment.objects.get(device_id=bad, rollout=rollout), at=LATER)
    rollout = advance(rollout, at=LATER)

    assert state(rollout) == ("paused", 2)
    assert rollout.paused_because == "Wave 1: 1 of 2 devices (50.0 %) failed, 0 % are allowed."
    assert statuses(rollout) == {"succeeded": 1, "failed": 1, "deploying": 2}


def test_whoever_resumes_has_seen_what_failed_and_thresholds_count_from_there():
    rollout = begin(50, 100, devices=make_plant(20), success=90, failure=10)
    report(rollout, "failed", devices=under_way(rollout)[:3])
    report(rollout)
    rollout = advance(rollout)
    assert rollout.status == "paused"

    resume_rollout(rollout=rollout, at=LATER)
    rollout = advance(rollout, at=LATER)
    assert state(rollout) == ("running", 2)
    assert statuses(rollout) == {"succeeded": 7, "failed": 3, "deploying": 10}

    report(rollout, "failed", devices=under_way(rollout)[:2], at=LATER)
    assert advance(rollout, at=LATER).paused_because.startswith("Wave 2: 2 of 10 devices")


# What people do


def test_while_it_is_paused_nothing_begins_and_what_is_under_way_goes_on():
    rollout = begin(devices=make_plant(6), max_parallel=2)
    pause_rollout(rollout=rollout, reason="Paused by Mira.", at=NOON)
    report(rollout)
    rollout = advance(rollout)

    assert (rollout.status, rollout.paused_because) == ("paused", "Paused by Mira.")
    assert statuses(rollout) == {"succeeded": 2, "planned": 4}

    resume_rollout(rollout=rollout, at=NOON)
    advance(rollout)
    assert statuses(rollout) == {"succeeded": 2, "deploying": 2, "planned": 2}


def test_cancelling_takes_back_what_is_not_being_installed():
    rollout = begin(50, 100, devices=make_plant(6))
    _, downloading, installing = under_way(rollout)
    Deployment.objects.filter(device_id=downloading).update(status="downloading")
    Deployment.objects.filter(device_id=installing).update(status="installing")

    rollout = cancel_rollout(rollout=rollout, at=LATER)

    assert statuses(rollout) == {"cancelled": 5, "deploying": 1}
    assert (rollout.status, rollout.completed_at) == ("cancelled", None)
    Deployment.objects.filter(device_id=installing).update(status="downloading")
    report(rollout, at=LATER)
    rollout = advance(rollout, at=LATER)
    assert statuses(rollout) == {"cancelled": 5, "succeeded": 1}
    assert rollout.completed_at == LATER
    assert not Deployment.objects.active().exists()


def test_a_cancelled_one_is_over_though_the_device_it_waited_for_was_deleted(
    django_capture_on_commit_callbacks,
):
    rollout = begin(devices=[device := make_device()])
    Deployment.objects.update(status="installing")
    assert cancel_rollout(rollout=rollout, at=NOON).completed_at is None

    with django_capture_on_commit_callbacks(execute=True):
        delete_devices(devices=[device])

    assert advance(rollout, at=LATER).completed_at == LATER
    assert statuses(rollout) == {"skipped": 1}


def test_a_plan_may_be_cancelled_before_its_start():
    rollout = cancel_rollout(rollout=make_rollout(devices=make_plant(2)), at=NOON)

    assert statuses(rollout) == {"cancelled": 2}
    assert rollout.completed_at == NOON


@pytest.mark.parametrize("over", [False, True])
def test_a_retry_reaches_the_failed_only_as_their_next_attempt(over):
    rollout = begin(50, 100, devices=make_plant(8))
    bad = under_way(rollout)[1]
    report(rollout, "failed", devices=[bad])
    report(rollout)
    rollout = advance(rollout)
    if over:
        report(rollout)
        rollout = advance(rollout)
        assert rollout.status == "completed"
    deployments = Deployment.objects.count()

    rollout = advance(retry_rollout(rollout=rollout, at=LATER), at=LATER)

    assert rollout.status == "running"
    assert rollout.completed_at is None
    assert Deployment.objects.count() == deployments + 1
    assert dict(places(rollout, "device_id", "attempt"))[bad] == 2
    assert sum(attempt for (attempt,) in places(rollout, "attempt")) == 9
    report(rollout, at=LATER)
    assert state(advance(rollout, at=LATER)) == ("completed", 2)
    assert statuses(rollout) == {"succeeded": 8}


def test_a_device_that_somebody_has_tried_again_by_hand_is_followed():
    rollout = begin(50, 100, devices=make_plant(2), failure=0)
    report(rollout, "failed")
    assert advance(rollout).status == "paused"
    resume_rollout(rollout=rollout, at=NOON)

    retry_deployment(deployment=Deployment.objects.get(), at=NOON)
    advance(rollout)
    assert statuses(rollout) == {"deploying": 1, "planned": 1}
    report(rollout)
    advance(rollout)
    assert statuses(rollout) == {"succeeded": 1, "deploying": 1}


def test_what_was_cancelled_by_hand_is_no_failure_and_no_success():
    rollout = begin(devices=make_plant(2), failure=0)
    cancel_deployment(deployment=Deployment.objects.first(), at=NOON)
    report(rollout)

    assert state(advance(rollout)) == ("completed", 1)
    assert statuses(rollout) == {"cancelled": 1, "succeeded": 1}


STEPS = {
    "start": lambda rollout: start_rollout(rollout=rollout, at=NOON),
    "pause": lambda rollout: pause_rollout(rollout=rollout, reason="", at=NOON),
    "resume": lambda rollout: resume_rollout(rollout=rollout, at=NOON),
    "cancel": lambda rollout: cancel_rollout(rollout=rollout, at=NOON),
    "retry": lambda rollout: retry_rollout(rollout=rollout, at=NOON),
}


@pytest.mark.parametrize(
    ("status", "refused"),
    [
        ("draft", ["pause", "resume", "retry"]),
        ("running", ["start", "resume", "retry"]),  # nothing has failed
        ("paused", ["start", "pause", "retry"]),
        ("completed", ["start", "pause", "resume", "cancel", "retry"]),
        ("cancelled", ["start", "pause", "resume", "cancel", "retry"]),
    ],
)
def test_a_step_that_does_not_fit_is_refused(status, refused):
    rollout = make_rollout(devices=make_plant(1))
    Rollout.objects.filter(pk=rollout.pk).update(status=status)

    for name in refused:
        with pytest.raises(RolloutMovedOn):
            STEPS[name](rollout)
    assert get_rollout(rollout.pk).status == status


@pytest.mark.parametrize("name", STEPS)
def test_a_rollout_that_is_gone_cannot_be_changed(name):
    rollout = make_rollout(devices=make_plant(1))
    Rollout.objects.all().delete()
    rollout.pk = 987

    with pytest.raises(RolloutUnknown):
        STEPS[name](rollout)


# Withdrawn


def test_withdrawing_the_version_pauses_its_rollouts_and_none_resumes():
    rollout = begin(50, 100, devices=make_plant(4))
    withdraw_firmware(
        firmware=rollout.firmware, because="bricks pumps", by=make_user(role="technician"), at=NOON
    )

    rollout = advance(rollout)

    assert (rollout.status, rollout.paused_because) == ("paused", "Version 2.0.0 was withdrawn: bricks pumps")
    assert statuses(rollout) == {"cancelled": 2, "planned": 2}
    with pytest.raises(FirmwareIsWithdrawn):
        resume_rollout(rollout=rollout, at=NOON)
    with pytest.raises(FirmwareIsWithdrawn):
        make_rollout(devices=make_plant(1, prefix="more"), firmware=rollout.firmware)


def test_a_version_that_no_device_can_take_any_more_pauses_it_and_skips_nobody(settings):
    rollout = begin(50, 100, devices=make_plant(4))
    settings.FIRMWARE_REQUIRE_SIGNATURE = True
    report(rollout)

    rollout = advance(rollout)

    assert (rollout.status, rollout.paused_because) == ("paused", "Version 2.0.0 is not signed.")
    assert statuses(rollout) == {"succeeded": 2, "planned": 2}


# Continuous


def test_who_comes_to_match_later_joins_the_last_wave_of_a_continuous_rollout():
    devices = make_plant(4, zones=("Hall 1",))
    rollout = begin(50, 100, filter="zone = 'Hall 1'", continuous=True)
    late = make_device(zone="Hall 1", firmware_version="1.0.0")
    make_device(zone="Hall 1", type="gateway")
    make_device(zone="Hall 2")

    take_in_newcomers(at=LATER)
    take_in_newcomers(at=LATER)

    assert len(devices) == 4
    assert Counter(wave for (wave,) in places(rollout, "wave")) == {1: 2, 2: 3}
    assert dict(places(rollout, "device_id", "wave"))[late.pk] == 2


def test_a_continuous_rollout_goes_on_when_all_have_it_and_takes_newcomers_at_once():
    group = make_group(devices=make_plant(1))
    rollout = begin(group=group, continuous=True)
    report(rollout)
    assert state(advance(rollout)) == ("running", 1)

    add_devices(group=group, device_ids=[make_device(firmware_version="1.0.0").pk], at=LATER)
    take_in_newcomers(at=LATER)
    advance(rollout, at=LATER)

    assert statuses(rollout) == {"succeeded": 1, "deploying": 1}


def test_one_that_was_left_out_joins_when_it_can_take_part():
    group = make_group(devices=[make_device(), odd := make_device(type="gateway")])
    rollout = begin(group=group, continuous=True)
    assert statuses(rollout) == {"deploying": 1, "skipped": 1}

    Device.objects.filter(pk=odd.pk).update(type="sensor")
    take_in_newcomers(at=LATER)

    assert statuses(rollout) == {"deploying": 1, "planned": 1}


# Tried again by other ways


def test_a_retry_leaves_alone_what_is_tried_again_by_hand_already():
    rollout = begin(devices=make_plant(3))
    by_hand, other, _ = under_way(rollout)
    report(rollout, "failed", devices=[by_hand, other])
    again = retry_deployment(deployment=Deployment.objects.get(device=by_hand), at=LATER)

    rollout = advance(retry_rollout(rollout=rollout, at=LATER), at=LATER)

    assert dict(places(rollout, "device_id", "deployment_id"))[by_hand] == again.pk
    assert statuses(rollout) == {"deploying": 3}
    report(rollout, at=LATER)
    assert statuses(advance(rollout, at=LATER)) == {"succeeded": 3}


def test_a_device_that_failed_and_runs_the_version_by_now_has_succeeded():
    rollout = begin(devices=make_plant(2))
    late, other = under_way(rollout)
    report(rollout, "failed", devices=[late])
    report(rollout, devices=[other])
    Device.objects.filter(pk=late).update(firmware_version=rollout.firmware.version)

    rollout = advance(retry_rollout(rollout=rollout, at=LATER), at=LATER)

    assert (rollout.status, statuses(rollout)) == ("completed", {"succeeded": 2})


def test_withdrawing_pauses_at_once_before_any_next_step():
    rollout = begin(50, 100, devices=make_plant(4))
    withdraw_firmware(
        firmware=rollout.firmware, because="bricks pumps", by=make_user(role="technician"), at=LATER
    )
    rollout.refresh_from_db()
    assert (rollout.status, rollout.paused_because) == ("paused", "Version 2.0.0 was withdrawn: bricks pumps")
