from datetime import date, timedelta

from django.utils import timezone
from rest_framework import serializers

from alerts.models import Alert, AlertEvent
from alerts.queries import alerts as queries
from alerts.services import handling
from alerts.services.handling import LONGEST_SHELF
from alerts.services.reporting import raise_alert
from devices.fields import DeviceReference
from devices.queries import get_device
from factory.accounts.permissions import OPERATOR, VIEWER
from factory.accounts.queries import get_user
from factory.trpc.router import Deprecated, Router
from factory.trpc.serializers import (
    StrictBoolean,
    StrictDateTime,
    StrictFloat,
    StrictInteger,
    StrictString,
    WireSerializer,
)

router = Router("alerts")
EVENTS_SHOWN = 500  # the newest: severity may go up and down for days


class AlertRow(WireSerializer):
    id = serializers.IntegerField()
    device_id = serializers.IntegerField(allow_null=True)
    type = serializers.ChoiceField(Alert.Type.choices)
    severity = serializers.ChoiceField(Alert.Severity.choices)
    metric = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    threshold = serializers.FloatField(allow_null=True)
    message = serializers.CharField()
    status = serializers.ChoiceField(Alert.Status.choices)
    acknowledged_by = serializers.IntegerField(source="acknowledged_by_id", allow_null=True)
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)
    shelved_until = serializers.DateTimeField(allow_null=True)
    silence = serializers.CharField()
    zone = serializers.CharField()
    assigned_to = serializers.IntegerField(source="assigned_to_id", allow_null=True)
    occurrences = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    late = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class EventRow(WireSerializer):
    id = serializers.IntegerField()
    kind = serializers.ChoiceField(AlertEvent.Kind.choices)
    severity = serializers.ChoiceField(Alert.Severity.choices)
    status = serializers.ChoiceField(Alert.Status.choices)
    value = serializers.FloatField(allow_null=True)
    by = serializers.IntegerField(source="by_id", allow_null=True)
    note = serializers.CharField()
    at = serializers.DateTimeField()


class AlertWithEvents(AlertRow):
    events = EventRow(many=True, source="history")


class AlertFilter(WireSerializer):
    device_id = DeviceReference(required=False)
    group_id = StrictInteger(required=False, min_value=1)
    status = serializers.ChoiceField(Alert.Status.choices, required=False)
    severity = serializers.ChoiceField(Alert.Severity.choices, required=False)
    type = serializers.ChoiceField(Alert.Type.choices, required=False)
    search = StrictString(max_length=120, required=False, allow_blank=True)
    start_time = StrictDateTime(required=False)
    end_time = StrictDateTime(required=False)
    limit = StrictInteger(default=100, min_value=1, max_value=1000)
    offset = StrictInteger(default=0, min_value=0)


class ById(WireSerializer):
    id = StrictInteger(min_value=1)


class StatusChange(ById):
    status = serializers.ChoiceField(Alert.Status.choices)


class Handling(WireSerializer):
    ids = serializers.ListField(child=StrictInteger(min_value=1), min_length=1, max_length=500)
    note = StrictString(max_length=500, required=False, default="", allow_blank=True)


class Trouble(WireSerializer):
    device_id = DeviceReference(required=False)
    type = serializers.ChoiceField(Alert.Type.choices)
    severity = serializers.ChoiceField(Alert.Severity.choices)
    message = StrictString(max_length=300)
    metric = StrictString(max_length=63, required=False)
    value = StrictFloat(required=False, allow_null=True)
    threshold = StrictFloat(required=False, allow_null=True)


