"""How the overview and the wallboard say what they show."""

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from analytics.marks import Mark
from analytics.queries.changes import Change, Kind
from analytics.queries.energy_view import EnergyView
from analytics.queries.overview import Figures, Zone
from analytics.queries.trends_now import Trends
from analytics.writing import number, percent, share
from factory.said import retold

register = template.Library()

EVEN = 0.005  # a share that is no difference
WIDEST = 100.0  # percent


@register.filter
def energy_figure(kwh: float | None) -> str:
    """Energy or power: three figures at least."""
    if kwh is None:
        return "–"
    return number(kwh, 0 if abs(kwh) >= 1000 else 1 if abs(kwh) >= 10 else 2)


@register.filter
def against_yesterday(view: EnergyView) -> str:
    """`12 % less than yesterday by this time`."""
    if view.change is None:
        return gettext("yesterday is not known well enough to compare")
    if abs(view.change) < EVEN:
        return gettext("as much as yesterday by this time")
    change = {"share": share(abs(view.change))}
    if view.change > 0:
        return gettext("%(share)s more than yesterday by this time") % change
    return gettext("%(share)s less than yesterday by this time") % change


@register.filter
def moved_words(trends: Trends) -> str:
    """Who went and who came in the last hour."""
    went = ngettext("%(count)s fell silent", "%(count)s fell silent", trends.went) % {
        "count": number(trends.went)
    }
    came = ngettext("%(count)s came back", "%(count)s came back", trends.came) % {
        "count": number(trends.came)
    }
    if trends.went and trends.came:
        return gettext("last hour: %(went)s, %(came)s") % {"went": went, "came": came}
    if trends.went or trends.came:
        return gettext("last hour: %(what)s") % {"what": went if trends.went else came}
    return gettext("as an hour ago")


@register.simple_tag
def open_words(figures: Figures, trends: Trends) -> str:
    """`2 an hour ago`."""
    if figures.open == trends.open_before:
        return gettext("as many as an hour ago")
    return gettext("%(count)s an hour ago") % {"count": number(trends.open_before)}


@register.filter
def power_words(trends: Trends) -> str:
    """What was drawn an hour and a day ago; empty where that is not known."""
    hour, day = trends.power_before, trends.power_yesterday
    if hour is not None and day is not None:
        return gettext("%(hour)s kW an hour ago, %(day)s kW a day ago") % {
            "hour": energy_figure(hour),
            "day": energy_figure(day),
        }
    return gettext("%(hour)s kW an hour ago") % {"hour": energy_figure(hour)} if hour is not None else ""


def state_words(state: Mark, count: int) -> str:
    """`2 critical`: what the shape beside a number says."""
    said = {
        Mark.CRITICAL: ngettext("%(count)s critical", "%(count)s critical", count),
        Mark.ERROR: ngettext("%(count)s in error", "%(count)s in error", count),
        Mark.WARNING: ngettext("%(count)s warning", "%(count)s warnings", count),
        Mark.MAINTENANCE: ngettext("%(count)s in maintenance", "%(count)s in maintenance", count),
        Mark.OFFLINE: ngettext("%(count)s silent", "%(count)s silent", count),
        Mark.INFO: ngettext("%(count)s for information", "%(count)s for information", count),
        Mark.NORMAL: ngettext("%(count)s normal", "%(count)s normal", count),
    }
    return said[state] % {"count": number(count)}


@register.simple_tag
def states(zone: Zone) -> SafeString | str:
    """What is not normal in a zone: a shape and a number each, in words for who cannot see them."""
    if not zone.states:
        return format_html("<li>{}</li>", gettext("all normal"))
    return format_html_join(
        "",
        '<li><span class="mark" data-state="{}"></span>{}</li>',
        ((state.value, state_words(state, count)) for state, count in zone.states.items()),
    )


@register.simple_tag
def severity_counts(figures: Figures) -> list[tuple[str, str]]:
    """(severity, `2 critical`) of the open alerts, the worst first; those of which there is none are left out."""
    return [
        (severity, state_words(Mark(severity), count))
        for severity, count in figures.by_severity.items()
        if count
    ]


@register.filter
def zone_title(zone: Zone) -> str:
    """Its name; devices without a zone stand together."""
    return zone.search or gettext("No zone")


@register.filter
def change_words(change: Change) -> str:
    """What happened, behind the name of what it happened to."""
    said = {
        Kind.OPENED: "%(note)s",
        Kind.CLOSED: gettext("over: %(note)s"),
        Kind.SILENT: gettext("fell silent"),
        Kind.BACK: gettext("is back"),
        Kind.UPDATED: gettext("runs %(note)s now"),
        Kind.NOT_UPDATED: gettext("could not be updated to %(note)s"),
        Kind.BATCH: gettext("batch finished")
        if change.is_well
        else gettext("batch ended, not all went well"),
        Kind.CONFIGURED: gettext("new configuration, by %(note)s")
        if change.note
        else gettext("new configuration"),
    }
    return said[change.kind] % {"note": retold(change.note)}


@register.filter
def change_about(change: Change) -> str:
    """What it happened to; an alert about nothing in particular is the system's."""
    return change.about or gettext("The system")


@register.filter
def change_state(change: Change) -> str:
    """How it is drawn: only what is abnormal has a colour."""
    if change.kind is Kind.OPENED:
        return change.severity
    if change.kind is Kind.SILENT:
        return Mark.OFFLINE
    return Mark.NORMAL if change.is_well else Mark.ERROR


@register.filter
def bar_width(percent: float | None) -> float:
    return round(min(WIDEST, max(0.0, percent or 0.0)), 1)


@register.filter
def one_decimal(value: float | None) -> str:
    return "–" if value is None else number(value, 1)


@register.simple_tag
def target_words(value: float | None, target: float) -> str:
    """How far a line is from its target, for who cannot measure a bar."""
    if value is None:
        return gettext("nothing was to be made yet, or nothing is known")
    points = number(abs(value - target), 1)
    if value >= target:
        return gettext("on target (%(target)s)") % {"target": percent(target)}
    return gettext("%(points)s points below the target of %(target)s") % {
        "points": points,
        "target": percent(target),
    }
