"""What must be true in the end, whatever was killed: the database and the answers against what the devices know."""

import contextlib
import json
import math
import sys
import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import httpx

from tests.chaos.measured import Data, Device
from tests.chaos.populate import LIMIT
from tests.chaos.units import Plant
from tests.telemetry import brute_force

MINUTE = 60_000
QUARTER, HOUR, DAY = 15 * MINUTE, 60 * MINUTE, 24 * 60 * MINUTE
INTERVALS = {"minutes": MINUTE, "quarter-hours": QUARTER, "hours": HOUR}
METRICS = ("meter", "power", "seq", "temperature")
COUNTERS = {"meter"}
COLUMNS = (
    *("device_id", "metric", "bucket", "count", "sum", "min", "max", "first", "first_at"),
    *("last", "last_at", "integral", "covered_ms", "increase"),
)
TOLD = 5  # of each kind of problem

Rows = dict[int, Data]
Problems = Iterator[str]


class Database:
    """The plant's database, asked past all of our code."""

    def __init__(self, port: int) -> None:
        import MySQLdb  # absent where it could not be compiled

        self._connection = MySQLdb.connect(host="127.0.0.1", port=port, user="root", database="factory")
        self._connection.autocommit(True)

    def rows(self, query: str, *parameters: Any) -> Sequence[tuple]:
        with contextlib.closing(self._connection.cursor()) as cursor:
            cursor.execute(query, parameters)
            return cursor.fetchall()

    def close(self) -> None:
        self._connection.close()


def problems_with_readings(database: Database, devices: Sequence[Device]) -> Problems:
    """Nothing acknowledged is missing, nothing is there twice or changed, and nothing that nobody sent."""
    known = {device.id for device in devices}
    for (device_id,) in database.rows("SELECT DISTINCT device_id FROM telemetry_reading"):
        if device_id not in known:
            yield f"there are readings of device {device_id}, which does not exist"
    for device in devices:
        rows = database.rows("SELECT timestamp, data FROM telemetry_reading WHERE device_id=%s", device.id)
        stored = {at: json.loads(data) for at, data in rows}
        if len(rows) != len(stored):
            yield f"{device.name}: {len(rows) - len(stored)} readings are there twice"
        unanswered = [at for at in device.sent if device.acknowledged.get(at) != device.sent[at]]
        if unanswered:
            yield f"{device.name}: {len(unanswered)} readings were never acknowledged, such as {unanswered[:3]}"
        # By themselves, for a reading may be acknowledged in part.
        lost = [
            (at, data)
            for at, data in device.acknowledged.items()
            if not data.items() <= stored.get(at, {}).items()
        ]
        if lost:
            yield f"{device.name}: {len(lost)} ACKNOWLEDGED READINGS ARE LOST, such as {lost[:3]}"
        never_sent = [
            at for at, data in stored.items() if not data.items() <= device.sent.get(at, {}).items()
        ]
        if never_sent:
            yield f"{device.name}: {len(never_sent)} stored readings were never sent, such as {never_sent[:3]}"
        if not unanswered and not lost and not never_sent and stored != device.sent:
            yield f"{device.name}: what is stored is not what was sent"


def problems_with_the_latest(database: Database, devices: Sequence[Device], plant: "Asking") -> Problems:
    found = {
        device_id: (newest, json.loads(latest))
        for device_id, newest, latest in database.rows(
            "SELECT device_id, newest, latest FROM telemetry_state"
        )
    }
    for device in devices:
        newest, latest = found.get(device.id, (None, {}))
        expected = device.latest()
        if newest != max(device.sent) or {m: tuple(told) for m, told in latest.items()} != expected:
            yield f"{device.name}: the state is {newest}, {latest}; it should be {expected}"
        row = plant.ask("readings.getLatest", {"deviceId": device.id})
        values = {metric: value for metric, (value, _) in expected.items()}
        if row is None or (row["timestamp"], row["data"]) != (max(device.sent), values):
            yield f"{device.name}: getLatest says {row}; it should say {values}"


def problems_with_alerts(database: Database, devices: Sequence[Device]) -> Problems:
    """A device has an open alert if its newest temperature is too high, and never two."""
    open_ones = Counter(
        device_id
        for (device_id,) in database.rows(
            "SELECT device_id FROM alerts_alert WHERE type='threshold_exceeded'"
            " AND metric='temperature' AND status<>'resolved'"
        )
    )
    for device in devices:
        expected = int(device.is_hot(LIMIT))
        if open_ones[device.id] != expected:
            yield f"{device.name}: {open_ones[device.id]} open alerts on temperature, and there should be {expected}"
    twice = database.rows(
        "SELECT alert_id, kind, COUNT(*) FROM alerts_alertevent WHERE kind IN ('opened', 'resolved')"
        " GROUP BY alert_id, kind HAVING COUNT(*) > 1"
    )
    if twice:
        yield f"alerts opened or resolved more than once: {twice[:TOLD]}"


