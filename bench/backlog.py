"""How long a live reading waits while hundreds of devices flush the hour of an outage."""

import argparse
import json
import pickle
import subprocess
import sys
import time
from statistics import median

from bench.figures import machine
from bench.ingest import PATH, Plant, document, environment_for, prepare
from bench.places import ROOT, Place, granian
from tests.services import folder, mariadb, valkey

LIVE_PER_SECOND = 200
LIVE_CONNECTIONS = 64
MISSED = 360  # readings of a device in the hour: one every ten seconds
PER_REQUEST = 100


def main(options: argparse.Namespace) -> int:
    flushing, rounds = (100, 2) if options.quick else (500, 5)
    with mariadb() as url, valkey() as redis, folder("bench-data") as data:
        environment = environment_for(url, redis, data)
        plant = prepare(environment, devices=flushing + 100)
        live, away = plant.devices[:100], plant.devices[100:]
        line = machine()
        waits: dict[str, list[tuple[float, float, float]]] = {"quiet": [], "flush": []}
        speeds = []
        with granian(environment, workers=options.workers, threads=options.threads) as server:
            _told(_start(server, LIVE_CONNECTIONS, Plant(live).requests(1_000, 1), None))  # warm
            for number in range(rounds):
                waits["quiet"].append(_live(server, live, seconds=5))
                flush = _start(server, 16, _backlog(away, hours_ago=number + 1), None)
                time.sleep(0.5)
                waits["flush"].append(_live(server, live, seconds=5))
                speeds.append(flushing * MISSED / _told(flush)["seconds"])
    print(
        f"{line}\ngranian: {options.workers} x {options.threads} threads; {LIVE_PER_SECOND} live readings a second"
    )
    for name, words in (("quiet", "nobody flushes"), ("flush", f"{flushing} devices flush an hour each")):
        p50, p95, p99 = (median(values) for values in zip(*waits[name], strict=True))
        spread = [wait[1] for wait in waits[name]]
        print(
            f"{words:<34} p50 {p50:6.1f} ms  p95 {p95:6.1f} ms ({min(spread):.1f}-{max(spread):.1f})  p99 {p99:6.1f} ms"
        )
    print(
        f"the backlog meanwhile: {median(speeds):,.0f} readings a second ({min(speeds):,.0f}-{max(speeds):,.0f})"
    )
    return 0


def _live(server: Place, devices: list[tuple[int, str]], *, seconds: int) -> tuple[float, float, float]:
    requests = Plant(devices).requests(LIVE_PER_SECOND * seconds, 1)
    told = _told(_start(server, LIVE_CONNECTIONS, requests, LIVE_PER_SECOND))
    return 1000 * told["p50"], 1000 * told["p95"], 1000 * told["p99"]


def _backlog(devices: list[tuple[int, str]], *, hours_ago: int) -> list[bytes]:
    """Every device's hour, oldest first, in requests of a hundred readings, the devices in turns."""
    start = int(time.time() * 1000) - (hours_ago + 1) * 3_600_000
    requests = []
    for place in range(0, MISSED, PER_REQUEST):
        for _, token in devices:
            items = ",".join(
                f'{{"timestamp":{start + number * 10_000},"data":{document(number)}}}'
                for number in range(place, min(place + PER_REQUEST, MISSED))
            )
            body = f'{{"readings":[{items}]}}'
            head = (
                f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            requests.append((head + body).encode())
    return requests


def _start(
    server: Place, connections: int, requests: list[bytes], per_second: float | None
) -> "subprocess.Popen[bytes]":
    load = subprocess.Popen(
        [sys.executable, "-m", "bench.load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert load.stdin is not None
    pickle.dump((server.port, connections, requests, per_second), load.stdin)
    load.stdin.close()
    return load


def _told(load: "subprocess.Popen[bytes]") -> dict[str, float]:
    assert load.stdout is not None
    told: dict[str, float] = json.loads(load.stdout.read())
    if load.wait() or told["bad"]:
        raise SystemExit(f"{told['bad']} requests were not taken.")
    return told
