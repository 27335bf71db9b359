from devices.identity import is_device
from devices.watching import OfDevices, device_key, may_watch
from factory.accounts.permissions import VIEWER
from factory.live.channels import Channel, Handler, Stream
from factory.live.story import Memory, tell
from factory.trpc.news import NewsSerializer
from factory.trpc.router import Router
from factory.trpc.serializers import FreeForm
from telemetry.queries import event_id, readings_after
from telemetry.reception import receive
from telemetry.row_shapes import Measured
from telemetry.services import SENSOR_SHARDS, SENSOR_STREAM

sensor = Stream(
    kind=SENSOR_STREAM,
    message="sensor_data",
    shards=SENSOR_SHARDS,
    batched=("sensor_batch", "readings"),
)

everything = Channel("readings", sensor, allows=may_watch)
of_a_device = Channel("device:<id>:sensor", sensor, allows=may_watch, find=device_key)

channels = [everything, of_a_device]

router = Router("readings")
memory = Memory(
    after=readings_after,
    mark=lambda number, data: event_id(number, data["deviceId"], data["timestamp"]),
    heals=False,  # a reading that was lost on its way to a screen is soon followed by the next
)


class ReadingNews(NewsSerializer, Measured):
    data = FreeForm()  # type: ignore[assignment]


@router.subscription("onReading", permission=VIEWER, input=OfDevices, output=ReadingNews)
def on_reading(call, *, last_event_id=None, **devices):
    """Readings as they are stored, of the devices named or of all; after `lastEventId` also those that were missed."""
    names = OfDevices.names(**devices)
    channel = everything if names is None else of_a_device
    return tell(channel, memory, call.identity, names=names or (), after=last_event_id)


def take_reading(listener, message) -> tuple[str, dict]:
    """A device hands in readings over its socket, in the shapes of `readings.create`."""
    nested = message.get("data")
    if isinstance(nested, dict) and nested.keys() & {"data", "readings"}:
        body = nested
    else:
        body = {name: value for name, value in message.items() if name != "type"}
    return "reading_ack", receive(message=body, principal=listener.principal)


handlers = [Handler("reading", allows=is_device, run=take_reading)]
