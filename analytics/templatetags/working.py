"""How long what is going on has taken, and still takes, in words."""

from datetime import datetime

from django import template
from django.utils.translation import gettext, ngettext

from analytics.models import Report
from analytics.queries.rollout_pace import Pace

register = template.Library()
MINUTE, HOUR = 60, 3600


@register.filter
def left_words(seconds: float | None) -> str:
    """`about 3 min left`; nothing where it cannot be known."""
    if seconds is None:
        return ""
    if seconds < MINUTE:
        return gettext("less than a minute left")
    if seconds < 1.5 * HOUR:
        return gettext("about %(minutes)d min left") % {"minutes": round(seconds / MINUTE)}
    return gettext("about %(hours)d h left") % {"hours": round(seconds / HOUR)}


@register.filter
def report_step(report: Report) -> str:
    """Where a report is that is being made."""
    if report.status == Report.Status.QUEUED:
        return gettext("waits for its turn")
    if report.progress < Report.WRITTEN:
        return gettext("step 1 of 2, the figures")
    return gettext("step 2 of 2, the PDF")


@register.filter
def left_of(left: dict[int, float | None], report: Report) -> str:
    return left_words(left.get(report.pk))


@register.filter
def pace_words(pace: Pace | None) -> str:
    """How long the wave of a rollout still takes, or what it waits for."""
    if pace is None:
        return ""
    if pace.left is not None:
        return gettext("this wave: %(left)s") % {"left": left_words(pace.left)}
    return pace.waits


@register.filter
def took(start: datetime | None, end: datetime | None) -> str:
    """How long it took: `40 s`, `12 min`, `3 h`."""
    if start is None or end is None:
        return ""
    seconds = max(0, int((end - start).total_seconds()))
    if seconds < MINUTE:
        return gettext("%(seconds)d s") % {"seconds": seconds}
    if seconds < HOUR:
        return gettext("%(minutes)d min") % {"minutes": seconds // MINUTE}
    days, hours = divmod(seconds // HOUR, 24)
    if not days:
        return gettext("%(hours)d h") % {"hours": hours}
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
