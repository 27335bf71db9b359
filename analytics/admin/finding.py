"""The admin's search over models: few of each kind, by what begins like the words, so that large tables stay quick."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

from alerts.models import Threshold
from devices.models import Device
from factory.accounts.models import User
from grouping.models import Group
from ota.models import Firmware, Rollout

EACH = 8
# Icon, model, its columns. Tables that grow without end are searched in their own lists.
WHERE: tuple[tuple[str, type[Model], tuple[str, ...]], ...] = (
    ("precision_manufacturing", Device, ("external_id", "name")),
    ("account_tree", Group, ("name",)),
    ("system_update", Firmware, ("version",)),
    ("rocket_launch", Rollout, ("name",)),
    ("straighten", Threshold, ("metric", "device__external_id", "device__name", "group__name")),
    ("group", User, ("email", "name")),
)
JOINED = {Threshold: ("device", "group")}


def found(request: HttpRequest, words: str) -> list[SearchResult]:
    """Called by the admin's search with what was typed."""
    return [
        result for icon, model, columns in WHERE for result in _results(icon, _rows(model, columns, words))
    ]


def _rows(model: type[Model], columns: Iterable[str], words: str) -> QuerySet[Any]:
    wanted = Q()
    for column in columns:
        wanted |= Q(**{f"{column}__icontains": words})
    rows = model._default_manager.filter(wanted).order_by("pk")
    return rows.select_related(*JOINED.get(model, ()))[:EACH] if model in JOINED else rows[:EACH]


def _results(icon: str, rows: Iterable[Any]) -> Iterable[SearchResult]:
    for row in rows:
        name = f"admin:{row._meta.label_lower.replace('.', '_')}_change"
        yield SearchResult(
            title=str(row),
            description=str(row._meta.verbose_name),
            link=reverse(name, args=[row.pk]),
            icon=icon,
        )
