"""Where people want to hear of alerts. What is secret in it goes in, and never comes out again."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import DateTimeField, ExpressionWrapper, F, Value
from django.utils.translation import gettext

from alerts.models import Delivery, NotificationConfig
from alerts.outbox.holding import ESCALATION, TOGETHER
from alerts.outbox.transports import TRANSPORTS
from alerts.outbox.transports.webhook import new_secret
from alerts.queries.notifications import way_of_trials
from alerts.services.telling import address_of
from devices.queries import get_device_ids
from factory.accounts.models import User
from factory.errors import Conflict, Forbidden, InvalidInput
from factory.retrying import again_after_deadlock
from factory.sealed import seal
from grouping.models import Group
from grouping.queries import GroupUnknown

MOST = 50  # configs of one person
SEALED = {"recipient": "sealed_recipient", "secret": "sealed_secret"}  # what they are called in the database
EDITABLE = {
    "enabled",
    "type",
    "recipient",
    "severity_filter",
    "device_filter",
    "group_filter",
    "event_filter",
    "quiet_hours",
    "throttle_minutes",
    "escalate_after_minutes",
}


class TooManyConfigs(Conflict):
    """One person has as many as anybody needs."""


class NotYours(Forbidden):
    """What the plant itself is told is for admins."""


class FromEnvironment(Conflict):
    """ALERT_EMAIL says this, and nobody else may."""


class NothingToSign(Conflict):
    """Only what a webhook gets is signed."""


def register_config(
    *, by: User, type: str, recipient: str, at: datetime, plant: bool = False, **properties: Any
) -> NotificationConfig:
    """Tell a person, or with `plant` the plant itself, from now on. The answer's secret is not shown again."""
    if plant and not by.has_rank_of(User.Role.ADMIN):
        raise NotYours(gettext("What the plant itself is told is for admins."))
    config = NotificationConfig(
        owner=None if plant else by,
        type=type,
        sealed_recipient=seal(recipient.strip()),
        created_at=at,
        updated_at=at,
    )
    _set(config, properties)
    _refuse_recipient(config)
    if config.type == NotificationConfig.Type.WEBHOOK:
        config.secret = new_secret()
    with transaction.atomic():
        User.objects.select_for_update().get(pk=by.pk)  # so that of two at once neither is one too many
        if NotificationConfig.objects.filter(owner=config.owner_id).count() >= MOST:
            raise TooManyConfigs(gettext("There are %(most)s already. Delete one first.") % {"most": MOST})
        config.save(force_insert=True)
    return config


def edit_config(*, config: NotificationConfig, at: datetime, **changes: Any) -> NotificationConfig:
    """Change a config; what is not named stays. What it holds back is looked at anew."""
    if config.from_environment and changes.keys() & {"type", "recipient"}:
        raise FromEnvironment(
            gettext("Its address is ALERT_EMAIL, which is set where the server is started.")
        )
    if changes.get("type", config.type) != config.type and "recipient" not in changes:
        raise InvalidInput.at("recipient", gettext("is needed, since the type changes"))
    _set(config, changes)
    fields = changes.keys() & EDITABLE
    if fields & {"type", "recipient"}:
        _refuse_recipient(config)
    if config.type == NotificationConfig.Type.WEBHOOK and not config.sealed_secret:
        config.secret = new_secret()
        fields |= {"secret"}
    config.updated_at = at
    with transaction.atomic():
        config.save(update_fields=[*sorted(SEALED.get(field, field) for field in fields), "updated_at"])
        recipient, way = address_of(config)
        waiting = Delivery.objects.filter(config=config, status=Delivery.Status.PENDING)
        waiting.update(type=config.type, recipient=recipient, way=way)
        waiting.filter(held_for__in=TOGETHER, due_at__gt=at).update(due_at=at)
        if "escalate_after_minutes" in fields:
            after = Value(timedelta(minutes=config.escalate_after_minutes or 0))
            due_at = ExpressionWrapper(F("created_at") + after, output_field=DateTimeField())
            waiting.filter(held_for=ESCALATION).update(due_at=due_at)
    return config


def delete_config(*, config: NotificationConfig) -> None:
    """Tell nobody by this config any more; the log of what went out stays."""
    if config.from_environment:
        raise FromEnvironment(
            gettext("It comes from ALERT_EMAIL and would come back. Switch it off instead.")
        )
    try:
        again_after_deadlock(lambda: _delete(config))
    except IntegrityError:  # an alert was told to it in that moment
        again_after_deadlock(lambda: _delete(config))


@transaction.atomic
def _delete(config: NotificationConfig) -> None:
    # First: whoever is writing a delivery for it holds it too, and what they write must be seen below.
    NotificationConfig.objects.select_for_update().filter(pk=config.pk).first()
    ours = Delivery.objects.filter(config=config)
    waiting = ours.filter(status=Delivery.Status.PENDING)
    waiting.update(status=Delivery.Status.SKIPPED, error="Its config was deleted.")
    ours.filter(event=None).update(way=way_of_trials(config.owner_id))
    NotificationConfig.objects.filter(pk=config.pk).delete()


def rotate_secret(*, config: NotificationConfig, at: datetime) -> NotificationConfig:
    """Sign with a new secret from now on; the old one counts no more."""
    if config.type != NotificationConfig.Type.WEBHOOK:
        raise NothingToSign(gettext("Only webhooks have a secret."))
    config.secret, config.updated_at = new_secret(), at
    config.save(update_fields=["sealed_secret", "updated_at"])
    return config


def _set(config: NotificationConfig, properties: dict[str, Any]) -> None:
    for field in properties.keys() & EDITABLE:
        setattr(config, field, properties[field].strip() if field == "recipient" else properties[field])
    if properties.get("device_filter") is not None:
        config.device_filter = sorted(get_device_ids(properties["device_filter"]))
    if properties.get("group_filter") is not None:
        _refuse_unknown_groups(properties["group_filter"])


def _refuse_recipient(config: NotificationConfig) -> None:
    problem = TRANSPORTS[config.type].problem(config.recipient)
    if problem:
        raise InvalidInput.at("recipient", problem)


def _refuse_unknown_groups(group_ids: Iterable[int]) -> None:
    unknown = set(group_ids) - set(Group.objects.filter(pk__in=group_ids).values_list("pk", flat=True))
    if unknown:
        reason = gettext("there is no group %(id)s") % {"id": min(unknown)}
        raise GroupUnknown(f"groupFilter: {reason}", fields={"groupFilter": [reason]})
