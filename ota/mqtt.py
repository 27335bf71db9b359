"""What devices say over MQTT of their updates."""

from collections.abc import Sequence
from typing import Any

import orjson
from django.utils import timezone

from devices.models import Device
from devices.queries import DeviceUnknown
from factory.errors import DomainError, InvalidInput
from factory.live.together import Together
from factory.live.topics import BatchTopic, Desk, Message
from ota.services.hearing import UpdateWord, hear_update_statuses
from ota.words import read_word


def take_statuses(messages: Sequence[Message]) -> list[str | None]:
    """As `ota.updateStatus` each: all that wait in one transaction; why those refused are."""
    names = {message.device for message in messages}
    devices = dict(Device.objects.filter(external_id__in=names).values_list("external_id", "pk"))
    read = [_read(message, devices) for message in messages]
    words = [word for word in read if isinstance(word, UpdateWord)]
    told = iter(hear_update_statuses(words=words, at=timezone.now()))
    outcomes = [next(told) if isinstance(each, UpdateWord) else each for each in read]
    return [outcome.message if isinstance(outcome, DomainError) else None for outcome in outcomes]


def _read(message: Message, devices: dict[str, int]) -> UpdateWord | DomainError:
    if message.device not in devices:
        return DeviceUnknown("there is no such device")
    try:
        return read_word(_json(message.payload), device_id=devices[message.device])
    except DomainError as refusal:
        return refusal


def _json(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"The message is not JSON: {error}") from None


def open_statuses(desk: Desk) -> Together:
    return Together(desk, take_statuses, name="mqtt-ota")


topics = [BatchTopic("ota/status", open=open_statuses)]
