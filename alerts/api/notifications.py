from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alerts.models import Alert, AlertEvent, Delivery, NotificationConfig
from alerts.outbox.recipients import shown
from alerts.queries import notifications as queries
from alerts.services import configs, trying
from alerts.services.telling import TOLD
from devices.fields import DeviceReference
from factory.accounts.permissions import VIEWER
from factory.errors import InvalidInput
from factory.trpc.router import Router
from factory.trpc.serializers import StrictBoolean, StrictInteger, StrictString, WireSerializer

router = Router("notifications")

CLOCK = r"([01]\d|2[0-3]):[0-5]\d"
DAY, WEEK = 24 * 60, 7 * 24 * 60  # minutes


class QuietHours(WireSerializer):
    start = serializers.RegexField(rf"^{CLOCK}\Z", error_messages={"invalid": "must look like 22:00"})
    end = serializers.RegexField(rf"^{CLOCK}\Z", error_messages={"invalid": "must look like 06:00"})
    days = serializers.ListField(
        child=StrictInteger(min_value=1, max_value=7), min_length=1, max_length=7, required=False
    )
    except_critical = StrictBoolean(required=False)

    def validate(self, attrs):
        if attrs["start"] == attrs["end"]:
            raise serializers.ValidationError({"end": ["must not be the start"]})
        kept = {"start": attrs["start"], "end": attrs["end"]}
        if attrs.get("days"):
            kept["days"] = sorted(set(attrs["days"]))
        if attrs.get("except_critical"):
            kept["exceptCritical"] = True
        return kept


def _some(child: serializers.Field, most: int) -> serializers.ListField:
    """Null or absent is no filter; an empty one would be a config that never tells anybody."""
    return serializers.ListField(child=child, min_length=1, max_length=most, required=False, allow_null=True)


class ConfigProperties(WireSerializer):
    enabled = StrictBoolean(required=False)
    severity_filter = _some(serializers.ChoiceField(Alert.Severity.choices), 3)
    device_filter = _some(DeviceReference(), 1000)
    group_filter = _some(StrictInteger(min_value=1), 100)
    event_filter = _some(serializers.ChoiceField(sorted(TOLD)), 20)
    quiet_hours = QuietHours(required=False, allow_null=True)
    throttle_minutes = StrictInteger(min_value=1, max_value=DAY, required=False, allow_null=True)
    escalate_after_minutes = StrictInteger(min_value=1, max_value=WEEK, required=False, allow_null=True)


class NewConfig(ConfigProperties):
    type = serializers.ChoiceField(NotificationConfig.Type.choices)
    recipient = StrictString(max_length=1000)
    plant = StrictBoolean(default=False)


class ConfigId(WireSerializer):
    config_id = StrictInteger(min_value=1)


class ConfigChange(ConfigProperties, ConfigId):
    type = serializers.ChoiceField(NotificationConfig.Type.choices, required=False)
    recipient = StrictString(max_length=1000, required=False)


class DeliveryFilter(WireSerializer):
    alert_id = StrictInteger(min_value=1, required=False)
    status = serializers.ChoiceField(Delivery.Status.choices, required=False)
    limit = StrictInteger(default=100, min_value=1, max_value=1000)
    offset = StrictInteger(default=0, min_value=0)


class DeliveryIds(WireSerializer):
    ids = serializers.ListField(child=StrictInteger(min_value=1), min_length=1, max_length=500)


class QuietHoursRow(WireSerializer):
    start = serializers.CharField()
    end = serializers.CharField()
    days = serializers.ListField(child=serializers.IntegerField(), required=False)
    except_critical = serializers.BooleanField(source="exceptCritical", required=False)


class ConfigRow(WireSerializer):
    config_id = serializers.IntegerField(source="pk")
    enabled = serializers.BooleanField()
    type = serializers.ChoiceField(NotificationConfig.Type.choices)
    recipient = serializers.SerializerMethodField()
    severity_filter = serializers.ListField(
        child=serializers.ChoiceField(Alert.Severity.choices), allow_null=True
    )
    device_filter = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    group_filter = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    event_filter = serializers.ListField(
        child=serializers.ChoiceField(AlertEvent.Kind.choices), allow_null=True
    )
    quiet_hours = QuietHoursRow(allow_null=True)
    throttle_minutes = serializers.IntegerField(allow_null=True)
    escalate_after_minutes = serializers.IntegerField(allow_null=True)
    owner_id = serializers.IntegerField(allow_null=True)
    from_environment = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    def get_recipient(self, config: NotificationConfig) -> str:
        return shown(config)


