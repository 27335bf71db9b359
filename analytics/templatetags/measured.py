"""How energy, OEE and stops are written on a page."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import template
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from analytics import figure_words, writing
from analytics.figure_words import Words
from analytics.models import Calendar, EnergyPrice, ReportSchedule, StopCode
from analytics.periods import Period
from analytics.queries.energy_view import EnergyView
from analytics.queries.performance import Performance
from analytics.queries.shift_pages import is_since_ever
from analytics.reports.document import duration as in_duration
from analytics.reports.parts import micro_stop_words
from telemetry.rules import metric_for

register = template.Library()
TENTHS_BELOW = 10
LITTLE, FEW_POINTS, HARDLY = 0.005, 0.05, 0.0005  # changes that count as none

register.filter("loss_word", figure_words.loss_word)
register.filter("part_word", figure_words.part_word)
register.filter("day_word", figure_words.day_word)
register.filter("metric_word", figure_words.metric_word)
register.filter("percents_of", writing.share)


@register.filter
def minute(at: datetime) -> str:
    """Day and time in the zone that is active."""
    return writing.minute(timezone.localtime(at))


@register.filter
def weekday(at: datetime) -> str:
    """The day in the zone that is active: `Sat 28 Nov`."""
    return writing.weekday(timezone.localtime(at))


@register.filter
def kwh(value: float | None) -> str:
    """Energy or power: three figures at least, grouped; a dash where nothing is known."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return writing.number(value)
    return writing.number(value, 1 if abs(value) >= 10 else 2)


@register.filter
def money(value: float | None) -> str:
    return "–" if value is None else writing.number(value, 2)


@register.filter
def price_words(price: EnergyPrice) -> str:
    return gettext("at %(price)s per kWh") % {"price": writing.short_number(price.per_kwh or 0)}


@register.filter
def change_words(view: EnergyView) -> str:
    """Against the same time before it: `4 % less than before`."""
    if view.change is None:
        return gettext("nothing to compare with")
    if abs(view.change) < LITTLE:
        return gettext("as much as before")
    share = {"share": writing.share(abs(view.change))}
    if view.change > 0:
        return gettext("%(share)s more than before") % share
    return gettext("%(share)s less than before") % share


@register.filter
def energy_sentence(view: EnergyView, period: Period) -> str:
    """What the page has to say first."""
    if view.total.amount.kwh is None:
        return gettext("No energy is known of %(period)s.") % {"period": period.words}
    given = {"when": period.when, "energy": f"{kwh(view.total.amount.kwh)}{writing.KEPT}kWh"}
    if view.change is None:
        return gettext("%(energy)s %(when)s.") % given
    return gettext("%(energy)s %(when)s, %(change)s.") % {**given, "change": change_words(view)}


@register.filter
def duration(seconds: float | None) -> str:
    return "–" if seconds is None else in_duration(seconds)


@register.filter
def percents(value: float | None) -> str:
    """A figure that is in percent already, with one decimal."""
    return "–" if value is None else writing.number(value, 1)


@register.filter
def in_percent(share: float) -> str:
    """A share as a number of percent: tenths where they matter."""
    value = 100 * share
    return writing.number(value, 1 if 0 < value < TENTHS_BELOW else 0)


@register.filter
def minutes(value: float) -> str:
    return writing.number(value, 1)


@register.filter
def pieces(count: float) -> str:
    return writing.number(count)


@register.filter
def micro_words(micro: Mapping[str, Any]) -> str:
    return micro_stop_words(micro["count"], micro["share_of_time"])


@register.filter
def with_code(codes: Sequence[StopCode], stop: Mapping[str, Any]) -> list[StopCode]:
    """The codes that are offered for a stop, and the one it has, which may not be offered any more."""
    if stop["code"] is None or any(code.code == stop["code"] for code in codes):
        return list(codes)
    own = StopCode(code=stop["code"], label=stop["label"] or stop["code"], planned=stop["planned"])
    return [own, *codes]


@register.filter
def code_words(label: str, planned: bool) -> str:
    """A reason, and whether it is a planned one."""
    return gettext("%(reason)s (planned)") % {"reason": label} if planned else label


@register.filter
def oee_sentence(metrics: Mapping[str, Any], period: Period) -> str:
    """What the page has to say first: the figure, and what it lost most by."""
    if metrics["flags"] == ["no_profile"]:
        return gettext("No machine is set up here yet.")
    when = {"when": period.when}
    if metrics["flags"] == ["nothing_planned"]:
        return gettext("Nothing was planned %(when)s.") % when
    if metrics["oee"] is None:
        return gettext("OEE is not known %(when)s.") % when
    given = {**when, "oee": f"OEE{writing.KEPT}{writing.percent(metrics['oee'], 1)}"}
    lost = [row for row in metrics["losses"] if row["kind"] not in ("good", "break", "planned")]
    if not lost:
        return gettext("%(oee)s %(when)s.") % given
    worst = max(lost, key=lambda row: row["minutes"])
    return _most_lost(worst) % given


