"""How the tests of rollouts have devices answer, and what they look at."""

from collections import Counter

from devices.models import Device
from factory.errors import DomainError
from ota.models import Deployment, RolloutDevice
from ota.queries.rollouts import counts_by_wave, get_rollout, in_all
from ota.services.advancing import advance_rollouts
from ota.services.hearing import UpdateWord, hear_update_statuses
from ota.services.rollouts import Pace, Target, create_rollout, start_rollout
from tests.builders import NOON, make_firmware

ROWS_AT_ONCE = 1000


def make_plant(devices, *, prefix="unit", zones=("",), version="1.0.0", **properties):
    """So many sensors, made in bulk."""
    Device.objects.bulk_create(
        (
            Device(
                external_id=f"{prefix}-{number}",
                name=f"{prefix} {number:05}",
                type="sensor",
                zone=zones[number * len(zones) // devices],  # one after the other, as they are installed
                firmware_version=version,
                **properties,
            )
            for number in range(devices)
        ),
        batch_size=ROWS_AT_ONCE,
    )
    return list(Device.objects.filter(external_id__startswith=f"{prefix}-").order_by("pk"))


def pace(*waves, success=0, failure=100, **others):
    return Pace(
        waves=None if "wave_counts" in others else (list(waves) or [100]),
        success_threshold=success,
        failure_threshold=failure,
        **others,
    )


def make_rollout(*waves, devices=None, group=None, filter=None, firmware=None, by=None, at=NOON, **others):
    continuous = others.pop("continuous", False)
    target = Target(
        device_ids=None if devices is None else [device.pk for device in devices],
        group_id=group.pk if group else None,
        filter=filter,
    )
    return create_rollout(
        name=others.pop("name", "Spring"),
        firmware=firmware or make_firmware(version="2.0.0"),
        target=target,
        pace=pace(*waves, **others),
        is_continuous=continuous,
        by=by,
        at=at,
    )


def begin(*waves, at=NOON, **others):
    """A rollout that has been started, and its first updates begun."""
    rollout = start_rollout(rollout=make_rollout(*waves, at=at, **others), at=at)
    return advance(rollout, at=at)


def advance(rollout, *, at=NOON):
    advance_rollouts(at=at)
    return get_rollout(rollout.pk)


def under_way(rollout):
    """The devices that are on their way, in the order of their turns."""
    return list(
        RolloutDevice.objects.filter(rollout=rollout, status="deploying", device__isnull=False)
        .order_by("wave", "pk")
        .values_list("device_id", flat=True)
    )


def report(rollout, status="completed", *, devices=None, at=NOON, said=""):
    """These devices (all that are on their way, unless named) end their update."""
    active = Deployment.objects.active().filter(rollout=rollout).select_related("firmware").order_by("pk")
    if devices is not None:
        active = active.filter(device_id__in=devices)
    found = list(active)
    for start in range(0, len(found), ROWS_AT_ONCE):
        part = found[start : start + ROWS_AT_ONCE]
        _say([UpdateWord(each.device_id, each.pk, "downloading") for each in part], at=at)
        _say(
            [
                UpdateWord(each.device_id, each.pk, status, error_message=said if status == "failed" else "")
                for each in part
            ],
            at=at,
        )
    return len(found)


def _say(words, *, at):
    for told in hear_update_statuses(words=words, at=at):
        assert not isinstance(told, DomainError), told


def statuses(rollout):
    """{status: devices}, adding up to all of them."""
    counts = in_all(counts_by_wave([rollout.pk])[rollout.pk])
    found = Counter(RolloutDevice.objects.filter(rollout=rollout).values_list("status", flat=True))
    assert {name: getattr(counts, name) for name in found} == found
    assert counts.total == found.total()
    return dict(found)


def places(rollout, *fields):
    return list(RolloutDevice.objects.filter(rollout=rollout).order_by("device_id").values_list(*fields))


def state(rollout):
    found = get_rollout(rollout.pk)
    return found.status, found.current_wave
