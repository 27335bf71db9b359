"""Devices that speak HTTP ask for a new version now and then, those that speak MQTT are told; all fetch it by HTTP."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import httpx
from django.conf import settings

from factory.demo.talker import Talker
from factory.demo.updating import Updating, Word

logger = logging.getLogger(__name__)

ROUND_SECONDS = 10.0  # in which each has asked once
AT_ONCE = 16  # updates; the others wait for their turn, as offers come again

Asked = Callable[[], Sequence[tuple[int, str, Updating]]]  # device id, token
Say = Callable[[Word], Any]


class Updates:
    """Those under way."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.tasks: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(AT_ONCE)

    def begin(self, updating: Updating, offer: dict[str, Any] | None, say: Say) -> None:
        if offer is None:
            return
        # Reached as the readings are, whatever the plant is called outside.
        offer = {**offer, "url": offer["url"].removeprefix(settings.PUBLIC_URL)}
        task = asyncio.create_task(self._run(updating, offer, say))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _run(self, updating: Updating, offer: dict[str, Any], say: Say) -> None:
        try:
            async with self._turns:
                await updating.take(offer, self._client, say)
        except Exception as error:
            logger.warning("simulate.update_failed", extra={"error": str(error) or type(error).__name__})


async def update_for_ever(client: httpx.AsyncClient, asked: Asked, talkers: Iterable[Talker]) -> None:
    """One device after the other, spread over the round; what talkers are told is done beside that."""
    updates = Updates(client)
    loop = asyncio.get_running_loop()
    for talker in talkers:
        if talker.updating is not None:
            take = partial(updates.begin, talker.updating, say=partial(_say_over_mqtt, talker))
            talker.offered = partial(loop.call_soon_threadsafe, take)
    while True:
        devices = asked()
        for device_id, token, updating in devices:
            try:
                await ask(client, updates, token, updating)
            except httpx.HTTPError as error:
                logger.debug("simulate.not_asked", extra={"device": device_id, "error": str(error)})
            await asyncio.sleep(ROUND_SECONDS / len(devices))
        if not devices:
            await asyncio.sleep(ROUND_SECONDS)


async def ask(client: httpx.AsyncClient, updates: Updates, token: str, updating: Updating) -> None:
    if updating.is_off or updating.is_silent or updating.is_busy:
        return
    parameters = {"input": json.dumps({"runningVersion": updating.version})}
    response = await client.get("/api/trpc/ota.check", params=parameters, headers=_bearer(token))
    if response.status_code == 200:
        say = partial(_say_over_http, client, token)
        updates.begin(updating, response.json()["result"].get("data"), say)


async def _say_over_http(client: httpx.AsyncClient, token: str, word: Word) -> None:
    response = await client.post("/api/trpc/ota.updateStatus", json=word, headers=_bearer(token))
    if response.status_code == 409:
        raise RuntimeError("the update was taken back")


async def _say_over_mqtt(talker: Talker, word: Word) -> None:
    talker.say_of_update(word)


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}
