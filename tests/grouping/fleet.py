"""A fleet of devices on a real broker, spoken for by one connection: it hears every command and answers it."""

import threading
from collections import Counter
from datetime import timedelta
from urllib.parse import urlsplit

import orjson
from django.utils import timezone
from paho.mqtt import client as paho

from devices.models import Device, Presence

ROWS_AT_ONCE = 1000


def make_fleet(devices, *, prefix="fleet"):
    """So many devices that are there, made in bulk; their ids."""
    at = timezone.now()
    rows = [
        Device(external_id=f"{prefix}-{number}", name=f"Fleet {number:05}", type="sensor", status="online")
        for number in range(devices)
    ]
    Device.objects.bulk_create(rows, batch_size=ROWS_AT_ONCE)
    found = Device.objects.filter(external_id__startswith=f"{prefix}-").order_by("pk")
    ids = list(found.values_list("pk", flat=True))
    Presence.objects.bulk_create(
        (Presence(device_id=pk, last_seen_at=at, silent_at=at + timedelta(hours=9)) for pk in ids),
        batch_size=ROWS_AT_ONCE,
    )
    return ids


class Fleet:
    """Counts what each device is told. `fails(name)` says who reports a failure. Use as a context manager."""

    def __init__(self, url, fails=lambda name: False):
        address = urlsplit(url)
        self.address = address.hostname, address.port
        self.fails = fails
        self.pushes = Counter()  # by (device, command)
        self.last_at = None
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="the-fleet", clean_session=True)
        self.client.max_inflight_messages_set(0)
        self.client.max_queued_messages_set(0)
        self.client.on_message = self._obey

    def __enter__(self):
        ready = threading.Event()
        self.client.on_connect = lambda *_: self.client.subscribe("factory/+/commands", 1)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.connect(*self.address)
        self.client.loop_start()
        assert ready.wait(10)
        return self

    def __exit__(self, *_):
        self.client.disconnect()
        self.client.loop_stop()

    def _obey(self, client, data, message):
        name = message.topic.split("/")[1]
        command = orjson.loads(message.payload)["id"]
        self.pushes[name, command] += 1
        self.last_at = timezone.now()
        failed = self.fails(name)
        answer = {"id": command, "status": "failed" if failed else "succeeded"}
        if failed:
            answer["result"] = {"reason": "valve stuck"}
        client.publish(f"factory/{name}/commands/ack", orjson.dumps(answer), qos=1)

    @property
    def told(self):
        """How many commands each device was told."""
        return Counter(name for name, _ in self.pushes)
