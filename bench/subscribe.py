"""How long a reading takes to reach hundreds of subscribers, by event stream and by WebSocket."""

import argparse
import asyncio
import json
import os
import time
from urllib.parse import quote

from bench.figures import machine
from bench.places import Place, embedded
from bench.query import register, set_up
from tests.services import folder, mariadb, memory_of, valkey

EACH = 250  # event streams, and as many sockets
READINGS, APART = 100, 0.2  # so many, so many seconds apart
PATIENCE = 60.0


def main(options: argparse.Namespace) -> int:
    each, readings = (50, 25) if options.quick else (EACH, READINGS)
    line = machine()
    with mariadb() as url, valkey() as redis, folder("bench-data") as data:
        set_up(url, redis, str(data))
        device = register(1)[0]
        token, bearer = _credentials(device)
        with embedded(os.environ) as place:
            before, cpu = memory_of(place.group, "VmRSS"), place.cpu()
            delays, opened = asyncio.run(_measure(place, device, token, bearer, each, readings))
            after, cpu = memory_of(place.group, "VmRSS"), place.cpu() - cpu
    print(line)
    for name, times in delays.items():
        ordered = sorted(times)
        p50, p99 = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99))
        print(
            f"{name:<14} {len(ordered):>7,} of {each * readings:,} heard   p50 {p50:6.1f} ms   p99 {p99:6.1f} ms"
        )
    heard = sum(len(times) for times in delays.values())
    print(f"opened in {opened:.1f} s, {cpu / heard * 1e6:.0f} us of the server for each event, ", end="")
    print(f"{(after - before) / (2 * each) / 1024:.0f} kB for each subscriber")
    return 0


def _credentials(device: int) -> tuple[str, str]:
    from django.utils import timezone  # noqa: PLC0415 -- as above

    from devices.models import Device  # noqa: PLC0415 -- the environment comes first
    from factory.accounts.services import open_session  # noqa: PLC0415 -- as above
    from tests.builders import make_token, make_user  # noqa: PLC0415 -- as above

    at = timezone.now()
    return make_token(Device.objects.get(pk=device), at=at), open_session(user=make_user(), at=at)


async def _measure(
    place: Place, device: int, token: str, bearer: str, each: int, readings: int
) -> tuple[dict[str, list[float]], float]:
    delays: dict[str, list[float]] = {"event streams": [], "sockets": []}
    started = asyncio.Semaphore(0)
    began = time.monotonic()
    tasks = [
        asyncio.create_task(listen(place.port, device, bearer, started, delays[name], readings))
        for name, listen in (("event streams", _by_stream), ("sockets", _by_socket))
        for _ in range(each)
    ]
    for _ in tasks:
        await started.acquire()
    opened = time.monotonic() - began
    for n in range(readings):
        await _send(place.port, token, n)
        await asyncio.sleep(APART)
    await asyncio.wait(tasks, timeout=PATIENCE)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return delays, opened


async def _send(port: int, token: str, number: int) -> None:
    """The time it was sent is in the reading, to the microsecond."""
    body = json.dumps({"data": {"sent": time.time(), "n": number}}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /api/trpc/readings.create HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nAuthorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b"
        % (token.encode(), len(body), body)
    )
    assert b" 200 " in await reader.readline()
    writer.close()


async def _by_stream(
    port: int, device: int, bearer: str, started: asyncio.Semaphore, delays: list[float], readings: int
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    address = "/api/trpc/readings.onReading?input=" + quote(json.dumps({"deviceId": device}))
    writer.write(
        f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {bearer}\r\n\r\n".encode()
    )
    heard = 0
    try:
        while heard < readings:
            line = await reader.readline()
            if line.startswith(b"event: connected"):
                started.release()
            elif line.startswith(b'data: {"deviceId"'):
                delays.append(time.time() - json.loads(line[6:])["data"]["sent"])
                heard += 1
    finally:
        writer.close()


async def _by_socket(
    port: int, device: int, bearer: str, started: asyncio.Semaphore, delays: list[float], readings: int
) -> None:
    from websockets.asyncio.client import connect  # noqa: PLC0415 -- of the tests, like Node's clients

    headers = {"Authorization": f"Bearer {bearer}"}
    params = {"path": "readings.onReading", "input": {"deviceId": device}}
    url = f"ws://127.0.0.1:{port}/ws-trpc"
    async with connect(url, additional_headers=headers, open_timeout=PATIENCE, compression=None) as socket:
        await socket.send(json.dumps({"id": 1, "method": "subscription", "params": params}))
        heard = 0
        while heard < readings:
            result = json.loads(await socket.recv())["result"]
            if result["type"] == "started":
                started.release()
            elif result["type"] == "data":
                delays.append(time.time() - result["data"]["data"]["data"]["sent"])
                heard += 1
