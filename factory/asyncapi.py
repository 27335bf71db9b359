"""AsyncAPI 3.0 of what travels on `/ws` and MQTT; tests hold it against the rooms and against what is sent."""

from typing import Any

from django.conf import settings

from factory.trpc.fields import MILLIS
from ota.states import SAID_BY_DEVICES
from telemetry.row_shapes import MESSAGE

Shape = dict[str, Any]

INTEGER: Shape = {"type": "integer"}
TEXT: Shape = {"type": "string"}
NUMBER: Shape = {"type": ["number", "null"]}
MOMENT: Shape = {"type": "string", "format": "date-time"}
ANYTHING: Shape = {}
FREE: Shape = {"type": "object"}
MAYBE_TEXT: Shape = {"type": ["string", "null"]}
MAYBE_INTEGER: Shape = {"type": ["integer", "null"]}


def _object(**members: Shape) -> Shape:
    """`name_` may be missing."""
    properties = {name.rstrip("_"): shape for name, shape in members.items()}
    required = [name for name in members if not name.endswith("_")]
    return {"type": "object", "properties": properties, "required": required}


def _list(shape: Shape) -> Shape:
    return {"type": "array", "items": shape}


READING = _object(
    deviceId=INTEGER,
    timestamp={"type": "integer", "format": MILLIS},
    **dict.fromkeys(("temperature", "humidity", "vibration", "power", "pressure", "rpm"), NUMBER),
    data={"type": "object", "additionalProperties": {"type": "number"}},
)
ACCEPTANCE = {
    "accepted": INTEGER,
    "duplicates": INTEGER,
    "rejected": _list(_object(index=INTEGER, reason=TEXT)),
}
COUNTS = dict.fromkeys(
    ("total", "planned", "deploying", "succeeded", "failed", "cancelled", "skipped"), INTEGER
)
PROGRESS = ("progress", "total", "pending", "waiting", "succeeded", "failed", "cancelled")
COMMAND = _object(id=INTEGER, name=TEXT, parameters=FREE, expiresAt=MOMENT)
COMMAND_ACK = _object(id=INTEGER, status={"enum": ["acknowledged", "succeeded", "failed"]}, result_=ANYTHING)
CONFIG = _object(desired=FREE, version=INTEGER)
OFFER = _object(
    deploymentId=INTEGER,
    version=TEXT,
    url=TEXT,
    size=INTEGER,
    sha256=TEXT,
    signature=MAYBE_TEXT,
    manifest=MAYBE_TEXT,
    expiresAt=MOMENT,
)
UPDATE_WORD = _object(
    id=INTEGER,
    status={"enum": [str(status) for status in SAID_BY_DEVICES]},
    progress_=MAYBE_INTEGER,
    errorMessage_=MAYBE_TEXT,
    runningVersion_=MAYBE_TEXT,
)
# What the server says on `/ws`, by type.
SAID: dict[str, tuple[str, Shape]] = {
    "sensor_data": ("A reading, when it is stored.", READING),
    "sensor_batch": ("Readings, at most ten times a second.", _object(readings=_list(READING))),
    "alert": (
        "A step in the life of an alert. `seq` grows; a gap is refilled before the next one is sent.",
        _object(
            alertId=INTEGER,
            deviceId=MAYBE_INTEGER,
            type=TEXT,
            severity=TEXT,
            status=TEXT,
            metric=MAYBE_TEXT,
            value=NUMBER,
            message=TEXT,
            timestamp=MOMENT,
            seq=INTEGER,
        ),
    ),
    "device_status": (
        "A device has another status.",
        _object(deviceId=INTEGER, status=TEXT, timestamp=MOMENT),
    ),
    "ota_status": (
        "A step of an update, or its progress.",
        _object(
            deploymentId=INTEGER,
            deviceId=INTEGER,
            rolloutId=MAYBE_INTEGER,
            firmwareVersionId=INTEGER,
            version=TEXT,
            status=TEXT,
            progress=INTEGER,
            errorMessage=MAYBE_TEXT,
            attempts=INTEGER,
            timestamp=MOMENT,
        ),
    ),
    "rollout_status": (
        "How a rollout stands, at most four times a second.",
        _object(
            rolloutId=INTEGER,
            status=TEXT,
            pausedBecause=TEXT,
            currentWave=INTEGER,
            progress=INTEGER,
            **COUNTS,
            waves=_list(_object(wave=INTEGER, **COUNTS)),
            timestamp=MOMENT,
        ),
    ),
    "batch_progress": (
        "How a batch operation stands, at most four times a second and when it is over.",
        _object(
            batchId=INTEGER,
            status=TEXT,
            **dict.fromkeys(PROGRESS, INTEGER),
            timestamp=MOMENT,
        ),
    ),
    "subscription_confirm": ("What is followed now.", _object(channels=_list(TEXT))),
    "error": ("What was asked for cannot be done.", _object(error=TEXT)),
    "heartbeat": ("Every 30 seconds.", _object()),
    "pong": ("The answer to `ping`.", _object()),
    "lagging": ("So many old sensor values were left out, for being read slowly.", _object(skipped=INTEGER)),
    "reading_ack": ("The answer to `reading`.", _object(success={"type": "boolean"}, **ACCEPTANCE)),
    "command_ack": ("The answer to `command_ack`.", _object(id=INTEGER, status=TEXT)),
    "command": ("To a device: what it has to do.", COMMAND),
    "config": ("To a device: what is desired of it.", CONFIG),
    "ota_available": ("To a device: what it is to put on.", OFFER),
}
# What clients say on `/ws`, by type; the members stand beside `type`.
HEARD: dict[str, tuple[str, Shape]] = {
    "subscribe": (
        "Follow channels; with `batch`, sensor values come in batches.",
        _object(channels=_list(TEXT), batch_={"type": "boolean"}),
    ),
    "unsubscribe": ("Follow them no longer.", _object(channels=_list(TEXT))),
    "ping": ("Is anybody there?", _object()),
    "reading": ("From a device: as `readings.create`.", MESSAGE),
    "command_ack": ("From a device: what became of a command.", COMMAND_ACK),
    "ota_status": ("From a device: how far its update is, as `ota.updateStatus`.", UPDATE_WORD),
}
# Names to subscribe by, and the types that come on each.
CHANNELS: dict[str, tuple[str, ...]] = {
    "readings": ("sensor_data", "sensor_batch"),
    "device:<id>:sensor": ("sensor_data", "sensor_batch"),
    "alerts": ("alert",),
    "alerts:all": ("alert",),
    "device:<id>:alert": ("alert",),
    "devices": ("device_status",),
    "device:<id>:status": ("device_status",),
    "ota": ("ota_status",),
    "device:<id>:ota": ("ota_status",),
    "rollout:<id>": ("rollout_status",),
    "batch:<id>": ("batch_progress",),
}
ONE_BY_MQTT = _object(
    data={"type": "object", "additionalProperties": NUMBER}, timestamp_=INTEGER, ref_=ANYTHING
)
# Below `factory/<device>/`: whether devices say it, what it is, and its payload.
TOPICS: dict[str, tuple[bool, str, Shape]] = {
    "readings": (True, "One reading or an array of them.", {"anyOf": [ONE_BY_MQTT, _list(ONE_BY_MQTT)]}),
    "readings/ack": (
        False,
        "After the commit; a careful device keeps its data until then.",
        _object(ref_=ANYTHING, **ACCEPTANCE, newest=MAYBE_INTEGER),
    ),
    "status": (
        True,
        "Retained, and the will: `online` or `offline`, as bare words or as JSON.",
        {"anyOf": [TEXT, _object(status=TEXT, firmwareVersion_=TEXT, generation_=ANYTHING)]},
    ),
    "commands": (False, "What the device has to do.", COMMAND),
    "commands/ack": (True, "What became of a command.", COMMAND_ACK),
    "ota": (False, "What the device is to put on, as `ota.check`.", OFFER),
    "ota/status": (True, "How far the update is, as `ota.updateStatus`.", UPDATE_WORD),
    "config": (False, "Retained: what is desired of the device.", CONFIG),
    "config/reported": (True, "How the device is set up.", _object(reported=FREE, version=INTEGER)),
}


