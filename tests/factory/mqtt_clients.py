"""A broker process on the tests' own database, and clients that speak to it as devices do."""

import contextlib
import queue
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db import connection
from paho.mqtt import client as paho

from tests.plant import Plant, running
from tests.services import free_port, listens, wait_until

SERVICE = "factory~ingest"


def database_url() -> str:
    """Where the tests' data is, for a process of its own."""
    about = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{about['NAME']}"
    word = f":{about['PASSWORD']}" if about["PASSWORD"] else ""
    return f"mysql://{about['USER']}{word}@{about['HOST']}:{about['PORT'] or 3306}/{about['NAME']}"


@dataclass(frozen=True)
class Broker:
    """Where it listens, and our own password there."""

    port: int
    password: str
    plant: Plant | None = None


@contextlib.contextmanager
def embedded_broker(folder: Path, kind: str) -> Iterator[Broker]:
    """`manage.py mqtt_broker` of one kind."""
    port = free_port()
    chosen = {"DATABASE_URL": database_url(), "MQTT_BROKER": kind, "MQTT_PORT": str(port)}
    with running(folder, "mqtt_broker", **chosen) as plant:
        wait_until(lambda: listens(port) or plant.process.poll() is not None, what="the broker's start")
        assert plant.process.poll() is None, plant.output
        yield Broker(port, (folder / "mqtt_password").read_text(), plant)
        assert plant.process.poll() is None, plant.output
        plant.end()
        assert plant.process.returncode == 0, plant.output
        assert "Traceback" not in plant.output, plant.output


class Client:
    """A connection with its messages, in the order in which they come."""

    def __init__(
        self,
        broker: Broker,
        name: str,
        password: str,
        *,
        clean: bool = True,
        will: str = "",
        client_id: str | None = None,
        by_hand: bool = False,
        only_new: bool = False,
    ) -> None:
        self.messages: queue.Queue[paho.MQTTMessage] = queue.Queue()
        self.answers: queue.Queue[int] = queue.Queue()
        self.ended = False
        self.paho = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=name if client_id is None else client_id,
            clean_session=clean,
            manual_ack=by_hand,
            reconnect_on_failure=False,
        )
        self.paho.username_pw_set(name, password)
        if will:
            self.paho.will_set(will, "offline", qos=1, retain=True)
        self.paho.on_connect = lambda client, data, flags, reason, properties: self.answers.put(reason.value)
        self.only_new = only_new
        self.paho.on_message = self._on_message
        self.paho.on_disconnect = self._on_end
        self.subscribed: queue.Queue[int] = queue.Queue()
        self.paho.on_subscribe = lambda client, data, number, codes, properties: self.subscribed.put(number)
        self.paho.connect("127.0.0.1", broker.port, keepalive=30)
        self.paho.loop_start()
        self.code = self.answers.get(timeout=10)

    def _on_message(self, client, data, message) -> None:
        if not (self.only_new and message.retain):
            self.messages.put(message)

    def _on_end(self, client, data, flags, reason, properties) -> None:
        self.ended = True

    def listen(self, *topics: str) -> "Client":
        self.paho.subscribe([(topic, 1) for topic in topics])
        self.subscribed.get(timeout=5)
        return self

    def say(self, topic: str, text: str, *, retain: bool = False) -> None:
        """Publish, and wait until the broker has it."""
        self.paho.publish(topic, text, qos=1, retain=retain).wait_for_publish(5)

    def hear(self) -> tuple[str, str]:
        message = self.messages.get(timeout=5)
        return message.topic, message.payload.decode()

    def hear_until(self, topic: str, text: str) -> list[tuple[str, str]]:
        """What comes before a certain message: all that was sent earlier has come by then, if it comes at all."""
        heard = []
        while (message := self.hear()) != (topic, text):
            heard.append(message)
        return heard

    def drop(self) -> None:
        """End without a word, as a device that loses its power."""
        self.paho.loop_stop()
        sock = self.paho.socket()
        if sock is not None:
            sock.close()

    def leave(self) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()


@contextlib.contextmanager
def client(broker: Broker, name: str, password: str, **options) -> Iterator[Client]:
    each = Client(broker, name, password, **options)
    try:
        yield each
    finally:
        each.leave()


def answer_to(broker: Broker, name: str, password: str, **options) -> int:
    """The code with which the broker answers somebody who wants to connect; 0 is welcome."""
    with client(broker, name, password, **options) as someone:
        return someone.code


def let_in(broker: Broker, name: str, password: str) -> bool:
    return answer_to(broker, name, password) == 0
