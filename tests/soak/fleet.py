"""Five hundred devices in one process, half over HTTP and half over MQTT; each keeps a message until it is answered."""

import queue
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

import httpx
import orjson
from paho.mqtt import client as paho

READINGS = 5  # in a message, which is sent every so many seconds
RESEND_SECONDS = 15.0
WORKERS = 12  # connections over HTTP


@dataclass
class Device:
    """What it has measured, by count and sum only: an hour of it must not grow in memory."""

    id: int
    name: str
    token: str
    begin: int  # the time of its first reading, in ms
    step: int  # plant ms between two readings
    hot_every: int  # of so many readings the last fifth is too hot; 0 for never
    measured: int = 0
    acknowledged: int = 0
    refs: count = field(default_factory=lambda: count(1))
    waiting: dict[int, tuple[float, bytes, int]] = field(
        default_factory=dict
    )  # ref: sent at, message, readings

    def at(self, number: int) -> int:
        return self.begin + number * self.step

    def measure(self) -> tuple[int, bytes]:
        """The next message, kept until `answered` is told of it."""
        readings = [self._reading(self.measured + place) for place in range(READINGS)]
        self.measured += READINGS
        ref = next(self.refs)
        message = orjson.dumps({"readings": readings, "ref": ref})
        self.waiting[ref] = (time.monotonic(), message, READINGS)
        return ref, message

    def _reading(self, number: int) -> dict:
        hot = self.hot_every and number % self.hot_every >= self.hot_every * 4 // 5
        data = {
            "power": 900 + number * 7919 % 1000 / 8,
            "meter": number / 8,
            "temperature": 95.0 if hot else 60 + number % 16 / 8,
        }
        return {"timestamp": self.at(number), "data": data}

    def answered(self, ref: int, answer: dict) -> str:
        """A complaint, or nothing."""
        if (kept := self.waiting.pop(ref, None)) is None:
            return ""  # answered twice
        self.acknowledged += kept[2]
        if answer.get("rejected") or answer["accepted"] + answer["duplicates"] != kept[2]:
            return f"{self.name}: {kept[2]} readings were answered by {answer}"
        return ""


class Fleet:
    """Its threads, from `start` until `bring_home`. `pending` is what is sent and not answered."""

    def __init__(self, devices: Sequence[Device], urls: Sequence[str], mqtt_port: int) -> None:
        self.devices = devices
        self._urls = urls
        self._over_http, self._over_mqtt = devices[::2], [OverMqtt(d, mqtt_port, self) for d in devices[1::2]]
        self._work: queue.SimpleQueue[tuple[Device, int, bytes] | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._post_all, daemon=True) for _ in range(WORKERS)]
        self._stop = threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)
        self.complaints: list[str] = []
        self.tries_again = 0
        self.lag = 0.0  # seconds by which the harness itself is late

    @property
    def pending(self) -> int:
        return sum(len(device.waiting) for device in self.devices)

    def start(self) -> None:
        for line in self._over_mqtt:
            line.start()
        for thread in (*self._threads, self._ticker):
            thread.start()

    def complain(self, words: str) -> None:
        if words and len(self.complaints) < 20:
            self.complaints.append(words)

    def _tick(self) -> None:
        """Each device has its turn once in READINGS seconds, spread evenly."""
        pause = READINGS / len(self.devices)
        lines = {line.device.id: line for line in self._over_mqtt}
        began = time.monotonic()
        for turn in count():
            due = began + turn * pause
            self.lag = max(0.0, time.monotonic() - due)
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            device = self.devices[turn % len(self.devices)]
            if (
                len(device.waiting) >= 4
            ):  # as a device whose memory is small: it measures on when it is answered
                if device.id in lines:
                    lines[device.id].send_again()
                continue
            ref, message = device.measure()
            if device.id in lines:
                lines[device.id].send_again()
                lines[device.id].publish(message)
            else:
                self._work.put((device, ref, message))

    def _post_all(self) -> None:
        with httpx.Client(timeout=35, trust_env=False) as client:
            while (work := self._work.get()) is not None:
                device, ref, message = work
                while not self._post(client, device, ref, message):
                    self.tries_again += 1
                    if self._stop.wait(0.5):
                        time.sleep(0.5)

    def _post(self, client: httpx.Client, device: Device, ref: int, message: bytes) -> bool:
        headers = {"authorization": f"Bearer {device.token}", "content-type": "application/json"}
        url = self._urls[(device.id + self.tries_again) % len(self._urls)]
        try:
            response = client.post(f"{url}/api/trpc/readings.create", content=message, headers=headers)
        except httpx.HTTPError:
            return False
        if response.status_code != 200:
            if response.status_code != 503:
                self.complain(f"{device.name}: {response.status_code} {response.text[:300]}")
            return False
        self.complain(device.answered(ref, response.json()["result"]["data"]))
        return True

    def bring_home(self, seconds: float) -> None:
        """No more measuring; whatever waits is sent until it is answered."""
        self._stop.set()
        self._ticker.join(10)
        end = time.monotonic() + seconds
        while self.pending and time.monotonic() < end:
            for line in self._over_mqtt:
                line.send_again()
            time.sleep(0.2)
        for _ in self._threads:
            self._work.put(None)
        for line in self._over_mqtt:
            line.close()


class OverMqtt:
    """One device's session at the broker."""

    def __init__(self, device: Device, port: int, fleet: Fleet) -> None:
        self.device, self._fleet = device, fleet
        client = self._client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=device.name,
            clean_session=False,
            protocol=paho.MQTTv311,
        )
        client.username_pw_set(device.name, device.token)
        client.reconnect_delay_set(1, 5)
        client.on_connect, client.on_message = self._on_connect, self._on_message
        client.connect_async("127.0.0.1", port, keepalive=60)

    def start(self) -> None:
        self._client.loop_start()

    def publish(self, message: bytes) -> None:
        self._client.publish(f"factory/{self.device.name}/readings", message, qos=1)

    def send_again(self) -> None:
        now = time.monotonic()
        for ref, (sent_at, message, readings) in list(self.device.waiting.items()):
            if now - sent_at > RESEND_SECONDS:
                self._fleet.tries_again += 1
                self.device.waiting[ref] = (now, message, readings)
                self.publish(message)

    def _on_connect(self, client, data, flags, reason, properties) -> None:
        if not reason.is_failure:
            client.subscribe(f"factory/{self.device.name}/readings/ack", 1)

    def _on_message(self, client, data, message) -> None:
        try:
            answer = orjson.loads(message.payload)
            self._fleet.complain(self.device.answered(answer.get("ref"), answer))
        except Exception:
            self._fleet.complain(traceback.format_exc())

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
