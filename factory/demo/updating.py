"""What a simulated device does with a version that it is offered, as a careful one would: it fetches it, going on
where a cut download ended, checks it, puts it on, starts anew and says what it runs. Some fail on purpose.
"""

import asyncio
import base64
import binascii
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

logger = logging.getLogger(__name__)

BAD_CHECKSUM, POWER_LOSS, SILENT, OLD_SLOT = "bad-checksum", "power-loss", "silent", "old-slot"
FAILURES = (BAD_CHECKSUM, POWER_LOSS, SILENT, OLD_SLOT)

INSTALL_SECONDS = 2.0
START_SECONDS = 2.0  # of starting anew, in which it is not there
TRIES = 5  # of a download that is cut, before it is given up
PAUSE_SECONDS = 1.0  # between two of them
CUT_AT = 0.6  # where a device loses its power
REPORT_EVERY = 25  # percent

Offer = Mapping[str, Any]
Word = dict[str, Any]
Say = Callable[[Word], Awaitable[None]]


class Refused(Exception):
    """The file is not what was promised; why, in words for people."""


class Cut(Exception):
    """The connection ended before the file did, or the power did."""


def read_failures(text: str) -> dict[str, float]:
    """`bad-checksum=0.1,silent=0.02`: which part of all updates fails how; without a number a tenth."""
    shares: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, share = part.partition("=")
        if name not in FAILURES:
            raise ValueError(f"{name!r} is none of {', '.join(FAILURES)}")
        shares[name] = float(share or 0.1)
        if not 0 <= shares[name] <= 1:
            raise ValueError(f"{share!r} is not between 0 and 1")
    if sum(shares.values()) > 1:
        raise ValueError("more than all of them would fail")
    return shares


@dataclass(slots=True)
class _Part:
    """What there is of a file; of its content only what the digest needs."""

    sha256: str
    digest: Any = field(default_factory=hashlib.sha256)
    size: int = 0

    def add(self, piece: bytes) -> None:
        self.digest.update(piece)
        self.size += len(piece)

    def clear(self) -> None:
        self.digest, self.size = hashlib.sha256(), 0