def _most_lost(loss: Mapping[str, Any]) -> str:
    """The whole sentence for each kind: languages do not put it together alike."""
    if loss["kind"] == "down" and loss["code"] is None:
        return gettext("%(oee)s %(when)s; most was lost in stops without a reason.")
    whole = {
        "unknown": gettext("%(oee)s %(when)s; most was lost in time of which nothing is known."),
        "micro": gettext("%(oee)s %(when)s; most was lost by micro-stops."),
        "speed": gettext("%(oee)s %(when)s; most was lost by slow running."),
        "quality": gettext("%(oee)s %(when)s; most was lost by rejects."),
    }
    if loss["code"] is None and loss["kind"] in whole:
        return whole[loss["kind"]]
    reason = _lower(str(loss["label"])).replace("%", "%%")
    return gettext("%(oee)s %(when)s; most was lost by %(reason)s.").replace("%(reason)s", reason)


def _lower(label: str) -> str:
    """Within a sentence, as English writes it; what is all capitals stays."""
    if label[1:2].isupper() or not writing.is_english():
        return label
    return label[:1].lower() + label[1:]


@register.filter
def cadence_words(schedule: ReportSchedule) -> str:
    words = {
        "daily": gettext("each day at %(time)s"),
        "weekly": gettext("each Monday at %(time)s"),
        "monthly": gettext("on the first of each month at %(time)s"),
    }
    return words[schedule.cadence] % {"time": f"{schedule.at_time:%H:%M}"}


@register.filter
def performance_sentence(figures: Performance, period: Period) -> str:
    """Energy and OEE in one sentence, as far as they are known."""
    kilowatt_hours = figures.energy.total.amount.kwh
    oee = figures.oee["oee"]
    given = {
        "when": period.when,
        "oee": "" if oee is None else f"OEE{writing.KEPT}{writing.percent(oee, 1)}",
        "energy": "" if kilowatt_hours is None else f"{kwh(kilowatt_hours)}{writing.KEPT}kWh",
    }
    if given["oee"] and given["energy"]:
        return gettext("%(oee)s and %(energy)s %(when)s.") % given
    if given["oee"]:
        return gettext("%(oee)s %(when)s.") % given
    if given["energy"]:
        return gettext("%(energy)s %(when)s.") % given
    return gettext("Nothing is known of energy or OEE %(when)s.") % given


@register.filter
def oee_change_words(figures: Performance) -> str:
    change = figures.oee_change
    if change is None:
        return gettext("nothing to compare with")
    if abs(change) < FEW_POINTS:
        return gettext("as before")
    points = {"points": writing.number(abs(change), 1)}
    if change > 0:
        return gettext("%(points)s points more than before") % points
    return gettext("%(points)s points less than before") % points


@register.filter
def made_words(metrics: Mapping[str, Any]) -> str:
    if not metrics["total"]:
        return gettext("nothing was counted")
    return gettext("of %(count)s made") % {"count": pieces(metrics["total"])}


@register.filter
def meters_words(view: EnergyView) -> str:
    count = len(view.meters)
    return ngettext("%(count)s meter", "%(count)s meters", count) % {"count": writing.number(count)}


@register.filter
def trend_words(trend: Mapping[str, Any]) -> str:
    """The mean, against the time before, and where it goes."""
    rule = metric_for(trend["metric"])
    unit = f"{writing.KEPT}{rule.unit}" if rule.unit else ""
    words = gettext("On average %(value)s") % {"value": writing.written(f"{trend['average']:,.4g}") + unit}
    if trend["change"] is not None:
        words += f", {_change(trend['change'])}"
    if trend["slope_per_day"] is not None:
        slope = writing.written(f"{trend['slope_per_day']:+,.3g}") + unit
        words += "; " + gettext("%(slope)s a day") % {"slope": slope}
    return f"{words}."


def _change(change: float) -> str:
    if abs(change) < HARDLY:
        return gettext("as before")
    share = {"share": writing.share(abs(change), 1)}
    if change > 0:
        return gettext("%(share)s more than before") % share
    return gettext("%(share)s less than before") % share


@register.filter
def energy_by(word: str) -> Words:
    return figure_words.ENERGY_BY.get(word, word)


@register.filter
def basis_words(row: Mapping[str, Any]) -> Words:
    """By what failures were counted."""
    return figure_words.BASES.get(row["basis"], row["basis"])


@register.filter
def metric_in_sentence(key: str) -> str:
    return _lower(str(figure_words.metric_word(key)))


@register.filter
def short_number(value: float) -> str:
    return writing.short_number(value)


# Shifts in several versions


@register.filter
def since_ever(calendar: Calendar) -> bool:
    return is_since_ever(calendar)


@register.filter
def in_force(calendar: Calendar) -> str:
    """From when on: `from Sat 28 Nov 2026 on`, `always`."""
    if is_since_ever(calendar):
        return gettext("always")
    return gettext("from %(day)s on") % {"day": writing.full_day(calendar.valid_from)}


@register.filter
def in_force_first(calendar: Calendar, is_first: bool) -> str:
    """As the beginning of a line; what holds since ever and not for ever held at first."""
    if is_first and is_since_ever(calendar):
        return gettext("At first")
    words = in_force(calendar)
    return words[:1].upper() + words[1:]


@register.filter
def with_version(address: str, calendar: Calendar) -> str:
    return f"{address}{'&' if '?' in address else '?'}version={calendar.valid_from.isoformat()}"
