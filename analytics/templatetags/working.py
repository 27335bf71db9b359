"""How long what is going on has taken, and still takes, in words."""

from datetime import datetime

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext, gettext_lazy, ngettext

from analytics.models import Report
from ota.models import Rollout

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


@register.filter
def counted(count: int) -> str:
    """A whole number as the language writes it: `10,000`, `10.000`."""
    return number_format(count, 0, force_grouping=True)


REPORT_WORDS = {
    Report.Status.QUEUED: gettext_lazy("Queued"),
    Report.Status.RUNNING: gettext_lazy("Running"),
    Report.Status.DONE: gettext_lazy("Done"),
    Report.Status.FAILED: gettext_lazy("Failed"),
    Report.Status.CANCELLED: gettext_lazy("Cancelled"),
}


@register.simple_tag
def report_state(report: Report) -> str:
    return str(REPORT_WORDS[Report.Status(report.status)])


ROLLOUT_WORDS = {
    Rollout.Status.DRAFT: gettext_lazy("Draft"),
    Rollout.Status.RUNNING: gettext_lazy("Running"),
    Rollout.Status.PAUSED: gettext_lazy("Paused"),
    Rollout.Status.COMPLETED: gettext_lazy("Completed"),
    Rollout.Status.CANCELLED: gettext_lazy("Cancelled"),
}


@register.simple_tag
def rollout_words(status: str) -> str:
    return str(ROLLOUT_WORDS[Rollout.Status(status)])
