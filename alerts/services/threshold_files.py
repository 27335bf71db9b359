"""Thresholds out into a file, and what a file means for those that are there."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext

from alerts import threshold_csv
from alerts.models import Threshold
from alerts.rulebook import AT_ONCE
from alerts.scopes import Scope, values_of
from alerts.services.revisions import Step, Wanted, revise
from alerts.threshold_csv import Refusal, Row, refusals_at
from devices.models import Device
from grouping.models import Group

M = TypeVar("M", bound=Model)


def thresholds_as_csv(thresholds: QuerySet[Threshold]) -> Iterator[str]:
    """The file in pieces, in the order of the thresholds."""
    rows = thresholds.select_related("device", "group").iterator(chunk_size=2000)
    return threshold_csv.written(_named(threshold) for threshold in rows)


def revision_of_csv(data: bytes) -> tuple[list[Step], list[Refusal]]:
    """What a file would change, and the rows that cannot be meant; what it does not name stays.

    Refuses a file that is no such file at all.
    """
    rows, refusals = threshold_csv.parse(data)
    scopes = _scopes_of(rows)
    wanted: list[Wanted] = []
    lines: list[int] = []
    for row in rows:
        scope = scopes.get((row.kind, row.target))
        if scope is None:
            name = row.target if len(row.target) <= 120 else f"{row.target[:120]}…"
            refusals.append(
                Refusal(
                    threshold_csv.place_in_file(row.line),
                    "target",
                    gettext("there is no %(kind)s %(name)s") % {"kind": row.kind, "name": repr(name)},
                )
            )
            continue
        wanted.append((scope, row.metric, row.values))
        lines.append(row.line)
    steps = []
    for line, step in zip(lines, revise(wanted), strict=True):
        problems = step.problems()
        refusals += refusals_at(
            threshold_csv.place_in_file(line), {column: [why] for column, why in problems.items()}
        )
        if not problems:
            steps.append(step)
    return steps, sorted(refusals, key=_line)


def _named(threshold: Threshold) -> tuple[str, str, str, dict[str, Any]]:
    kind, target = "type", threshold.device_type or ""
    if threshold.device:
        kind, target = "device", threshold.device.external_id
    elif threshold.group:
        kind, target = "group", threshold.group.name
    return kind, target, threshold.metric, values_of(threshold)


def _scopes_of(rows: Iterable[Row]) -> dict[tuple[str, str], Scope]:
    """{(kind, name): scope} of those that exist."""
    names: dict[str, set[str]] = {"device": set(), "group": set(), "type": set()}
    for row in rows:
        names[row.kind].add(row.target)
    found: dict[tuple[str, str], Scope] = {}
    for device in _called(Device.objects.all(), "external_id", names["device"]):
        found["device", device.external_id] = Scope(device=device)
    for group in _called(Group.objects.all(), "name", names["group"]):
        found["group", group.name] = Scope(group=group)
    for device_type in names["type"] & set(Device.Type.values):
        found["type", device_type] = Scope(device_type=device_type)
    return found


def _called(everything: QuerySet[M], column: str, names: Collection[str]) -> Iterator[M]:
    ordered = sorted(names)
    for start in range(0, len(ordered), AT_ONCE):
        yield from everything.filter(**{f"{column}__in": ordered[start : start + AT_ONCE]})


def _line(refusal: Refusal) -> int:
    return int("".join(filter(str.isdigit, refusal.where)))
