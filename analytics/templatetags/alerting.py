"""How alerts are spoken of on a page."""

from datetime import datetime

from django import template
from django.conf import settings
from django.utils import timezone

from alerts.models import Alert, AlertEvent, Delivery, MaintenanceWindow, NotificationConfig, Threshold
from alerts.outbox.transports import TRANSPORTS
from analytics.charts import over_at
from analytics.queries.overview import Now
from analytics.templatetags.plant import briefly, in_words, lasted, spell
from factory.said import retold

register = template.Library()


@register.filter
def subject(alert: Alert) -> str:
    """What an alert is about: a device, a zone, or the plant as a whole."""
    return alert.device.name if alert.device else alert.zone or "The system"


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


ENDS_BY_ITSELF = "Over by itself"
SAID = {
    AlertEvent.Kind.OPENED: "Opened",
    AlertEvent.Kind.ROSE: "Became worse",
    AlertEvent.Kind.FELL: "Became less bad",
    AlertEvent.Kind.ACKNOWLEDGED: "Acknowledged",
    AlertEvent.Kind.RESOLVED: "Resolved",
    AlertEvent.Kind.COMMENTED: "Comment",
    AlertEvent.Kind.ASSIGNED: "Assigned",
    AlertEvent.Kind.SHELVED: "Shelved",
    AlertEvent.Kind.ANNOUNCED: "No longer silent",
    AlertEvent.Kind.CHANGED: "Changed",
}
WITH_SEVERITY = {AlertEvent.Kind.OPENED, AlertEvent.Kind.ROSE, AlertEvent.Kind.FELL}
CHANNELS = {"email": "E-mail", "sms": "SMS", "push": "Push", "webhook": "Webhook"}


@register.filter
def happened(step: AlertEvent) -> str:
    """What a step was, in a word or two."""
    kind = AlertEvent.Kind(step.kind)
    if kind is AlertEvent.Kind.RESOLVED and step.by_id is None:
        return ENDS_BY_ITSELF
    return f"{SAID[kind]}, {step.severity}" if kind in WITH_SEVERITY else SAID[kind]


@register.filter
def channel(type: str) -> str:
    return CHANNELS.get(type, type)


@register.filter
def outcome(delivery: Delivery) -> str:
    """What became of a message; when it was sent or is due stands beside it."""
    status = Delivery.Status(delivery.status)
    if status is Delivery.Status.SENT:
        return "sent"
    if status is Delivery.Status.SENDING:
        return "being sent"
    if status is Delivery.Status.PENDING:
        return f"held for {delivery.held_for}, due" if delivery.held_for else "due"
    return "failed" if status is Delivery.Status.FAILED else "not needed any more"


@register.filter
def set_for(threshold: Threshold) -> str:
    """For whom a limit was set: a device has its own, or shares it."""
    if threshold.device_id:
        return "this device"
    return f"group {threshold.group}" if threshold.group_id else f"every {threshold.device_type}"


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
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


@register.filter
def percent(share: float) -> str:
    """A share as a number of percent: tenths where they matter."""
    value = 100 * share
    return f"{value:.1f}" if 0 < value < 10 else f"{value:.0f}"


@register.filter
def share_of(count: int, total: int) -> str:
    return percent(count / total) if total else "0"


@register.filter
def span_words(seconds: float | None) -> str:
    return "–" if seconds is None else in_words(seconds)


@register.filter
def of_these(count: int, total: int) -> str:
    return f"{count:,} of {total:,}"


@register.filter
def day_or_hour(at: datetime, is_hour: bool) -> str:
    """Where a column of the course begins, on the plant's clock."""
    local = timezone.localtime(at)
    return f"{local:%H:%M}" if is_hour else f"{local:%a} {local.day} {local:%b}"


# Planned work

DAY_NAMES = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@register.filter
def reach(window: MaintenanceWindow) -> str:
    """What planned work reaches."""
    if window.is_for_all:
        return "The whole plant"
    if window.device:
        return window.device.name
    if window.group:
        return f"Group {window.group.name}"
    return f"Every {window.device_type}" if window.device_type else f"Zone {window.zone}"


@register.filter
def turns(window: MaintenanceWindow) -> str:
    """When it is: `22 Nov, 14:00 to 16:00` or `Mon, Fri 22:00–06:00, from 22 Nov on`."""
    starts, ends = briefly(window.starts_at), window.ends_at and briefly(window.ends_at)
    if not window.days or window.start_time is None or window.end_time is None:
        return f"{starts} to {ends}"
    days = ", ".join(DAY_NAMES[day - 1] for day in window.days)
    bounds = f"from {starts} to {ends}" if ends else f"from {starts} on"
    zone = "" if window.time_zone == settings.TIME_ZONE else f" ({window.time_zone})"
    return f"{days} {window.start_time:%H:%M}–{window.end_time:%H:%M}{zone}, {bounds}"


# Being told


@register.filter
def address(config: NotificationConfig) -> str:
    """Where it goes, as far as anybody may see it."""
    return TRANSPORTS[config.type].shown(config.recipient)


@register.filter
def way_words(transport: str) -> str:
    """A way of sending, as in `Outage.transport`: `E-mail`, `Webhook to hooks.example.com`."""
    kind, _, rest = transport.partition("#")[0].partition(":")
    host = rest.rpartition(":")[2] if kind == "apprise" else rest.rpartition(":")[0]
    name = {"email": "E-mail", "webhook": "A webhook"}.get(kind, "Push")
    return f"{name} to {host}" if host else name


@register.filter
def told_of(config: NotificationConfig, group_names: dict[int, str]) -> str:
    """Which alerts, when, and how patiently: `Critical, warning · 3 devices · quiet 22:00 to 06:00`."""
    parts = [", ".join(config.severity_filter or ["every severity"]).capitalize()]
    devices = len(config.device_filter or [])
    parts += [f"{devices} device{'' if devices == 1 else 's'}"] if devices else []
    parts += [f"group {group_names.get(pk, 'that is gone')}" for pk in config.group_filter or []]
    if hours := config.quiet_hours:
        days = ", ".join(DAY_NAMES[day - 1] for day in hours.get("days", []))
        spared = ", but for critical ones" if hours.get("exceptCritical") else ""
        parts.append(f"quiet {f'{days} ' if days else ''}{hours['start']} to {hours['end']}{spared}")
    if config.throttle_minutes:
        parts.append(f"at most one message in {config.throttle_minutes} min")
    if config.escalate_after_minutes:
        parts.append(f"if unseen after {config.escalate_after_minutes} min")
    return " · ".join(parts)
