"""Careful devices: what they have measured they keep, and send again, until we say that it is stored.

Each runs in a thread. What an answer must not say is a complaint.
"""

import contextlib
import socket
import threading
import time
import traceback
from collections import Counter, deque
from dataclasses import dataclass
from itertools import count

import httpx
import orjson
from paho.mqtt import client as paho

from tests.chaos.measured import Device, Reading

LETTERS = 8  # messages over MQTT that nobody has answered yet
RESEND_SECONDS = 5.0


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Sender:
    """A device's thread. `answered_at` is when it sent the newest message that was answered."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.rng = device.rng
        self.outbox: deque[Reading] = deque()
        self.answered_at = float("-inf")
        self.answers: Counter[str] = Counter()
        self.complaints: list[str] = []
        self._ending = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=device.name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def finish(self) -> None:
        """Measure nothing more, and bring home what is there."""
        self._ending.set()

    def is_done(self) -> bool:
        return not self._thread.is_alive()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)

    def _run(self) -> None:
        try:
            while not self._stop.is_set() and not self._ending.is_set():
                self.outbox.extend(self.device.measure(now_ms()))
                self._go_on()
            # The last of it comes late, so that it leaves work for the rollups.
            self.outbox.extend(self.device.outage(now_ms()))
            while not self._stop.is_set() and not self._is_home():
                self._go_on()
        except Exception:
            self._complain(traceback.format_exc())
        finally:
            self._close()

    def _go_on(self) -> None:
        self._step()
        self._stop.wait(self.rng.uniform(0.01, 0.15))

    def _is_home(self) -> bool:
        # What was measured in two pieces is whole only when the second one is in the outbox too.
        self.outbox.extend(self.device.supplements())
        return not self.outbox

    def _step(self) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        pass

    def _complain(self, complaint: str) -> None:
        if len(self.complaints) < 20:
            self.complaints.append(f"{self.device.name}: {complaint}")

    def _take(self) -> tuple[list[Reading], bool]:
        """The next message, and whether it holds only what is stored already."""
        if self.rng.random() < 0.08 and (known := self.device.some_acknowledged(self.rng.randint(1, 20))):
            return known, True
        most = self.rng.randint(1, 20) if len(self.outbox) < 200 else 200
        readings = [self.outbox.popleft() for _ in range(min(most, len(self.outbox)))]
        if readings and self.rng.random() < 0.05:
            readings.append(self.rng.choice(readings))
        return readings, False

    def _check(self, readings: list[Reading], is_known: bool, answer: dict) -> None:
        """An answer came: what it covers is stored."""
        accepted, duplicates, rejected = answer["accepted"], answer["duplicates"], answer["rejected"]
        if rejected or accepted + duplicates != len(readings):
            self._complain(f"{len(readings)} readings were answered by {answer}: {readings[:3]}")
        if is_known and accepted:
            # What we were told is stored is stored anew: it had been lost.
            self._complain(f"{accepted} of {len(readings)} acknowledged readings were not there: {answer}")
        self.answers["readings"] += len(readings)
        self.device.acknowledge(readings)


class OverHttp(Sender):
    """Over HTTP, with connections kept alive, to one of several servers."""

    def __init__(self, device: Device, urls: list[str]) -> None:
        super().__init__(device)
        self._urls = urls
        self._place = device.id % len(urls)
        # Longer than any answer of ours may take: who gives up earlier learns less.
        self._client = httpx.Client(
            timeout=35, trust_env=False, headers={"authorization": f"Bearer {device.token}"}
        )

    def _step(self) -> None:
        readings, is_known = self._take()
        if not readings:
            return
        sent_at = time.monotonic()
        answer = self._post(readings)
        if answer is None:
            if not is_known:
                self.outbox.extendleft(reversed(readings))
            self._place = (self._place + 1) % len(self._urls)  # as a load balancer would
            self._stop.wait(self.rng.uniform(0.1, 0.4))
            return
        self._check(readings, is_known, answer)
        self.answered_at = sent_at

    def _post(self, readings: list[Reading]) -> dict | None:
        items = [{"timestamp": at, "data": data} for at, data in readings]
        body = items[0] if len(items) == 1 else {"readings": items}
        try:
            response = self._client.post(
                f"{self._urls[self._place]}/api/trpc/readings.create",
                content=orjson.dumps(body),
                headers={"content-type": "application/json"},
            )
        except httpx.HTTPError as error:
            self.answers[type(error).__name__] += 1
            return None
        self.answers[str(response.status_code)] += 1
        if response.status_code == 200:
            return response.json()["result"]["data"]
        if response.status_code != 503:  # the only refusal that we have to expect
            self._complain(f"{response.status_code}: {response.text[:500]}")
        return None

    def _close(self) -> None:
        self._client.close()


@dataclass
class Letter:
    """A message that waits for its answer."""

    readings: list[Reading]
    is_known: bool
    payload: bytes
    sent_at: float = float("-inf")


class OverMqtt(Sender):
    """Over MQTT, in a session that the broker keeps, each message with a name."""

    def __init__(self, device: Device, port: int) -> None:
        super().__init__(device)
        self._letters: dict[int, Letter] = {}
        self._refs = count(1)
        self._lock = threading.Lock()
        self._is_connected = False
        client = self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=device.name,
            clean_session=False,
            protocol=paho.MQTTv311,
        )
        client.username_pw_set(device.name, device.token)
        client.reconnect_delay_set(0.2, 1.0)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_subscribe, client.on_message = self._on_subscribe, self._on_message
        client.connect_async("127.0.0.1", port, keepalive=10)

    def start(self) -> None:
        self._client.loop_start()
        super().start()

    def _on_connect(self, client, data, flags, reason, properties) -> None:
        if reason.is_failure:
            self.answers[f"refused: {reason}"] += 1
        else:
            client.subscribe(f"factory/{self.device.name}/readings/ack", 1)

    def _on_subscribe(self, *_) -> None:
        with self._lock:
            self._is_connected = True
            for letter in self._letters.values():  # all of them once more
                letter.sent_at = float("-inf")

    def _on_disconnect(self, *_) -> None:
        self.answers["disconnected"] += 1
        self._is_connected = False

    def _on_message(self, client, data, message) -> None:
        try:
            answer = orjson.loads(message.payload)
            with self._lock:
                letter = self._letters.pop(answer.get("ref"), None)
            if letter is None:  # answered twice
                self.answers["answered again"] += 1
                return
            self.answers["answered"] += 1
            self._check(letter.readings, letter.is_known, answer)
            self.answered_at = max(self.answered_at, letter.sent_at)
        except Exception:
            self._complain(traceback.format_exc())

    def _step(self) -> None:
        if not self._is_connected:
            return
        while self.outbox and len(self._letters) < LETTERS:
            readings, is_known = self._take()
            ref = next(self._refs)
            items = [{"timestamp": at, "data": data} for at, data in readings]
            body = {**items[0], "ref": ref} if len(items) == 1 else {"readings": items, "ref": ref}
            with self._lock:
                self._letters[ref] = Letter(readings, is_known, orjson.dumps(body))
        now = time.monotonic()
        with self._lock:
            due = [letter for letter in self._letters.values() if now - letter.sent_at > RESEND_SECONDS]
        for letter in due:
            if letter.sent_at > 0:
                self.answers["sent again"] += 1
            letter.sent_at = now
            self._client.publish(f"factory/{self.device.name}/readings", letter.payload, qos=1)
        if self.rng.random() < 0.002:
            self._drop_connection()

    def _drop_connection(self) -> None:
        """As a device does whose network goes for a moment."""
        sock = self._client.socket()
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _is_home(self) -> bool:
        return super()._is_home() and not self._letters

    def _close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
