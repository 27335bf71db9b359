"""Take a message in on behalf of a device or a person: the one way from every door to the group commit."""

import time
from functools import partial
from typing import Any

from django.conf import settings

from devices.identity import DevicePrincipal
from devices.queries import find_device
from factory.draining import on_drain
from factory.errors import Forbidden, InvalidInput
from telemetry.acks import newest_of
from telemetry.batch import STORED, Outcome
from telemetry.door import Refusal, Resolve, TimeLimits, open_door
from telemetry.ingest import BACKLOG_AGE_MS, GroupCommit
from telemetry.services import store_readings
from telemetry.versions_said import versions_said

DRAIN_SECONDS = 6.0

committer = GroupCommit(store_readings)
on_drain(partial(committer.drain, timeout=DRAIN_SECONDS))


class ForeignDevice(Forbidden):
    """A device speaks for itself only."""


def receive(*, message: Any, principal: Any) -> dict[str, Any]:
    """Store one decoded message, wait for its commit, and say what became of each item.

    A device speaks for itself only: another id at the top of its message is refused whole, in an
    item it costs that item. A person names the device.
    """
    resolve = own_only(principal, message) if isinstance(principal, DevicePrincipal) else _named()
    delivery = open_door(message, resolve=resolve, limits=limits_now())
    outcomes = committer.submit(delivery.samples)
    if isinstance(principal, DevicePrincipal) and newest_of(delivery.samples) >= _present():
        versions_said.hear(principal.device_id, message)
    rejected = delivery.rejected
    accepted, duplicates = outcomes.count(Outcome.ACCEPTED), outcomes.count(Outcome.DUPLICATE)
    if not accepted + duplicates:
        field, _, reason = outcomes[0].value.partition(": ")
        raise InvalidInput.at(field, reason)
    if accepted + duplicates < len(outcomes):
        rejected = rejected + [
            {"index": place, "reason": outcome.value}
            for place, outcome in zip(delivery.places, outcomes, strict=True)
            if outcome not in STORED
        ]
    return {
        "success": True,
        "accepted": accepted,
        "duplicates": duplicates,
        "rejected": sorted(rejected, key=lambda item: item["index"]),
    }


def _present() -> int:
    """Since when a reading is one of now, and none of a backlog."""
    return time.time_ns() // 1_000_000 - BACKLOG_AGE_MS


def limits_now() -> TimeLimits:
    """Between which times a reading that arrives now may lie."""
    return TimeLimits.at(
        time.time_ns() // 1_000_000,
        retention_days=settings.READINGS_RETENTION_DAYS,
        future_seconds=settings.READINGS_FUTURE_SECONDS,
    )


def own_only(principal: DevicePrincipal, message: Any) -> Resolve:
    """What a device may say of whom its readings are: itself, or nothing."""
    if isinstance(message, dict) and not _is_own(message.get("deviceId"), principal):
        raise ForeignDevice("deviceId: this token belongs to another device.")

    def resolve(reference: Any) -> int:
        if not _is_own(reference, principal):
            raise Refusal("deviceId", "this token belongs to another device")
        return principal.device_id

    return resolve


def _is_own(reference: Any, principal: DevicePrincipal) -> bool:
    if type(reference) is int:
        return reference == principal.device_id
    return reference is None or reference == principal.external_id


def _named() -> Resolve:
    known: dict[int | str, int] = {}

    def resolve(reference: Any) -> int:
        if type(reference) is not int and type(reference) is not str:
            raise Refusal("deviceId", "is missing: give the integer id or the string device id")
        if reference not in known:
            device = find_device(reference) if reference != "" and _fits(reference) else None
            if device is None:
                raise Refusal("deviceId", "there is no such device")
            known[reference] = device.pk
        return known[reference]

    return resolve


def _fits(reference: int | str) -> bool:
    return len(reference) <= 64 if isinstance(reference, str) else 0 < reference < 2**63
