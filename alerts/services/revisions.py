"""Many thresholds at once: shown first, then written exactly as they were shown, or not at all.

A revision is a list of steps. Each knows how its threshold was when it was shown, so that nobody's later
change is overwritten unseen.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from alerts.models import Threshold
from alerts.queries.thresholds import thresholds_at
from alerts.scopes import DEFAULTS, FIELDS, Place, Scope, problems_of, values_of
from alerts.services.thresholds import hold, put_thresholds
from devices.models import Device
from factory.accounts.models import User
from factory.errors import Conflict, InvalidInput
from grouping.models import Group

MOST_STEPS = 10_000
NAMED = 3  # of those that moved, in a refusal

Wanted = tuple[Scope, str, dict[str, Any]]  # scope, metric, values


class RevisionTooLarge(InvalidInput):
    """More thresholds than anybody looks through at once."""


class RevisionStale(Conflict):
    """Somebody changed what was shown. Nothing was written."""


@dataclass(frozen=True, slots=True)
class Step:
    """One threshold as it was when it was shown (None: there was none), and what is wanted of it."""

    scope: Scope
    metric: str
    wanted: dict[str, Any]
    before: dict[str, Any] | None

    @property
    def place(self) -> Place:
        return self.scope.place(self.metric)

    @property
    def after(self) -> dict[str, Any]:
        return {**(self.before or DEFAULTS), **self.wanted}

    @property
    def threshold(self) -> Threshold:
        """As it would be; not saved."""
        return Threshold(**self.scope.columns(), metric=self.metric, **self.after)

    @property
    def differences(self) -> dict[str, tuple[Any, Any]]:
        """{field: (before, after)}; of a new one against what is usual."""
        before, after = self.before or DEFAULTS, self.after
        return {name: (before[name], after[name]) for name in FIELDS if before[name] != after[name]}

    @property
    def is_new(self) -> bool:
        return self.before is None

    @property
    def is_same(self) -> bool:
        return self.before is not None and not self.differences

    def problems(self) -> dict[str, str]:
        """{wire name of a field: reason} why it cannot be meant."""
        return problems_of(self.threshold)


def revise(wanted: Sequence[Wanted]) -> list[Step]:
    """What it would mean to have these expectations, as things are now."""
    if len(wanted) > MOST_STEPS:
        raise RevisionTooLarge(
            gettext("These are %(count)s thresholds; at most %(most)s at once.")
            % {"count": len(wanted), "most": MOST_STEPS}
        )
    present = _values_at([scope.place(metric) for scope, metric, _ in wanted])
    return [Step(scope, metric, values, present.get(scope.place(metric))) for scope, metric, values in wanted]


@transaction.atomic
def carry_out(*, steps: Sequence[Step], by: User | None, at: datetime) -> tuple[int, int]:
    """Write what was shown: (made, changed). Refuses when anything of it is not as it was shown."""
    hold(step.scope for step in steps)
    present = _values_at([step.place for step in steps], lock=True)
    moved = [step for step in steps if present.get(step.place) != step.before]
    if moved:
        names = "; ".join(str(step.threshold) for step in moved[:NAMED])
        if len(moved) > NAMED:
            names = gettext("%(names)s and %(count)s more") % {"names": names, "count": len(moved) - NAMED}
        raise RevisionStale(
            gettext("Changed by somebody since it was shown: %(names)s. Nothing was written.")
            % {"names": names}
        )
    wanted = [(step.scope, step.metric, step.wanted) for step in steps]
    return put_thresholds(wanted=wanted, by=by, at=at)


def _values_at(places: Sequence[Place], *, lock: bool = False) -> dict[Place, dict[str, Any]]:
    return {place: values_of(threshold) for place, threshold in thresholds_at(places, lock=lock).items()}


# To be kept between two requests


def packed(steps: Iterable[Step]) -> list[list[Any]]:
    """The steps as plain values."""
    return [
        [*step.place, step.wanted, step.before and [step.before[name] for name in FIELDS]] for step in steps
    ]


def unpacked(rows: Iterable[Sequence[Any]]) -> list[Step]:
    """The steps again; refuses when a device or a group is gone meanwhile."""
    rows = list(rows)
    devices = Device.objects.in_bulk({row[0] for row in rows if row[0] is not None})
    groups = Group.objects.in_bulk({row[1] for row in rows if row[1] is not None})
    steps = []
    for device_id, group_id, device_type, metric, wanted, before in rows:
        if (device_id is not None and device_id not in devices) or (
            group_id is not None and group_id not in groups
        ):
            if device_id is None:
                words = gettext("Group %(id)s was deleted since it was shown. Nothing was written.")
            else:
                words = gettext("Device %(id)s was deleted since it was shown. Nothing was written.")
            raise RevisionStale(words % {"id": group_id if device_id is None else device_id})
        scope = Scope(devices.get(device_id), groups.get(group_id), device_type)
        values = before and dict(zip(FIELDS, before, strict=True))
        steps.append(Step(scope, metric, wanted, values))
    return steps
