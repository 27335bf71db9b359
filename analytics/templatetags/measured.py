"""How energy, OEE and stops are written on a page."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import template

from analytics.models import EnergyPrice, ReportSchedule, StopCode
from analytics.queries.energy_view import EnergyView
from analytics.queries.performance import Performance
from analytics.reports.document import duration as in_duration
from telemetry.rules import metric_for

register = template.Library()
KEPT = "\u00a0"  # between a number and its unit, so that they stay on one line


@register.filter
def kwh(value: float | None) -> str:
    """Energy or power: three figures at least, grouped; a dash where nothing is known."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"


@register.filter
def money(value: float | None) -> str:
    return "–" if value is None else f"{value:,.2f}"


@register.filter
def price_words(price: EnergyPrice) -> str:
    return f"at {price.per_kwh:g} per kWh"


@register.filter
def change_words(view: EnergyView) -> str:
    """Against the same time before it: `4 % less than before`."""
    if view.change is None:
        return "nothing to compare with"
    share = abs(view.change)
    if share < 0.005:
        return "as much as before"
    return f"{share:.0%} {'more' if view.change > 0 else 'less'} than before"


@register.filter
def energy_sentence(view: EnergyView, period: str) -> str:
    """What the page has to say first."""
    if view.total.amount.kwh is None:
        return f"No energy is known of {period}."
    words = f"{kwh(view.total.amount.kwh)}{KEPT}kWh {_when(period)}"
    if view.change is None:
        return f"{words}."
    if abs(view.change) < 0.005:
        return f"{words}, as much as before."
    return f"{words}, {abs(view.change):.0%} {'more' if view.change > 0 else 'less'} than before."


@register.filter
def duration(seconds: float | None) -> str:
    return "–" if seconds is None else in_duration(seconds)


@register.filter
def percents(value: float | None) -> str:
    """A figure that is in percent already, with one decimal."""
    return "–" if value is None else f"{value:.1f}"


@register.filter
def pieces(count: float) -> str:
    return f"{count:,.0f}"


@register.filter
def with_code(codes: Sequence[StopCode], stop: Mapping[str, Any]) -> list[StopCode]:
    """The codes that are offered for a stop, and the one it has, which may not be offered any more."""
    if stop["code"] is None or any(code.code == stop["code"] for code in codes):
        return list(codes)
    own = StopCode(code=stop["code"], label=stop["label"] or stop["code"], planned=stop["planned"])
    return [own, *codes]


@register.filter
def oee_sentence(metrics: Mapping[str, Any], period: str) -> str:
    """What the page has to say first: the figure, and what it lost most by."""
    if metrics["flags"] == ["no_profile"]:
        return "No machine is set up here yet."
    if metrics["flags"] == ["nothing_planned"]:
        return f"Nothing was planned {_when(period)}."
    if metrics["oee"] is None:
        return f"OEE is not known {_when(period)}."
    words = f"OEE{KEPT}{metrics['oee']:.1f}{KEPT}% {_when(period)}"
    lost = [row for row in metrics["losses"] if row["kind"] not in ("good", "break", "planned")]
    if not lost:
        return f"{words}."
    worst = max(lost, key=lambda row: row["minutes"])
    return f"{words}; most was lost {_by(worst)}."


def _by(loss: Mapping[str, Any]) -> str:
    if loss["kind"] == "down" and loss["code"] is None:
        return "in stops without a reason"
    if loss["kind"] == "unknown":
        return "in time of which nothing is known"
    return f"by {_lower(loss['label'])}"


def _lower(label: str) -> str:
    """Within a sentence; what is all capitals stays."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


@register.filter
def cadence_words(schedule: ReportSchedule) -> str:
    days = {"daily": "each day", "weekly": "each Monday", "monthly": "on the first of each month"}
    return f"{days[schedule.cadence]} at {schedule.at_time:%H:%M}"


@register.filter
def performance_sentence(figures: Performance, period: str) -> str:
    """Energy and OEE in one sentence, as far as they are known."""
    kilowatt_hours = figures.energy.total.amount.kwh
    known = []
    if figures.oee["oee"] is not None:
        known.append(f"OEE{KEPT}{figures.oee['oee']:.1f}{KEPT}%")
    if kilowatt_hours is not None:
        known.append(f"{kwh(kilowatt_hours)}{KEPT}kWh")
    if not known:
        return f"Nothing is known of energy or OEE {_when(period)}."
    return f"{' and '.join(known)} {_when(period)}."


def _when(period: str) -> str:
    return f"in {period}" if period.startswith("the last") else period


@register.filter
def oee_change_words(figures: Performance) -> str:
    change = figures.oee_change
    if change is None:
        return "nothing to compare with"
    if abs(change) < 0.05:
        return "as before"
    return f"{abs(change):.1f} points {'more' if change > 0 else 'less'} than before"


@register.filter
def made_words(metrics: Mapping[str, Any]) -> str:
    return f"of {pieces(metrics['total'])} made" if metrics["total"] else "nothing was counted"


@register.filter
def trend_words(trend: Mapping[str, Any]) -> str:
    """The mean, against the time before, and where it goes."""
    rule = metric_for(trend["metric"])
    unit = f"{KEPT}{rule.unit}" if rule.unit else ""
    words = f"On average {trend['average']:,.4g}{unit}"
    if trend["change"] is not None:
        share = abs(trend["change"])
        how = (
            "as before"
            if share < 0.0005
            else f"{share:.1%} {'more' if trend['change'] > 0 else 'less'} than before"
        )
        words += f", {how}"
    if trend["slope_per_day"] is not None:
        words += f"; {trend['slope_per_day']:+,.3g}{unit} a day"
    return f"{words}."
