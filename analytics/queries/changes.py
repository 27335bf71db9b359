"""What changed in the plant lately: alerts, silence, updates, batches, configuration; the newest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from alerts.models import AlertEvent
from devices.models import ConfigurationVersion, Device, StatusChange
from grouping.models import BatchOperation
from ota.models import Deployment, DeploymentEvent

LATELY = timedelta(hours=1)
SHOWN = 10
STEPS_LOOKED_AT = 1_000  # of updates: there is no index by time, and the newest steps are the last ones


class Kind(StrEnum):
    OPENED = "opened"
    CLOSED = "closed"
    SILENT = "silent"
    BACK = "back"
    UPDATED = "updated"
    NOT_UPDATED = "not updated"
    BATCH = "batch"
    CONFIGURED = "configured"


@dataclass(frozen=True, slots=True)
class Change:
    """`id` is of what a link to it leads to; `note` says more, in a word of the floor or of a person."""

    at: datetime
    kind: Kind
    about: str
    id: int
    severity: str = ""
    note: str = ""
    is_well: bool = True


def changes_until(at: datetime, *, limit: int = SHOWN) -> list[Change]:
    """What happened in the hour before `at`."""
    since = at - LATELY
    sources = (_alerts, _silence, _updates, _batches, _configurations)
    found = [change for source in sources for change in source(since, limit)]
    return sorted(found, key=lambda change: change.at, reverse=True)[:limit]


def _alerts(since: datetime, limit: int) -> Iterator[Change]:
    kinds = (AlertEvent.Kind.OPENED, AlertEvent.Kind.RESOLVED)
    for kind in kinds:  # one after the other: the index begins with the kind
        rows = AlertEvent.objects.filter(kind=kind, at__gt=since).select_related("alert__device")
        for event in rows.order_by("-at", "-pk")[:limit]:
            alert = event.alert
            yield Change(
                event.at,
                Kind.OPENED if kind == AlertEvent.Kind.OPENED else Kind.CLOSED,
                alert.device.name if alert.device else alert.zone,
                alert.pk,
                event.severity,
                alert.message,
            )


def _silence(since: datetime, limit: int) -> Iterator[Change]:
    kinds = {Device.Status.OFFLINE: Kind.SILENT, Device.Status.ONLINE: Kind.BACK}
    rows = StatusChange.objects.turns_since(since).filter(status__in=kinds).select_related("device")
    for row in rows.order_by("-at", "-pk")[:limit]:
        yield Change(row.at, kinds[Device.Status(row.status)], row.device.name, row.device_id)


def _updates(since: datetime, limit: int) -> Iterator[Change]:
    newest = DeploymentEvent.objects.order_by("-pk").values_list("pk", flat=True).first()
    if newest is None:
        return
    ended = set(Deployment.Status) - set(Deployment.ACTIVE)
    steps = DeploymentEvent.objects.filter(pk__gt=newest - STEPS_LOOKED_AT, status__in=ended, at__gt=since)
    for step in steps.select_related("deployment__device", "deployment__firmware").order_by("-pk")[:limit]:
        deployment = step.deployment
        is_well = step.status == Deployment.Status.COMPLETED
        yield Change(
            step.at,
            Kind.UPDATED if is_well else Kind.NOT_UPDATED,
            deployment.device.name,
            deployment.device_id,
            note=deployment.firmware.version,
            is_well=is_well,
        )


def _batches(since: datetime, limit: int) -> Iterator[Change]:
    rows = BatchOperation.objects.exclude(status__in=BatchOperation.UNFINISHED).filter(completed_at__gt=since)
    for batch in rows.order_by("-completed_at", "-pk")[:limit]:
        assert batch.completed_at is not None
        is_well = batch.status == BatchOperation.Status.COMPLETED
        yield Change(
            batch.completed_at, Kind.BATCH, batch.operation, batch.pk, note=batch.status, is_well=is_well
        )


def _configurations(since: datetime, limit: int) -> Iterator[Change]:
    rows = ConfigurationVersion.objects.select_related("device", "by").order_by("-pk")[:limit]
    for version in rows:
        if version.at > since:
            yield Change(
                version.at,
                Kind.CONFIGURED,
                version.device.name,
                version.device_id,
                note=str(version.by) if version.by else "",
            )
