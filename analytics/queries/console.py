"""What the admin's first page asks of every room: a fixed number of small questions, however large the plant."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q, QuerySet

from alerts.models import Alert, Delivery, Outage, Threshold, ThresholdChange
from alerts.queries.thresholds import without_effect
from analytics.models import Report
from analytics.plant_clock import plant_zone
from devices.models import Configuration, Credential
from devices.queries import device_stats
from factory.accounts.models import AuditEntry, User
from grouping.models import BatchOperation, Group
from ota.models import Deployment, Firmware, Rollout

DAY = timedelta(days=1)
MOST_COUNTED = 1000  # of what can be very many; more is told as "more than"
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Console:
    """Figures and the newest few of what an admin looks after."""

    devices: dict[str, Any]
    out_of_sync: int
    tokens_ending: int
    groups: int
    batches_running: int
    rollouts: dict[str, int]
    paused: list[Rollout]
    updates_running: int
    updates_failed: int
    failed: list[Deployment]
    versions: int
    thresholds: int
    switched_off: int
    without_effect: int
    changes_today: int
    changes: list[ThresholdChange]
    open_alerts: dict[str, int]
    deliveries_failed: int
    outages: int
    reports_waiting: int
    reports_failed: int
    people: int
    admins: int
    refused_today: int
    done: list[AuditEntry]


def console_at(at: datetime) -> Console:
    """What needs an admin now, what is going on, and what was done last."""
    midnight = at.astimezone(plant_zone()).replace(hour=0, minute=0, second=0, microsecond=0)
    failed = Deployment.objects.filter(status=Deployment.Status.FAILED, completed_at__gte=midnight)
    open_alerts = Alert.objects.open().values_list("severity").annotate(alerts=Count("id"))
    rollouts = Rollout.objects.values_list("status").annotate(rollouts=Count("id"))
    thresholds = Threshold.objects.aggregate(all=Count("id"), off=Count("id", filter=Q(enabled=False)))
    people = User.objects.filter(is_active=True).aggregate(
        all=Count("id"), admins=Count("id", filter=Q(role=User.Role.ADMIN))
    )
    reports = Report.objects.aggregate(
        waiting=Count("id", filter=Q(status__in=Report.UNFINISHED)),
        failed=Count("id", filter=Q(status=Report.Status.FAILED)),
    )
    newest = list(ThresholdChange.objects.select_related("by").order_by("-pk")[:MOST_COUNTED])
    return Console(
        devices=device_stats(),
        out_of_sync=_some(Configuration.objects.filter(drifted_at__isnull=False)),
        tokens_ending=_some(
            Credential.objects.filter(
                # Those that were meant to last: one for an hour ends because it should.
                created_at__lt=at - 2 * DAY,
                revoked_at=None,
                expires_at__gt=at,
                expires_at__lte=at + DAY,
            )
        ),
        groups=_some(Group.objects.all()),
        batches_running=_some(BatchOperation.objects.filter(status__in=BatchOperation.UNFINISHED)),
        rollouts=dict(rollouts),
        paused=list(
            Rollout.objects.filter(status=Rollout.Status.PAUSED)
            .select_related("firmware")
            .order_by("-pk")[:SHOWN]
        ),
        updates_running=_some(Deployment.objects.active()),
        updates_failed=_some(failed),
        failed=list(failed.select_related("device", "firmware").order_by("-completed_at")[:SHOWN]),
        versions=_some(Firmware.objects.filter(withdrawn_at=None)),
        thresholds=thresholds["all"],
        switched_off=thresholds["off"],
        without_effect=_some(without_effect(Threshold.objects.all())),
        changes_today=sum(change.at >= midnight for change in newest),
        changes=newest[:SHOWN],
        open_alerts=dict(open_alerts),
        deliveries_failed=_some(Delivery.objects.filter(status=Delivery.Status.FAILED)),
        outages=_some(Outage.objects.all()),
        reports_waiting=reports["waiting"],
        reports_failed=reports["failed"],
        people=people["all"],
        admins=people["admins"],
        refused_today=_some(AuditEntry.objects.filter(at__gte=midnight).exclude(outcome="done")),
        done=list(AuditEntry.objects.order_by("-pk")[:SHOWN]),
    )


def _some(rows: QuerySet[Any]) -> int:
    return rows.order_by()[: MOST_COUNTED + 1].count()
