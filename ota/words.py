"""A device's word on its update as it comes in a message."""

from typing import Any

from factory.errors import InvalidInput
from ota.services.hearing import UpdateWord


def read_word(body: Any, *, device_id: int) -> UpdateWord:
    """`{id, status, progress?, errorMessage?, runningVersion?}`; what the values may be says who takes it in."""
    if not isinstance(body, dict):
        raise InvalidInput("The message is not an object.")
    for name in ("id", "status"):
        if body.get(name) is None:
            raise InvalidInput.at(name, "is missing")
    if not isinstance(body["status"], str):
        raise InvalidInput.at("status", "must be a text")
    return UpdateWord(
        device_id=device_id,
        deployment_id=body["id"],
        status=body["status"],
        progress=body.get("progress"),
        error_message=_or_else(body.get("errorMessage"), ""),
        running_version=body.get("runningVersion"),
    )


def _or_else(value: Any, usual: Any) -> Any:
    return usual if value is None else value
