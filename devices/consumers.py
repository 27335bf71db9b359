from django.utils import timezone
from rest_framework import serializers

from devices.acks import read_ack
from devices.identity import is_device
from devices.models import Device
from devices.queries import newest_status_change, status_changes_after
from devices.services import ERRANDS_SHARDS, ERRANDS_STREAM, STATUS_STREAM, hear_acks
from devices.sockets import DeviceVisit
from devices.watching import OfDevices, device_key, may_watch
from factory.accounts.permissions import VIEWER
from factory.errors import DomainError
from factory.live.channels import Channel, Errand, Handler, Stream
from factory.live.story import Memory, tell
from factory.trpc.news import NewsSerializer, NewsTime
from factory.trpc.router import Router

status = Stream(kind=STATUS_STREAM, message="device_status")
everything = Channel("devices", status, allows=may_watch)
of_a_device = Channel("device:<id>:status", status, allows=may_watch, find=device_key)

channels = [everything, of_a_device]

router = Router("devices")
memory = Memory(
    after=status_changes_after,
    # What has no number changed nothing.
    mark=lambda number, data: str(number) if number else "",
    newest=lambda: str(newest_status_change()),
    dense=True,
)


class StatusNews(NewsSerializer):
    device_id = serializers.IntegerField()
    status = serializers.ChoiceField(Device.Status.choices)
    timestamp = NewsTime()


@router.subscription("onStatus", permission=VIEWER, input=OfDevices, output=StatusNews)
def on_status(call, *, last_event_id=None, **devices):
    """The status of devices whenever it changes, of those named or of all; after `lastEventId` none is left out."""
    names = OfDevices.names(**devices)
    channel = everything if names is None else of_a_device
    return tell(channel, memory, call.identity, names=names or (), after=last_event_id)


def visit_of(listener) -> DeviceVisit | None:
    """Commands and configuration are brought to devices."""
    return DeviceVisit(listener.principal.device_id) if is_device(listener) else None


errands = [Errand(ERRANDS_STREAM, visit=visit_of, shards=ERRANDS_SHARDS)]


def take_command_ack(listener, message) -> tuple[str, dict]:
    """A device says over its socket what became of a command: `{id, status, result?}`, or the same under `data`."""
    body = message["data"] if isinstance(message.get("data"), dict) and "id" not in message else message
    ack = read_ack(body, device_id=listener.principal.device_id)
    (told,) = hear_acks(acks=[ack], at=timezone.now())
    if isinstance(told, DomainError):
        raise told
    return "command_ack", {"id": told.pk, "status": told.status}


handlers = [Handler("command_ack", allows=is_device, run=take_command_ack)]
