"""Hello and goodbye over MQTT, in whatever order they come."""

from datetime import timedelta

import pytest
from django.test import Client

from devices.models import Device, Presence, RefusedMessage
from devices.mqtt import read_word, take_status
from devices.presence import Word, hear_status
from devices.queries import DeviceUnknown
from devices.refused import KEPT, PAYLOAD_LENGTH, keep_refused_message
from devices.services import note_seen, notice_silent_devices
from factory.errors import InvalidInput
from factory.live.topics import Message
from tests.builders import NOON, make_device, make_user, sign_in

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(minutes=1)
HELLO, GOODBYE = Word(is_online=True), Word(is_online=False)


def status_of(device):
    return Device.objects.get(pk=device.pk).status


def hear(device, word, *, at=NOON):
    return hear_status(external_id=device.external_id, word=word, at=at)


# What may be said


@pytest.mark.parametrize(
    ("payload", "word"),
    [
        (b"online", Word(True)),
        (b" offline\n", Word(False)),
        (b'"online"', Word(True)),
        (b'{"status": "offline"}', Word(False)),
        (b'{"status": "online", "generation": 4, "firmwareVersion": "1.2.0"}', Word(True, 4, "1.2.0")),
        (b'{"status": "online", "generation": null, "uptime": 5}', Word(True)),
    ],
)
def test_it_may_be_said_in_one_word_or_in_json(payload, word):
    assert read_word(payload) == word


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "status"),
        (b"ONLINE!", "status"),
        (b"{}", "status"),
        (b'{"status": []}', "status"),
        (b"\xff", "not text"),
        (b'{"status": "online", "generation": -1}', "generation"),
        (b'{"status": "online", "generation": true}', "generation"),
        (b'{"status": "online", "generation": 9223372036854775808}', "generation"),
        (b'{"status": "online", "firmwareVersion": ""}', "firmwareVersion"),
        (b'{"status": "online", "firmwareVersion": 2}', "firmwareVersion"),
    ],
)
def test_anything_else_is_refused_by_name(payload, reason):
    with pytest.raises(InvalidInput, match=reason):
        read_word(payload)


def test_a_message_of_nobody_is_refused():
    with pytest.raises(DeviceUnknown):
        take_status(Message("nobody", "status", b"online", False, 1, 1))


# Coming and going


def test_hello_brings_a_device_back_and_goodbye_sends_it_off_at_once():
    device = make_device()

    take_status(Message(device.external_id, "status", b"online", False, 1, 1))
    assert status_of(device) == "online"
    presence = Presence.objects.get(device=device)
    assert presence.last_seen_at < presence.silent_at

    take_status(Message(device.external_id, "status", b"offline", False, 2, 1))
    assert status_of(device) == "offline"
    assert Presence.objects.get(device=device).silent_at is None


def test_after_goodbye_nobody_waits_for_the_device():
    device = make_device()
    hear(device, HELLO)
    hear(device, GOODBYE)

    assert notice_silent_devices(at=NOON + timedelta(days=1)) == []


@pytest.mark.parametrize("status", ["maintenance", "error"])
def test_what_a_person_has_set_is_left_alone(status):
    device = make_device(status=status)

    hear(device, HELLO)
    hear(device, GOODBYE)

    assert status_of(device) == status


def test_hello_tells_the_firmware():
    device = make_device(firmware_version="1.0.0")

    hear(device, Word(True, firmware_version="1.1.0"))
    hear(device, HELLO)

    assert Device.objects.get(pk=device.pk).firmware_version == "1.1.0"


def test_the_goodbye_of_an_earlier_life_is_ignored():
    device = make_device()
    hear(device, Word(True, generation=7))

    assert not hear(device, Word(False, generation=6))
    assert status_of(device) == "online"
    assert hear(device, Word(False, generation=7))
    assert status_of(device) == "offline"


