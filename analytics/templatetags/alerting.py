"""How alerts are spoken of on a page."""

from datetime import datetime

from django import template
from django.conf import settings
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext, gettext_noop, ngettext

from alerts.models import Alert, AlertEvent, Delivery, MaintenanceWindow, NotificationConfig, Threshold
from alerts.outbox.recipients import shown
from analytics import writing
from analytics.charts import over_at
from analytics.queries.overview import Now
from analytics.templatetags.plant import briefly, in_words, lasted, spell
from analytics.words import said
from factory.said import retold

register = template.Library()


@register.filter
def subject(alert: Alert) -> str:
    """What an alert is about: a device, a zone, or the plant as a whole."""
    return alert.device.name if alert.device else alert.zone or gettext("The system")


@register.filter
def headline(alert: Alert) -> str:
    """An alert in one line, with what it is about said once."""
    about = subject(alert)
    message = retold(alert.message)
    return message if message.startswith(about) else f"{about}: {message}"


register.filter("over", over_at)


@register.filter
def open_for(alert: Alert) -> str:
    """How long the trouble lasted."""
    over = over_at(alert)
    return lasted(alert.started_at, over) if over else ""


ENDS_BY_ITSELF = gettext_noop("Over by itself")
SAID = {
    AlertEvent.Kind.OPENED: gettext_noop("Opened"),
    AlertEvent.Kind.ROSE: gettext_noop("Became worse"),
    AlertEvent.Kind.FELL: gettext_noop("Became less bad"),
    AlertEvent.Kind.ACKNOWLEDGED: gettext_noop("Acknowledged"),
    AlertEvent.Kind.RESOLVED: gettext_noop("Resolved"),
    AlertEvent.Kind.COMMENTED: gettext_noop("Comment"),
    AlertEvent.Kind.ASSIGNED: gettext_noop("Assigned"),
    AlertEvent.Kind.SHELVED: gettext_noop("Shelved"),
    AlertEvent.Kind.ANNOUNCED: gettext_noop("No longer silent"),
    AlertEvent.Kind.CHANGED: gettext_noop("Changed"),
}
WITH_SEVERITY = {AlertEvent.Kind.OPENED, AlertEvent.Kind.ROSE, AlertEvent.Kind.FELL}
CHANNELS = {
    "email": gettext_noop("E-mail"),
    "sms": gettext_noop("SMS"),
    "push": gettext_noop("Push"),
    "webhook": gettext_noop("Webhook"),
}


@register.filter
def happened(step: AlertEvent) -> str:
    """What a step was, in a word or two."""
    kind = AlertEvent.Kind(step.kind)
    if kind is AlertEvent.Kind.RESOLVED and step.by_id is None:
        return gettext(ENDS_BY_ITSELF)
    words = gettext(SAID[kind])
    return f"{words}, {said(step.severity)}" if kind in WITH_SEVERITY else words


@register.filter
def channel(type: str) -> str:
    return gettext(CHANNELS[type]) if type in CHANNELS else type


@register.filter
def outcome(delivery: Delivery) -> str:
    """What became of a message; when it was sent or is due stands beside it."""
    status = Delivery.Status(delivery.status)
    if status is Delivery.Status.SENT:
        return gettext("sent")
    if status is Delivery.Status.SENDING:
        return gettext("being sent")
    if status is Delivery.Status.PENDING:
        if not delivery.held_for:
            return gettext("due")
        return gettext("held for %(what)s, due") % {"what": delivery.held_for}
    return gettext("failed") if status is Delivery.Status.FAILED else gettext("not needed any more")


@register.filter
def set_for(threshold: Threshold) -> str:
    """For whom a limit was set: a device has its own, or shares it."""
    if threshold.device_id:
        return gettext("this device")
    if threshold.group_id:
        return gettext("group %(name)s") % {"name": threshold.group}
    return gettext("every %(type)s") % {"type": threshold.device_type}


@register.filter
def who_needs_someone(now: Now) -> str:
    """The overview's sentence: `Two machines and one zone need someone.`"""
    parts = _counted(now.need, now.places)
    verb = "needs" if now.need + len(now.places) == 1 else "need"
    return f"{' and '.join(parts)} {verb} someone."


@register.filter
def who_is_looked_after(now: Now) -> str:
    """The same where somebody is on each of them: `One machine is being looked after.`"""
    parts = _counted(now.tended, now.places_tended)
    verb = "is" if now.tended + len(now.places_tended) == 1 else "are"
    return f"{' and '.join(parts)} {verb} being looked after."


def _counted(machines: int, places: list[str]) -> list[str]:
    """Machines and zones in words; a place without a name is the system itself."""
    zones = sum(bool(place) for place in places)
    counted = ((machines, "machine"), (zones, "zone"))
    parts = [f"{spell(count)} {noun}{'' if count == 1 else 's'}" for count, noun in counted if count]
    parts += ["The system"] if len(places) > zones else []
    return [*parts[:1], *(part[0].lower() + part[1:] for part in parts[1:])]


