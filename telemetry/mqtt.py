"""Readings over MQTT: through the same door and the same group commit as over HTTP.

The broker may forget a message, and its device is told so, only when it is committed.
"""

import logging
from collections import deque
from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import Any

import orjson
from django.conf import settings
from django.db import Error, connection

from devices.known import KnownDevices
from factory.errors import DomainError, InvalidInput
from factory.live.topics import FIRST_WAIT, LONGEST_WAIT, BatchTopic, Desk, Message
from telemetry.acks import Ack, acks_for, is_ref, newest_of, refs_of, refusal_of
from telemetry.batch import STORED, Outcome
from telemetry.door import TimeLimits, open_door
from telemetry.ingest import BACKLOG_AGE_MS, GroupCommit
from telemetry.lanes import Lane, Parcel
from telemetry.reception import committer, limits_now, own_only
from telemetry.versions_said import versions_said

logger = logging.getLogger(__name__)

ACK = "readings/ack"
STAMPS_LIMIT = 20_000


class Readings:
    """Everything between a message's arrival and its acknowledgement. All of it on the desk's thread."""

    def __init__(self, desk: Desk, *, committer: GroupCommit = committer) -> None:
        self._desk = desk
        self._devices = KnownDevices()
        self._inbox: deque[Message] = deque()  # whose devices we could not ask for yet
        self._is_asking_later = False
        self._wait = FIRST_WAIT
        self._stamped: dict[str, int] = {}  # the last time we gave to a reading that had none, by device
        self._present = Lane(desk, committer, self._stored)
        self._past = Lane(desk, committer, self._stored)

    def take(self, messages: Sequence[Message]) -> None:
        self._inbox.extend(messages)
        if not self._is_asking_later:
            self._open_inbox()

    def _open_inbox(self) -> None:
        self._is_asking_later = False
        if not self._know_who():
            self._is_asking_later = True
            self._desk.later(self._wait, self._open_inbox)
            self._wait = min(self._wait * 2, LONGEST_WAIT)
            return
        self._wait = FIRST_WAIT
        messages, self._inbox = self._inbox, deque()
        limits = limits_now()
        present: list[Parcel] = []
        past: list[Parcel] = []
        behind: set[int] = set()  # devices of `past`
        for message in messages:
            parcel = self._open(message, limits) if self._desk.is_current(message) else None
            if parcel is None:
                continue
            # What a device says now must not overtake what it said before.
            if parcel.is_past or parcel.device_id in behind or parcel.device_id in self._past.devices:
                behind.add(parcel.device_id)
                past.append(parcel)
            else:
                present.append(parcel)
        if present:
            self._present.add(present)
        if past:
            self._past.add(past)

    def _know_who(self) -> bool:
        try:
            self._devices.look_up({message.device for message in self._inbox})
        except Error as error:
            logger.warning("mqtt.devices_unknown", extra={"error": str(error)})
            connection.close()
            return False
        return True

    def _open(self, message: Message, limits: TimeLimits) -> Parcel | None:
        """What is in a message; None where it was refused."""
        principal = self._devices[message.device]
        if principal is None:
            self._desk.refuse(message, "there is no such device")
            return None
        body: Any = None
        refs: Any = None
        try:
            body = _decode(message.payload)
            refs = _refs(body)
            asked = {"readings": body} if isinstance(body, list) else body
            if isinstance(asked, dict) and asked.get("timestamp") is None:
                limits = self._moment_of_its_own(message.device, limits)
            delivery = open_door(asked, resolve=own_only(principal, asked), limits=limits)
        except DomainError as refusal:
            self._refuse(message, refusal_of(body, refs, refusal), refusal.message)
            return None
        except Exception as error:  # a mistake of ours, which must not hold up everybody's readings for ever
            logger.exception("mqtt.message_failed", extra={"device": message.device})
            self._desk.refuse(message, f"{type(error).__name__} on our side")
            return None
        is_past = newest_of(delivery.samples) < limits.now - BACKLOG_AGE_MS
        if not is_past:
            versions_said.hear(principal.device_id, asked)
        return Parcel(message, principal.device_id, delivery, refs, is_past)

    def _moment_of_its_own(self, device: str, limits: TimeLimits) -> TimeLimits:
        """A reading without a time gets that of its arrival. Many arrive at once, and must not become one."""
        now = max(limits.now, self._stamped.get(device, 0) + 1)
        if len(self._stamped) > STAMPS_LIMIT:
            self._stamped.clear()
        self._stamped[device] = now
        return TimeLimits(now, limits.oldest, limits.newest)

    def _stored(self, parcels: Sequence[Parcel], outcomes: Sequence[Outcome]) -> None:
        """A transaction is committed: tell the devices, then the broker."""
        shared: dict[str, Ack] = {}
        finished: list[Message] = []
        left = iter(outcomes)
        for parcel in parcels:
            message, delivery = parcel.message, parcel.delivery
            own = list(islice(left, len(delivery.samples)))
            if not STORED.issuperset(own):
                if Outcome.UNKNOWN_DEVICE in own:
                    self._ask_anew(message)
                    continue
                if STORED.isdisjoint(own):
                    self._refuse(message, acks_for(delivery, parcel.refs, own), own[0].value)
                    continue
            elif parcel.refs is None and not delivery.rejected:
                # Messages of one device without a name share an answer.
                ack = shared.get(message.device)
                if ack is None:
                    ack = shared[message.device] = Ack()
                for sample, outcome in zip(delivery.samples, own, strict=True):
                    ack.add(sample.timestamp, outcome)
                finished.append(message)
                continue
            self._answer(message.device, acks_for(delivery, parcel.refs, own))
            finished.append(message)
        for device, ack in shared.items():
            self._answer(device, [ack])
        self._desk.finish(finished)

    def _ask_anew(self, message: Message) -> None:
        """The device was deleted since we asked who it is; another one may go by its name now."""
        self._devices.forget(message.device)
        self._desk.call(partial(self.take, [message]))

    def _refuse(self, message: Message, acks: Sequence[Ack], reason: str) -> None:
        self._answer(message.device, acks)
        self._desk.refuse(message, reason)

    def _answer(self, device: str, acks: Sequence[Ack]) -> None:
        for ack in acks:
            self._desk.publish(device, ACK, ack.payload())


def _decode(payload: bytes) -> Any:
    if len(payload) > settings.REQUEST_BODY_MAX:
        raise InvalidInput(f"The message is too large: at most {settings.REQUEST_BODY_MAX} bytes.")
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise InvalidInput(f"The message is not JSON: {error}") from None


def _refs(body: Any) -> Any:
    refs = refs_of(body)
    if refs is not None and not all(map(is_ref, refs if isinstance(refs, list) else [refs])):
        raise InvalidInput.at("ref", "must be a text of at most 64 characters or an integer")
    return refs


topics = [BatchTopic("readings", open=Readings)]
