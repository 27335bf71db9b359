"""A device on a real broker, as simple as one can be."""

import threading
from urllib.parse import urlsplit

import orjson
from paho.mqtt import client as paho

from tests.services import wait_until


class Device:
    """Connected as `name`; remembers what it is told. Use as a context manager."""

    def __init__(self, url, name, *, password=None, will=None):
        address = urlsplit(url)
        self.name = name
        self.heard = []  # (topic behind the name, payload)
        self.given = threading.Semaphore(0)
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=name, clean_session=False, protocol=paho.MQTTv311
        )
        self.client.max_inflight_messages_set(0)
        self.client.on_message = self._hear
        self.client.on_publish = lambda *_: self.given.release()
        if password:
            self.client.username_pw_set(name, password)
        if will is not None:
            self.client.will_set(f"factory/{name}/status", will, qos=1, retain=True)
        self.address = address.hostname, address.port

    def __enter__(self):
        ready = threading.Event()
        self.client.on_connect = lambda *_: self.client.subscribe(f"factory/{self.name}/#", 1)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect(*self.address)
        self.client.loop_start()
        assert ready.wait(10)
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()

    def _hear(self, client, data, message):
        topic = message.topic.removeprefix(f"factory/{self.name}/")
        if topic in {"readings/ack", "commands", "config"}:
            self.heard.append((topic, orjson.loads(message.payload) if message.payload else None))

    def say(self, topic, body, *, retain=False):
        payload = body if isinstance(body, bytes | str) else orjson.dumps(body)
        self.client.publish(f"factory/{self.name}/{topic}", payload, qos=1, retain=retain)

    @property
    def answers(self):
        return [body for topic, body in self.heard if topic == "readings/ack"]

    def told(self, topic):
        return [body for name, body in self.heard if name == topic]

    def wait_for_refs(self, refs, *, seconds=30.0):
        """Wait until every one of these readings has been answered."""
        wanted = set(refs)
        wait_until(
            lambda: wanted <= {answer.get("ref") for answer in self.answers},
            what="an answer to every reading",
            seconds=seconds,
        )

    def vanish(self):
        """Lose power: no goodbye."""
        self.client.loop_stop()
        self.client.socket().close()
