"""How the energy of devices is measured, and which of them count where many are added up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any

from analytics.energy.meters import EVER, NEVER, Meter, chains, counted_once, counter_among, power_among
from analytics.models import EnergyMeter, EnergyPrice
from analytics.models.energy import PLANT
from devices.models import Device
from grouping.queries import members_of
from telemetry.metrics import Metric
from telemetry.queries import latest_values
from telemetry.rules import metric_for

NOBODY_SAID = (None, None, None, False, "", "")


@dataclass(frozen=True)
class Scope:
    """Whose energy: the plant's, a group's, or that of some devices (then it has no number)."""

    device_ids: list[int]
    number: int | None = None


def scope_of(*, group_id: int | None = None, device_ids: Sequence[int] | None = None) -> Scope:
    """All devices, those out of service with their history too, unless a group or some devices are asked for."""
    if device_ids is not None:
        return Scope(list(device_ids))
    if group_id is not None:
        return Scope(members_of(group_id=group_id), group_id)
    return Scope(list(Device.objects.order_by("pk").values_list("pk", flat=True)), PLANT)


def meters_of(device_ids: Sequence[int]) -> dict[int, Meter]:
    """{device: how its energy is told} of those that tell any."""
    ids = list(device_ids)
    columns = ("counter_since", "measured_by_id", "begins_at", "is_chosen", "counter_metric", "power_metric")
    rows = EnergyMeter.objects.filter(pk__in=ids).values_list("pk", *columns)
    known = {pk: values for pk, *values in rows}
    latest = latest_values(device_ids=ids)
    out = Device.objects.filter(deactivated_at__isnull=False).values_list("pk", "deactivated_at")
    gone = {pk: _ms(at) for pk, at in out if at is not None}
    rules = rules_by_key()
    above = chains(_followed({**dict.fromkeys(ids), **{pk: values[1] for pk, values in known.items()}}))
    found = {}
    for device_id in ids:
        since, measured_by, begins_at, is_chosen, counter, power = known.get(device_id, NOBODY_SAID)
        names = latest.get(device_id, {})
        if not is_chosen:
            counter, power = counter or counter_among(names, rules), power_among(names, rules)
        if counter or power:
            found[device_id] = Meter(
                device_id,
                counter,
                power,
                EVER if since is None else since,
                measured_by,
                above.get(device_id, frozenset()),
                EVER if begins_at is None else begins_at,
                gone.get(device_id, NEVER),
            )
    return found


def _followed(measured_by: dict[int, int | None]) -> dict[int, int]:
    """Without those that nothing measures, and up to what lies outside of what is asked about."""
    while beyond := {above for above in measured_by.values() if above is not None} - measured_by.keys():
        rows = EnergyMeter.objects.filter(pk__in=beyond).values_list("pk", "measured_by_id")
        measured_by = {**measured_by, **dict.fromkeys(beyond), **dict(rows)}
    return {device_id: above for device_id, above in measured_by.items() if above is not None}


def meters_above() -> dict[int, frozenset[int]]:
    """{device: all meters that measure it as well} of the whole plant."""
    rows = EnergyMeter.objects.exclude(measured_by=None)
    return chains(dict(rows.values_list("device_id", "measured_by_id")))


class _Rules(dict[str, Metric]):
    def __missing__(self, key: str) -> Metric:
        self[key] = metric_for(key)
        return self[key]


def rules_by_key() -> dict[str, Metric]:
    """The rule of any metric, looked up once."""
    return _Rules()


def made_of(meters: Iterable[Meter]) -> str:
    """A mark of what a sum of energy is made of: another one when a device, its metrics or their units are others."""
    unit = cache(lambda metric: (metric_for(metric).unit, metric_for(metric).kind) if metric else None)
    parts = sorted(
        (
            meter.device_id,
            meter.counter,
            meter.power,
            meter.counter_since,
            unit(meter.counter),
            unit(meter.power),
        )
        for meter in meters
    )
    return sha256(repr(parts).encode()).hexdigest()


def counted_meters(scope: Scope) -> dict[int, Meter]:
    """The meters of a scope that count in its sum: none that another one of it measures as well."""
    return counted_once(meters_of(scope.device_ids))


def meter_rows(scope: Scope) -> list[dict[str, Any]]:
    """The meters of a scope, and the devices of which a person has said something, in order of their names."""
    meters = meters_of(scope.device_ids)
    rows = EnergyMeter.objects.in_bulk(scope.device_ids)
    names = Device.objects.filter(pk__in={*meters, *rows}).order_by("name", "pk").values_list("pk", "name")
    return [
        {
            "device_id": pk,
            "name": name,
            "counter_metric": meters[pk].counter or None if pk in meters else None,
            "power_metric": meters[pk].power or None if pk in meters else None,
            "counter_since": rows[pk].counter_since if pk in rows else None,
            "measured_by": rows[pk].measured_by_id if pk in rows else None,
            "chosen": pk in rows and rows[pk].is_chosen,
        }
        for pk, name in names
    ]


def energy_price() -> EnergyPrice:
    return EnergyPrice.objects.first() or EnergyPrice()


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
