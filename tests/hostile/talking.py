"""Frames of WebSockets, and messages of MQTT: what is sent there is answered with a refusal, or ends the connection."""

import contextlib
import json
import queue
import random
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import connect

from tests.factory.mqtt_clients import Broker, client
from tests.hostile.texts import MARKDOWN, SQL, TEMPLATE, drawn

WAIT = 10.0


@dataclass(frozen=True)
class Told:
    """How one attempt went: refused, or what else happened."""

    name: str
    refused: bool
    how: str


def frames(rng: random.Random, count: int) -> list[str | bytes]:
    texts = drawn((*SQL, *TEMPLATE, *MARKDOWN), rng, count)
    shapes = (
        lambda t: t,
        lambda t: json.dumps({"type": t}),
        lambda t: json.dumps({"type": "subscribe", "channels": [t]}),
        lambda t: json.dumps({"type": "subscribe", "channels": t}),
        lambda t: json.dumps({"type": ["subscribe", t]}),
        lambda t: json.dumps({"type": "subscribe", "channels": [f"device:{t}:sensor"]}),
        lambda t: json.dumps({"type": "subscribe", "channels": [f"batch:{t}"]}),
        lambda t: json.dumps({"type": "reading", "data": {t: t}}),
        lambda t: json.dumps({"type": "command_ack", "id": t, "status": t}),
        lambda t: "[" * 5000 + t,
        lambda t: t.encode() + b"\xff\xfe",
        lambda t: json.dumps({"type": "subscribe", "channels": [t] * 201}),
    )
    return [shapes[number % len(shapes)](text) for number, text in enumerate(texts)]


def over_websocket(url: str, token: str, rng: random.Random, count: int) -> list[Told]:
    """Openings that are turned away, frames that are answered with an error, and those that end the connection."""
    told = [_opening(url, path, headers) for path, headers in _openings(token)]
    address = url.replace("http", "ws", 1) + "/ws"
    headers = {"Authorization": f"Bearer {token}"}
    with connect(address, additional_headers=headers, max_size=None, proxy=None) as socket:
        for frame in frames(rng, count - len(told) - 2):
            socket.send(frame)
            while (answer := json.loads(socket.recv(timeout=WAIT)))["type"] != "error":
                if answer["type"] == "subscription_confirm":
                    break
            told.append(Told(f"frame {frame[:40]!r}", answer["type"] == "error", answer["type"]))
    for size in (2_000_000, 8_000_000):
        told.append(_oversized(address, headers, size))
    return told


def _openings(token: str) -> list[tuple[str, dict[str, str]]]:
    cookie = f"app_session_id={token}"
    return [
        *((path, {}) for path in ("/ws", "/ws/trpc", "/ws/../admin/", "/ws%00", "/wsx", "/", "/api/ws")),
        *(
            ("/ws", {"Authorization": f"Bearer {each}"})
            for each in ("x", "a.b.c", "' OR 1=1 -- ", token[:-1])
        ),
        *(
            ("/ws", {"Cookie": cookie, "Origin": each})
            for each in ("https://evil.example", "null", "http://127.0.0.1:1")
        ),
    ]


def _opening(url: str, path: str, headers: dict[str, str]) -> Told:
    name = f"opening {path} {headers.get('Origin', '')}"
    origin = headers.pop("Origin", None)
    try:
        address = url.replace("http", "ws", 1) + path
        with connect(address, additional_headers=headers, origin=origin, proxy=None) as socket:
            socket.recv(timeout=WAIT)
    except InvalidStatus as refusal:
        return Told(name, 400 <= refusal.response.status_code < 500, str(refusal.response.status_code))
    except ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd else 0
        return Told(name, 4400 <= code < 4500, str(code))
    except (WebSocketException, OSError) as error:
        return Told(name, True, type(error).__name__)
    return Told(name, False, "heard something")


def _oversized(address: str, headers: dict[str, str], size: int) -> Told:
    try:
        with connect(address, additional_headers=headers, max_size=None, proxy=None) as socket:
            socket.send("x" * size)
            answer = json.loads(socket.recv(timeout=WAIT))
            return Told(f"a frame of {size:,} bytes", answer["type"] == "error", answer["type"])
    except ConnectionClosed as closed:
        return Told(f"a frame of {size:,} bytes", True, str(closed.rcvd))


def over_mqtt(
    broker: Broker, name: str, token: str, other: str, rng: random.Random, count: int
) -> list[Told]:
    """Passwords that are none, topics of others, and readings that are none: refused each by what a device hears."""
    texts = drawn((*SQL, *TEMPLATE, *MARKDOWN), rng, count)
    told = []
    for text in texts[: count // 5]:
        user = text if rng.random() < 0.5 else name
        try:
            with client(broker, user, text) as someone:
                told.append(Told(f"password {text!r}", someone.code != 0, str(someone.code)))
        except (queue.Empty, OSError) as error:
            told.append(Told(f"password {text!r}", True, f"closed: {error!r}"))
    for topic in _topics(other, texts[: count // 5]):
        told.append(_subscribing(broker, name, token, topic))
    with client(broker, name, token) as device:  # the last: another of its name would end it
        device.listen(f"factory/{name}/readings/ack")
        for number, text in enumerate(texts[len(told) :]):
            device.say(f"factory/{name}/readings", _payload(number, text))
            try:
                _, answer = device.hear()
            except queue.Empty:
                told.append(Told(f"payload {text!r}", False, "no answer"))
                continue
            said = json.loads(answer)
            told.append(
                Told(f"payload {text!r}", bool(said.get("error")) or not said.get("accepted"), answer[:80])
            )
    return told


def _topics(other: str, texts: list[str]) -> list[str]:
    ways = (
        "#",
        "+/+/readings",
        "$SYS/#",
        f"factory/{other}/commands",
        f"factory/{other}/readings/ack",
        "factory/#",
        "factory/+/config",
    )
    # As the name of a device; what stands for many names is in `ways`.
    names = (text.replace("#", "").replace("+", "") for text in texts)
    return [*ways, *(f"factory/{each}/commands" for each in names)][: len(texts)]


def _subscribing(broker: Broker, name: str, token: str, topic: str) -> Told:
    codes: list[Any] = []
    with client(broker, name, token) as someone:
        someone.paho.on_subscribe = lambda c, d, number, reasons, p: (
            codes.extend(reasons),
            someone.subscribed.put(number),
        )
        try:
            someone.paho.subscribe(topic, 1)
            with contextlib.suppress(Exception):
                someone.subscribed.get(timeout=2)
        except ValueError as error:
            return Told(f"topic {topic!r}", True, str(error))
    refused = all(code.is_failure for code in codes) and (bool(codes) or someone.ended)
    return Told(f"topic {topic!r}", refused, ", ".join(map(str, codes)) or "closed")


def _payload(number: int, text: str) -> str:
    shapes: tuple[Any, ...] = (
        text,
        json.dumps({"data": text, "ref": number}),
        json.dumps({"data": {"temperature": text}, "ref": number}),
        json.dumps({"data": {text: 1}, "ref": number}),
        json.dumps({"data": {"temperature": 1}, "timestamp": text, "ref": number}),
        "[" * 5000 + text,
        "{" + text,
    )
    return shapes[number % len(shapes)]
