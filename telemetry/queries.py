from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils.translation import gettext

from devices.models import Device
from devices.queries import count_some
from factory.errors import InvalidInput
from factory.live.story import whole_number
from factory.tracked import Tracked
from telemetry import sql
from telemetry.aggregates import RawIsArchived, totals
from telemetry.buckets import buckets_for
from telemetry.courses import course
from telemetry.days import check_range
from telemetry.metrics import BY_KEY
from telemetry.models import MeterExchange, Quarter, Reading, State
from telemetry.reach import TooManyRows
from telemetry.rows import bucket_row, is_filled, reading_row
from telemetry.rules import metric_for

RAW_ROWS_LIMIT = 2_000_000
BUCKETS_LIMIT = 10_000
READINGS_MADE_UP = 5_000  # for a subscription that is taken up again
DEVICES_MADE_UP = 100  # of more, the newest reading of each
OLDER_MS = 3_600_000  # so much older than its arrival a reading may be and is still made up for
FRESH_MS = 60_000


def too_many_readings() -> str:
    return gettext("more than %(most)s readings would have to be read; take a shorter range") % {
        "most": RAW_ROWS_LIMIT
    }


def readings_of(
    *, device_id: int, start: int, end: int, limit: int, max_points: int | None = None
) -> list[tuple[int, dict[str, float]]]:
    """(timestamp, data) of a device in [start, end), ascending.

    The newest `limit` rows; or, with `max_points`, as many rows of the whole range, extremes kept.
    """
    check_range(start, end)
    if max_points is None:
        return sql.newest_readings(device_id, start, end, limit)
    metrics = latest_values(device_ids=[device_id]).get(device_id, {})
    try:
        return course(
            device_id=device_id,
            start=start,
            end=end,
            max_points=max_points,
            metrics=metrics,
            rows_limit=RAW_ROWS_LIMIT,
        )
    except TooManyRows:
        raise InvalidInput.at("startTime", too_many_readings()) from None


def latest_values(*, device_ids: Sequence[int]) -> dict[int, dict[str, tuple[float, int]]]:
    """{device: {metric: (value, timestamp)}}: the newest value of each metric."""
    rows = State.objects.filter(device_id__in=device_ids).values_list("device_id", "latest")
    return {device: {m: (value, at) for m, (value, at) in latest.items()} for device, latest in rows}


def aggregated(
    *,
    device_ids: Sequence[int],
    start: int,
    end: int,
    interval_ms: int | None = None,
    interval: str | None = None,
    time_zone: str | None = None,
    metrics: Iterable[str] | None = None,
) -> list[dict]:
    """Readings of several devices in [start, end) as buckets, ascending, empty ones left out.

    Buckets are `interval_ms` long, or an `interval` of the calendar: day, week or month. Exact to the last commit.
    """
    check_range(start, end)
    buckets = buckets_for(
        interval_ms=interval_ms, interval=interval, zone=ZoneInfo(time_zone) if time_zone else None
    )
    if buckets.count_at_most(start, end) > BUCKETS_LIMIT + 2:
        raise InvalidInput.at(
            "intervalMs",
            gettext("gives more than %(most)s buckets; take a longer one") % {"most": BUCKETS_LIMIT},
        )
    wanted = None if metrics is None else set(metrics)
    try:
        found = totals(
            device_ids=device_ids,
            start=start,
            end=end,
            buckets=buckets,
            rule=metric_for,
            metrics=None if wanted is None else wanted | BY_KEY.keys(),
            rows_limit=RAW_ROWS_LIMIT,
        )
    except TooManyRows:
        hint = gettext("%(too_many)s, or an interval of whole quarters of an hour") % {
            "too_many": too_many_readings()
        }
        raise InvalidInput.at("intervalMs", hint) from None
    except RawIsArchived:
        raise InvalidInput.at(
            "startTime",
            gettext(
                "raw readings of this time are archived; begin and end on whole quarters of an hour, "
                "with an interval of whole quarters, or bring the days back with manage.py "
                "restore_archive"
            ),
        ) from None
    return [bucket_row(at, found[at], metrics=wanted) for at in sorted(found) if is_filled(found[at])]


@dataclass(frozen=True)
class Pulse:
    """How much the plant is telling us right now. `power` is in W, `newest` in ms since the epoch."""

    power: float
    powered: int  # devices online that measure power
    newest: int | None
    last_minute: int  # readings


