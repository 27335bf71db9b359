"""Results of shifts that are over: kept when nothing can change them by itself, forgotten when something does."""

import logging
from collections.abc import Iterable, Sequence
from functools import partial
from time import monotonic

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Least

from analytics.models import Calendar, MachineMark, Redo, ShiftResult
from analytics.oee.shifts import Occurrence
from analytics.queries.machines import Machine, RunningBy, counted_metrics, load_machines
from analytics.queries.oee import Work, result_values, work_in
from factory.retrying import again_after_deadlock
from telemetry.queries import latest_values
from telemetry.samples import late_spans

logger = logging.getLogger(__name__)

EVER = 2**62
DAY_MS = 86_400_000
# A status is noted late by at most as long as a device may be silent; that is a day.
STATUS_SETTLES_MS = 25 * 3_600_000
KEEP_MS = 400 * DAY_MS
DAYS_AT_ONCE = 7


@transaction.atomic
def forget_results(*, device_ids: Iterable[int] | None = None, start: int = 0, end: int = EVER) -> None:
    """Something of these machines (None: of all) is other between `start` and `end`: nothing kept of it counts."""
    marks = MachineMark.objects.order_by("pk")
    results = ShiftResult.objects.filter(start__lt=end, end__gt=start)
    if device_ids is not None:
        ids = sorted(set(device_ids))
        marks, results = marks.filter(pk__in=ids), results.filter(device_id__in=ids)
    held = list(marks.select_for_update().values_list("pk", flat=True))
    MachineMark.objects.filter(pk__in=held).update(
        edition=F("edition") + 1, kept_to=Least(F("kept_to"), Value(max(start, 0)))
    )
    results.delete()


def keep_results(*, now: int, seconds: float = 5.0) -> int:
    """Work out and keep what has ended and is settled; returns how many results were kept.

    After about `seconds` it stops, and the next turn goes on.
    """
    stop = monotonic() + seconds
    machines = load_machines()
    settled = _settled_until(machines, now)
    marks = {mark.pk: mark for mark in MachineMark.objects.filter(pk__in=machines)}
    doubtful = {*Redo.objects.values_list("device_id", flat=True), *late_spans(list(machines))}
    kept = 0
    for device_id, machine in machines.items():
        mark = marks.get(device_id)
        if mark is None or device_id in doubtful:
            continue
        while (shifts := _next_shifts(machine, mark, settled[device_id], now)) and monotonic() < stop:
            result = again_after_deadlock(partial(_work_out, mark, shifts, now=now))
            if result is None:
                break  # something has changed meanwhile
            kept += result
            mark.kept_to = shifts[-1].end
    return kept


def _settled_until(machines: dict[int, Machine], now: int) -> dict[int, int]:
    """{device: up to when} all is known that its results are made of."""
    latest = latest_values(device_ids=list(machines))
    followed = dict(MachineMark.objects.filter(pk__in=machines).values_list("pk", "seen_at"))
    found = {}
    for device_id, machine in machines.items():
        profile = machine.profiles[-1]
        times = [latest.get(device_id, {}).get(metric, (0.0, 0))[1] for metric in counted_metrics(profile)]
        if profile.running_by == RunningBy.METRIC:
            times.append(followed.get(device_id) or 0)
        else:
            times.append(now - STATUS_SETTLES_MS)
        found[device_id] = min(times)
    return found


def _next_shifts(machine: Machine, mark: MachineMark, until: int, now: int) -> list[Occurrence]:
    """The next few that are over and settled, and of which nothing was kept yet."""
    low = mark.kept_to
    if low < until:
        low = max(low, machine.known_since or until, now - KEEP_MS, machine.profiles[0].valid_from)
    if low >= until:
        return []
    high = min(until, low + DAYS_AT_ONCE * DAY_MS)
    # One that lasts on at the end of what is looked at has its turn with the next ones.
    shifts = [one for one in machine.shifts_in(low, high) if mark.kept_to < one.end <= until]
    return [one for one in shifts if one.start >= machine.profiles[0].valid_from]


def _work_out(mark: MachineMark, shifts: Sequence[Occurrence], *, now: int) -> int | None:
    """How many results were kept; None where they were out of date before that."""
    start, end = shifts[0].start, max(one.end for one in shifts)
    wanted = {(one.start, one.end) for one in shifts}
    works = work_in(device_ids=[mark.pk], start=start, end=end, now=now)
    whole = [work for work in works if work.is_whole and (work.start, work.end) in wanted]
    return _keep(mark, whole, kept_to=shifts[-1].end)


@transaction.atomic
def _keep(mark: MachineMark, works: Sequence[Work], *, kept_to: int) -> int | None:
    held = MachineMark.objects.select_for_update().filter(pk=mark.pk).first()
    if held is None or held.edition != mark.edition:
        return None
    rows = [
        ShiftResult(device_id=mark.pk, start=work.start, end=work.end, **result_values(work))
        for work in works
    ]
    ShiftResult.objects.bulk_create(rows, ignore_conflicts=True)
    MachineMark.objects.filter(pk=mark.pk).update(kept_to=kept_to)
    return len(rows)


def follow_membership() -> None:
    """Devices are in other groups: by whose shifts they work may be another now."""
    if Calendar.objects.filter(group__isnull=False).exists():
        forget_results()
