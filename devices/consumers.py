from django.utils import timezone

from devices.acks import read_ack
from devices.identity import is_device
from devices.services import ERRANDS_SHARDS, ERRANDS_STREAM, STATUS_STREAM, hear_acks
from devices.sockets import DeviceVisit
from devices.watching import device_key, may_watch
from factory.errors import DomainError
from factory.live.channels import Channel, Errand, Handler, Stream

status = Stream(kind=STATUS_STREAM, message="device_status")

channels = [
    Channel("devices", status, allows=may_watch),
    Channel("device:<id>:status", status, allows=may_watch, find=device_key),
]


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
