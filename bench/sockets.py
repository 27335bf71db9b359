"""Thousands of WebSockets on one process, a third of which hardly read: what one costs, and that no alert is lost."""

import argparse
import asyncio
import json
import os
import resource
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from bench.figures import machine
from bench.places import embedded
from bench.query import set_up
from bench.wire import Wire, open_wire
from tests.services import folder, mariadb, memory_of, valkey

STEPS = 40  # of an alert
AT_ONCE = 50  # handshakes
PATIENCE = 60.0
WORDY = 32 * 1024  # characters with each step, for those who read slowly
PEOPLE = 50


@dataclass
class Person:
    """One socket: who reads, who reads a few kilobytes a second ("dripping"), and who does not ("stuck")."""

    number: int
    bearer: str
    pace: str
    heard: list[tuple[int, float]] = field(default_factory=list)  # (seq, when)
    alerts: set[int] = field(default_factory=set)
    confirmed: asyncio.Event = field(default_factory=asyncio.Event)
    codes: list[int] = field(default_factory=list)

    async def come(self, port: int, channels: Sequence[str]) -> Wire:
        self.confirmed.clear()
        is_slow = self.pace != "reading"
        wire = await open_wire(port, self.bearer, self._take, number=self.number, is_slow=is_slow)
        wire.say(json.dumps({"type": "subscribe", "channels": list(channels)}))
        await asyncio.wait_for(self.confirmed.wait(), PATIENCE)
        return wire

    def _take(self, text: bytes) -> None:
        if text.startswith(b'{"type":"alert"'):
            data = json.loads(text)["data"]
            self.heard.append((data["seq"], time.time()))
            self.alerts.add(data["alertId"])
        elif text.startswith(b'{"type":"subscription_confirm"'):
            self.confirmed.set()


@dataclass
class Outcome:
    opened_in: float = 0.0
    delays: list[float] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)  # of those closed, like "stuck 4408"
    problems: list[str] = field(default_factory=list)


class Story:
    """What happens: an alert opens or ends with each step, and a machine has much to say."""

    def __init__(self, words: int = WORDY) -> None:
        from alerts.models import AlertEvent  # noqa: PLC0415 -- the environment comes first
        from tests.builders import make_device, make_threshold, store  # noqa: PLC0415 -- as above

        self._steps, self._store = AlertEvent.objects, store
        self._words = words
        self._watched, self.wordy = make_device(), make_device()
        make_threshold(self._watched, max_value=90.0)
        self.told: dict[int, float] = {}  # the number of each step, and when its reading was sent

    def step(self, number: int) -> None:
        from django.utils import timezone  # noqa: PLC0415 -- the environment comes first

        from factory.live.broadcast import broadcast  # noqa: PLC0415 -- as above
        from telemetry.services import SENSOR_SHARDS, SENSOR_STREAM  # noqa: PLC0415 -- as above

        words = {"deviceId": self.wordy.pk, "data": {"words": "x" * self._words}}
        broadcast(SENSOR_STREAM, [(self.wordy.pk, words)], shards=SENSOR_SHARDS)
        began = time.time()
        self._store(self._watched, (timezone.now(), 1.0 if number % 2 else 95.0))
        newest = max(self.told, default=0)
        fresh = self._steps.filter(pk__gt=newest, alert__device=self._watched).values_list("pk", flat=True)
        self.told |= dict.fromkeys(fresh, began)

    def alerts(self) -> set[int]:
        return set(self._steps.filter(pk__in=self.told).values_list("alert_id", flat=True))


