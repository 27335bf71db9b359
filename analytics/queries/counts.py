"""How many pieces machines made in some time: from the rollups of their counters, exact to the last commit."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from analytics.models import MachineProfile
from analytics.oee.sums import Count
from analytics.queries.machines import counted_metrics
from telemetry.aggregates import RawIsArchived, Total, totals_by_device
from telemetry.fold import QUARTER_MS
from telemetry.rules import metric_for

NOTHING = Total()


class Window(NamedTuple):
    """A time in which a machine made one thing, by one profile; ms, and seconds a piece at best."""

    device_id: int
    start: int
    end: int
    profile: MachineProfile
    ideal_seconds: float


def counts_in(windows: Iterable[Window]) -> list[tuple[Window, Count]]:
    """What was counted in each window. Windows of the same time are looked up together."""
    together: defaultdict[tuple[int, int], list[Window]] = defaultdict(list)
    for window in windows:
        together[window.start, window.end].append(window)
    found = []
    for (start, end), here in together.items():
        totals, is_rounded = _totals(here, start, end)
        for window in here:
            found.append((window, _count(window, totals.get(window.device_id, {}), is_rounded)))
    return found


def _totals(windows: list[Window], start: int, end: int) -> tuple[dict[int, dict[str, Total]], bool]:
    metrics = sorted({metric for window in windows for metric in counted_metrics(window.profile)})
    ids = [window.device_id for window in windows]

    def totals(low: int, high: int) -> dict[int, dict[str, Total]]:
        return totals_by_device(device_ids=ids, start=low, end=high, rule=metric_for, metrics=metrics)

    try:
        return totals(start, end), False
    except RawIsArchived:  # then quarters are all there is
        low, high = start - start % QUARTER_MS, end - end % QUARTER_MS
        return (totals(low, high) if low < high else {}), True


def _count(window: Window, totals: dict[str, Total], is_rounded: bool) -> Count:
    profile = window.profile
    flags = {"rounded_to_quarters"} if is_rounded else set()
    made = totals.get(profile.total_metric, NOTHING)
    total = made.increase or 0.0
    parts = [made]
    if profile.good_metric:
        parts.append(totals.get(profile.good_metric, NOTHING))
        good = parts[-1].increase or 0.0
    elif profile.reject_metric:
        parts.append(totals.get(profile.reject_metric, NOTHING))
        good = total - (parts[-1].increase or 0.0)
    else:
        good = total
        flags.add("quality_not_measured")
    said = {
        "no_counts": made.increase is None,
        "counter_reset": any(part.resets for part in parts),
        "counter_rolled_over": any(part.rollovers for part in parts),
        "rule_changed": any(metric_for(metric).rebuild_due for metric in counted_metrics(profile)),
    }
    flags |= {flag for flag, holds in said.items() if holds}
    return Count(total, good, window.ideal_seconds * 1000, frozenset(flags))