def asyncapi_document() -> dict[str, Any]:
    messages: dict[str, Any] = {}
    for name, (summary, data) in SAID.items():
        envelope = _object(type={"const": name}, data=data, timestamp=MOMENT)
        messages[f"said.{name}"] = {"name": name, "summary": summary, "payload": envelope}
    for name, (summary, shape) in HEARD.items():
        payload = {"allOf": [_object(type={"const": name}), shape]}
        messages[f"heard.{name}"] = {"name": name, "summary": summary, "payload": payload}
    for name, (_, summary, shape) in TOPICS.items():
        messages[f"mqtt.{_id(name)}"] = {"name": name, "summary": summary, "payload": shape}
    sockets = [name for name in messages if not name.startswith("mqtt.")]
    channels: dict[str, Any] = {
        "ws": {
            "address": "/ws",
            "description": _channel_words(),
            "servers": [{"$ref": "#/servers/sockets"}],
            "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in sockets},
        }
    }
    operations: dict[str, Any] = {
        "hear": _operation("send", "ws", [name for name in sockets if name.startswith("said.")]),
        "say": _operation("receive", "ws", [name for name in sockets if name.startswith("heard.")]),
    }
    for name, (from_devices, summary, _) in TOPICS.items():
        key = _id(name)
        channels[key] = {
            "address": f"factory/{{device}}/{name}",
            "description": summary,
            "servers": [{"$ref": "#/servers/mqtt"}],
            "parameters": {"device": {"description": "The device's own id, as in `deviceId` of a device."}},
            "messages": {f"mqtt.{key}": {"$ref": f"#/components/messages/mqtt.{key}"}},
        }
        operations[key] = _operation("receive" if from_devices else "send", key, [f"mqtt.{key}"])
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Smart Factory IoT: live channels and MQTT",
            "version": "1.0",
            "description": "`send` is what the server says, `receive` what it hears. Procedures are at `/api/schema`.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "sockets": {
                "host": "{host}",
                "protocol": "ws",
                "description": "This server; wss where it is https. Sign in with the cookie, a Bearer header or the"
                " sub-protocol `bearer.<token>`; a stranger is closed with 4401, who reads too slowly with 4408: come"
                " back, and ask the API for what was not told.",
                "variables": {"host": {"default": settings.PUBLIC_URL.partition("://")[2]}},
            },
            "mqtt": {
                "host": "{host}",
                "protocol": "mqtt",
                "protocolVersion": "3.1.1",
                "description": "User name and client id are the device's own id, the password its token. QoS 1.",
                "variables": {"host": {"default": f"{settings.MQTT_HOST}:{settings.MQTT_PORT}"}},
            },
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages},
    }


def _channel_words() -> str:
    rows = "\n".join(
        f"- `{name}`: {', '.join(f'`{each}`' for each in types)}" for name, types in CHANNELS.items()
    )
    return (
        "One connection, on which channels are followed by name; `<id>` is the integer id or the device's own.\n\n"
        f"{rows}\n\nA device is brought `command`, `config` and `ota_available` without subscribing."
    )


def _operation(action: str, channel: str, names: list[str]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names],
    }


def _id(topic: str) -> str:
    return topic.replace("/", ".")
