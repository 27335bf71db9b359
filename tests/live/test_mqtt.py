"""The packets we read and write ourselves, and plain topics on a real broker."""

import socket
import threading
import time
from random import Random

import pytest
from django.db import OperationalError

from factory.errors import InvalidInput
from factory.live.mqtt import Broker, Intake
from factory.live.mqtt_wire import Wire
from factory.live.topics import BatchTopic, Topic
from tests import services
from tests.live.device import Device
from tests.services import wait_until

# Packets


@pytest.fixture
def pair():
    """(a wire, the broker's end of it)"""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with ours, theirs:
        yield Wire(ours), theirs


def taken(broker, size):
    data = b""
    while len(data) < size:
        data += broker.recv(65_536)
    return data


@pytest.mark.parametrize("size", [0, 1, 100, 127, 128, 16_000, 16_383, 16_384, 200_000])
def test_what_one_wire_publishes_another_reads(pair, size):
    wire, broker = pair
    payload = Random(size).randbytes(size)
    other_ours, other_theirs = socket.socketpair()
    other_ours.setblocking(False)

    with other_ours, other_theirs:
        reader = Wire(other_ours)
        wire.publish("factory/press-1/readings", payload)
        found = []
        while not found:
            wire.flush()
            other_theirs.sendall(broker.recv(65_536))
            reader.fill()
            found += reader.publications()

    assert found == [(False, "factory/press-1/readings", 1, payload)]


def test_packets_cut_anywhere_are_read_whole_and_in_order(pair):
    wire, broker = pair
    packets = b"".join(
        b"\x33%b\x00\x03a/b%b%b"
        % (bytes([5 + 2 + number % 90]), number.to_bytes(2, "big"), b"x" * (number % 90))
        for number in range(1, 300)
    )
    random, found, at = Random(7), [], 0

    while at < len(packets):
        size = random.randint(1, 40)
        broker.sendall(packets[at : at + size])
        at += size
        wire.fill()
        found += wire.publications()

    assert [number for _, _, number, _ in found] == list(range(1, 300))
    assert {(retained, topic) for retained, topic, _, _ in found} == {(True, "a/b")}
    assert [len(payload) for _, _, _, payload in found] == [number % 90 for number in range(1, 300)]


def test_publications_without_a_number_are_read_too(pair):
    wire, broker = pair
    broker.sendall(b"\x30\x06\x00\x01aend")
    wire.fill()

    assert wire.publications() == [(False, "a", 0, b"end")]


def test_other_packets_are_left_to_paho_one_at_a_time(pair):
    wire, broker = pair
    broker.sendall(b"\xd0\x00" + b"\x30\x04\x00\x01ax" + b"\x20\x02\x00\x00")
    wire.fill()

    assert wire.publications() == []
    assert wire.offer_next()
    assert [wire.recv(1), wire.recv(1)] == [b"\xd0", b"\x00"]
    with pytest.raises(BlockingIOError):
        wire.recv(1)
    assert wire.publications() == [(False, "a", 0, b"x")]
    assert wire.offer_next()
    assert wire.recv(10) == b"\x20\x02\x00\x00"


def test_acknowledgements_of_our_own_publications_are_passed_over(pair):
    wire, broker = pair
    broker.sendall(b"\x40\x02\x00\x01" * 3 + b"\x30\x04\x00\x01ax")
    wire.fill()

    assert wire.publications() == [(False, "a", 0, b"x")]


def test_acknowledgements_go_together_and_after_what_was_said_before(pair):
    wire, broker = pair
    wire.publish("a", b"x")
    wire.acknowledge([1, 258])
    wire.flush()

    assert taken(broker, 16) == b"\x32\x06\x00\x01a\x00\x01x" + b"\x40\x02\x00\x01" + b"\x40\x02\x01\x02"


def test_what_the_broker_is_to_keep_says_so_and_what_it_has_is_counted(pair):
    wire, broker = pair
    wire.publish("a", b"x", retain=True)
    wire.publish("a", b"")
    wire.flush()

    assert taken(broker, 15) == b"\x33\x06\x00\x01a\x00\x01x" + b"\x32\x05\x00\x01a\x00\x02"
    broker.sendall(b"\x40\x02\x00\x01")
    wire.fill()
    assert wire.publications() == []
    assert (wire.published, wire.taken) == (2, 1)


def test_the_end_of_a_connection_is_passed_on(pair):
    wire, broker = pair
    broker.close()
    wire.fill()

    assert wire.offer_next()
    assert wire.recv(1) == b""


# What brokers may do


def read_packet(connection):
    """(kind, contents) of the next packet; small ones only."""
    kind, size = connection.recv(1), connection.recv(1)
    return kind[0], connection.recv(size[0]) if size[0] else b""


