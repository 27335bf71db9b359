"""What devices say over MQTT of themselves, of their commands and of their configuration."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import orjson
from django.utils import timezone

from devices.acks import read_ack
from devices.models import Device
from devices.presence import Word, hear_status
from devices.queries import DeviceUnknown
from devices.services import Ack, hear_acks
from devices.services.configuration import report_configuration
from factory.errors import DomainError, InvalidInput
from factory.live.together import Together
from factory.live.topics import BatchTopic, Desk, Message, Topic
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


def take_acks(messages: Sequence[Message]) -> list[str | None]:
    """`{id, status, result?}` each: all that wait in one transaction; why those refused are."""
    devices = _numbers_of({message.device for message in messages})
    read = [_read(message, devices) for message in messages]
    told = iter(hear_acks(acks=[ack for ack in read if isinstance(ack, Ack)], at=timezone.now()))
    outcomes = [next(told) if isinstance(each, Ack) else each for each in read]
    return [outcome.message if isinstance(outcome, DomainError) else None for outcome in outcomes]


def _read(message: Message, devices: dict[str, int]) -> Ack | DomainError:
    if message.device not in devices:
        return DeviceUnknown("there is no such device")
    try:
        return read_ack(_json(message.payload), device_id=devices[message.device])
    except DomainError as refusal:
        return refusal


def _numbers_of(names: set[str]) -> dict[str, int]:
    return dict(Device.objects.filter(external_id__in=names).values_list("external_id", "pk"))


def take_report(message: Message) -> None:
    """`{reported, version}`: how a device says it is set up."""
    body = _json(message.payload)
    if not isinstance(body, dict):
        raise InvalidInput("The message is not an object.")
    device_id = _numbers_of({message.device}).get(message.device)
    if device_id is None:
        raise DeviceUnknown("there is no such device")
    reported, version = body.get("reported"), body.get("version")
    if type(version) is not int:
        raise InvalidInput.at("version", "must be an integer from 0 up")
    if not isinstance(reported, dict):
        raise InvalidInput.at("reported", "must be an object")
    report = partial(report_configuration, device_id=device_id, reported=reported, version=version)
    again_after_deadlock(lambda: report(at=timezone.now()))


def _json(payload: bytes) -> Any:
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"The message is not JSON: {error}") from None


def open_acks(desk: Desk) -> Together:
    return Together(desk, take_acks, name="mqtt-acks")


topics: list[Topic | BatchTopic] = [
    Topic("status", take_status),
    BatchTopic("commands/ack", open=open_acks),
    Topic("config/reported", take_report),
]
