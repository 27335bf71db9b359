"""One version for many devices, in waves: planning and starting. What follows is in `rollout_steps`, `advancing`."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from devices.filtering import parse_filter
from devices.models import Device
from devices.queries import DeviceUnknown
from factory.accounts.models import User
from factory.errors import InvalidInput, PreconditionFailed
from factory.retrying import again_after_deadlock
from factory.said import retold
from grouping.models import BatchOperation
from grouping.operations import Failed
from grouping.queries import get_group, group_tree
from grouping.services import lock_groups, settle_items
from grouping.services.filters import refresh_members
from ota.models import Firmware, Rollout, RolloutDevice
from ota.queries.rollouts import LEFT_OUT, Member, members_for, targeted
from ota.services.rollout_guards import hold_rollout, refuse, refuse_withdrawn
from ota.services.rollout_news import look_after
from ota.waves import LONGEST_HEALTH, check_waves, checked_window, spread, wave_of_each, wave_sizes

Status = Rollout.Status
Place = RolloutDevice.Status
ROWS_AT_ONCE = 1000
AT_ONCE = 500
ATTEMPTS = 3
REASON_LENGTH = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a rollout goes on: its waves, and what is asked of them. Refused by `check` where it cannot be meant."""

    waves: Sequence[int] | None = None  # percents
    wave_counts: Sequence[int] | None = None
    success_threshold: int
    failure_threshold: int
    max_parallel: int | None = None
    window: dict[str, Any] | None = None
    health_seconds: int = 0

    def check(self) -> dict[str, Any]:
        """The fields of a rollout that keep it."""
        check_waves(self.waves, self.wave_counts)
        _check_number("successThreshold", self.success_threshold, 0, 100)
        _check_number("failureThreshold", self.failure_threshold, 0, 100)
        _check_number("healthSeconds", self.health_seconds, 0, LONGEST_HEALTH)
        if self.max_parallel is not None:
            _check_number("maxParallel", self.max_parallel, 1, 1_000_000)
        return {
            "waves": list(self.waves or ()),
            "wave_counts": None if self.wave_counts is None else list(self.wave_counts),
            "success_threshold": self.success_threshold,
            "failure_threshold": self.failure_threshold,
            "max_parallel": self.max_parallel,
            "window": checked_window(self.window),
            "health_seconds": self.health_seconds,
        }