# Aggregates


class Slow:
    """The brute-force answers over what the devices sent; samples in order of time, so that it ends some day."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self.plant: dict[int, Rows] = {device.id: device.sent for device in devices}
        self._samples = {
            (device_id, metric): brute_force.sorted_samples(rows, metric)
            for device_id, rows in self.plant.items()
            for metric in METRICS
        }
        self._times = {key: [at for at, _ in samples] for key, samples in self._samples.items()}
        self._known: dict[tuple[int, int, int], dict[str, dict[int, dict]]] = {}

    def around(self, device_id: int, metric: str, lo: int, hi: int) -> Rows:
        """The samples in [lo, hi), and the one before and the one after."""
        times, samples = self._times[device_id, metric], self._samples[device_id, metric]
        first, last = bisect_left(times, lo), bisect_left(times, hi)
        return {at: {metric: value} for at, value in samples[max(first - 1, 0) : last + 1]}

    def inside(self, device_id: int, metric: str, lo: int, hi: int) -> list[tuple[int, float]]:
        times = self._times[device_id, metric]
        return self._samples[device_id, metric][bisect_left(times, lo) : bisect_left(times, hi)]

    def intervals(self, device_ids: Sequence[int], metric: str, lo: int, hi: int) -> dict[str, Any]:
        """Integral and covered time, or the increase of a counter, of several devices together."""
        integral, covered, increase = 0.0, 0, None
        for device_id in device_ids:
            rows = self.around(device_id, metric, lo, hi)
            area, known = brute_force.integral_of(rows, metric, lo, hi)
            covered += known
            if metric in COUNTERS:
                grown = brute_force.increase_of(rows, metric, lo, hi)
                increase = increase if grown is None else (increase or 0.0) + grown
            else:
                integral += area
        return {"integral": integral, "coveredMs": covered, "increase": increase}

    def buckets(self, interval: int, begin: int, end: int) -> dict[str, dict[int, dict]]:
        """{metric: {bucket: figures}}, computed once: it is asked for twice."""
        key = interval, begin, end
        if key not in self._known:
            self._known[key] = {metric: self._buckets_of(metric, *key) for metric in METRICS}
        return self._known[key]

    def _buckets_of(self, metric: str, interval: int, begin: int, end: int) -> dict[int, dict]:
        found = brute_force.buckets_of(self.plant, metric, begin, end, lambda at: at - at % interval)
        for bucket, figures in found.items():
            lo, hi = max(bucket, begin), min(bucket + interval, end)
            figures.update(self.intervals(list(self.plant), metric, lo, hi))
        return found

    def readings(self, interval: int) -> Counter[int]:
        return Counter(at - at % interval for rows in self.plant.values() for at in rows)


class Refused(Exception):
    """The plant did not answer a question."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status}: {text[:500]}")
        self.status = status


class Asking:
    """The plant's procedures, as a person."""

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=f"{url}/api/trpc/",
            headers={"authorization": f"Bearer {token}"},
            timeout=60,
            trust_env=False,
        )

    def ask(self, procedure: str, input: dict[str, Any]) -> Any:
        response = self._client.get(procedure, params={"input": json.dumps(input)})
        if response.status_code != 200:
            raise Refused(response.status_code, response.text)
        return response.json()["result"]["data"]

    def close(self) -> None:
        self._client.close()


def problems_with_aggregates(plant: Asking, slow: Slow, when: str) -> Problems:
    """`getAggregated` over HTTP against brute force, at every interval."""
    times = [at for rows in slow.plant.values() for at in rows]
    begin, end = min(times) // DAY * DAY, max(times) + 1
    for name, interval in INTERVALS.items():
        asked = {"deviceIds": list(slow.plant), "startTime": begin, "endTime": end, "intervalMs": interval}
        found = {row["timestamp"]: row for row in plant.ask("readings.getAggregated", asked)}
        wrong = list(_wrong_buckets(found, slow, interval, begin, end))
        if wrong:
            yield f"getAggregated {when}, {name}: {len(wrong)} wrong figures, such as {wrong[:TOLD]}"
    asked = {"deviceIds": list(slow.plant), "startTime": begin, "endTime": begin + 2 * DAY, "interval": "day"}
    found = {row["timestamp"]: row for row in plant.ask("readings.getAggregated", asked)}
    wrong = list(_wrong_buckets(found, slow, DAY, begin, begin + 2 * DAY))
    if wrong:
        yield f"getAggregated {when}, days: {len(wrong)} wrong figures, such as {wrong[:TOLD]}"