@register.filter
def tenths(value: float) -> str:
    return writing.number(value, 1 if value < 100 else 0)


@register.filter
def percent(share: float) -> str:
    """A share as a number of percent: tenths where they matter."""
    value = 100 * share
    return writing.number(value, 1 if 0 < value < 10 else 0)


@register.filter
def share_of(count: int, total: int) -> str:
    return percent(count / total) if total else "0"


@register.filter
def span_words(seconds: float | None) -> str:
    return "–" if seconds is None else in_words(seconds)


@register.filter
def of_these(count: int, total: int) -> str:
    return gettext("%(count)s of %(total)s") % {
        "count": writing.number(count),
        "total": writing.number(total),
    }


@register.filter
def day_or_hour(at: datetime, is_hour: bool) -> str:
    """Where a column of the course begins, on the plant's clock."""
    local = timezone.localtime(at)
    return f"{local:%H:%M}" if is_hour else format_date(local, gettext("D j M"))


# Planned work

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@register.filter
def reach(window: MaintenanceWindow) -> str:
    """What planned work reaches."""
    if window.is_for_all:
        return gettext("The whole plant")
    if window.device:
        return window.device.name
    if window.group:
        return gettext("Group %(name)s") % {"name": window.group.name}
    if window.device_type:
        return gettext("Every %(type)s") % {"type": window.device_type}
    return gettext("Zone %(name)s") % {"name": window.zone}


@register.filter
def turns(window: MaintenanceWindow) -> str:
    """When it is: `22 Nov, 14:00 to 16:00` or `Mon, Fri 22:00–06:00, from 22 Nov on`."""
    starts, ends = briefly(window.starts_at), window.ends_at and briefly(window.ends_at)
    if not window.days or window.start_time is None or window.end_time is None:
        return gettext("%(begin)s to %(end)s") % {"begin": starts, "end": ends}
    days = ", ".join(str(WEEKDAYS_ABBR[day - 1]) for day in window.days)
    bounds = (
        gettext("from %(begin)s to %(end)s") % {"begin": starts, "end": ends}
        if ends
        else gettext("from %(begin)s on") % {"begin": starts}
    )
    zone = "" if window.time_zone == settings.TIME_ZONE else f" ({window.time_zone})"
    return f"{days} {window.start_time:%H:%M}–{window.end_time:%H:%M}{zone}, {bounds}"


# Being told


@register.filter
def address(config: NotificationConfig) -> str:
    """Where it goes, as far as anybody may see it."""
    return shown(config)


@register.filter
def way_words(transport: str) -> str:
    """A way of sending, as in `Outage.transport`: `E-mail`, `Webhook to hooks.example.com`."""
    kind, _, rest = transport.partition("#")[0].partition(":")
    host = rest.rpartition(":")[2] if kind == "apprise" else rest.rpartition(":")[0]
    name = {"email": gettext("E-mail"), "webhook": gettext("A webhook")}.get(kind, gettext("Push"))
    return gettext("%(channel)s to %(address)s") % {"channel": name, "address": host} if host else name


@register.filter
def told_of(config: NotificationConfig, group_names: dict[int, str]) -> str:
    """Which alerts, when, and how patiently: `Critical, warning · 3 devices · quiet 22:00 to 06:00`."""
    severities = ", ".join(said(each) for each in config.severity_filter or ())
    parts = [severities[:1].upper() + severities[1:] or gettext("Every severity")]
    devices = len(config.device_filter or [])
    parts += (
        [ngettext("%(count)s device", "%(count)s devices", devices) % {"count": devices}] if devices else []
    )
    for pk in config.group_filter or []:
        name = group_names.get(pk)
        parts.append(gettext("group %(name)s") % {"name": name} if name else gettext("group that is gone"))
    if hours := config.quiet_hours:
        days = ", ".join(str(WEEKDAYS_ABBR[day - 1]) for day in hours.get("days", []))
        turn = {"days": f"{days} " if days else "", "start": hours["start"], "end": hours["end"]}
        if hours.get("exceptCritical"):
            parts.append(gettext("quiet %(days)s%(start)s to %(end)s, but for critical ones") % turn)
        else:
            parts.append(gettext("quiet %(days)s%(start)s to %(end)s") % turn)
    if config.throttle_minutes:
        parts.append(gettext("at most one message in %(minutes)s min") % {"minutes": config.throttle_minutes})
    if config.escalate_after_minutes:
        parts.append(gettext("if unseen after %(minutes)s min") % {"minutes": config.escalate_after_minutes})
    return " · ".join(parts)
