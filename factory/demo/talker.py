"""Devices that speak MQTT as a careful one would: what they have measured they keep until we say it is stored,
and what they are told to do they do once.

One thread serves the connections of all of them.
"""

import logging
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Any

import orjson
from paho.mqtt import client as paho

from factory.demo.obeying import RESTART_SECONDS, Obedience
from factory.demo.updating import Updating
from factory.live.mqtt_address import BrokerAddress

logger = logging.getLogger(__name__)

BATCH_READINGS = 500  # in one message
WINDOW = 8  # messages that nobody has answered yet
KEPT_READINGS = 2_000  # waiting, per device, while the server is away; then the oldest go
RESEND_SECONDS = 15.0
REFUSED_SECONDS = (
    10.0  # of being turned away, after which a new token is asked for: the broker hears of one late
)
FIRST_WAIT, LONGEST_WAIT = 1.0, 15.0  # between two tries to connect
CONNECT_SECONDS = 3.0
KEEPALIVE_SECONDS = 30
STEP_SECONDS = 0.05

Reading = dict[str, Any]
Told = Callable[[Sequence[Reading], dict[str, Any]], object]


@dataclass(slots=True, eq=False)
class Letter:
    """A message under its name, until it is answered."""

    readings: Sequence[Reading]
    payload: bytes
    sent_at: float = float("-inf")


class Talker:
    """One device and its connection. `told(readings, answer)` is called for every answer, on the board's thread."""

    def __init__(
        self,
        name: str,
        *,
        broker: BrokerAddress,
        token: Callable[[], str],
        told: Told = lambda readings, answer: None,
        most_kept: int = KEPT_READINGS,
        batch: int = BATCH_READINGS,
        obedience: Obedience | None = None,
        updating: Updating | None = None,
    ) -> None:
        self.name = name
        self.is_connected = False
        self.trouble = ""  # why it is not connected
        self.refused_since: float | None = None
        self._broker = broker
        self._token = token
        self._told = told
        self._most_kept, self._batch = most_kept, batch
        self._lock = threading.Lock()  # of what waits: it is handed in by one thread and sent by another
        self._waiting: deque[Reading] = deque()
        self._letters: dict[int, Letter] = {}
        self._refs = count(time.time_ns() // 1_000_000)
        self._client: paho.Client | None = None
        self._next_try, self._wait = 0.0, FIRST_WAIT
        self._is_retired = False
        self._obedience = obedience or Obedience(rng=Random(name))
        self._reports: dict[str, Any] | None = None  # the configuration that it has just taken over
        self.updating = updating
        self.offered: Callable[[dict[str, Any]], object] = lambda offer: None  # called on the board's thread
        self._words: deque[dict[str, Any]] = deque()  # on its update, not said yet
        self._told_start = -1  # of which of its starts it has told what it runs

    # From any thread

    def hand_in(self, readings: Iterable[Reading]) -> None:
        with self._lock:
            self._waiting.extend(readings)
            while len(self._waiting) > self._most_kept:
                self._waiting.popleft()

    def say_of_update(self, word: dict[str, Any]) -> None:
        self._words.append(word)

    def retire(self) -> None:
        """It is gone from the floor: no more tries."""
        self._is_retired = True

    def needs_token(self, now: float) -> bool:
        since = self.refused_since
        return since is not None and now - since > REFUSED_SECONDS and not self._is_retired

    # On the board's thread

    @property
    def client(self) -> paho.Client | None:
        return self._client

    def step(self, now: float) -> None:
        """Do what is due: connect, send, send again."""
        if self._client is None or self._client.socket() is None:
            self._lose()
            if now >= self._next_try and not self._is_retired and not self._is_off():
                self._connect(now)
            return
        self._client.loop_misc()
        if self.is_connected:
            self._obey(now)
        if self.is_connected:
            self._write_letters()
            for ref, letter in self._letters.items():
                if now - letter.sent_at > RESEND_SECONDS:
                    self._post(ref, letter, now)

    def leave(self) -> None:
        """Say goodbye and go."""
        client, self._client = self._client, None
        if client is None or client.socket() is None:
            return
        if self.is_connected:
            client.publish(self._topic("status"), self._status("offline"), qos=1, retain=True)
        client.loop_write()
        client.disconnect()
        client.loop_write()

    def _connect(self, now: float) -> None:
        self._wait = min(self._wait * 2, LONGEST_WAIT)
        self._next_try = now + self._wait
        self._generation = time.time_ns() // 1_000_000
        client = self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=self.name, protocol=paho.MQTTv311
        )
        client.connect_timeout = CONNECT_SECONDS
        client.on_connect, client.on_message = self._on_connect, self._on_message
        client.on_subscribe = self._on_subscribe
        client.on_socket_register_write = lambda *_: None  # the board writes
        client.username_pw_set(self.name, self._token())
        if self._broker.tls:
            client.tls_set_context(ssl.create_default_context())
        client.will_set(self._topic("status"), self._status("offline"), qos=1, retain=True)
        try:
            client.connect(self._broker.host, self._broker.port, keepalive=KEEPALIVE_SECONDS)
        except OSError as error:
            self.trouble = str(error) or type(error).__name__

    def _lose(self) -> None:
        self._client = None
        if self.is_connected:
            self.is_connected = False
            self.trouble = self.trouble or "the connection was lost"
        for letter in self._letters.values():
            letter.sent_at = float("-inf")

    def _on_connect(self, client: Any, data: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self.trouble = str(reason)
            if self.refused_since is None:
                self.refused_since = time.monotonic()
            return
        self.refused_since = None
        client.subscribe([(self._topic(rest), 1) for rest in ("readings/ack", "commands", "config", "ota")])

    def _on_subscribe(self, client: Any, *_: Any) -> None:
        self.is_connected, self.trouble, self._wait = True, "", FIRST_WAIT
        client.publish(self._topic("status"), self._status("online"), qos=1, retain=True)

    def _on_message(self, client: Any, data: Any, message: paho.MQTTMessage) -> None:
        if message.topic == self._topic("commands"):
            word = self._obedience.take(orjson.loads(message.payload), now=time.monotonic())
            client.publish(self._topic("commands/ack"), orjson.dumps(word), qos=1)
            return
        if message.topic == self._topic("ota"):
            self.offered(orjson.loads(message.payload))
            return
        if message.topic == self._topic("config"):
            self._reports = orjson.loads(message.payload) if message.payload else None
            return
        answer = orjson.loads(message.payload)
        letter = self._letters.pop(answer.get("ref"), None)
        if letter is not None:  # not answered twice
            self._told(letter.readings, answer)

    def _obey(self, now: float) -> None:
        """Say what is done, and how the device is set up by now; go away for a while where it restarts."""
        assert self._client is not None
        for word in self._obedience.due(now):
            self._client.publish(self._topic("commands/ack"), orjson.dumps(word), qos=1)
        while self._words:
            self._client.publish(self._topic("ota/status"), orjson.dumps(self._words.popleft()), qos=1)
        if self._is_off():  # it starts anew
            self.leave()
            self.is_connected = False
            self._next_try = now + STEP_SECONDS
            return
        if self._obedience.is_restarting():
            self.leave()
            self.is_connected = False
            self._next_try = now + RESTART_SECONDS + STEP_SECONDS  # by then it is over
            return
        if self._reports is not None:
            report = {"reported": self._reports["desired"], "version": self._reports["version"]}
            self._client.publish(self._topic("config/reported"), orjson.dumps(report), qos=1)
            self._reports = None

    def _write_letters(self) -> None:
        while self._waiting and len(self._letters) < WINDOW:
            with self._lock:
                readings = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._batch))]
            ref = next(self._refs)
            body = readings[0] if len(readings) == 1 else {"readings": readings}
            self._letters[ref] = Letter(readings, orjson.dumps({**body, "ref": ref}))

    def _post(self, ref: int, letter: Letter, now: float) -> None:
        assert self._client is not None
        letter.sent_at = now
        self._client.publish(self._topic("readings"), letter.payload, qos=1)

    def _topic(self, rest: str) -> str:
        return f"factory/{self.name}/{rest}"

    def _status(self, word: str) -> bytes:
        said = {"status": word, "generation": self._generation}
        updating = self.updating
        if word == "online" and updating and not updating.is_silent and updating.starts != self._told_start:
            # Once in a life: another connection is no other start.
            said["firmwareVersion"] = updating.version
            self._told_start = updating.starts
        return orjson.dumps(said)

    def _is_off(self) -> bool:
        return self.updating is not None and self.updating.is_off