def _check_number(name: str, value: Any, low: int, high: int) -> None:
    if type(value) is not int or not low <= value <= high:
        raise InvalidInput.at(
            name, gettext("must be a whole number from %(low)s to %(high)s") % {"low": low, "high": high}
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whom a rollout is for: exactly one of the three."""

    device_ids: Sequence[int] | None = None
    group_id: int | None = None
    filter: str | None = None

    def check(self) -> None:
        if sum(part is not None for part in (self.device_ids, self.group_id, self.filter)) != 1:
            raise InvalidInput(gettext("Name exactly one of deviceIds, groupId and filter."))
        if self.device_ids is not None and not self.device_ids:
            raise InvalidInput.at("deviceIds", gettext("must name at least one device"))
        if self.group_id is not None:
            get_group(self.group_id)
        if self.filter is not None:
            parse_filter(self.filter)


@dataclass(frozen=True, slots=True)
class RolloutPreview:
    """Whom a rollout would reach in which wave, and whom not and why, as things are now."""

    sizes: list[int]
    members: list[tuple[Member, int]] = field(repr=False)  # with their wave, in the order of their turns
    excluded: list[Member] = field(repr=False)

    @property
    def offline(self) -> int:
        """They follow when they are back."""
        return sum(member.is_offline for member, _ in self.members)


def preview_rollout(*, firmware: Firmware, target: Target, pace: Pace, at: datetime) -> RolloutPreview:
    """What a rollout would do, without doing it."""
    target.check()
    kept = pace.check()
    ids = targeted(device_ids=target.device_ids, group_id=target.group_id, filter=target.filter)
    members = members_for(firmware=firmware, device_ids=ids, at=at)
    _refuse_unknown(target, members)
    by_id = {member.device_id: member for member in members if not member.why_not}
    waves, sizes = _planned(by_id.values(), kept["waves"], kept["wave_counts"])
    return RolloutPreview(
        sizes=sizes,
        members=[(by_id[device_id], wave) for device_id, wave in waves.items()],
        excluded=[member for member in members if member.why_not],
    )


def _planned(
    members: Collection[Member], percents: Sequence[int], counts: Sequence[int] | None
) -> tuple[dict[int, int], list[int]]:
    """({device: its wave} in the order of their turns, the sizes of the waves)."""
    sizes = wave_sizes(len(members), percents=percents, counts=counts)
    order = spread((member.device_id, member.zone) for member in members)
    return wave_of_each(order, sizes), sizes


def _refuse_unknown(target: Target, members: Iterable[Member]) -> None:
    missing = set(target.device_ids or ()) - {member.device_id for member in members}
    if missing:
        raise DeviceUnknown(gettext("There is no device %(id)s.") % {"id": min(missing)})


def create_rollout(
    *,
    name: str,
    firmware: Firmware,
    target: Target,
    pace: Pace,
    at: datetime,
    by: User | None = None,
    is_continuous: bool = False,
) -> Rollout:
    """Plan a rollout. Nothing happens before it is started."""
    if not 0 < len(name.strip()) <= 120:
        raise InvalidInput.at("name", gettext("must be a text of 1 to 120 characters"))
    target.check()
    if is_continuous and target.device_ids is not None:
        raise InvalidInput.at(
            "continuous", gettext("nobody comes to match later where devices are named one by one")
        )
    kept = pace.check()
    refuse_withdrawn(firmware)
    with transaction.atomic():
        if target.group_id is not None:
            lock_groups()
            get_group(target.group_id)  # it may have gone meanwhile
        rollout = Rollout.objects.create(
            name=name.strip(),
            firmware=firmware,
            group_id=target.group_id,
            filter=target.filter or "",
            is_continuous=is_continuous,
            created_by=by,
            created_at=at,
            **kept,
        )
        if target.device_ids is not None:
            _keep_picked(rollout, target, at=at)
    return rollout


def _keep_picked(rollout: Rollout, target: Target, *, at: datetime) -> None:
    """Who was picked is kept as places without a wave until it starts."""
    lock_groups()  # as whoever deletes devices does: none goes while its row is being made
    members = members_for(firmware=rollout.firmware, device_ids=target.device_ids or (), at=at)
    _refuse_unknown(target, members)
    _make_places(rollout, members, {}, at=at)


def _make_places(rollout: Rollout, members: Iterable[Member], waves: dict[int, int], *, at: datetime) -> None:
    """Their rows in the order of their turns; whoever has no wave is left out, with the reason."""
    by_id = {member.device_id: member for member in members}
    left_out = [device_id for device_id in by_id if device_id not in waves]
    RolloutDevice.objects.bulk_create(
        (
            RolloutDevice(
                rollout=rollout,
                device_id=device_id,
                device_name=by_id[device_id].name,
                wave=waves.get(device_id, LEFT_OUT),
                status=Place.SKIPPED if by_id[device_id].why_not else Place.PLANNED,
                reason=by_id[device_id].why_not[:REASON_LENGTH],
                updated_at=at,
            )
            for device_id in [*waves, *left_out]
        ),
        batch_size=ROWS_AT_ONCE,
    )


# Starting


def start_rollout(*, rollout: Rollout, at: datetime) -> Rollout:
    """Begin with the first wave; who is in it is settled now."""
    for attempt in range(1, ATTEMPTS + 1):
        if rollout.group_id is not None:
            _look_for_members(rollout.group_id, at=at)
        try:
            again_after_deadlock(partial(_start, rollout.pk, at))
            break
        except IntegrityError:  # a device was deleted meanwhile
            if attempt == ATTEMPTS:
                raise
    rollout.refresh_from_db()
    return rollout


def _look_for_members(group_id: int, *, at: datetime) -> None:
    """Have the filters of the group, and of those inside it, asked once more."""
    tree = group_tree()
    if group_id in tree:
        refresh_members(group_ids=tree.within(group_id), at=at)


@transaction.atomic
def _start(rollout_id: int, at: datetime) -> None:
    lock_groups()  # none of its devices is deleted meanwhile
    rollout = hold_rollout(rollout_id)
    if rollout.status != Status.DRAFT:
        refuse(rollout, gettext("only one that has not begun can be started"))
    refuse_withdrawn(rollout.firmware)
    picked = rollout.places.filter(device__isnull=False)
    if rollout.group_id is not None or rollout.filter:
        ids = targeted(group_id=rollout.group_id, filter=rollout.filter)
    else:
        ids = list(picked.order_by("device_id").values_list("device_id", flat=True))
    members = members_for(firmware=rollout.firmware, device_ids=ids, at=at)
    fit = [member for member in members if not member.why_not]
    if not fit and not rollout.is_continuous:
        if not members:
            raise PreconditionFailed(gettext("No device can take part"))
        reason = {"reason": retold(members[0].why_not)}
        raise PreconditionFailed(gettext("No device can take part: %(reason)s") % reason)
    rollout.places.all().delete()
    waves, _ = _planned(fit, rollout.waves, rollout.wave_counts)
    _make_places(rollout, members, waves, at=at)
    _set_going(rollout, at=at)


def _set_going(rollout: Rollout, *, at: datetime) -> None:
    Rollout.objects.filter(pk=rollout.pk).update(status=Status.RUNNING, current_wave=1, started_at=at)
    look_after([rollout.pk], at=at)


def start_for_batch(
    *, batch: BatchOperation, device_ids: Iterable[int], firmware: Firmware, pace: Pace, at: datetime
) -> Rollout:
    """Begin a rollout for the devices of a batch, which hears what becomes of them."""
    rollout = Rollout.objects.create(
        name=f"Batch operation {batch.pk}",
        firmware=firmware,
        batch=batch,
        created_by=batch.created_by,
        created_at=at,
        **pace.check(),
    )
    members = members_for(firmware=firmware, device_ids=device_ids, at=at)
    waves, _ = _planned([m for m in members if not m.why_not], rollout.waves, rollout.wave_counts)
    _make_places(rollout, members, waves, at=at)
    # What changed since the batch looked at them itself.
    left_out = {member.device_id: Failed(member.why_not) for member in members if member.why_not}
    settle_items(batch_id=batch.pk, outcomes=left_out, at=at)
    _set_going(rollout, at=at)
    return rollout


def take_in(*, rollout_id: int, at: datetime) -> int:
    """Whom the target of a continuous rollout finds by now joins its last wave; returns how many."""
    rollout = Rollout.objects.select_related("firmware").get(pk=rollout_id)
    if rollout.group_id is not None:
        _look_for_members(rollout.group_id, at=at)
    found = set(targeted(group_id=rollout.group_id, filter=rollout.filter)) - _members_of(rollout)
    members = members_for(firmware=rollout.firmware, device_ids=found, at=at)
    fit = [member for member in members if not member.why_not]
    return again_after_deadlock(partial(_join, rollout_id, fit, at)) if fit else 0


@transaction.atomic
def _join(rollout_id: int, newcomers: Sequence[Member], at: datetime) -> int:
    lock_groups()  # none of them is deleted meanwhile
    rollout = hold_rollout(rollout_id)
    if rollout.status != Status.RUNNING:
        return 0
    there = set(
        Device.objects.filter(pk__in=[each.device_id for each in newcomers]).values_list("pk", flat=True)
    )
    those = {each.device_id: each for each in newcomers if each.device_id in there - _members_of(rollout)}
    # They were left out when it began, and can take part by now.
    rollout.places.filter(wave=LEFT_OUT, device_id__in=list(those)).delete()
    order = spread((each.device_id, each.zone) for each in those.values())
    last = len(wave_sizes(0, percents=rollout.waves, counts=rollout.wave_counts))
    _make_places(rollout, those.values(), dict.fromkeys(order, last), at=at)
    look_after([rollout_id], at=at)
    return len(those)


def _members_of(rollout: Rollout) -> set[int | None]:
    return set(rollout.places.filter(wave__gt=LEFT_OUT).values_list("device_id", flat=True))