def test_what_a_broker_sends_together_with_its_welcome_is_not_left_lying():
    said = Handler()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        intake = Intake(
            [Topic("said", said)],
            broker=lambda: Broker("127.0.0.1", server.getsockname()[1]),
            client_id="intake",
            may_serve=lambda: True,
            keep_refused=lambda **what: None,
        )
        thread = threading.Thread(target=intake.run)
        thread.start()
        try:
            first, _ = server.accept()
            with first:
                assert read_packet(first)[0] == 0x10
                first.sendall(b"\x20\x02\x01\x00")
                kind, subscription = read_packet(first)
                assert kind == 0x82
                first.sendall(b"\x90\x03" + subscription[:2] + b"\x01")
                wait_until(lambda: intake._has_subscribed, what="the subscription")
            second, _ = server.accept()
            with second:
                second.settimeout(10)
                assert read_packet(second)[0] == 0x10
                body = b"\x00\x0efactory/p/said\x00\x07now"
                second.sendall(b"\x20\x02\x01\x00" + b"\x3a" + bytes([len(body)]) + body)
                assert read_packet(second) == (0x40, b"\x00\x07")
        finally:
            intake.stop()
            thread.join(10)

    assert said.seen == [("p", b"now")]


# Plain topics


class Handler:
    """Remembers what it was given, and fails as it is told."""

    def __init__(self):
        self.seen, self.errors = [], []

    def __call__(self, message):
        self.seen.append((message.device, message.payload))
        if self.errors:
            raise self.errors.pop(0)


class Slow:
    """A batch handler that keeps everything until it is let go."""

    def __init__(self, desk):
        self.desk, self.kept = desk, []

    def take(self, messages):
        self.kept += messages

    def let_go(self):
        kept, self.kept = self.kept, []
        self.desk.finish(kept)


@pytest.fixture
def broker():
    with services.mosquitto() as url:
        yield url


@pytest.fixture
def plain():
    return Handler()


@pytest.fixture
def served(broker, plain):
    """An intake that serves `said` plainly and `many` in batches, until the test is over."""
    port, slow, refused = int(broker.rpartition(":")[2]), [], []

    def open_slow(desk):
        slow.append(Slow(desk))
        return slow[0]

    intake = Intake(
        [Topic("said", plain), BatchTopic("many", open_slow)],
        broker=lambda: Broker("127.0.0.1", port),
        client_id="intake",
        may_serve=lambda: True,
        keep_refused=lambda **what: refused.append(what),
    )
    intake.slow, intake.refused = slow[0], refused
    thread = threading.Thread(target=intake.run)
    thread.start()
    wait_until(lambda: intake._has_subscribed, what="the subscription")
    yield intake
    intake.stop()
    thread.join(10)
    assert not thread.is_alive()


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
def test_a_plain_message_reaches_its_handler_once(broker, served, plain):
    with Device(broker, "press-1") as device:
        device.say("said", b"hello")
        device.say("said", b"again")
        wait_until(lambda: len(plain.seen) == 2, what="both")
    time.sleep(0.3)

    assert plain.seen == [("press-1", b"hello"), ("press-1", b"again")]


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
def test_what_a_handler_refuses_is_kept_and_what_it_cannot_do_now_is_tried_again_in_order(
    broker, served, plain
):
    plain.errors = [
        OperationalError("away"),
        OperationalError("still away"),
        InvalidInput("status: is no word"),
        ZeroDivisionError("ours"),
    ]
    with Device(broker, "press-1") as device:
        for word in (b"1", b"2", b"3"):
            device.say("said", word)
        wait_until(lambda: len(served.refused) == 2 and len(plain.seen) == 5, what="all of it")

    assert [payload for _, payload in plain.seen] == [b"1", b"1", b"1", b"2", b"3"]
    assert [(what["payload"], what["reason"]) for what in served.refused] == [
        (b"1", "status: is no word"),
        (b"2", "ZeroDivisionError on our side"),
    ]


@pytest.mark.integration
@pytest.mark.django_db(transaction=True)
def test_a_plain_message_waits_for_what_its_device_said_before_and_for_no_other_device(broker, served, plain):
    with Device(broker, "press-1") as one, Device(broker, "press-2") as other:
        one.say("many", b"1")
        one.say("many", b"2")
        one.say("said", b"goodbye")
        wait_until(lambda: len(served.slow.kept) == 2, what="the first ones")
        other.say("said", b"hello")
        wait_until(lambda: plain.seen, what="the other one's hello")
        time.sleep(0.2)
        assert plain.seen == [("press-2", b"hello")]

        served.call(served.slow.let_go)
        wait_until(lambda: len(plain.seen) == 2, what="the goodbye")

    assert plain.seen[1] == ("press-1", b"goodbye")
