from django.utils import timezone
from rest_framework import serializers

from devices import queries, services
from devices.fields import DeviceReference
from devices.identity import DEVICE
from devices.models import Command, Device
from devices.models.commands import TTL_SECONDS
from devices.services import Ack, Order
from factory.accounts.permissions import ADMIN, OPERATOR, TECHNICIAN, VIEWER
from factory.errors import DomainError
from factory.trpc.router import Router
from factory.trpc.serializers import FreeForm, StrictBoolean, StrictInteger, StrictString, WireSerializer

router = Router("commands")

KEY_LENGTH = 64


class CommandRow(WireSerializer):
    id = serializers.IntegerField()
    device_id = serializers.IntegerField()
    name = serializers.CharField()
    parameters = FreeForm()
    status = serializers.ChoiceField(Command.Status.choices)
    result = serializers.JSONField(allow_null=True)
    attempts = serializers.IntegerField()
    expires_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()


class CommandTypeRow(WireSerializer):
    name = serializers.CharField()
    device_type = serializers.SerializerMethodField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field called label
    description = serializers.CharField()
    schema = FreeForm()
    ttl_seconds = serializers.IntegerField()
    enabled = serializers.BooleanField()

    def get_device_type(self, type_) -> str | None:
        return type_.device_type or None


class NewCommand(WireSerializer):
    device_id = DeviceReference()
    name = StrictString(max_length=64)
    parameters = FreeForm(default=dict)
    ttl_seconds = StrictInteger(required=False, min_value=TTL_SECONDS[0], max_value=TTL_SECONDS[1])
    idempotency_key = StrictString(required=False, max_length=KEY_LENGTH, trim_whitespace=False)


class CommandFilter(WireSerializer):
    device_id = DeviceReference(required=False)
    status = serializers.ChoiceField(Command.Status.choices, required=False)
    limit = StrictInteger(default=100, min_value=1, max_value=1000)
    offset = StrictInteger(default=0, min_value=0)


class Answer(WireSerializer):
    id = StrictInteger(min_value=1)
    status = StrictString(max_length=16)
    result = FreeForm(anything=True, required=False, allow_null=True, default=None)


class OfType(WireSerializer):
    device_type = serializers.ChoiceField(Device.Type.choices, required=False)


class NamedCommand(WireSerializer):
    name = StrictString(max_length=64)
    device_type = serializers.ChoiceField(Device.Type.choices, required=False, allow_null=True)


class CommandTypeChanges(NamedCommand):
    """What is left out stays as it is, or takes the usual value."""

    label = StrictString(max_length=120, required=False, allow_blank=True)  # type: ignore[assignment]  # as above
    description = StrictString(max_length=500, required=False, allow_blank=True)
    schema = FreeForm(required=False)
    ttl_seconds = StrictInteger(required=False, min_value=TTL_SECONDS[0], max_value=TTL_SECONDS[1])
    enabled = StrictBoolean(required=False)


@router.mutation("send", permission=OPERATOR, input=NewCommand, output=CommandRow)
def send(call, *, device_id: int | str, idempotency_key: str | None = None, **wanted):
    """Have a device do something; one that is away gets it on its return, unless it has expired by then."""
    key = None if idempotency_key is None else f"user {call.principal.pk}: {idempotency_key}"
    order = Order(queries.get_device(device_id).pk, request_key=key, **wanted)
    (command,) = services.send_commands(orders=[order], at=timezone.now(), by=call.principal)
    return command


@router.query("list", permission=VIEWER, input=CommandFilter, output=CommandRow, many=True)
def list_commands(call, *, limit: int, offset: int, device_id: int | str | None = None, **wanted):
    """Commands of all devices or of one, newest first; `X-Total-Count` says how many there are in all."""
    device = None if device_id is None else queries.get_device(device_id).pk
    found = queries.commands_matching(device_id=device, **wanted)
    call.set_header("X-Total-Count", str(found.count()))
    return found[offset : offset + limit]


@router.query("pending", permission=DEVICE, output=CommandRow, many=True)
def pending(call):
    """What the asking device has to do, oldest first; what it is told here for the first time is sent by that."""
    return services.hand_over_pending(device_id=call.principal.device_id, at=timezone.now())


@router.mutation("ack", permission=DEVICE, input=Answer, output=CommandRow)
def ack(call, *, id: int, status: str, result):
    """A device says that it has a command, or what became of it; saying the same again is fine."""
    word = Ack(call.principal.device_id, id, status, result)
    (told,) = services.hear_acks(acks=[word], at=timezone.now())
    if isinstance(told, DomainError):
        raise told
    return told


@router.query("types", permission=VIEWER, input=OfType, output=CommandTypeRow, many=True)
def types(call, *, device_type: str | None = None):
    """The declared commands by name: all of them, or those in force for devices of a type."""
    return queries.command_types(device_type=device_type)


@router.mutation("setType", permission=TECHNICIAN, input=CommandTypeChanges, output=CommandTypeRow)
def set_type(call, *, name: str, device_type: str | None = None, **changes):
    """Declare a command for devices of a type, or of any, with the JSON Schema of its parameters."""
    return services.set_command_type(name=name, device_type=device_type or "", **changes)


@router.mutation("deleteType", permission=ADMIN, input=NamedCommand, output=serializers.BooleanField())
def delete_type(call, *, name: str, device_type: str | None = None):
    """Forget a declaration; commands that were sent by it go their way."""
    services.delete_command_type(name=name, device_type=device_type or "")
    return True
