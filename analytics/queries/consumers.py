"""Which devices take most of the energy, those with it that another meter measures as well."""

from dataclasses import dataclass

from analytics.energy.meters import counted_once
from analytics.queries.energy_view import energy_of_each
from analytics.queries.machines import names_of
from analytics.queries.meters import Scope, meters_of


@dataclass(frozen=True, slots=True)
class Consumer:
    """`share` is of what all together took; `within` names the meter that measures it as well."""

    device_id: int
    name: str
    metric: str
    kwh: float
    share: float | None
    within: str


def largest_consumers(scope: Scope, *, start: int, end: int, limit: int) -> tuple[list[Consumer], int]:
    """The devices that took most in [start, end), ms, and of how many anything is known."""
    meters = meters_of(scope.device_ids)
    kwh = energy_of_each(meters, start=start, end=end)
    whole = sum(kwh.get(device_id, 0.0) for device_id in counted_once(meters))
    largest = sorted(kwh, key=lambda device_id: (-kwh[device_id], device_id))[:limit]
    above = {meters[device_id].measured_by or 0 for device_id in largest} & meters.keys()
    names = names_of({*largest, *above})
    found = [
        Consumer(
            device_id,
            names.get(device_id, ""),
            meters[device_id].metric_at(end),
            kwh[device_id],
            kwh[device_id] / whole if whole > 0 else None,
            names.get(meters[device_id].measured_by or 0, ""),
        )
        for device_id in largest
    ]
    return found, len(kwh)
