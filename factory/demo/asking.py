"""Devices that speak HTTP ask now and then what they have to do, and how they are to be set up."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import httpx

from factory.demo.obeying import Obedience

logger = logging.getLogger(__name__)

ROUND_SECONDS = 5.0  # in which each has asked once
CONFIGURATION_ROUNDS = 3  # it asks less often how it is to be set up

Asked = Callable[[], Sequence[tuple[int, str, Obedience]]]  # device id, token


async def ask_for_ever(client: httpx.AsyncClient, asked: Asked) -> None:
    """One device after the other, spread over the round. What fails is asked again in the next one."""
    for turn in count():
        devices = asked()
        for device_id, token, obedience in devices:
            try:
                await _ask(client, token, obedience)
                if turn % CONFIGURATION_ROUNDS == 0:
                    await _follow(client, device_id, token)
            except httpx.HTTPError as error:
                logger.debug("simulate.not_asked", extra={"device": device_id, "error": str(error)})
            await asyncio.sleep(ROUND_SECONDS / len(devices))
        if not devices:
            await asyncio.sleep(ROUND_SECONDS)


async def _ask(client: httpx.AsyncClient, token: str, obedience: Obedience) -> None:
    words = [
        obedience.take(command, now=time.monotonic())
        for command in await _query(client, token, "commands.pending")
    ]
    for word in [*words, *obedience.due(time.monotonic())]:
        await _mutate(client, token, "commands.ack", word)


async def _follow(client: httpx.AsyncClient, device_id: int, token: str) -> None:
    twin = await _query(client, token, "devices.getConfig", {"id": device_id})
    if twin and twin["version"] and not twin["inSync"]:
        report = {"reported": twin["desired"], "version": twin["version"]}
        await _mutate(client, token, "devices.reportConfig", report)


async def _query(client: httpx.AsyncClient, token: str, path: str, input: Any = None) -> Any:
    parameters = {} if input is None else {"input": json.dumps(input)}
    return _data(await client.get(f"/api/trpc/{path}", params=parameters, headers=_bearer(token)))


async def _mutate(client: httpx.AsyncClient, token: str, path: str, input: Any) -> Any:
    return _data(await client.post(f"/api/trpc/{path}", json=input, headers=_bearer(token)))


def _bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def _data(response: httpx.Response) -> Any:
    """What the answer carries; a refusal is nothing to worry about here."""
    return response.json()["result"].get("data") or [] if response.status_code == 200 else []