class Updating:
    """One device's updates; they outlive its connections. `say` passes a word on to the server."""

    def __init__(
        self,
        version: str,
        *,
        rng: Random,
        failures: Mapping[str, float] | None = None,
        public_keys: Iterable[str] = (),
        install_seconds: float = INSTALL_SECONDS,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self.version = version
        self.starts = 0  # how often it has started anew
        self.is_off = False  # while it does
        self.is_silent = False  # of its updates, and of what it runs
        self.received = 0  # bytes, of all downloads
        self._rng = rng
        self.failures = dict(failures or {})
        self._public_keys = list(public_keys)
        self._install_seconds, self._start_seconds = install_seconds, start_seconds
        self._part: _Part | None = None
        self._under_way: int | None = None

    @property
    def is_busy(self) -> bool:
        return self._under_way is not None

    async def take(self, offer: Offer, client: httpx.AsyncClient, say: Say) -> None:
        """Put a version on, as far as it gets; an offer that comes again meanwhile is the same one."""
        number = offer["deploymentId"]
        if self._under_way is not None:
            return
        self._under_way = number
        try:
            await self._put_on(offer, client, say, how=self._draw())
        finally:
            self._under_way = None

    def _draw(self) -> str:
        """How this one is to go wrong; empty: it is not."""
        drawn = self._rng.random()
        for name, share in self.failures.items():
            drawn -= share
            if drawn < 0:
                return name
        return ""

    async def _put_on(self, offer: Offer, client: httpx.AsyncClient, say: Say, *, how: str) -> None:
        number = offer["deploymentId"]
        silent_from = self._rng.choice(["downloading", "installing", "started"]) if how == SILENT else ""
        self.is_silent = False
        await say({"id": number, "status": "downloading", "progress": 0, "runningVersion": self.version})
        if silent_from == "downloading":
            self.is_silent = True
            return
        try:
            await self._fetch(offer, client, say, loses_power=how == POWER_LOSS)
            self._check(offer, is_damaged=how == BAD_CHECKSUM)
        except (Refused, Cut) as reason:
            await say({"id": number, "status": "failed", "errorMessage": str(reason)})
            return
        await say({"id": number, "status": "installing", "progress": 0})
        if silent_from == "installing":
            self.is_silent = True
            return
        await asyncio.sleep(self._install_seconds)
        self.is_silent = silent_from == "started"
        if how not in (POWER_LOSS, OLD_SLOT):
            self.version = offer["version"]
        await self._start_anew()
        if self.is_silent or how == POWER_LOSS:
            return  # the one says no more; the other knows nothing of an update, only what it runs
        await say({"id": number, "status": "completed", "runningVersion": self.version})

    async def _start_anew(self) -> None:
        self.is_off = True
        self.starts += 1
        await asyncio.sleep(self._start_seconds)
        self.is_off = False

    # The download

    async def _fetch(self, offer: Offer, client: httpx.AsyncClient, say: Say, *, loses_power: bool) -> None:
        if self._part is None or self._part.sha256 != offer["sha256"]:
            self._part = _Part(offer["sha256"])
        power_until = int(offer["size"] * CUT_AT) if loses_power else None
        for _ in range(TRIES):
            try:
                await self._go_on(offer, client, say, self._part, until=power_until)
            except (httpx.HTTPError, Cut) as error:
                logger.debug("simulate.download_cut", extra={"error": str(error), "at": self._part.size})
                if power_until is not None:
                    power_until = None
                    await self._start_anew()
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return
        raise Cut(f"The download was cut {TRIES} times, the last time at {self._part.size} bytes.")

    async def _go_on(
        self,
        offer: Offer,
        client: httpx.AsyncClient,
        say: Say,
        part: _Part,
        *,
        until: int | None,
    ) -> None:
        size: int = offer["size"]
        if part.size >= size:
            return
        headers = {}
        if part.size:
            # Only if it is the same file still; otherwise it comes whole.
            headers = {"range": f"bytes={part.size}-", "if-range": f'"{part.sha256}"'}
        async with client.stream("GET", offer["url"], headers=headers, follow_redirects=True) as response:
            if response.status_code == 200:
                part.clear()
            elif response.status_code == 416:
                part.clear()
                raise Cut("The server has no such part.")
            elif response.status_code != 206:
                raise Cut(f"HTTP {response.status_code}")
            async for piece in response.aiter_raw():
                before = part.size * 100 // size
                part.add(piece)
                self.received += len(piece)
                if part.size > size:
                    raise Refused(f"More than the {size} bytes that were promised.")
                percent = part.size * 100 // size
                if percent // REPORT_EVERY > before // REPORT_EVERY and percent < 100:
                    await say({"id": offer["deploymentId"], "status": "downloading", "progress": percent})
                if until is not None and part.size >= until:
                    raise Cut("no power")
        if part.size < size:
            raise Cut("The connection ended early.")

    # Whether it is what was promised

    def _check(self, offer: Offer, *, is_damaged: bool) -> None:
        part, self._part = self._part, None
        assert part is not None
        if is_damaged:
            part.add(b"\0")
        told = part.digest.hexdigest()
        if told != offer["sha256"]:
            raise Refused(f"SHA-256 is {told[:12]}…, not {offer['sha256'][:12]}….")
        if self._public_keys:
            check_signature(offer, self._public_keys)


def check_signature(offer: Offer, public_keys: Iterable[str]) -> None:
    """The manifest is by somebody whom the device knows, and of this very file."""
    manifest, signature = offer.get("manifest"), offer.get("signature")
    if not manifest or not signature:
        raise Refused("The version is not signed.")
    if not any(_verifies(key, signature, manifest) for key in public_keys):
        raise Refused("The signature is by nobody whom the device knows.")
    signed = json.loads(manifest)
    for name, promised in (
        ("sha256", offer["sha256"]),
        ("size", offer["size"]),
        ("version", offer["version"]),
    ):
        if signed.get(name) != promised:
            raise Refused(f"What was signed is of another {name}.")


def _verifies(key: str, signature: str, manifest: str) -> bool:
    try:
        known = Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
        known.verify(base64.b64decode(signature, validate=True), manifest.encode())
    except (binascii.Error, ValueError, InvalidSignature):
        return False
    return True
