"""A device's word on a command as it comes in a message."""

from typing import Any

from devices.services import Ack
from factory.errors import InvalidInput


def read_ack(body: Any, *, device_id: int) -> Ack:
    """`{id, status, result?}`; what the values may be says who takes it in."""
    if not isinstance(body, dict):
        raise InvalidInput("The message is not an object.")
    for name in ("id", "status"):
        if body.get(name) is None:
            raise InvalidInput.at(name, "is missing")
    if not isinstance(body["status"], str):
        raise InvalidInput.at("status", "must be a text")
    return Ack(device_id, body["id"], body["status"], body.get("result"))