def people(count: int) -> list[Person]:
    """Two thirds read; of the rest one half drips, and the other is stuck."""
    from django.utils import timezone  # noqa: PLC0415 -- the environment comes first

    from factory.accounts.services import open_session  # noqa: PLC0415 -- as above
    from tests.builders import make_user  # noqa: PLC0415 -- as above

    bearers = [open_session(user=make_user(), at=timezone.now()) for _ in range(min(PEOPLE, count // 6))]
    paces = ("reading", "reading", "dripping", "reading", "reading", "stuck")
    return [Person(n, bearers[n % len(bearers)], paces[n % len(paces)]) for n in range(count)]


async def watch_story(
    port: int,
    crowd: Sequence[Person],
    story: Story,
    *,
    steps: int,
    apart: float,
    opened: Callable[[], None] = lambda: None,
) -> Outcome:
    """The whole play. `opened` is called when all are there."""
    outcome, began = Outcome(), time.monotonic()
    wires = await _all_come(port, crowd, story)
    outcome.opened_in = time.monotonic() - began
    opened()
    slow = [(who, wire) for who, wire in zip(crowd, wires, strict=True) if who.pace != "reading"]
    for who, wire in zip(crowd, wires, strict=True):
        wire.closed.add_done_callback(lambda code, who=who: who.codes.append(code.result()))
    for _, wire in slow:
        wire.pause()
    dripping = asyncio.create_task(_drip([wire for who, wire in slow if who.pace == "dripping"]))
    for number in range(steps):
        await asyncio.to_thread(story.step, number)
        await asyncio.sleep(apart)
    dripping.cancel()
    readers = [who for who in crowd if who.pace == "reading"]
    await _until(lambda: all(len(who.heard) >= len(story.told) for who in readers))
    await _come_back(port, slow)
    alerts = await asyncio.to_thread(story.alerts)
    _judge(outcome, readers, [who for who, _ in slow], story.told, alerts)
    for wire in wires:
        wire.transport.abort()
    return outcome


async def _all_come(port: int, crowd: Sequence[Person], story: Story) -> list[Wire]:
    door = asyncio.Semaphore(AT_ONCE)

    async def come(who: Person) -> Wire:
        more = [] if who.pace == "reading" else [f"device:{story.wordy.pk}:sensor"]
        async with door:
            return await _come(port, who, ["alerts", *more])

    return await asyncio.gather(*(come(who) for who in crowd))


async def _drip(wires: Sequence[Wire]) -> None:
    """Each takes what one read gives, once a second."""
    for wire in wires:
        wire.read_once()
    while True:
        await asyncio.sleep(1)
        for wire in wires:
            wire.resume()


async def _come_back(port: int, slow: Sequence[tuple[Person, Wire]]) -> None:
    """They find out that they are closed when they read again; then as docs/live.md says."""
    door = asyncio.Semaphore(AT_ONCE)

    async def come_back(who: Person, wire: Wire) -> None:
        wire.resume(for_good=True)
        if not who.codes:
            await asyncio.wait([wire.closed], timeout=5)  # what is still in the pipe
        if not who.codes:
            return
        async with door:
            again = await _come(port, who, ["alerts"])
            who.alerts |= await _ask_for_alerts(port, who.bearer)
            again.transport.abort()

    await asyncio.gather(*(come_back(who, wire) for who, wire in slow))


async def _come(port: int, who: Person, channels: Sequence[str]) -> Wire:
    """Many come at once, and a handshake that takes too long is given up: again, as clients do, for a minute."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return await who.come(port, channels)
        except ConnectionError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(1)


async def _ask_for_alerts(port: int, bearer: str) -> set[int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    address = "/api/trpc/alerts.list?input=" + quote(json.dumps({"limit": 100}))
    writer.write(
        f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        f"Authorization: Bearer {bearer}\r\n\r\n".encode()
    )
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.splitlines()[0]:
        raise RuntimeError(head.decode())
    return {row["id"] for row in json.loads(body)["result"]["data"]}


async def _until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < end:
        await asyncio.sleep(0.05)


def _judge(
    outcome: Outcome,
    readers: Sequence[Person],
    slow: Sequence[Person],
    told: dict[int, float],
    alerts: set[int],
) -> None:
    for who in readers:
        heard = [seq for seq, _ in who.heard]
        if sorted(heard) != sorted(told):
            missed, twice = len(set(told) - set(heard)), len(heard) - len(set(heard))
            outcome.problems.append(
                f"socket {who.number}: {missed} alerts missed, {twice} twice, {who.codes}"
            )
        outcome.delays += [at - told[seq] for seq, at in who.heard if seq in told]
    for who in slow:
        if missing := alerts - who.alerts:
            outcome.problems.append(f"socket {who.number} ({who.pace}): never knew {len(missing)} alerts")
    if closed := [who.number for who in readers if who.codes]:
        outcome.problems.append(f"{len(closed)} of those who read were closed")
    outcome.codes = Counter(f"{who.pace} {code}" for who in (*readers, *slow) for code in who.codes)


def main(options: argparse.Namespace) -> int:
    count = 300 if options.quick else options.sockets
    allow_many_files()
    line = machine()
    with mariadb() as url, valkey() as redis, folder("bench-data") as data:
        set_up(url, redis, str(data))
        story, crowd = Story(), people(count)
        with embedded({**os.environ, "RATE_ADDRESS": "off", "RATE_USER": "off"}) as place:
            before, cpu = memory_of(place.group, "VmRSS"), place.cpu()
            full: list[float] = []
            slow = sum(who.pace != "reading" for who in crowd)
            outcome = asyncio.run(
                watch_story(
                    place.port,
                    crowd,
                    story,
                    steps=STEPS,
                    apart=options.apart,
                    opened=lambda: full.extend((memory_of(place.group, "VmRSS"), place.cpu())),
                )
            )
            peak = memory_of(place.group, "VmHWM")
            busy = place.cpu() - full[1]
    print(line)
    print(f"{count:,} sockets opened in {outcome.opened_in:.1f} s,", end=" ")
    print(
        f"{(full[1] - cpu) / count * 1e3:.1f} ms of the server and {(full[0] - before) / count / 1024:.1f} kB each"
    )
    print(f"{before >> 20} MB without sockets, {full[0] >> 20} MB with all, {peak >> 20} MB at most")
    ordered = sorted(outcome.delays)
    at = {share: ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.95, 0.999)}
    print(f"{len(story.told)} steps of alerts, {len(ordered):,} heard by those who read:", end=" ")
    print(", ".join(f"p{share * 100:g} {ms:.0f} ms" for share, ms in at.items()), end="; ")
    print(f"{busy:.0f} s of the server")
    print(f"closed: {dict(outcome.codes)} of {slow:,} slow")
    for problem in outcome.problems[:20]:
        print(f"PROBLEM: {problem}")
    print(f"{len(outcome.problems)} problems")
    return 1 if outcome.problems else 0


def allow_many_files() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
