"""More of everything than anybody needs."""

import gzip
import json
import random
from typing import Any

from tests.hostile.asking import CLOSED, Ask, procedure

MB = 1024 * 1024
REFUSED = (400, 413, 414, 431, CLOSED)
TEXTS = {
    "devices.create": ("name", "location", "zone", "deviceId", "firmwareVersion"),
    "groups.create": ("name", "description", "filter"),
    "alerts.create": ("message", "metric"),
    "maintenance.plan": ("name", "zone"),
    "notifications.registerConfig": ("recipient",),
    "commands.send": ("name", "idempotencyKey"),
    "auth.login": ("email", "password", "code"),
    "firmware.create": ("version", "fileUrl"),
}
ODD = {
    "devices.create": {"deviceId": "big", "name": "big", "type": "sensor"},
    "groups.create": {"name": "big", "type": "custom"},
    "alerts.create": {"type": "system_error", "severity": "info", "message": "big"},
    "maintenance.plan": {
        "name": "big",
        "startTime": "2026-06-01T12:00:00Z",
        "endTime": "2026-06-01T13:00:00Z",
    },
    "notifications.registerConfig": {"type": "email", "recipient": "big@example.com"},
    "commands.send": {"deviceId": 1, "name": "restart"},
    "auth.login": {"email": "big@example.com", "password": "big"},
    "firmware.create": {
        "version": "1.0.0",
        "deviceType": "sensor",
        "fileUrl": "https://example.com",
        "checksum": "0" * 64,
        "fileSize": 1,
    },
}


def asks(keys: dict[str, Any], rng: random.Random, count: int) -> list[Ask]:
    token = keys["admin"]
    made = [
        procedure(
            "mutation",
            path,
            {**ODD[path], name: letter * size},
            token=token,
            surface=f"{path} {name}",
            status=(400, 413, 401),
        )
        for path, names in TEXTS.items()
        for name in names
        for letter, size in (("x", 5_000), ("\U0001f600", 30_000), ("x", 1_000_000))
    ]
    made += [_body(token, content, name) for name, content in _bodies().items()]
    made += [
        *(
            Ask("a long address", "/devices/?search=" + "x" * size, status=REFUSED)
            for size in (20_000, 33_000, 100_000)
        ),
        *(
            Ask("a long header", "/sign-in", headers=(("X-Big", "x" * size),), status=REFUSED)
            for size in (33_000, 200_000)
        ),
        *(
            Ask("a long cookie", "/sign-in", headers=(("Cookie", "a=" + "x" * size),), status=REFUSED)
            for size in (33_000, 90_000)
        ),
        Ask(
            "a batch of many", "/api/trpc/" + ",".join(["system.health"] * 1001) + "?batch=1", status=REFUSED
        ),
        *(_chunked(size) for size in (6, 12)),
    ]
    rng.shuffle(made)
    while len(made) < count:
        made.append(_body(token, b"[" * rng.randrange(1000, 100_000), "open brackets"))
    return made[:count]


def _body(token: str, content: bytes, name: str) -> Ask:
    headers = (("Authorization", f"Bearer {token}"), ("Content-Type", "application/json"))
    if name.startswith("packed"):
        headers = (*headers, ("Content-Encoding", "gzip"))
    statuses = (400, 413, 415, CLOSED)
    return Ask(
        f"a body: {name}", "/api/trpc/devices.create", "POST", headers, content, status=statuses, text=name
    )


def _bodies() -> dict[str, bytes]:
    about = ODD["devices.create"]
    deep: Any = 1
    for _ in range(230):
        deep = {"a": deep}
    bodies = {
        "6 MB": b'"' + b"x" * (6 * MB) + b'"',
        "12 MB of spaces": b" " * (12 * MB),
        "lists": b"[" + b"[]," * 1_000_000 + b"[]]",
        "packed zeros": gzip.compress(bytes(64 * MB), mtime=0),
        "packed spaces": gzip.compress(b" " * 10 * MB, mtime=0),
        "deep metadata": json.dumps({**about, "metadata": deep}).encode(),
        "many tags": json.dumps({**about, "tags": [str(n) for n in range(10_000)]}).encode(),
        "digits": b"1" * MB,
        "a large exponent": b'{"name":1e999999}',
        "metadata of 66 kB": json.dumps({**about, "metadata": {"a": "x" * 66_000}}).encode(),
        "large metadata": json.dumps(
            {**about, "metadata": {str(n): "x" * 100 for n in range(20_000)}}
        ).encode(),
    }
    for depth in (241, 1000, 20_000, 500_000):
        bodies[f"{depth} lists deep"] = b"[" * depth + b"]" * depth
        bodies[f"{depth} objects deep"] = b'{"a":' * depth + b"1" + b"}" * depth
        bodies[f"{depth} brackets, open"] = b"[" * depth
    return bodies


def _chunked(size: int) -> Ask:
    head = b"POST /api/trpc/devices.create HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    raw = head + (b"100000\r\n" + b"x" * MB + b"\r\n") * size
    return Ask(f"{size} MB in pieces", raw=raw, status=(413, CLOSED))
