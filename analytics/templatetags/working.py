"""How long what is going on has taken, and still takes, in words."""

from datetime import datetime

from django import template
from django.utils.translation import gettext, ngettext

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
