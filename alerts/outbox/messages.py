"""What a message says: composed once, before any transport sees it."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone, translation
from django.utils.translation import gettext, gettext_noop, ngettext, npgettext

from alerts.models import Alert, AlertEvent, Delivery
from alerts.outbox.signed import link_for
from factory import languages
from factory.said import retold

LISTED = 50  # alerts in one digest; the others are counted
WORDS = ("critical", "warning", "info")  # by urgency
TRIAL = gettext_noop("This is a trial. Alerts will arrive here the same way.")
OVER = gettext_noop("over")
HANDLED = {AlertEvent.Kind.ACKNOWLEDGED: "acknowledged", AlertEvent.Kind.RESOLVED: OVER}


@dataclass(frozen=True, slots=True)
class Item:
    """One alert in a message."""

    alert: Alert
    kind: str  # the event it is about
    urgency: int
    at: datetime  # of that event
    url: str
    acknowledge_url: str  # empty when nobody has to any more

    @property
    def label(self) -> str:
        """What stands in brackets before it: how bad it is, or that it is dealt with."""
        if self.alert.status == Alert.Status.RESOLVED:
            return gettext(OVER)
        return gettext(HANDLED.get(AlertEvent.Kind(self.kind), WORDS[self.urgency]))

    @property
    def place(self) -> str:
        """Which device, or else where."""
        return self.alert.device.name if self.alert.device else self.alert.zone

    @property
    def headline(self) -> str:
        message = retold(self.alert.message)
        return f"{self.place}: {message}" if self.place else message


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message, by e-mail only."""

    filename: str
    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message as every transport can send it. `id` stays the same when it has to be sent again.

    `list_name` is what mail programs sort it by.
    """

    id: str
    at: datetime
    urgency: int
    is_over: bool
    subject: str
    text: str
    html: str
    brief: str  # for a small screen, or an SMS
    payload: dict[str, Any]
    list_name: str = "Alerts"
    attachments: tuple[Attachment, ...] = ()

    @property
    def is_urgent(self) -> bool:
        return self.urgency == 0 and not self.is_over


def compose(deliveries: Sequence[Delivery], *, at: datetime) -> Message:
    """One message for these deliveries: about nothing (a trial), about one event, or a digest of many.

    In the language of whoever reads it; what a machine gets is English.
    """
    config = deliveries[0].config
    with translation.override(languages.of_person(config and config.owner)):
        if deliveries[0].event is None:
            return _trial(deliveries[0], at)
        items = _items(deliveries, at)
        if len(items) == 1:
            return _single(items[0], deliveries, at)
        return _digest(items, deliveries, at)


def _items(deliveries: Sequence[Delivery], at: datetime) -> list[Item]:
    """Each alert once, by the worst that is to be told of it: most severe first, then the newest."""
    worst: dict[int, Delivery] = {}
    for delivery in sorted(deliveries, key=lambda each: (each.urgency, -(each.event_id or 0))):
        assert delivery.event is not None
        worst.setdefault(delivery.event.alert_id, delivery)
    return [_item(delivery, at) for delivery in worst.values()]


def _item(delivery: Delivery, at: datetime) -> Item:
    event = delivery.event
    assert event is not None
    alert = event.alert
    waits = alert.status == Alert.Status.ACTIVE
    return Item(
        alert=alert,
        kind=event.kind,
        urgency=delivery.urgency,
        at=event.at,
        url=f"{settings.PUBLIC_URL}/alerts/{alert.pk}/",
        acknowledge_url=link_for(delivery.pk, at) if waits else "",
    )


def _single(item: Item, deliveries: Sequence[Delivery], at: datetime) -> Message:
    context = {"item": item, "alert": item.alert}
    return Message(
        id=_id(deliveries),
        at=at,
        urgency=item.urgency,
        is_over=item.alert.status == Alert.Status.RESOLVED,
        subject=_one_line(f"[{item.label}] {item.headline}"),
        text=render_to_string("alerts/mail.txt", context),
        html=render_to_string("alerts/mail.html", context),
        brief=_brief(item),
        payload={
            "type": f"alert.{item.kind}",
            "timestamp": _iso(item.at),
            "data": {"alert": alert_row(item.alert), "device": device_row(item.alert)},
        },
    )


def _digest(items: Sequence[Item], deliveries: Sequence[Delivery], at: datetime) -> Message:
    counted = ", ".join(_counted(items))
    listed, more = items[:LISTED], max(len(items) - LISTED, 0)
    subject = ngettext(
        "[%(label)s] %(count)s alert: %(counted)s", "[%(label)s] %(count)s alerts: %(counted)s", len(items)
    ) % {"label": items[0].label, "count": len(items), "counted": counted}
    context = {
        "items": listed,
        "more": more,
        "total": len(items),
        "counted": counted,
        "url": f"{settings.PUBLIC_URL}/alerts/",
    }
    lines = [f"[{item.label}] {item.headline}" for item in listed[:5]]
    if len(items) > len(lines):
        others = {"count": len(items) - len(lines), "url": context["url"]}
        lines.append(gettext("and %(count)s more: %(url)s") % others)
    return Message(
        id=_id(deliveries),
        at=at,
        urgency=items[0].urgency,
        is_over=all(item.alert.status == Alert.Status.RESOLVED for item in items),
        subject=_one_line(subject),
        text=render_to_string("alerts/digest.txt", context),
        html=render_to_string("alerts/digest.html", context),
        brief="\n".join(lines),
        payload={
            "type": "alerts.digest",
            "timestamp": _iso(at),
            "data": {
                "alerts": [
                    {"event": item.kind, "alert": alert_row(item.alert), "device": device_row(item.alert)}
                    for item in items  # a machine is told of all
                ],
                "total": len(items),
            },
        },
    )


def _counted(items: Sequence[Item]) -> Iterator[str]:
    critical, warning, info = (sum(item.urgency == urgency for item in items) for urgency in range(3))
    if critical:
        yield ngettext("%(count)s critical", "%(count)s critical", critical) % {"count": critical}
    if warning:
        yield npgettext("severity", "%(count)s warning", "%(count)s warning", warning) % {"count": warning}
    if info:
        yield ngettext("%(count)s info", "%(count)s info", info) % {"count": info}


def _trial(delivery: Delivery, at: datetime) -> Message:
    words = gettext(TRIAL)
    context = {"words": words, "url": f"{settings.PUBLIC_URL}/"}
    return Message(
        id=_id([delivery]),
        at=at,
        urgency=2,
        is_over=False,
        subject=gettext("[trial] Smart Factory IoT"),
        text=render_to_string("alerts/trial.txt", context),
        html=render_to_string("alerts/trial.html", context),
        brief=words,
        payload={"type": "test", "timestamp": _iso(at), "data": {"message": TRIAL}},
    )


def _brief(item: Item) -> str:
    began = timezone.localtime(item.alert.started_at)
    since = {"time": f"{began:%Y-%m-%d %H:%M %Z}", "url": item.url}
    lines = [gettext("Since %(time)s. %(url)s") % since]
    if item.acknowledge_url:
        lines.append(gettext("Acknowledge: %(url)s") % {"url": item.acknowledge_url})
    return "\n".join(lines)


def _id(deliveries: Sequence[Delivery]) -> str:
    """The same for the same deliveries, so that a receiver can tell a repetition."""
    first = min(delivery.pk for delivery in deliveries)
    if len(deliveries) == 1:
        return f"delivery-{first}"
    numbers = ",".join(str(pk) for pk in sorted(delivery.pk for delivery in deliveries))
    return f"digest-{first}-{hashlib.sha256(numbers.encode()).hexdigest()[:12]}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _iso(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def alert_row(alert: Alert) -> dict[str, Any]:
    """An alert as `alerts.getById` tells of it, without its events."""
    return {
        "id": alert.pk,
        "deviceId": alert.device_id,
        "type": alert.type,
        "severity": alert.severity,
        "metric": alert.metric,
        "value": alert.value,
        "threshold": alert.threshold,
        "message": alert.message,
        "status": alert.status,
        "acknowledgedBy": alert.acknowledged_by_id,
        "acknowledgedAt": _iso(alert.acknowledged_at),
        "resolvedAt": _iso(alert.resolved_at),
        "shelvedUntil": _iso(alert.shelved_until),
        "silence": alert.silence,
        "zone": alert.zone,
        "assignedTo": alert.assigned_to_id,
        "occurrences": alert.occurrences,
        "startedAt": _iso(alert.started_at),
        "endedAt": _iso(alert.ended_at),
        "late": alert.late,
        "createdAt": _iso(alert.created_at),
        "updatedAt": _iso(alert.updated_at),
    }


def device_row(alert: Alert) -> dict[str, Any] | None:
    device = alert.device
    if device is None:
        return None
    return {"id": device.pk, "deviceId": device.external_id, "name": device.name, "zone": device.zone}
