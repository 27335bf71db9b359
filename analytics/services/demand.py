"""Sums of energy by quarter of an hour, kept for the plant and for each group.

They are made of the stored rollups, and put aside in the transaction that changes one of these. Whoever works them out
reads in one snapshot, and writes only if nothing was put aside meanwhile.
"""

import logging
from collections.abc import Iterable
from datetime import timedelta
from functools import partial
from time import monotonic

from django.db import connection, transaction
from django.db.models import F

from analytics.energy.course import Amount, Course, Presence
from analytics.energy.meters import EVER, Meter
from analytics.models import Demand, DemandEdition, DemandScope
from analytics.models.energy import PLANT
from analytics.queries.energy import EnergyCollector
from analytics.queries.meters import Scope, counted_meters, made_of, scope_of
from factory.retrying import again_after_deadlock
from grouping.models import Group
from telemetry.collecting import clean_of
from telemetry.fold import QUARTER_MS, quarter_of, runs_of
from telemetry.sql import snapshot

logger = logging.getLogger(__name__)

# Quarters that are over for so long change only when something comes late.
SETTLES_MS = 2 * QUARTER_MS
AT_ONCE_MS = 86_400_000
KEEP_MS = int(timedelta(days=400).total_seconds()) * 1000
ROWS_AT_ONCE = 2000


def put_aside(*, buckets: Iterable[int], now: int) -> None:
    """Rollups of these quarters (ms) have changed, in the transaction at hand: sums of before are not believed."""
    old = sorted(bucket for bucket in buckets if bucket < quarter_of(now))
    if not old:
        return
    DemandEdition.objects.update_or_create(pk=1)
    DemandEdition.objects.filter(pk=1).update(edition=F("edition") + 1)
    for start in range(0, len(old), ROWS_AT_ONCE):
        Demand.objects.filter(bucket__in=old[start : start + ROWS_AT_ONCE], stale=False).update(stale=True)


def fill_demand(*, now: int, seconds: float = 5.0) -> int:
    """Work out what is not kept yet, of the plant first; returns how many quarter-hours were kept.

    After about `seconds` it stops, and the next turn goes on.
    """
    stop = monotonic() + seconds
    numbers = [PLANT, *Group.objects.order_by("pk").values_list("pk", flat=True)]
    _forget_scopes(numbers)
    kept = 0
    for number in numbers:
        scope = scope_of(group_id=number or None)
        meters = counted_meters(scope)
        row = _scope_row(number, meters, now)
        while row is not None and (span := _next_span(row, meters, now)) and monotonic() < stop:
            written = again_after_deadlock(partial(_fill, scope, meters, row, span))
            if written is None:
                break  # something has changed meanwhile
            kept += written
    return kept


def _forget_scopes(numbers: list[int]) -> None:
    gone = list(DemandScope.objects.exclude(pk__in=numbers).values_list("pk", flat=True))
    for number in gone:
        DemandScope.objects.filter(pk=number).delete()
        Demand.objects.filter(scope=number).delete()


def _scope_row(number: int, meters: dict[int, Meter], now: int) -> DemandScope | None:
    """What is kept of a scope; nothing, when it is made of something else now. None where nothing tells its energy."""
    if not meters:
        return None
    mark = made_of(meters.values())
    row = DemandScope.objects.filter(pk=number).first()
    if row is not None and row.made_of == mark:
        return row
    settled = quarter_of(now) - SETTLES_MS
    with transaction.atomic():
        Demand.objects.filter(scope=number).delete()
        row, _ = DemandScope.objects.update_or_create(
            pk=number, defaults={"made_of": mark, "filled_from": settled, "filled_to": settled}
        )
    return row


def _next_span(row: DemandScope, meters: dict[int, Meter], now: int) -> tuple[int, int] | None:
    """What is to be worked out next: what is new, then what was put aside, then what is older, a day at a time."""
    settled = quarter_of(now) - SETTLES_MS
    if row.filled_to < settled:
        return row.filled_to, min(settled, row.filled_to + AT_ONCE_MS)
    stale = Demand.objects.filter(scope=row.pk, stale=True).order_by("-bucket")
    found = list(stale.values_list("bucket", flat=True)[: AT_ONCE_MS // QUARTER_MS])
    if found:
        return runs_of(found)[-1]
    known = [meter.begins_at for meter in meters.values() if meter.begins_at != EVER]
    begins = quarter_of(max(min(known, default=now), now - KEEP_MS))
    return (max(row.filled_from - AT_ONCE_MS, begins), row.filled_from) if row.filled_from > begins else None


def _fill(scope: Scope, meters: dict[int, Meter], row: DemandScope, span: tuple[int, int]) -> int | None:
    start, end = span
    with snapshot():
        edition = _edition()
        course = Course(QUARTER_MS, Presence(()))
        EnergyCollector(meters, course).take_clean(clean_of(list(meters)), start, end)
    return _keep(row, span, course, edition)


def _edition() -> int:
    return DemandEdition.objects.filter(pk=1).values_list("edition", flat=True).first() or 0


@transaction.atomic
def _keep(row: DemandScope, span: tuple[int, int], course: Course, edition: int) -> int | None:
    start, end = span
    DemandEdition.objects.get_or_create(pk=1)
    held = DemandEdition.objects.select_for_update().get(pk=1)
    there = DemandScope.objects.select_for_update().filter(pk=row.pk, made_of=row.made_of).first()
    if held.edition != edition or there is None:
        return None
    rows = [_row(row.pk, at, course.pieces.get(at, Amount())) for at in range(start, end, QUARTER_MS)]
    Demand.objects.bulk_create(
        rows,
        batch_size=ROWS_AT_ONCE,
        update_conflicts=True,
        update_fields=["kwh", "covered_ms", "resets", "rollovers", "stale"],
        unique_fields=["scope", "bucket"]
        if connection.features.supports_update_conflicts_with_target
        else None,
    )
    row.filled_from, row.filled_to = min(there.filled_from, start), max(there.filled_to, end)
    row.save(update_fields=["filled_from", "filled_to"])
    return len(rows)


def _row(scope: int, at: int, amount: Amount) -> Demand:
    return Demand(
        scope=scope,
        bucket=at,
        kwh=amount.kwh,
        covered_ms=amount.covered_ms,
        resets=amount.resets,
        rollovers=amount.rollovers,
    )
