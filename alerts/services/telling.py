"""Who hears of an event: a row in the outbox for each config it concerns, in the transaction of the event."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q

from alerts import tasks
from alerts.models import Alert, AlertEvent, Delivery, NotificationConfig, OfflineWatch
from alerts.outbox.holding import CRITICAL, ESCALATION, QUIET
from alerts.outbox.quiet import quiet_until
from alerts.outbox.recipients import shown, way
from alerts.queries.notifications import config_of_environment, configs_that_count
from factory.queueing import enqueue_on_commit
from factory.sealed import seal
from grouping.queries import groups_of_devices

URGENCY = {Alert.Severity.CRITICAL: CRITICAL, Alert.Severity.WARNING: 1, Alert.Severity.INFO: 2}
# What is news to those who did not say what they want to hear of. These alone can be escalated.
NEWS = {AlertEvent.Kind.OPENED, AlertEvent.Kind.ROSE, AlertEvent.Kind.ANNOUNCED}
TOLD = NEWS | {AlertEvent.Kind.ACKNOWLEDGED, AlertEvent.Kind.RESOLVED}  # what can be heard of at all

HANDED_OVER = 20  # deliveries with a task each; more are left to one sweep, in the order of urgency

Wish = tuple[AlertEvent, NotificationConfig]
Address = tuple[str, str]


def tell_people(*, events: Sequence[AlertEvent], at: datetime) -> None:
    """Put messages about these events into the outbox of everyone who wants them, in the same transaction.

    The number of statements does not grow with the events, nor with the configs.
    """
    if not events:
        return
    _keep_environments_config(at=at)
    configs = configs_that_count()
    wanted = [(event, config) for event in events for config in configs if _wants_the_kind(config, event)]
    wanted = _those_reached(_those_grave_enough(wanted))
    if not wanted:
        return
    addresses = {pk: address_of(config) for pk, config in {c.pk: c for _, c in wanted}.items()}
    Delivery.objects.bulk_create(
        [new_delivery(config, event=event, at=at, address=addresses[config.pk]) for event, config in wanted],
        ignore_conflicts=True,
    )
    due = Delivery.objects.filter(event__in=events, status=Delivery.Status.PENDING, due_at__lte=at)
    ids = list(due.order_by("urgency", "pk").values_list("pk", flat=True)[: HANDED_OVER + 1])
    if len(ids) > HANDED_OVER:
        enqueue_on_commit(tasks.sweep_deliveries)
        return
    for delivery_id in ids:
        enqueue_on_commit(tasks.send_delivery, delivery_id=delivery_id)


def address_of(config: NotificationConfig) -> Address:
    """Its recipient as people may see it, and the way to there."""
    return shown(config)[:190], way(config)


def new_delivery(
    config: NotificationConfig, *, event: AlertEvent | None, at: datetime, address: Address | None = None
) -> Delivery:
    """What the outbox holds for one config; a trial has no event."""
    recipient, way = address or address_of(config)
    urgency = URGENCY[Alert.Severity(event.severity)] if event else URGENCY[Alert.Severity.INFO]
    due_at, held_for = _when(config, event, urgency, at) if event else (at, "")
    return Delivery(
        event=event,
        config=config,
        type=config.type,
        recipient=recipient,
        way=way,
        urgency=urgency,
        due_at=due_at,
        held_for=held_for,
        created_at=at,
    )


def _when(config: NotificationConfig, event: AlertEvent, urgency: int, at: datetime) -> tuple[datetime, str]:
    """What can be known now; what depends on other messages is looked at when this one is sent."""
    if config.escalate_after_minutes and event.kind in NEWS:
        return at + timedelta(minutes=config.escalate_after_minutes), ESCALATION
    hours = config.quiet_hours or {}
    until = quiet_until(hours, at, ZoneInfo(settings.TIME_ZONE))
    if until is not None and not (hours.get("exceptCritical") and urgency == CRITICAL):
        return until, QUIET
    return at, ""


def _keep_environments_config(*, at: datetime) -> None:
    """ALERT_EMAIL is a config as any other from the first event on. Of two made at once, the older counts."""
    if settings.ALERT_EMAIL and config_of_environment() is None:
        NotificationConfig.objects.create(
            type=NotificationConfig.Type.EMAIL,
            sealed_recipient=seal(settings.ALERT_EMAIL),
            from_environment=True,
            created_at=at,
            updated_at=at,
        )


def _wants_the_kind(config: NotificationConfig, event: AlertEvent) -> bool:
    return event.kind in (config.event_filter if config.event_filter is not None else NEWS)


def _those_grave_enough(wanted: Sequence[Wish]) -> list[Wish]:
    """Without the configs that mean other severities. Who was told of an alert is told of its end as well."""
    fitting = {
        (event.pk, config.pk)
        for event, config in wanted
        if config.severity_filter is None or event.severity in config.severity_filter
    }
    others = [
        (event, config)
        for event, config in wanted
        if event.kind not in NEWS and (event.pk, config.pk) not in fitting
    ]
    told: set[tuple[int | None, int | None]] = set()
    if others:
        about = Delivery.objects.filter(
            event__alert__in={event.alert.pk for event, _ in others}, config__in={c.pk for _, c in others}
        )
        told = set(about.values_list("event__alert", "config"))
    return [
        (event, config)
        for event, config in wanted
        if (event.pk, config.pk) in fitting
        or (event.kind not in NEWS and (event.alert.pk, config.pk) in told)
    ]


def _those_reached(wanted: Sequence[Wish]) -> list[Wish]:
    """Without the configs that mean other devices than the event's alert is about."""
    narrow = [(event, config) for event, config in wanted if not _is_for_all(config)]
    if not narrow:
        return list(wanted)
    devices = _devices_of({event.alert.pk: event.alert for event, _ in narrow}.values())
    groups: dict[int, list[int]] = {}
    if any(config.group_filter is not None for _, config in narrow):
        groups = groups_of_devices(device_ids=set().union(*devices.values()))
    return [
        (event, config)
        for event, config in wanted
        if _is_for_all(config) or _means_one_of(config, devices[event.alert.pk], groups)
    ]


def _is_for_all(config: NotificationConfig) -> bool:
    return config.device_filter is None and config.group_filter is None


def _means_one_of(config: NotificationConfig, devices: set[int], groups: dict[int, list[int]]) -> bool:
    if not devices.isdisjoint(config.device_filter or []):
        return True
    within = {group_id for device_id in devices for group_id in groups.get(device_id, ())}
    return not within.isdisjoint(config.group_filter or [])


def _devices_of(alerts: Iterable[Alert]) -> dict[int, set[int]]:
    """Which devices each alert is about. An alert about a zone means those that are watched as silent there.

    When it opens, they are not noted as its own yet.
    """
    found = {alert.pk: {alert.device_id} if alert.device_id else set() for alert in alerts}
    of_zones = {alert.pk: alert.zone for alert in alerts if not alert.device_id and alert.zone}
    if of_zones:
        about = Q(alert__in=of_zones) | Q(zone__in=set(of_zones.values()))
        for device_id, alert_id, zone in OfflineWatch.objects.filter(about).values_list(
            "pk", "alert", "zone"
        ):
            for pk, place in of_zones.items():
                if alert_id == pk or zone == place:
                    found[pk].add(device_id)
    return found
