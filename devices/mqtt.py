"""What devices say of themselves over MQTT."""

from functools import partial
from typing import Any

import orjson
from django.utils import timezone

from devices.presence import Word, hear_status
from factory.errors import InvalidInput
from factory.live.topics import Message, Topic
from factory.retrying import again_after_deadlock

STATUSES = {"online": True, "offline": False}
VERSION_LENGTH = 64


def take_status(message: Message) -> None:
    """`online` or `offline`, bare or in JSON with `generation` and `firmwareVersion`."""
    word = read_word(message.payload, is_kept=message.retained)
    again_after_deadlock(partial(hear_status, external_id=message.device, word=word, at=timezone.now()))


def read_word(payload: bytes, *, is_kept: bool = False) -> Word:
    said = _said(payload)
    body: dict[str, Any] = said if isinstance(said, dict) else {"status": said}
    status = body.get("status")
    if not isinstance(status, str) or status not in STATUSES:
        raise InvalidInput.at("status", "must be online or offline")
    generation = body.get("generation")
    if generation is not None and (type(generation) is not int or not 0 <= generation < 2**63):
        raise InvalidInput.at("generation", "must be an integer from 0 up")
    version = body.get("firmwareVersion")
    if version is not None and (not isinstance(version, str) or not 0 < len(version) <= VERSION_LENGTH):
        raise InvalidInput.at("firmwareVersion", f"must be a text of 1 to {VERSION_LENGTH} characters")
    return Word(STATUSES[status], generation, version, is_kept)


def _said(payload: bytes) -> Any:
    try:
        text = payload.decode().strip()
    except UnicodeDecodeError:
        raise InvalidInput("The message is not text.") from None
    if text in STATUSES:
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise InvalidInput.at("status", "must be online or offline") from None


topics = [Topic("status", take_status)]
