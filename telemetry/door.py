"""From a decoded message to samples: the one set of rules for HTTP, MQTT and WebSocket.

A bad item never costs the good ones; each refusal names the field and the reason.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from math import isfinite
from typing import Any

from factory.errors import InvalidInput
from telemetry.batch import Sample
from telemetry.metrics import DECLARED, METRIC_NAME, NO_METRIC_NAME

READINGS_LIMIT = 5_000
METRICS_LIMIT = 64
FLAT = tuple(metric.key for metric in DECLARED)
LARGEST = 1e300  # leaves room for sums

# Turns what an item says of its device (or None) into the integer id, or raises `Refusal`.
Resolve = Callable[[Any], int]


class Refusal(Exception):
    """One item is wrong: `field` on the wire, and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


@dataclass(slots=True)
class Delivery:
    """What one message brought: good samples with their place in it, and the refused places."""

    samples: list[Sample] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Readings must lie in [oldest, newest], ms since the epoch; `now` stands for a missing timestamp."""

    now: int
    oldest: int
    newest: int

    @classmethod
    def at(cls, now: int, *, retention_days: int, future_seconds: int) -> "TimeLimits":
        return cls(now, now - retention_days * 86_400_000, now + future_seconds * 1000)


def open_door(message: Any, *, resolve: Resolve, limits: TimeLimits) -> Delivery:
    """Read one message in any of its three shapes; refuses it whole when nothing in it is good."""
    if not isinstance(message, dict):
        raise InvalidInput("A reading must be a JSON object with `data`, single metrics, or `readings`.")
    try:
        if message.get("readings") is not None:
            return _read_many(message, resolve=resolve, limits=limits)
        sample = read_item(message, resolve(message.get("deviceId")), limits)
    except Refusal as refusal:
        raise InvalidInput.at(refusal.field, refusal.reason) from None
    return Delivery([sample], [0])


def _read_many(message: dict, *, resolve: Resolve, limits: TimeLimits) -> Delivery:
    items = message["readings"]
    if not isinstance(items, list):
        raise Refusal("readings", "must be a list")
    if not items:
        raise Refusal("readings", "is empty")
    if len(items) > READINGS_LIMIT:
        raise Refusal("readings", f"holds {len(items)} items; at most {READINGS_LIMIT} at once")
    common = message.get("deviceId")
    if common is not None:
        resolve(common)  # a foreign device id at the top refuses the whole message
    delivery = Delivery()
    for place, item in enumerate(items):
        try:
            if not isinstance(item, dict):
                raise Refusal("readings", "each item must be an object")
            own = item.get("deviceId")
            device_id = resolve(common if own is None else own)
            delivery.samples.append(read_item(item, device_id, limits))
            delivery.places.append(place)
        except Refusal as refusal:
            delivery.rejected.append({"index": place, "reason": str(refusal)})
    if not delivery.samples:
        first = delivery.rejected[0]
        raise InvalidInput(
            f"None of the {len(items)} readings can be stored. readings.{first['index']}: {first['reason']}",
            fields={f"readings.{r['index']}": [r["reason"]] for r in delivery.rejected[:20]},
        )
    return delivery


def read_item(item: dict, device_id: int, limits: TimeLimits) -> Sample:
    """One reading, with `data` or with the declared metrics as members of their own."""
    data = item.get("data")
    if data is None:
        data = {key: item[key] for key in FLAT if item.get(key) is not None}
        if not data:
            raise Refusal("data", "is missing: give {metric: number}")
    return Sample(device_id, _read_time(item.get("timestamp"), limits), _read_values(data))


def _read_time(value: Any, limits: TimeLimits) -> int:
    if value is None:
        return limits.now
    if type(value) is not int:
        value = _as_millis(value)
    if value > limits.newest:
        raise Refusal("timestamp", "is more than 5 minutes ahead of the server's clock")
    if value < limits.oldest:
        raise Refusal("timestamp", "is older than what is kept")
    return value


def _as_millis(value: Any) -> int:
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if type(value) is float and value.is_integer():
        return int(value)
    raise Refusal("timestamp", "must be an integer, milliseconds since the epoch")


def _read_values(data: Any) -> dict[str, float]:
    if type(data) is not dict:
        raise Refusal("data", "must be an object {metric: number}")
    if len(data) > METRICS_LIMIT:
        raise Refusal("data", f"holds {len(data)} metrics; at most {METRICS_LIMIT}")
    if data and are_metric_names(tuple(data)) and _are_storable(data.values()):
        return data  # as nearly every reading: nothing to leave out, to change or to refuse
    values = {}
    for key, value in data.items():
        if value is None:
            continue
        kind = type(value)
        if kind is not float and kind is not int:
            raise Refusal(f"data.{key[:64]}", "must be a number")
        if not (-LARGEST < value < LARGEST) or not isfinite(value):
            raise Refusal(f"data.{key[:64]}", "must be a finite number of at most 1e300")
        if not is_metric_name(key):
            raise Refusal(f"data.{key[:64]}", NO_METRIC_NAME)
        # JSON on disk holds 64-bit integers; beyond them a number is what JavaScript would make of it.
        values[key] = value if kind is float or -(2**63) <= value < 2**63 else float(value)
    if not values:
        raise Refusal("data", "holds no value")
    return values


def _are_storable(values: Iterable[Any]) -> bool:
    """Whether these are numbers that are stored as they stand."""
    for value in values:
        kind = type(value)
        if kind is float:
            if not -LARGEST < value < LARGEST:
                return False
        elif kind is not int or not -(2**63) <= value < 2**63:
            return False
    return True


@lru_cache(maxsize=512)
def are_metric_names(keys: tuple[str, ...]) -> bool:
    return all(map(is_metric_name, keys))


@lru_cache(maxsize=4096)
def is_metric_name(key: str) -> bool:
    return METRIC_NAME.match(key) is not None
