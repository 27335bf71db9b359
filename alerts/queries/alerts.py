from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.utils.translation import gettext

from alerts.models import Alert, AlertEvent, AlertQuerySet
from devices.queries import count_some
from factory.errors import NotFound
from factory.live.story import whole_number
from factory.tracked import Tracked
from factory.trpc.superjson import iso
from grouping.queries import devices_within


class AlertUnknown(NotFound):
    """There is no such alert."""


def alerts_matching(
    *,
    device_id: int | None = None,
    group_id: int | None = None,
    status: str | None = None,
    severity: str | None = None,
    type: str | None = None,
    search: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> AlertQuerySet:
    """Alerts of every status unless one is asked for, newest first."""
    wanted = {
        "device_id": device_id,
        "status": status,
        "severity": severity,
        "type": type,
        "started_at__gte": start,
        "started_at__lt": end,
    }
    found = Alert.objects.select_related("device", "acknowledged_by", "assigned_to").order_by("-pk")
    found = found.filter(**{name: value for name, value in wanted.items() if value is not None})
    if group_id is not None:
        found = found.filter(device_id__in=devices_within(group_id=group_id))
    if search:
        found = found.filter(
            Q(message__icontains=search)
            | Q(device__name__icontains=search)
            | Q(metric__icontains=search)
            | Q(zone__icontains=search)
        )
    return found


def get_alert(alert_id: int) -> Alert:
    """One alert; refuses when there is none."""
    alert = (
        Alert.objects.select_related("device", "acknowledged_by", "assigned_to").filter(pk=alert_id).first()
    )
    if alert is None:
        raise AlertUnknown(gettext("There is no alert %(id)s.") % {"id": alert_id})
    return alert


def alert_stats() -> dict[str, int]:
    """How many alerts there are by status, and the active ones by severity."""
    rows = Alert.objects.values_list("status", "severity").annotate(alerts=Count("id"))
    stats = {"total": 0, **dict.fromkeys((*Alert.Status, *reversed(Alert.Severity)), 0)}
    for status, severity, alerts in rows:
        stats["total"] += alerts
        stats[status] += alerts
        if status == Alert.Status.ACTIVE:
            stats[severity] += alerts
    return {str(name): count for name, count in stats.items()}


def live_item(event: AlertEvent) -> tuple[int, dict[str, Any]]:
    """An alert's step as dashboards hear of it: (device id, data with its `seq`)."""
    alert = event.alert
    return alert.device_id or 0, {
        "alertId": alert.pk,
        "deviceId": alert.device_id,
        "type": str(alert.type),
        "severity": str(event.severity),
        "status": str(event.status),
        "metric": alert.metric or None,
        "value": event.value,
        "message": alert.message,
        "timestamp": iso(event.at),
        "seq": event.pk,
    }


def events_between(after: int, before: int | None) -> Sequence[tuple[int, int, dict[str, Any]]]:
    """(device, seq, data) of the events with after < seq < before, in order: what a listener missed."""
    events = AlertEvent.objects.select_related("alert").filter(pk__gt=after).order_by("pk")
    if before is not None:
        events = events.filter(pk__lt=before)
    return [(key, event.pk, data) for event in events[:1000] for key, data in [live_item(event)]]


def events_after(id: str, device_ids: Collection[int] | None) -> list[Tracked]:
    """The first of the events after that number, of these devices or of all."""
    events = AlertEvent.objects.select_related("alert").filter(pk__gt=whole_number(id)).order_by("pk")
    if device_ids is not None:
        events = events.filter(alert__device_id__in=device_ids)
    return [Tracked(str(event.pk), live_item(event)[1]) for event in events[:1000]]


def newest_event() -> int:
    """The number of the newest event, 0 when there is none."""
    return AlertEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def alert_spans(*, device_id: int, metric: str, start: datetime) -> list[Alert]:
    """The alerts about one metric of a device that were open at some time since `start`, the newest 200."""
    found = Alert.objects.filter(device_id=device_id, metric=metric)
    over = Q(resolved_at=None) | Q(resolved_at__gte=start)
    return list(found.filter(over).order_by("-pk")[:200])


def count_alerts(device_ids: Iterable[int]) -> int:
    """How many alerts these devices have had, as far as is counted."""
    return count_some(Alert.objects.filter(device_id__in=list(device_ids)))
