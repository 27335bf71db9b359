"""Devices that measure and send as real ones would: over HTTP or MQTT with their own tokens, at least once.

What the server has not acknowledged is kept, up to a limit, and sent as a batch when it is back.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count, islice
from types import MappingProxyType
from typing import Any

import httpx
from django.db import DatabaseError
from django.utils import timezone

from devices.models import Device
from factory.demo.asking import ask_for_ever
from factory.demo.machines import Plant
from factory.demo.obeying import Obedience
from factory.demo.server import (
    CREATE,
    TemporaryTokens,
    client_options,
    close_connections,
    reason_in,
    wait_asked_for,
)
from factory.demo.talker import Talker
from factory.demo.updating import Updating
from factory.demo.upkeep import update_for_ever

logger = logging.getLogger(__name__)

KEPT_READINGS = 2_000  # per device while the server is away; then the oldest go
BATCH_READINGS = 500
SENDERS = 16
FIRST_WAIT, LONGEST_WAIT = 1.0, 15.0  # between two tries of a server that is away
TOKEN_CHECK_SECONDS = 5.0
SMALLEST_SLEEP = 0.005


class Link:
    """Whether the server answers. While it does not, one device at a time tries, less and less often."""

    def __init__(self) -> None:
        self.is_up = True
        self._wait = FIRST_WAIT
        self._next_try = 0.0

    def may_try(self, now: float) -> bool:
        if self.is_up:
            return True
        if now < self._next_try:
            return False
        self._wait = min(self._wait * 2, LONGEST_WAIT)
        self._next_try = now + self._wait
        return True

    def worked(self) -> None:
        if not self.is_up:
            logger.info("simulate.server_back")
        self.is_up, self._wait = True, FIRST_WAIT

    def failed(self, now: float, why: str) -> None:
        if self.is_up:
            logger.warning("simulate.server_away", extra={"reason": why})
            self.is_up, self._next_try = False, now + self._wait


@dataclass(slots=True)
class Feed:
    """One device: what it has measured and not yet got rid of."""

    device_id: int
    name: str
    place: int  # of its machine in the plant
    waiting: deque[dict[str, Any]] = field(default_factory=deque)
    not_before: float = 0.0
    is_due: bool = False
    is_gone: bool = False

    def keep(self, reading: dict[str, Any]) -> None:
        self.waiting.append(reading)
        self._forget_oldest()

    def take(self) -> list[dict[str, Any]]:
        batch = list(islice(self.waiting, BATCH_READINGS))
        for _ in batch:
            self.waiting.popleft()
        return batch

    def give_back(self, batch: Sequence[dict[str, Any]]) -> None:
        self.waiting.extendleft(reversed(batch))
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        while len(self.waiting) > KEPT_READINGS:
            self.waiting.popleft()


class Simulator:
    """The devices of a plant, each measuring once per interval; runs until `stop` is set."""

    def __init__(
        self,
        devices: Sequence[Device],
        *,
        plant: Plant,
        tokens: TemporaryTokens,
        url: str,
        interval: float,
        speed: float,
        began: datetime,
        talkers: Mapping[int, Talker] = MappingProxyType({}),
        obedience: Mapping[int, Obedience] = MappingProxyType({}),
        updating: Mapping[int, Updating] = MappingProxyType({}),
    ) -> None:
        """`talkers`: the devices that speak MQTT, by their ids; somebody else serves their connections.

        `obedience`: how those that speak HTTP do what they are told, by their ids. `updating`: how any of them is
        updated.
        """
        self._feeds = [Feed(device.pk, device.external_id, place) for place, device in enumerate(devices)]
        self._plant = plant
        self._tokens = tokens
        self._url = url
        self._interval = interval
        self._speed = speed
        self._began = began
        self._talkers = talkers
        self._obedience = obedience
        self._updating = updating
        self._link = Link()
        self._due: asyncio.Queue[Feed] = asyncio.Queue()
        self._refused: set[int] = set()  # devices whose token the server does not take
        self.stop = asyncio.Event()

    async def run(self) -> None:
        async with httpx.AsyncClient(**client_options(self._url, connections=SENDERS)) as client:
            tasks = [asyncio.create_task(self._send_for_ever(client)) for _ in range(SENDERS)]
            tasks += [asyncio.create_task(self._measure_for_ever()), asyncio.create_task(self._keep_tokens())]
            if self._obedience:
                tasks.append(asyncio.create_task(self._obey_for_ever(client)))
            if self._updating:
                tasks.append(asyncio.create_task(self._update_for_ever(client)))
            stopped = asyncio.create_task(self.stop.wait())
            done, _ = await asyncio.wait([*tasks, stopped], return_when=asyncio.FIRST_COMPLETED)
            for task in [*tasks, stopped]:
                task.cancel()
            await asyncio.wait([*tasks, stopped], timeout=1.0)
            for task in done - {stopped}:
                task.result()  # none of them ends by itself but by a mistake of ours

    async def _measure_for_ever(self) -> None:
        """One device after the other, spread over the interval."""
        step = self._interval / len(self._feeds)
        start, first = time.monotonic(), 0
        for turn in count():
            ahead = start + (turn - first) * step - time.monotonic()
            if ahead > SMALLEST_SLEEP:
                await asyncio.sleep(ahead)
            elif turn % 50 == 0:
                await asyncio.sleep(0)
            if ahead < -self._interval:  # the machine slept or is too slow: no use in catching up
                start, first = time.monotonic(), turn
            feed = self._feeds[turn % len(self._feeds)]
            updating = self._updating.get(feed.device_id)
            if not feed.is_gone and not (updating and updating.is_off):
                self._measure(feed)

    def _measure(self, feed: Feed) -> None:
        now = timezone.localtime()
        at = self._began + (now - self._began) * self._speed
        data = self._plant.measure(feed.place, at=at)
        reading = {"timestamp": int(now.timestamp() * 1000), "data": dict(data)}
        talker = self._talkers.get(feed.device_id)
        if talker is not None:
            talker.hand_in([reading])
            return
        feed.keep(reading)
        if not feed.is_due:
            feed.is_due = True
            self._due.put_nowait(feed)

    async def _send_for_ever(self, client: httpx.AsyncClient) -> None:
        while True:
            feed = await self._due.get()
            try:
                if time.monotonic() >= feed.not_before and self._link.may_try(time.monotonic()):
                    await self._send(client, feed)
            finally:
                feed.is_due = False

    async def _send(self, client: httpx.AsyncClient, feed: Feed) -> None:
        batch = feed.take()
        body = batch[0] if len(batch) == 1 else {"readings": batch}
        bearer = {"authorization": f"Bearer {self._tokens[feed.device_id]}"}
        try:
            response = await client.post(CREATE, json=body, headers=bearer)
        except httpx.HTTPError as error:
            feed.give_back(batch)
            self._link.failed(time.monotonic(), str(error) or type(error).__name__)
            return
        self._take_answer(feed, batch, response)

    def _take_answer(self, feed: Feed, batch: list[dict[str, Any]], response: httpx.Response) -> None:
        status = response.status_code
        if status == 200:
            self._link.worked()
            return
        if status == 429:
            self._link.worked()
            feed.give_back(batch)
            feed.not_before = time.monotonic() + wait_asked_for(response, otherwise=10.0)
        elif status >= 500:
            feed.give_back(batch)
            feed.not_before = time.monotonic() + wait_asked_for(response, otherwise=0.0)
            self._link.failed(time.monotonic(), reason_in(response))
        elif status == 401:
            feed.give_back(batch)
            feed.not_before = time.monotonic() + TOKEN_CHECK_SECONDS
            self._refused.add(feed.device_id)
        else:  # sent again, these would be refused again
            logger.warning("simulate.refused", extra={"device": feed.name, "reason": reason_in(response)})

    async def _obey_for_ever(self, client: httpx.AsyncClient) -> None:
        def asked() -> list[tuple[int, str, Obedience]]:
            there = [] if not self._link.is_up else [feed for feed in self._feeds if not feed.is_gone]
            return [
                (feed.device_id, self._tokens[feed.device_id], self._obedience[feed.device_id])
                for feed in there
                if feed.device_id in self._obedience
            ]

        await ask_for_ever(client, asked)

    async def _update_for_ever(self, client: httpx.AsyncClient) -> None:
        def asked() -> list[tuple[int, str, Updating]]:
            there = [feed for feed in self._feeds if not feed.is_gone] if self._link.is_up else []
            return [
                (feed.device_id, self._tokens[feed.device_id], self._updating[feed.device_id])
                for feed in there
                if feed.device_id in self._updating and feed.device_id not in self._talkers
            ]

        await update_for_ever(client, asked, self._talkers.values())

    async def _keep_tokens(self) -> None:
        """Renew tokens that are running out or have been revoked; devices that were deleted fall silent."""
        while True:
            await asyncio.sleep(TOKEN_CHECK_SECONDS)
            refused, self._refused = self._refused, set()
            refused |= {pk for pk, talker in self._talkers.items() if talker.needs_token(time.monotonic())}
            at = timezone.now()
            if not refused and not self._tokens.is_due(at=at):
                continue
            try:
                gone = await asyncio.to_thread(self._renew, refused, at)
            except DatabaseError as error:
                logger.warning("simulate.tokens_not_renewed", extra={"error": str(error)})
                self._refused |= refused
                continue
            for device_id in refused & self._talkers.keys():
                self._talkers[device_id].refused_since = None  # it has a new one to try
            for feed in self._feeds:
                if feed.device_id in gone:
                    feed.is_gone = True
                    feed.waiting.clear()
                    if feed.device_id in self._talkers:
                        self._talkers[feed.device_id].retire()
                    logger.info("simulate.device_gone", extra={"device": feed.name})

    def _renew(self, refused: set[int], at: datetime) -> set[int]:
        try:
            if self._tokens.is_due(at=at):
                return set(self._tokens.issue(at=at))
            return set(self._tokens.renew(refused, at=at))
        finally:
            close_connections()
