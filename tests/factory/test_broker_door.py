"""Bytes that are no MQTT, or not ours to serve, hurt nobody at the amqtt broker's door."""

import contextlib
import socket
import struct
import time

import pytest
from django.utils import timezone

from devices import services
from tests.factory.mqtt_clients import SERVICE, client, embedded_broker
from tests.services import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]
WELCOME, NOT_AUTHORIZED, WRONG_PROTOCOL = b"\x20\x02\x00\x00", b"\x20\x02\x00\x05", b"\x20\x02\x00\x01"


@pytest.fixture(scope="module")
def broker(tmp_path_factory, django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), embedded_broker(tmp_path_factory.mktemp("broker"), "amqtt") as it:
        yield it


def text(words):
    return struct.pack("!H", len(words)) + words.encode()


def packet(kind, body):
    length, head = len(body), bytearray([kind])
    while True:
        length, digit = divmod(length, 128)
        head.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(head) + body


def connect(name, password, *, protocol="MQTT", level=4, keep_alive=60):
    properties = b"\x00" if level == 5 else b""
    head = text(protocol) + bytes([level, 0xC2]) + struct.pack("!H", keep_alive) + properties
    return packet(0x10, head + text(name) + text(name) + text(password))


@contextlib.contextmanager
def raw(broker, data):
    with socket.create_connection(("127.0.0.1", broker.port), timeout=15) as stream:
        stream.sendall(data)
        yield stream


def answer(broker, data):
    """All that comes until the broker ends the connection."""
    with raw(broker, data) as stream:
        heard = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := stream.recv(4096):
                heard += piece
        return heard


def works(broker):
    with client(broker, SERVICE, broker.password) as ours:
        ours.listen("factory/#").say("factory/x/readings", "1")
        return ours.hear() == ("factory/x/readings", "1")


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x00\x00",
        packet(0x30, text("factory/a/readings") + b"1"),  # a message before the greeting
        b"\x10\xff\xff\xff\xff\x7f",
        b"\x10\xff\xff\xff\x7f",
        packet(0x10, b"\x00"),
        packet(0x10, text("MQTT") + b"\x04\xc2\x00\x3c" + b"\xff\xff"),
        packet(0x10, text("MQTT") + b"\x04\xc2\x00\x3c" + b"\x00\x02\xff\xfe" * 3),
    ],
)
def test_what_is_not_mqtt_is_cut_off(broker, data):
    assert answer(broker, data) in {b"", NOT_AUTHORIZED}
    assert works(broker)


def test_the_other_versions_of_the_protocol_are_told_so(broker):
    assert answer(broker, connect("a", "b", level=5)) == b"\x20\x03\x00\x84\x00"
    assert answer(broker, connect("a", "b", protocol="MQIsdp", level=3)) == WRONG_PROTOCOL


def test_a_stranger_who_says_nothing_is_not_waited_for_for_ever(broker):
    began = time.monotonic()

    assert answer(broker, b"\x10") == b""

    assert 5 < time.monotonic() - began < 15


def test_a_packet_larger_than_allowed_ends_the_connection(broker):
    _, token = services.register_device(external_id="big", name="x", type="sensor", at=timezone.now())
    with raw(broker, connect("big", token)) as stream:
        assert stream.recv(4) == WELCOME

        stream.sendall(b"\x30\xff\xff\xff\x7f" + text("factory/big/readings"))

        with contextlib.suppress(ConnectionResetError):
            assert stream.recv(1) == b""
    assert works(broker)


def test_a_device_that_falls_silent_is_missed(broker):
    _, token = services.register_device(external_id="mute", name="x", type="sensor", at=timezone.now())
    began = time.monotonic()
    with raw(broker, connect("mute", token, keep_alive=2)) as stream:
        assert stream.recv(4) == WELCOME

        with contextlib.suppress(ConnectionResetError):
            assert stream.recv(1) == b""

    assert 2.5 < time.monotonic() - began < 8


def test_a_client_that_does_not_read_holds_up_nobody(broker):
    _, token = services.register_device(external_id="deaf", name="x", type="sensor", at=timezone.now())
    with raw(broker, connect("deaf", token)) as stream:
        assert stream.recv(4) == WELCOME
        stream.sendall(packet(0x82, b"\x00\x01" + text("factory/deaf/#") + b"\x01"))
        assert stream.recv(5)[0] == 0x90
        with client(broker, SERVICE, broker.password) as ours:
            ours.listen("factory/other/#")
            for _ in range(300):
                ours.paho.publish("factory/deaf/commands", b"x" * 50_000, qos=1)
            ours.say("factory/other/readings", "still here")

            assert ours.hear() == ("factory/other/readings", "still here")


def test_many_connections_that_say_nothing_hold_up_nobody(broker):
    with contextlib.ExitStack() as many:
        for _ in range(500):
            many.enter_context(socket.create_connection(("127.0.0.1", broker.port), timeout=5))
        assert works(broker)
    wait_until(lambda: works(broker), what="a working broker", seconds=10)