def test_a_device_that_counts_from_the_beginning_again_is_believed():
    device = make_device()
    hear(device, Word(True, generation=7))
    later = NOON + timedelta(minutes=3)
    hear(device, Word(True, generation=1), at=later)

    assert hear(device, Word(False, generation=1), at=later)
    assert status_of(device) == "offline"


def test_a_hello_delivered_late_does_not_let_a_stale_goodbye_through():
    device = make_device()
    hear(device, Word(True, generation=6))

    hear(device, Word(True, generation=5), at=NOON + timedelta(seconds=1))
    assert not hear(device, Word(False, generation=5), at=NOON + timedelta(seconds=2))

    assert status_of(device) == "online"


def test_a_goodbye_without_a_number_counts():
    device = make_device()
    hear(device, Word(True, generation=7))

    assert hear(device, GOODBYE)
    assert status_of(device) == "offline"


# What the broker has kept, and nobody knows since when


def test_a_kept_goodbye_does_not_end_a_device_that_has_reported_since():
    device = make_device()
    hear(device, HELLO)
    hear(device, GOODBYE)
    note_seen(device_ids=[device.pk], at=LATER)

    assert not hear(device, Word(False, is_kept=True), at=LATER)
    assert status_of(device) == "online"


def test_a_kept_hello_is_believed_of_a_device_never_heard():
    device = make_device()

    assert hear(device, Word(True, firmware_version="2.0", is_kept=True))
    assert status_of(device) == "online"
    assert Device.objects.get(pk=device.pk).firmware_version == "2.0"


def test_a_kept_hello_does_not_bring_back_a_device_that_fell_silent():
    device = make_device()
    hear(device, Word(True, generation=3))
    notice_silent_devices(at=NOON + timedelta(days=1))

    assert not hear(device, Word(True, generation=3, is_kept=True))
    assert not hear(device, Word(True, is_kept=True))
    assert status_of(device) == "offline"


def test_a_kept_hello_of_a_later_life_is_news():
    device = make_device()
    hear(device, Word(True, generation=3))
    hear(device, Word(False, generation=3))

    assert hear(device, Word(True, generation=4, is_kept=True))
    assert status_of(device) == "online"


# Messages that nobody understood


def refuse(device, payload=b"?", reason="no reason"):
    return keep_refused_message(
        external_id=device.external_id, topic="readings", payload=payload, reason=reason, at=LATER
    )


def test_the_last_hundred_of_each_device_are_kept():
    device, other = make_device(), make_device()
    refuse(other)

    for number in range(KEPT + 5):
        refuse(device, payload=str(number).encode())

    kept = RefusedMessage.objects.filter(device=device).order_by("pk").values_list("payload", flat=True)
    assert list(kept) == [str(number) for number in range(5, KEPT + 5)]
    assert RefusedMessage.objects.filter(device=other).count() == 1


def test_any_bytes_can_be_kept_and_only_the_beginning_of_many():
    device = make_device()

    refuse(device, payload=b"\x00\xff\xf0\x9f\x98\x80" + b"x" * 10_000, reason="r" * 1000)

    kept = RefusedMessage.objects.get()
    assert kept.payload.startswith("��😀x")
    assert len(kept.payload) <= PAYLOAD_LENGTH
    assert len(kept.reason) == 255
    assert kept.at == LATER


def test_of_nobody_nothing_is_kept():
    assert not keep_refused_message(external_id="nobody", topic="readings", payload=b"?", reason="", at=NOON)


def test_an_admin_can_look_at_them_and_change_nothing():
    refuse(make_device(external_id="press-1"), payload=b"{nonsense")
    client = Client()
    sign_in(client, make_user(role="admin"))

    page = client.get("/admin/devices/refusedmessage/", {"q": "press-1"})
    one = client.get(f"/admin/devices/refusedmessage/{RefusedMessage.objects.get().pk}/change/")

    assert "press-1" in page.content.decode()
    assert "{nonsense" in one.content.decode()
    assert b'name="_save"' not in one.content
    assert client.get("/admin/devices/refusedmessage/add/").status_code == 403
