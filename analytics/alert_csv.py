"""Alerts as CSV, of any number: read page by page, each a short statement, and never all in memory."""

import csv
import io
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from django.utils.translation import gettext

from alerts.models import Alert, AlertQuerySet
from factory.spreadsheet import guarded
from telemetry.export import CHUNK_BYTES, CsvExport, ExportsBusy

__all__ = ["ExportsBusy", "alerts_as_csv"]

PAGE = 1000
AT_ONCE = 2  # per process: each takes a thread for as long as somebody reads slowly
COLUMNS = (
    "id", "severity", "type", "status", "deviceId", "device", "zone", "metric", "value", "threshold", "message",
    "startedAt", "endedAt", "openedAt", "acknowledgedAt", "acknowledgedBy", "acknowledgedAfterSeconds",
    "resolvedAt", "openSeconds", "occurrences", "late",
)  # fmt: skip

_places = threading.BoundedSemaphore(AT_ONCE)


def alerts_as_csv(alerts: AlertQuerySet) -> CsvExport:
    """These alerts, oldest first; close it when done."""
    if not _places.acquire(blocking=False):
        raise ExportsBusy(
            gettext("%(count)s exports are under way. Try again in a minute.") % {"count": AT_ONCE},
            retry_after=60,
        )
    try:
        return CsvExport(_written(_by_page(alerts)), _places.release, is_whole=True)
    except BaseException:
        _places.release()
        raise


def _by_page(alerts: AlertQuerySet) -> Iterator[Alert]:
    last = 0
    while True:
        found = list(alerts.filter(pk__gt=last).order_by("pk")[:PAGE])
        yield from found
        if len(found) < PAGE:
            return
        last = found[-1].pk


def _written(alerts: Iterator[Alert]) -> Iterator[bytes]:
    """RFC 4180, in pieces of some kilobytes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for alert in alerts:
        writer.writerow(_row(alert))
        if text.tell() >= CHUNK_BYTES:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _row(alert: Alert) -> list[object]:
    device = alert.device
    return [
        alert.pk,
        alert.severity,
        alert.type,
        alert.status,
        guarded(device.external_id if device else ""),
        guarded(device.name if device else ""),
        guarded(device.zone if device else alert.zone),
        alert.metric,
        alert.value,
        alert.threshold,
        guarded(alert.message),
        _moment(alert.started_at),
        _moment(alert.ended_at),
        _moment(alert.created_at),
        _moment(alert.acknowledged_at),
        guarded(str(alert.acknowledged_by or "")),
        _seconds(alert.created_at, alert.acknowledged_at),
        _moment(alert.resolved_at),
        _seconds(alert.created_at, alert.resolved_at),
        alert.occurrences,
        str(alert.late).lower(),
    ]


def _moment(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _seconds(start: datetime, end: datetime | None) -> int | str:
    return "" if end is None else int((end - start).total_seconds())