class Switchboard:
    """The thread that serves the talkers' connections."""

    def __init__(self, talkers: Iterable[Talker]) -> None:
        self.talkers = list(talkers)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="talkers", daemon=True)

    def __enter__(self) -> "Switchboard":
        if self.talkers:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self.talkers:
            self._thread.join(CONNECT_SECONDS)

    def _run(self) -> None:
        while not self._stop.is_set():
            now = time.monotonic()
            for talker in self.talkers:
                try:
                    talker.step(now)
                except Exception:
                    logger.exception("talker.failed", extra={"device": talker.name})
            self._move_bytes()
        for talker in self.talkers:
            try:
                talker.leave()
            except OSError:
                pass

    def _move_bytes(self) -> None:
        """Wait for something to read or write, and do it."""
        clients: dict[int, paho.Client] = {}
        poll = select.poll()
        for talker in self.talkers:
            client = talker.client
            sock = client.socket() if client is not None else None
            if client is None or sock is None:
                continue
            clients[sock.fileno()] = client
            poll.register(sock.fileno(), select.POLLIN | (select.POLLOUT if client.want_write() else 0))
        for client in clients.values():
            if isinstance(sock := client.socket(), ssl.SSLSocket) and sock.pending():
                client.loop_read()  # TLS has it already, so the kernel does not tell
        for number, event in poll.poll(STEP_SECONDS * 1000):
            client = clients[number]
            if event & ~select.POLLOUT:
                client.loop_read()
            if event & select.POLLOUT:
                client.loop_write()


def listens(broker: BrokerAddress) -> bool:
    """Whether anybody is there at all."""
    try:
        socket.create_connection((broker.host, broker.port), timeout=CONNECT_SECONDS).close()
    except OSError:
        return False
    return True
