"""Meters as their set-up pages show them, and the exchanges of counters that were noted."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from analytics.energy.meters import COUNTED, INTEGRATED
from analytics.models import EnergyMeter
from analytics.queries.machine_pages import Reported, reported_by
from analytics.queries.meters import Scope, meter_rows, meters_of
from devices.models import Device
from devices.queries import devices_matching
from telemetry.models import MeterExchange


@dataclass(frozen=True)
class MeterRow:
    """By what a device's energy is told, and which meter measures it as well."""

    device: Device
    counter: str
    power: str
    counter_since: int | None
    is_chosen: bool
    measured_by: Device | None


def metered(search: str = "") -> list[dict[str, Any]]:
    """The devices in service that tell their energy, or of which somebody has said how they do, by name."""
    devices = devices_matching(search=search or None)
    return meter_rows(Scope(list(devices.values_list("pk", flat=True))))


def meters_shown(rows: Iterable[dict[str, Any]]) -> list[MeterRow]:
    """A page of them."""
    shown = list(rows)
    wanted = {row["device_id"] for row in shown} | {row["measured_by"] for row in shown}
    devices = Device.objects.in_bulk(wanted - {None})
    return [
        MeterRow(
            devices[row["device_id"]],
            row["counter_metric"] or "",
            row["power_metric"] or "",
            row["counter_since"],
            row["chosen"],
            devices.get(row["measured_by"]),
        )
        for row in shown
        if row["device_id"] in devices
    ]


@dataclass
class MeterSetup:
    """One device as a meter: what was said of it, what tells its energy now, and the metrics that could."""

    device: Device
    row: EnergyMeter | None
    counter: str
    power: str
    counters: list[Reported]
    powers: list[Reported]

    @property
    def is_chosen(self) -> bool:
        return self.row is not None and self.row.is_chosen

    @property
    def counter_since(self) -> int | None:
        return self.row.counter_since if self.row else None

    @property
    def measured_by(self) -> Device | None:
        return self.row.measured_by if self.row else None


def meter_page(device: Device) -> MeterSetup:
    row = EnergyMeter.objects.select_related("measured_by").filter(device=device).first()
    meter = meters_of([device.pk]).get(device.pk)
    reported = reported_by(device.pk)
    return MeterSetup(
        device=device,
        row=row,
        counter=meter.counter if meter else "",
        power=meter.power if meter else "",
        counters=[one for one in reported if one.metric.is_counter and one.metric.unit in COUNTED],
        powers=[one for one in reported if not one.metric.is_counter and one.metric.unit in INTEGRATED],
    )


def exchanges_noted(*, device: Device | None = None) -> QuerySet[MeterExchange]:
    """Exchanges of counters with their devices and who noted them, the newest first."""
    found = MeterExchange.objects.select_related("device", "noted_by").order_by("-at", "-pk")
    return found.filter(device=device) if device else found


def counters_of(device_id: int) -> list[Reported]:
    """The counters that a device reports."""
    return [one for one in reported_by(device_id) if one.metric.is_counter]
