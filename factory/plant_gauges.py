"""How the plant stands, for `/metrics`: one short question to the database each."""

import time
from collections.abc import Iterable

import redis
from django.conf import settings
from django.db.models import Count, Min, Model
from django.utils import timezone

from alerts.models import Alert, Delivery
from devices.models import Command
from devices.queries import device_stats
from factory.celery import MESSAGES
from factory.metrics import measured_by
from grouping.models import BatchOperation
from ota.models import Deployment, Rollout
from telemetry.models import ArchivedDay, DirtyQuarter, Watermark

QUEUES = ("celery", MESSAGES)


def _by_status(model: type[Model], statuses: Iterable[str]) -> dict[str, float]:
    found = {str(status): 0.0 for status in statuses}
    rows = model._default_manager.filter(status__in=found).order_by().values_list("status")
    return found | {status: float(number) for status, number in rows.annotate(number=Count("pk"))}


def _devices() -> dict[str, float]:
    stats = device_stats()
    return {status: float(stats[status]) for status in ("online", "offline", "maintenance", "error")}


def _open_alerts() -> dict[str, float]:
    found = dict.fromkeys(Alert.Severity.values, 0.0)
    rows = Alert.objects.open().order_by().values_list("severity").annotate(number=Count("pk"))
    return found | {severity: float(number) for severity, number in rows}


def _oldest_delivery() -> float:
    """Seconds since the oldest message that is due should have gone out; 0 when none waits."""
    due = Delivery.objects.filter(status=Delivery.Status.PENDING).aggregate(due=Min("due_at"))["due"]
    return 0.0 if due is None else max(0.0, (timezone.now() - due).total_seconds())


def _rollup_lag() -> float:
    """Seconds that the least rolled-up device's answers have to read from raw; 0 without readings."""
    rolled_to = Watermark.objects.aggregate(rolled_to=Min("rolled_to"))["rolled_to"]
    return 0.0 if rolled_to is None else max(0.0, time.time() - rolled_to / 1000)


def _queued() -> dict[str, float]:
    with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1) as session:
        try:
            return {queue: float(session.llen(queue)) for queue in QUEUES}
        except redis.RedisError as error:
            raise OSError(str(error)) from error


measured_by("factory_devices", "Devices in service, by status", _devices, label="status")
measured_by(
    "factory_alerts_open", "Alerts that are not resolved, by severity", _open_alerts, label="severity"
)
measured_by(
    "factory_deliveries_waiting",
    "Messages of the outbox that have not gone out",
    lambda: float(Delivery.objects.filter(status=Delivery.Status.PENDING).count()),
)
measured_by("factory_delivery_oldest_seconds", "How overdue the oldest of them is", _oldest_delivery)
measured_by("factory_rollup_lag_seconds", "How far the rollups are behind", _rollup_lag)
measured_by(
    "factory_rollup_dirty_quarters",
    "Quarter-hours that wait to be computed anew",
    lambda: float(DirtyQuarter.objects.count()),
)
measured_by(
    "factory_commands_unfinished",
    "Commands on their way, by status",
    lambda: _by_status(Command, Command.UNFINISHED),
    label="status",
)
measured_by(
    "factory_batches_running",
    "Batch operations that have not ended",
    lambda: float(BatchOperation.objects.filter(status__in=BatchOperation.UNFINISHED).count()),
)
measured_by(
    "factory_deployments_active",
    "Firmware updates under way, by status",
    lambda: _by_status(Deployment, Deployment.ACTIVE),
    label="status",
)
measured_by(
    "factory_rollouts",
    "Rollouts that have not ended, by status",
    lambda: _by_status(Rollout, Rollout.UNFINISHED),
    label="status",
)
measured_by(
    "factory_archive_days_waiting",
    "Days that have expired and are not archived yet",
    lambda: float(ArchivedDay.objects.filter(dropped_at=None).count()),
)
measured_by("factory_queue_tasks", "Background tasks that wait, by queue", _queued, label="queue")
