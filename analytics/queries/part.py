"""What of the plant a screen is about: all of it, a zone, or a group."""

from dataclasses import dataclass
from typing import TypedDict

from analytics.queries.meters import Scope, scope_of
from devices.models import Device
from grouping.models import Group
from grouping.queries import members_of


class Narrowed(TypedDict):
    zone: str
    group_id: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """`device_ids` None: every device."""

    zone: str = ""
    group: Group | None = None
    device_ids: frozenset[int] | None = None

    @property
    def name(self) -> str:
        """Empty for the plant as a whole."""
        return self.group.name if self.group else self.zone

    @property
    def narrowed(self) -> Narrowed:
        """As lists of alerts take it."""
        return {"zone": self.zone, "group_id": self.group.pk if self.group else None}

    def has(self, device_id: int | None, zone: str) -> bool:
        """Whether something about a device, or about a zone as such, belongs here."""
        if self.device_ids is None:
            return True
        if device_id is None:
            return bool(self.zone) and zone == self.zone
        return device_id in self.device_ids


WHOLE = Part()


def part_of(*, zone: str = "", group: Group | None = None) -> Part:
    """The devices that stand in a zone or are in a group now."""
    if group is not None:
        return Part(group=group, device_ids=frozenset(members_of(group_id=group.pk)))
    if zone:
        inside = Device.objects.filter(zone=zone).values_list("pk", flat=True)
        return Part(zone=zone, device_ids=frozenset(inside))
    return WHOLE


def energy_scope(part: Part) -> Scope:
    """Whose energy that is."""
    if part.group is not None:
        return scope_of(group_id=part.group.pk)
    return scope_of(device_ids=None if part.device_ids is None else sorted(part.device_ids))