def _wrong_buckets(
    found: dict[int, dict], slow: Slow, interval: int, begin: int, end: int
) -> Iterator[tuple]:
    counts = slow.readings(interval)
    if {at: row["count"] for at, row in found.items()} != counts:
        yield "count", {at: row["count"] for at, row in found.items()}, dict(counts)
    for metric, expected in slow.buckets(interval, begin, end).items():
        there = {at for at, row in found.items() if metric in row["metrics"]}
        if there != expected.keys():
            yield metric, "buckets", there ^ expected.keys()
        for bucket in there & expected.keys():
            figures = found[bucket]["metrics"][metric]
            for key, value in expected[bucket].items():
                if not _equal(key, figures[key], value):
                    yield metric, bucket, key, figures[key], value


def _equal(key: str, told: Any, wanted: Any) -> bool:
    """Shares of intervals are rounded; everything else is exact."""
    if key in {"integral", "increase"} and told is not None and wanted is not None:
        return math.isclose(told, wanted, rel_tol=1e-9, abs_tol=1e-3)
    return told == wanted


def has_tail(database: Database) -> tuple[int, int]:
    """(dirty quarters, devices with readings past their watermark): what the rollups do not tell yet."""
    (dirty,) = database.rows("SELECT COUNT(*) FROM telemetry_dirty")[0]
    (behind,) = database.rows(
        "SELECT COUNT(*) FROM telemetry_state AS s LEFT JOIN telemetry_watermark AS w"
        " ON w.device_id=s.device_id WHERE w.device_id IS NULL OR w.rolled_to<s.newest"
    )[0]
    return dirty, behind


def drain(plant: Plant, database: Database, seconds: float = 60.0) -> None:
    """Have the worker roll everything up."""
    end = time.monotonic() + seconds
    asked = float("-inf")
    while any(has_tail(database)):
        now = time.monotonic()
        if now > end:
            raise TimeoutError(f"not rolled up after {seconds:.0f} s:\n{plant.last_words('worker')}")
        if now - asked > 15:  # as beat would, but at once
            asked = now
            celery = (sys.executable, "-m", "celery", "--app=factory.celery", "--quiet")
            plant.run(*celery, "call", "telemetry.tasks.roll_up_due")
        plant.look_after()
        time.sleep(0.1)


def problems_with_rollups(database: Database, slow: Slow) -> Problems:
    """The tables themselves, once everything is rolled up."""
    for table, step in (("telemetry_quarter", QUARTER), ("telemetry_day", DAY)):
        names = ", ".join(f"`{column}`" for column in COLUMNS)
        rows = {
            row[:3]: dict(zip(COLUMNS, row, strict=True))
            for row in database.rows(f"SELECT {names} FROM {table}")
        }
        wrong = list(_wrong_rollups(rows, slow, step))
        if wrong:
            yield f"{table}: {len(wrong)} wrong figures, such as {wrong[:TOLD]}"


def _wrong_rollups(rows: dict[tuple, dict], slow: Slow, step: int) -> Iterator[tuple]:
    filled = {
        (device_id, metric, at - at % step)
        for device_id, readings in slow.plant.items()
        for at, data in readings.items()
        for metric in ("", *data)
    }
    missing = filled - rows.keys()
    if missing:
        yield "missing", sorted(missing)[:TOLD]
    times = defaultdict(list)
    for device_id, readings in slow.plant.items():
        for at in readings:
            times[device_id, at - at % step].append(at)
    for (device_id, metric, bucket), row in rows.items():
        if metric == "":
            inside = times[device_id, bucket]
            wanted = {"count": len(inside), "first_at": min(inside), "last_at": max(inside)}
        else:
            wanted = _tally_of(slow, device_id, metric, bucket, bucket + step)
        for key, value in wanted.items():
            if not _equal(key, row[key], value):
                yield device_id, metric, bucket, key, row[key], value


def _tally_of(slow: Slow, device_id: int, metric: str, lo: int, hi: int) -> dict[str, Any]:
    samples = slow.inside(device_id, metric, lo, hi)
    values = [value for _, value in samples]
    intervals = slow.intervals([device_id], metric, lo, hi)
    return {
        "count": len(samples),
        "sum": math.fsum(values),
        "min": min(values, default=None),
        "max": max(values, default=None),
        "first": values[0] if values else None,
        "first_at": samples[0][0] if samples else None,
        "last": values[-1] if values else None,
        "last_at": samples[-1][0] if samples else None,
        "integral": intervals["integral"],
        "covered_ms": intervals["coveredMs"],
        "increase": intervals["increase"],
    }