class ConfigWithSecret(ConfigRow):
    secret = serializers.SerializerMethodField()

    def get_secret(self, config: NotificationConfig) -> str | None:
        return config.secret or None


class AttemptRow(WireSerializer):
    at = serializers.DateTimeField()
    succeeded = serializers.BooleanField()
    words = serializers.CharField()


class DeliveryRow(WireSerializer):
    id = serializers.IntegerField()
    config_id = serializers.IntegerField(allow_null=True)
    alert_id = serializers.IntegerField(source="event.alert_id", allow_null=True)  # null: a trial
    event = serializers.ChoiceField(AlertEvent.Kind.choices, source="event.kind", allow_null=True)
    type = serializers.ChoiceField(NotificationConfig.Type.choices)
    recipient = serializers.CharField()
    status = serializers.ChoiceField(Delivery.Status.choices)
    held_for = serializers.CharField()
    error = serializers.CharField()
    due_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    attempts = serializers.SerializerMethodField()

    @extend_schema_field(AttemptRow(many=True))
    def get_attempts(self, delivery: Delivery) -> list[dict]:
        return AttemptRow.rows(delivery.tries.all())


@router.mutation("registerConfig", permission=VIEWER, input=NewConfig, output=ConfigWithSecret)
def register_config(call, *, type: str, recipient: str, plant: bool, **properties):
    """Be told of alerts from now on; admins may register the plant's own. A webhook's secret is shown this once."""
    return configs.register_config(
        by=call.principal, type=type, recipient=recipient, plant=plant, at=timezone.now(), **properties
    )


@router.query("getConfigs", permission=VIEWER, output=ConfigRow, many=True)
def get_configs(call):
    """One's own configs, for admins everybody's and the plant's; what is secret in them is not shown."""
    return queries.configs_seen_by(call.principal)


@router.mutation("updateConfig", permission=VIEWER, input=ConfigChange, output=ConfigRow)
def update_config(call, *, config_id: int, **changes):
    """Change a config; what is not named stays, and null takes a filter away."""
    if not changes:
        raise InvalidInput("Nothing to change: name at least one value.")
    config = queries.get_config(config_id, user=call.principal)
    return configs.edit_config(config=config, at=timezone.now(), **changes)


@router.mutation("deleteConfig", permission=VIEWER, input=ConfigId, output=serializers.BooleanField())
def delete_config(call, *, config_id: int):
    """Be told by it no more."""
    configs.delete_config(config=queries.get_config(config_id, user=call.principal))
    return True


@router.mutation("rotateSecret", permission=VIEWER, input=ConfigId, output=ConfigWithSecret)
def rotate_secret(call, *, config_id: int):
    """Give a webhook a new secret, shown this once; the old one counts no more."""
    config = queries.get_config(config_id, user=call.principal)
    return configs.rotate_secret(config=config, at=timezone.now())


@router.query("getQueueSize", permission=VIEWER, output=serializers.IntegerField())
def get_queue_size(call):
    """How many messages of one's own configs (for admins: of all) are still to be sent."""
    return queries.queue_size(call.principal)


@router.mutation("test", permission=VIEWER, input=ConfigId, output=DeliveryRow)
def test(call, *, config_id: int):
    """Send a trial message now; the answer says whether it arrived, or why not, in the other side's words."""
    config = queries.get_config(config_id, user=call.principal)
    return trying.send_trial(config=config, at=timezone.now())


@router.query("deliveries", permission=VIEWER, input=DeliveryFilter, output=DeliveryRow, many=True)
def deliveries(call, *, limit: int, offset: int, **wanted):
    """What went out, waits or failed, newest first, with every attempt; `X-Total-Count` counts them all."""
    found = queries.deliveries_seen_by(call.principal, **wanted)
    call.set_header("X-Total-Count", str(found.count()))
    return found[offset : offset + limit]


@router.mutation("retryDelivery", permission=VIEWER, input=DeliveryIds, output=DeliveryRow, many=True)
def retry_delivery(call, *, ids: list[int]):
    """Try what has failed once more, at once: all of the named deliveries, or none where one has not failed."""
    return trying.retry_deliveries(ids=ids, by=call.principal, at=timezone.now())