class Shelving(ById):
    minutes = StrictInteger(min_value=1, max_value=LONGEST_SHELF // timedelta(minutes=1))
    reason = StrictString(max_length=300)
    once = StrictBoolean(default=False)


class Comment(ById):
    text = StrictString(max_length=500)


class Assignment(ById):
    user_id = StrictInteger(min_value=1, allow_null=True)
    assigned_to = StrictInteger(min_value=1, allow_null=True, default=None, source="expected")


class AlertStats(WireSerializer):
    total = serializers.IntegerField()
    active = serializers.IntegerField()
    acknowledged = serializers.IntegerField()
    resolved = serializers.IntegerField()
    critical = serializers.IntegerField()
    warning = serializers.IntegerField()
    info = serializers.IntegerField()


@router.query("list", permission=VIEWER, input=AlertFilter, output=AlertRow, many=True)
def list_alerts(call, *, limit: int, offset: int, device_id=None, start_time=None, end_time=None, **wanted):
    """Alerts of every status unless one is asked for, newest first; `X-Total-Count` counts them all."""
    device_pk = get_device(device_id).pk if device_id is not None else None
    found = queries.alerts_matching(device_id=device_pk, start=start_time, end=end_time, **wanted)
    call.set_header("X-Total-Count", str(found.count()))
    return found[offset : offset + limit]


@router.query("getById", permission=VIEWER, input=ById, output=AlertWithEvents)
def get_by_id(call, *, id: int):
    """One alert with the steps of its life, oldest first; the newest 500 of them."""
    return _with_events(queries.get_alert(id))


def _with_events(alert: Alert) -> Alert:
    newest = alert.events.order_by("-pk")[:EVENTS_SHOWN]
    alert.history = newest[::-1]  # type: ignore[attr-defined]  # for this answer only
    return alert


@router.query("getStats", permission=VIEWER, output=AlertStats)
def get_stats(call):
    """Alerts by status; critical, warning and info count the active ones."""
    return queries.alert_stats()


@router.mutation("updateStatus", permission=VIEWER, input=StatusChange, output=AlertRow)
def update_status(call, *, id: int, status: str):
    """Acknowledge an alert, or (operators) resolve it; what somebody just did is a CONFLICT."""
    alert = queries.get_alert(id)
    return handling.set_status(alert=alert, status=status, by=call.principal, at=timezone.now())


@router.mutation(
    "update",
    permission=VIEWER,
    input=StatusChange,
    output=AlertRow,
    deprecated=Deprecated(since=date(2026, 11, 21), until=date(2027, 6, 1), instead="alerts.updateStatus"),
)
def update(call, *, id: int, status: str):
    """The older spelling of updateStatus."""
    return update_status(call, id=id, status=status)


@router.mutation("acknowledge", permission=VIEWER, input=Handling, output=AlertRow, many=True)
def acknowledge(call, *, ids: list[int], note: str):
    """Say "I have seen them": all of the named alerts, or none where one is handled already."""
    return handling.acknowledge_alerts(alert_ids=ids, by=call.principal, at=timezone.now(), note=note)


@router.mutation("resolve", permission=OPERATOR, input=Handling, output=AlertRow, many=True)
def resolve(call, *, ids: list[int], note: str):
    """Close all of the named alerts by hand, or none where one is resolved already."""
    return handling.resolve_alerts(alert_ids=ids, by=call.principal, at=timezone.now(), note=note)


@router.mutation("create", permission=OPERATOR, input=Trouble, output=AlertRow)
def create(call, *, device_id: int | str | None = None, **figures):
    """Report trouble that no threshold watches; while it is open, saying it again counts it once more."""
    device = get_device(device_id) if device_id is not None else None
    return raise_alert(device=device, by=call.principal, at=timezone.now(), **figures)


@router.mutation("comment", permission=VIEWER, input=Comment, output=AlertWithEvents)
def comment(call, *, id: int, text: str):
    """Write something down about an alert, also when it is over."""
    alert = queries.get_alert(id)
    handling.comment_alert(alert=alert, text=text, by=call.principal, at=timezone.now())
    return _with_events(alert)


@router.mutation("assign", permission=OPERATOR, input=Assignment, output=AlertRow)
def assign(call, *, id: int, user_id: int | None, expected: int | None):
    """Say who looks after an open alert; `assignedTo` is who does as the caller knows, null for nobody."""
    to = get_user(user_id) if user_id is not None else None
    alert = queries.get_alert(id)
    return handling.assign_alert(alert=alert, to=to, expected=expected, by=call.principal, at=timezone.now())


@router.mutation("shelve", permission=OPERATOR, input=Shelving, output=AlertRow)
def shelve(call, *, id: int, minutes: int, reason: str, once: bool):
    """Put an open alert aside for a while; with `once` only this occurrence, else all of the kind."""
    return handling.shelve_alert(
        alert=queries.get_alert(id),
        by=call.principal,
        at=timezone.now(),
        reason=reason,
        lasting=timedelta(minutes=minutes),
        once=once,
    )


@router.mutation("unshelve", permission=OPERATOR, input=ById, output=AlertRow)
def unshelve(call, *, id: int):
    """Take an alert off the shelf before its time."""
    return handling.unshelve_alert(alert=queries.get_alert(id), by=call.principal, at=timezone.now())