def plant_pulse(
    *,
    at: int,
    meters_above: Mapping[int, frozenset[int]] | None = None,
    device_ids: Collection[int] | None = None,
) -> Pulse:
    """The power drawn by the devices online, the newest reading, and how many came in the last minute.

    Of the whole plant, unless some devices are asked for.

    The power of a device is not counted where that of one of the meters above it, which measure it as well, is.
    """
    rows = State.objects.values_list(
        "device_id", "newest", "latest__power__0", "device__status", "device__presence__silent_at"
    )
    moment = datetime.fromtimestamp(at / 1000, UTC)
    newest, lively, drawn = None, [], {}
    for device_id, heard, watts, status, silent_at in rows:
        if heard is None or (device_ids is not None and device_id not in device_ids):
            continue
        newest = heard if newest is None else max(newest, heard)
        if heard > at - 60_000:
            lively.append(device_id)
        online = status == Device.Status.ONLINE and silent_at is not None and silent_at > moment
        if watts is not None and online:
            drawn[device_id] = watts
    # The devices by number: with a subquery MariaDB would read their whole history.
    recent = Reading.objects.filter(device_id__in=lively, timestamp__gt=at - 60_000)
    above = meters_above or {}
    counted = [watts for pk, watts in drawn.items() if above.get(pk, frozenset()).isdisjoint(drawn)]
    return Pulse(sum(counted), len(counted), newest, recent.count() if lively else 0)


def recent_courses(
    *, metrics: Mapping[int, str], since: int, limit: int
) -> dict[int, list[tuple[int, float]]]:
    """{device: [(timestamp, value), ...]}: the newest points of one metric of each of a few devices."""
    courses: dict[int, list[tuple[int, float]]] = {device_id: [] for device_id in metrics}
    for device_id, timestamp, data in sql.newest_of_each(list(metrics), since, limit):
        value = data.get(metrics[device_id])
        if value is not None:
            courses[device_id].append((timestamp, value))
    return courses


def first_quarters(series: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """{(device, metric): the first quarter that is rolled up of it}, one short look-up each."""
    found = {}
    for device_id, metric in series:
        rows = Quarter.objects.filter(device_id=device_id, metric=metric).order_by("bucket")
        bucket = rows.values_list("bucket", flat=True).first()
        if bucket is not None:
            found[device_id, metric] = bucket
    return found


def exchanges_of_device(*, device_id: int) -> QuerySet[MeterExchange]:
    """The exchanges of a device's counters, the newest first."""
    return MeterExchange.objects.filter(device_id=device_id).order_by("-at", "metric")


def count_readings(device_ids: Sequence[int]) -> int:
    """How many readings these devices have, as far as is counted."""
    return count_some(Reading.objects.filter(device_id__in=device_ids))


def readings_after(id: str, device_ids: Collection[int] | None) -> list[Tracked]:
    """What these devices reported after the reading with that event id, in the order it came; the newest 5,000.

    Of all devices of a big plant it is the newest reading of each, which is what a picture of it needs.
    """
    received_at, device_id, timestamp = (whole_number(part) for part in _three(id))
    earliest = min(timestamp, received_at - OLDER_MS)
    rows = Reading.objects.filter(received_at__gte=received_at)
    if device_ids is None:
        fresh = State.objects.filter(newest__gt=received_at - FRESH_MS)
        newest = {pk: moment for pk, moment in fresh.values_list("device_id", "newest") if moment}
        if len(newest) > DEVICES_MADE_UP:
            stored = sql.select_readings({pk: {moment} for pk, moment in newest.items()})
            return [
                Tracked(event_id(received_at, pk, moment), reading_row(pk, moment, data))
                for (pk, moment), data in stored.items()
            ]
        device_ids = newest
    found: list[tuple[int, int, int, dict[str, float]]] = []
    for pk in device_ids:
        of_device = rows.filter(device_id=pk, timestamp__gte=earliest).order_by("-timestamp")
        columns = of_device.values_list("received_at", "device_id", "timestamp", "data")
        found += [row for row in columns[:READINGS_MADE_UP] if row[:3] > (received_at, device_id, timestamp)]
    return [
        Tracked(event_id(received, pk, moment), reading_row(pk, moment, data))
        for received, pk, moment, data in sorted(found, key=itemgetter(0, 1, 2))[-READINGS_MADE_UP:]
    ]


def event_id(received_at: int, device_id: int, timestamp: int) -> str:
    """By which a subscription is taken up after this reading."""
    return f"{received_at}.{device_id}.{timestamp}"


def _three(id: str) -> list[str]:
    parts = id.split(".")
    if len(parts) != 3:
        raise ValueError(id)
    return parts
