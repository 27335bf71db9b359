"""The energy of a time as a whole, beside the same time before it."""

from typing import Any

from analytics.energy.course import Bucket, change_between, price_of
from analytics.queries.energy import beside, energy_in, energy_total
from analytics.queries.energy_view import compared_with
from analytics.queries.meters import Scope, energy_price
from analytics.queries.states import moment
from telemetry.days import check_range


def energy_summary(scope: Scope, *, start: int, end: int, now: int) -> dict[str, Any]:
    """Of [start, end), ms; `change` is the share by which it is more than before, where both are known alike."""
    check_range(start, end)
    check_range(2 * start - end, start)
    begins, until = compared_with(start, end, now)
    price = energy_price()
    present, figures = _figures(scope, start, end, now, price.per_kwh)
    earlier, previous = _figures(scope, begins, until, now, price.per_kwh)
    return {
        **figures,
        "currency": price.currency or None,
        "previous": previous,
        "change": change_between(earlier, present),
    }


def _figures(
    scope: Scope, start: int, end: int, now: int, per_kwh: float | None
) -> tuple[Bucket, dict[str, Any]]:
    told = {"start_time": moment(start), "end_time": moment(end)}
    if start >= end:
        return Bucket(start, end), {**told, **NOTHING}
    energy = energy_in(scope, start=start, end=end)
    whole = energy_total(energy, start, end, now)
    return whole, {
        **told,
        "energy_kwh": whole.amount.kwh,
        "peak_kw": whole.peak_kw,
        "peak_at": None if whole.peak_at is None else moment(whole.peak_at),
        "base_load_kw": energy.course.base_load_kw(),
        "coverage": whole.coverage,
        "cost": price_of(whole.amount.kwh, per_kwh),
        "flags": beside(energy.meters, start, end).flags_of(whole),
        "devices": len(energy.meters),
    }


NOTHING: dict[str, Any] = {
    "energy_kwh": None,
    "peak_kw": None,
    "peak_at": None,
    "base_load_kw": None,
    "coverage": 0.0,
    "cost": None,
    "flags": [],
    "devices": 0,
}
