"""Fields that take JSON at its word: a number is a number, and a string is not one."""

import json
import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

import orjson
from django.utils.translation import gettext_noop
from rest_framework import serializers

from factory.trpc import superjson

MILLIS = "epoch-millis"  # what schemas call the format of telemetry times
SAFE_INTEGER = 2**53 - 1  # beyond it JavaScript loses digits
DEEPEST = 24  # levels of objects and arrays in a free-form value; MariaDB keeps 31
NO_JSON = gettext_noop("must be JSON, with finite numbers of at most 64 bits and whole characters")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _kind(value: Any) -> str:
    """What a value is called in JSON, for people."""
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, float) and not math.isfinite(value):
        return "not a finite number"
    names = ((int | float, "a number"), (str, "a string"), (list, "an array"), (dict, "an object"))
    return next((name for kind, name in names if isinstance(value, kind)), "something else")


class StrictInteger(serializers.IntegerField):
    """A whole number JavaScript can count to. `1.0` is one; `"1"` and `true` are not."""

    default_error_messages = {
        "invalid": "Expected an integer, got {got}.",
        "large": "The integer is too large.",
    }

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid", got=_kind(data))
        if isinstance(data, float):
            if not data.is_integer():
                self.fail("invalid", got="a fraction" if math.isfinite(data) else _kind(data))
            data = int(data)
        if abs(data) > SAFE_INTEGER:
            self.fail("large")
        return data


class StrictFloat(serializers.FloatField):
    """A finite number."""

    default_error_messages = {
        "invalid": "Expected a number, got {got}.",
        "finite": "Expected a finite number.",
    }

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, int | float):
            self.fail("invalid", got=_kind(data))
        try:
            number = float(data)
        except OverflowError:
            self.fail("finite")
        if not math.isfinite(number):
            self.fail("finite")
        return number


class StrictString(serializers.CharField):
    """Text; numbers are not quietly turned into it."""

    default_error_messages = {"invalid": "Expected a string, got {got}."}

    def run_validation(self, data: Any = serializers.empty) -> Any:
        if data is not serializers.empty and data is not None and not isinstance(data, str):
            self.fail("invalid", got=_kind(data))
        return super().run_validation(data)


class StrictBoolean(serializers.BooleanField):
    """true or false, not "yes" or 1."""

    default_error_messages = {"invalid": "Expected a boolean, got {got}."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", got=_kind(data))
        return data


class StrictDateTime(serializers.DateTimeField):
    """An ISO 8601 string or a superjson Date, kept as a datetime in UTC; without an offset it is UTC."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"default_timezone": UTC, **options})

    def to_internal_value(self, data: Any) -> datetime:
        if not isinstance(data, str | datetime):
            self.fail("invalid", format="YYYY-MM-DDThh:mm:ss.sssZ")
        return super().to_internal_value(data)


class MillisField(StrictInteger):
    """Milliseconds since the epoch, UTC, an integer on both sides; a superjson Date is understood too."""

    def to_internal_value(self, data: Any) -> int:
        return super().to_internal_value(_millis(data))

    def to_representation(self, value: Any) -> int:
        return int(_millis(value))


class MomentField(MillisField):
    """A moment as milliseconds since the epoch, as ISO 8601, or as a superjson Date; kept as milliseconds."""

    default_error_messages = {"moment": "Expected milliseconds since the epoch, or YYYY-MM-DDThh:mm:ssZ."}

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, str):
            try:
                data = StrictDateTime().to_internal_value(data)
            except serializers.ValidationError:
                self.fail("moment")
        return super().to_internal_value(data)


class TimeZoneField(serializers.ChoiceField):
    """The name of a time zone, such as Europe/Berlin."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=sorted(available_timezones()), **options)
        self.error_messages["invalid_choice"] = "is no time zone such as Europe/Berlin"


def _millis(value: Any) -> Any:
    return (value - EPOCH) // timedelta(milliseconds=1) if isinstance(value, datetime) else value


def is_too_deep(value: Any, levels: int = DEEPEST) -> bool:
    """Whether objects and arrays stand more than so many levels inside each other."""
    layer = [value]
    for _ in range(levels):
        layer = [inner for outer in layer if isinstance(outer, dict | list) for inner in _members(outer)]
    return any(isinstance(inner, dict | list) for inner in layer)


def _members(outer: dict | list) -> Iterable[Any]:
    return outer.values() if isinstance(outer, dict) else outer


def as_json(value: Any, *, sort_keys: bool = False) -> bytes | None:
    """A value as it goes out to devices and browsers; None where it cannot be said to them.

    Python's own JSON knows more than they do: numbers beyond 64 bits, and halves of a character.
    """
    try:
        json.dumps(
            value, allow_nan=False
        )  # orjson writes null for what is not finite, and knows more than JSON
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort_keys else None)
    except (TypeError, ValueError, RecursionError):
        return None


class FreeForm(serializers.JSONField):
    """A value the contract leaves open (an object, unless `anything=True`), kept as it came."""

    default_error_messages = {
        "object": "Expected an object, got {got}.",
        "finite": "Numbers must be finite.",
        "deep": f"May nest {DEEPEST} levels deep.",
    }

    def __init__(self, *, anything: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.anything = anything

    def to_internal_value(self, data: Any) -> Any:
        if not self.anything and not isinstance(data, dict):
            self.fail("object", got=_kind(data))
        if is_too_deep(data):
            self.fail("deep")
        try:
            return json.loads(json.dumps(data, default=_iso, allow_nan=False))
        except ValueError:
            self.fail("finite")
        except TypeError:
            self.fail("invalid")


def _iso(value: Any) -> str:
    """Dates can only have come from a superjson client."""
    if isinstance(value, datetime):
        return superjson.iso(value)
    raise TypeError
