"""MTBF and MTTR: of machines by their stops, of other devices by their critical alerts."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from alerts.models import Alert
from analytics.models import MachineProfile
from analytics.oee.spans import Span, clipped, joined, length
from analytics.queries.downtime import downtime_in, reliability_of
from analytics.queries.machines import names_of
from analytics.queries.states import moment, ms
from devices.models import Device
from grouping.queries import members_of
from telemetry.days import check_range

FAILURES = (Alert.Type.THRESHOLD_EXCEEDED, Alert.Type.SYSTEM_ERROR, Alert.Type.MAINTENANCE_REQUIRED)


def reliability_rows(
    *, start: int, end: int, now: int, device_id: int | None = None, group_id: int | None = None
) -> list[dict[str, Any]]:
    """Of each device that failed or that is a machine, in [start, end), ms; the worst first."""
    check_range(start, end)
    devices = _devices(device_id, group_id)
    machines = set(MachineProfile.objects.filter(device_id__in=devices).values_list("device_id", flat=True))
    found = downtime_in(device_ids=sorted(machines), start=start, end=end, now=now)
    rows: list[dict[str, Any]] = [
        {
            "device_id": one.device_id,
            "failures": one.failures,
            "mtbf_seconds": one.mtbf_seconds,
            "mttr_seconds": one.mttr_seconds,
            "unclassified": one.unclassified,
            "basis": "stops",
        }
        for one in reliability_of(found)
    ]
    rows += _by_alerts(set(devices) - machines, start, min(end, now))
    names = names_of(row["device_id"] for row in rows)
    named = [{**row, "name": names.get(row["device_id"], "")} for row in rows]
    return sorted(named, key=lambda row: (-row["failures"], row["name"].casefold(), row["device_id"]))


def _devices(device_id: int | None, group_id: int | None) -> list[int]:
    if device_id is not None:
        return [device_id]
    if group_id is not None:
        return members_of(group_id=group_id)
    return list(Device.objects.in_service().values_list("pk", flat=True))


def _by_alerts(devices: Iterable[int], start: int, end: int) -> list[dict[str, Any]]:
    """A failure begins when something critical does; those that overlap are one."""
    troubles: defaultdict[int, list[Span]] = defaultdict(list)
    found = Alert.objects.filter(
        device_id__in=list(devices),
        severity=Alert.Severity.CRITICAL,
        type__in=FAILURES,
        started_at__lt=moment(end),
    ).order_by("started_at")
    for device_id, began, ended, resolved in found.values_list(
        "device_id", "started_at", "ended_at", "resolved_at"
    ):
        over = ended or resolved
        until = end if over is None else ms(over)
        if device_id is not None and until > start:
            troubles[device_id].append((ms(began), max(until, ms(began) + 1)))
    rows = []
    for device_id, spans in troubles.items():
        inside = clipped(joined(spans), start, end)
        down = length(inside)
        rows.append(
            {
                "device_id": device_id,
                "failures": len(inside),
                "mtbf_seconds": (end - start - down) / 1000 / len(inside),
                "mttr_seconds": down / 1000 / len(inside),
                "unclassified": 0,
                "basis": "alerts",
            }
        )
    return rows
