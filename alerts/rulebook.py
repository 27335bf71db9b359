"""Which rule is in force for each metric of a device: its own, else its narrowest group's, else its type's.

Every change of what reaches whom begins a new edition, in the transaction of the change. The edition is
read with each batch, so a rule is in force everywhere from the next batch on. What is in force under an
edition is kept by the process, and behind that in the cache that all processes share; when Redis is away
the database is asked instead.
"""

import logging
import secrets
import time
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from typing import Any

from django.core.cache import cache
from django.db.models import Q

from alerts.models import Rulebook, Threshold
from alerts.rules import Rule
from devices.models import Device
from grouping.queries import groups_of_devices

logger = logging.getLogger(__name__)

ONE = 1  # the only row of the table
AT_ONCE = 500  # devices in one statement: SQLite takes no list of any length
KEPT_SECONDS = 3600
FORMAT = 1  # of what lies in the cache: another release may not read it
CACHE_PAUSE = 30.0  # seconds without the cache after it failed: a batch must not wait for it again and again
RULE_FIELDS = (
    "id",
    "min_value",
    "max_value",
    "warning_min",
    "warning_max",
    "hysteresis",
    "hold_seconds",
    "clear_seconds",
    "count",
)

Rules = dict[str, Rule]  # by metric


def begin_edition() -> None:
    """What reaches whom has changed: everybody reads it anew once the transaction at hand has committed."""
    edition = secrets.randbits(62)
    if not Rulebook.objects.filter(pk=ONE).update(edition=edition):
        Rulebook.objects.update_or_create(pk=ONE, defaults={"edition": edition})


def current_edition() -> int:
    """The edition in force, 0 before the first rule."""
    return Rulebook.objects.filter(pk=ONE).values_list("edition", flat=True).first() or 0


def rule_of(row: Threshold) -> Rule:
    """The pure rule that a threshold stands for."""
    return _rule([getattr(row, name) for name in RULE_FIELDS])


def _rule(values: Sequence[Any]) -> Rule:
    threshold_id, low, high, warning_low, warning_high, hysteresis, hold_seconds, clear_seconds, count = (
        values
    )
    return Rule(
        id=threshold_id or 0,
        min_value=low,
        max_value=high,
        warning_min=warning_low,
        warning_max=warning_high,
        hysteresis=hysteresis,
        hold_ms=hold_seconds * 1000,
        clear_ms=clear_seconds * 1000,
        count=count,
    )


class _Copy:
    """What this process knows of one edition."""

    def __init__(self, edition: int = 0) -> None:
        self.edition = edition
        self.by_device: dict[int, Rules] = {}


class RuleReader:
    """One per process. A lost race between threads costs a look-up, never a wrong rule."""

    def __init__(self) -> None:
        self._copy = _Copy()
        self._no_cache_before = float("-inf")

    def in_force(self, device_ids: Iterable[int], *, edition: int) -> dict[int, Rules]:
        """{device: {metric: rule}} for at least these devices, as of this edition; not to be changed."""
        copy = self._copy
        if copy.edition != edition:
            copy = self._copy = _Copy(edition)
        known = copy.by_device
        missing = [device_id for device_id in device_ids if device_id not in known]
        if missing:
            known.update(self._fetch(missing, edition))
        return known

    def _fetch(self, device_ids: list[int], edition: int) -> dict[int, Rules]:
        found = self._from_cache(device_ids, edition)
        missing = [device_id for device_id in device_ids if device_id not in found]
        if missing:
            resolved = resolve(missing)
            self._to_cache(resolved, edition)
            found.update(resolved)
        return found

    def _from_cache(self, device_ids: list[int], edition: int) -> dict[int, Rules]:
        if time.monotonic() < self._no_cache_before:
            return {}
        keys = {_cache_key(edition, device_id): device_id for device_id in device_ids}
        try:
            packed = cache.get_many(list(keys))
        except Exception as error:  # whatever the cache's client raises: the database knows as well
            self._do_without(error)
            return {}
        return {keys[key]: _unpack(rules) for key, rules in packed.items()}

    def _to_cache(self, resolved: dict[int, Rules], edition: int) -> None:
        if time.monotonic() < self._no_cache_before:
            return
        try:
            cache.set_many(
                {_cache_key(edition, device_id): _pack(rules) for device_id, rules in resolved.items()},
                timeout=KEPT_SECONDS,
            )
        except Exception as error:
            self._do_without(error)

    def _do_without(self, error: Exception) -> None:
        self._no_cache_before = time.monotonic() + CACHE_PAUSE
        logger.warning("rulebook.no_cache", extra={"error": str(error)})


reader = RuleReader()


def _cache_key(edition: int, device_id: int) -> str:
    return f"rules:{FORMAT}:{edition}:{device_id}"


def _pack(rules: Rules) -> list[tuple[Any, ...]]:
    return [(metric, *astuple(rule)[: len(RULE_FIELDS)]) for metric, rule in rules.items()]


def _unpack(rules: list[tuple[Any, ...]]) -> Rules:
    return {metric: Rule(*values) for metric, *values in rules}


def resolve(device_ids: Sequence[int]) -> dict[int, Rules]:
    """What is in force for these devices by what the database says; one without rules has an empty entry."""
    found: dict[int, Rules] = {}
    for start in range(0, len(device_ids), AT_ONCE):
        found.update(_resolve(device_ids[start : start + AT_ONCE]))
    return found


def _resolve(device_ids: Sequence[int]) -> dict[int, Rules]:
    types = dict(Device.objects.filter(pk__in=device_ids).values_list("pk", "type"))
    groups = groups_of_devices(device_ids=device_ids)
    reaching = (
        Q(device_id__in=device_ids)
        | Q(group_id__in={group for ids in groups.values() for group in ids})
        | Q(device_type__in=set(types.values()))
    )
    rows = Threshold.objects.filter(reaching, enabled=True).order_by()
    by_scope: dict[tuple[str, Any], Rules] = {}
    for device, group, device_type, metric, *values in rows.values_list(
        "device_id", "group_id", "device_type", "metric", *RULE_FIELDS
    ):
        scope = ("device", device) if device else ("group", group) if group else ("type", device_type)
        by_scope.setdefault(scope, {})[metric] = _rule(values)
    found = {}
    for device_id in device_ids:
        rules = dict(by_scope.get(("type", types.get(device_id)), {}))
        for group in reversed(groups.get(device_id, [])):  # the narrowest last, so that it wins
            rules.update(by_scope.get(("group", group), {}))
        rules.update(by_scope.get(("device", device_id), {}))
        found[device_id] = rules
    return found
