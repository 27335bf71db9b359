"""Readings as CSV, of any size: read page by page, each a short statement, and never all in memory."""

import csv
import io
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from django.utils.translation import gettext

from devices.models import Device
from factory.errors import InvalidInput, Unavailable
from factory.spreadsheet import guarded
from telemetry import sql
from telemetry.days import EPOCH, check_range
from telemetry.metrics import DECLARED, METRIC_NAME
from telemetry.queries import latest_values
from telemetry.retention import raw_is_there

CHUNK_BYTES = 32 * 1024
AT_ONCE = 4  # per process: each takes a thread for as long as somebody reads slowly
COLUMNS = ("deviceId", "device", "timestamp", "time")

_places = threading.BoundedSemaphore(AT_ONCE)


class ExportsBusy(Unavailable):
    """As many exports as we do at once are under way."""


class CsvExport:
    """The file in pieces. The first is made at once, so that what can fail has failed before anything is sent.

    It `is_whole` unless readings of its range are archived.
    """

    def __init__(self, pieces: Iterator[bytes], release: Callable[[], object], *, is_whole: bool) -> None:
        self.is_whole = is_whole
        self._pieces, self._release = pieces, release
        self._first = next(pieces, b"")

    def __iter__(self) -> Iterator[bytes]:
        yield self._first
        yield from self._pieces

    def close(self) -> None:
        release, self._release = self._release, lambda: None
        release()


def readings_as_csv(
    *,
    device_ids: Sequence[int],
    start: int,
    end: int,
    metrics: Sequence[str] | None = None,
    time_zone: str | None = None,
) -> CsvExport:
    """Readings of several devices in [start, end), device by device, ascending; close it when done.

    Without `metrics` there is a column for each that the devices have ever measured.
    """
    check_range(start, end)
    if not _places.acquire(blocking=False):
        raise ExportsBusy(
            gettext("%(count)s exports are under way. Try again in a minute.") % {"count": AT_ONCE},
            retry_after=60,
        )
    try:
        names = dict(Device.objects.filter(pk__in=device_ids).values_list("pk", "external_id"))
        columns = _metrics_of(device_ids) if metrics is None else _checked(metrics)
        rows = sql.stream_readings(device_ids, start, end)
        zone = UTC if time_zone is None else ZoneInfo(time_zone)
        pieces = _written(rows, names, columns, zone)
        return CsvExport(pieces, _places.release, is_whole=raw_is_there(start, end))
    except BaseException:
        _places.release()
        raise


def csv_name(references: Sequence[int | str], start: int, end: int) -> str:
    """What the file is called: whose readings, from when to when (UTC)."""
    whose = str(references[0]).replace(":", "_") if len(references) == 1 else f"{len(references)}-devices"
    first, last = (f"{EPOCH + timedelta(milliseconds=at):%Y%m%dT%H%M%SZ}" for at in (start, end))
    return f"readings-{whose}-{first}-{last}.csv"


def _checked(metrics: Sequence[str]) -> list[str]:
    for name in metrics:
        if not METRIC_NAME.match(name):
            raise InvalidInput.at(
                "metrics",
                gettext("%(name)s is no metric name: a-z first, then a-z, 0-9 and _") % {"name": repr(name)},
            )
    return list(dict.fromkeys(metrics))


def _metrics_of(device_ids: Sequence[int]) -> list[str]:
    """What the devices measure: declared metrics in their order, then the others."""
    found = {name for latest in latest_values(device_ids=device_ids).values() for name in latest}
    declared = [metric.key for metric in DECLARED if metric.key in found]
    return declared + sorted(found.difference(declared))


def _written(
    rows: Iterable[tuple[int, int, dict[str, float]]],
    names: Mapping[int, str],
    metrics: Sequence[str],
    zone: tzinfo,
) -> Iterator[bytes]:
    """RFC 4180, in pieces of some kilobytes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([*COLUMNS, *metrics])
    safe = {device_id: guarded(name) for device_id, name in names.items()}
    for device_id, timestamp, data in rows:
        writer.writerow(
            [device_id, safe[device_id], timestamp, _moment(timestamp, zone), *map(data.get, metrics)]
        )
        if text.tell() >= CHUNK_BYTES:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    if text.tell():
        yield text.getvalue().encode()


def _moment(timestamp: int, zone: tzinfo) -> str:
    moment: datetime = EPOCH + timedelta(milliseconds=timestamp)
    if zone is UTC:
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{timestamp % 1000:03}Z"
    return moment.astimezone(zone).isoformat(timespec="milliseconds")
