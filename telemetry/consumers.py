from devices.identity import is_device
from devices.watching import device_key, may_watch
from factory.live.channels import Channel, Handler, Stream
from telemetry.reception import receive
from telemetry.services import SENSOR_SHARDS, SENSOR_STREAM

sensor = Stream(
    kind=SENSOR_STREAM,
    message="sensor_data",
    shards=SENSOR_SHARDS,
    batched=("sensor_batch", "readings"),
)

channels = [
    Channel("readings", sensor, allows=may_watch),
    Channel("device:<id>:sensor", sensor, allows=may_watch, find=device_key),
]


def take_reading(listener, message) -> tuple[str, dict]:
    """A device hands in readings over its socket, in the shapes of `readings.create`."""
    nested = message.get("data")
    if isinstance(nested, dict) and nested.keys() & {"data", "readings"}:
        body = nested
    else:
        body = {name: value for name, value in message.items() if name != "type"}
    return "reading_ack", receive(message=body, principal=listener.principal)


handlers = [Handler("reading", allows=is_device, run=take_reading)]
