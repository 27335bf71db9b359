"""From messages to rows and answers, without a broker."""

import threading
import time

import pytest
from django.conf import settings
from django.db import DataError, OperationalError
from django.utils import timezone

from devices.services import deactivate_devices, delete_devices, reactivate_device
from telemetry.batch import Outcome
from telemetry.ingest import BACKLOG_AGE_MS, GroupCommit
from telemetry.models import Reading
from telemetry.mqtt import Readings
from telemetry.services import store_readings
from tests.builders import make_device
from tests.live.desk import Counter

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk():
    return Counter()


@pytest.fixture
def committer():
    committer = GroupCommit(store_readings)
    yield committer
    committer.drain(timeout=10)


@pytest.fixture
def readings(desk, committer):
    return Readings(desk, committer=committer)


def now():
    return time.time_ns() // 1_000_000


def deliver(readings, desk, device, *bodies):
    """Hand in messages of a device and wait for their end; returns its answers."""
    messages = [desk.message(device.external_id, body) for body in bodies]
    readings.take(messages)
    desk.settle(messages)
    return desk.answers(device.external_id)


def rows(device):
    found = Reading.objects.filter(device_id=device.pk).order_by("timestamp")
    return list(found.values_list("timestamp", "data"))


# What may be sent, and what is answered


@pytest.mark.parametrize(
    "shape",
    [
        lambda at: {"data": {"power": 5}, "timestamp": at},
        lambda at: {"power": 5, "timestamp": at},
        lambda at: [{"data": {"power": 5}, "timestamp": at}],
        lambda at: {"readings": [{"power": 5, "timestamp": at}]},
    ],
)
def test_every_shape_is_stored_and_answered(readings, desk, shape):
    device, at = make_device(), now()

    answers = deliver(readings, desk, device, shape(at))

    assert rows(device) == [(at, {"power": 5})]
    assert answers == [{"accepted": 1, "duplicates": 0, "rejected": [], "newest": at}]
    assert desk.refused == []


def test_the_same_again_is_a_duplicate_and_changes_nothing(readings, desk):
    device, at = make_device(), now()
    body = {"power": 5, "timestamp": at, "ref": "a"}

    deliver(readings, desk, device, body)
    answers = deliver(readings, desk, device, body)

    assert answers[1] == {"ref": "a", "accepted": 0, "duplicates": 1, "rejected": [], "newest": at}
    assert rows(device) == [(at, {"power": 5})]


def test_messages_without_a_name_share_one_answer_and_named_ones_get_their_own(readings, desk):
    device, other, at = make_device(), make_device(), now()
    messages = [
        desk.message(device.external_id, {"power": 1, "timestamp": at}),
        desk.message(device.external_id, {"power": 2, "timestamp": at + 1, "ref": "mine"}),
        desk.message(other.external_id, {"power": 3, "timestamp": at}),
        desk.message(device.external_id, {"power": 4, "timestamp": at + 2}),
    ]

    readings.take(messages)
    desk.settle(messages)

    shared = {"accepted": 2, "duplicates": 0, "rejected": [], "newest": at + 2}
    own = {"ref": "mine", "accepted": 1, "duplicates": 0, "rejected": [], "newest": at + 1}
    assert sorted(desk.answers(device.external_id), key=len) == [shared, own]
    assert desk.answers(other.external_id) == [{"accepted": 1, "duplicates": 0, "rejected": [], "newest": at}]


def test_one_bad_item_never_costs_the_good_ones_and_is_named_by_its_place(readings, desk):
    device, at = make_device(), now()

    [answer] = deliver(
        readings, desk, device, {"ref": 7, "readings": [{"power": "x"}, {"power": 1, "timestamp": at}]}
    )

    assert answer == {
        "ref": 7,
        "accepted": 1,
        "duplicates": 0,
        "rejected": [{"index": 0, "reason": "data.power: must be a number"}],
        "newest": at,
    }
    assert desk.refused == []


def test_readings_of_a_list_that_have_names_are_answered_by_name(readings, desk):
    device, at = make_device(), now()

    answers = deliver(
        readings,
        desk,
        device,
        [
            {"power": 1, "timestamp": at, "ref": "a"},
            {"power": "x", "ref": "b"},
            {"power": 2, "timestamp": at + 1, "ref": "a"},
        ],
    )

    assert answers == [
        {"ref": "a", "accepted": 2, "duplicates": 0, "rejected": [], "newest": at + 1},
        {
            "ref": "b",
            "accepted": 0,
            "duplicates": 0,
            "rejected": [{"index": 1, "reason": "data.power: must be a number"}],
            "newest": None,
        },
    ]


@pytest.mark.parametrize(
    ("payload", "places", "reason"),
    [
        (b"{", 1, "The message is not JSON"),
        (b"", 1, "The message is not JSON"),
        (b"\xff\xfe", 1, "The message is not JSON"),
        (b'{"power": NaN}', 1, "The message is not JSON"),
        (b"7", 1, "A reading must be a JSON object"),
        (b"[]", 1, "readings: is empty"),
        (b'{"power": "x"}', 1, "data.power: must be a number"),
        (b'[{"power": "x"}, 5]', 2, "None of the 2 readings can be stored"),
        (b'{"power": 1, "deviceId": "press-9"}', 1, "deviceId: this token belongs to another device"),
        (b'{"power": 1, "timestamp": 5}', 1, "timestamp: is older than what is kept"),
        (b'{"power": 1, "ref": {}}', 1, "ref: must be a text of at most 64 characters or an integer"),
        (b'{"power": 1, "ref": "%s"}' % (b"x" * 65), 1, "ref: must be a text"),
    ],
)
def test_what_cannot_be_used_is_refused_answered_and_blocks_nothing(readings, desk, payload, places, reason):
    device, at = make_device(), now()

    refusal, good = deliver(readings, desk, device, payload, {"power": 1, "timestamp": at})

    assert [refusal["accepted"], refusal["duplicates"], refusal["newest"]] == [0, 0, None]
    assert [item["index"] for item in refusal["rejected"]] == list(range(places))
    assert good["accepted"] == 1
    [(message, told)] = desk.refused
    assert message.payload == payload
    assert reason in told


def test_a_message_beyond_the_size_of_a_request_is_not_even_read(readings, desk):
    device = make_device()

    [answer] = deliver(readings, desk, device, b" " * (settings.REQUEST_BODY_MAX + 1))

    assert "too large" in answer["rejected"][0]["reason"]


def test_a_device_that_nobody_knows_is_refused_without_an_answer(readings, desk):
    message = desk.message("nobody", {"power": 1})

    readings.take([message])
    desk.settle([message])

    assert desk.refused == [(message, "there is no such device")]
    assert desk.said == []
    assert not Reading.objects.exists()


def test_a_device_may_name_itself_either_way(readings, desk):
    device, at = make_device(), now()

    answers = deliver(
        readings,
        desk,
        device,
        {"power": 1, "timestamp": at, "deviceId": device.external_id, "ref": 1},
        {"power": 1, "timestamp": at + 1, "deviceId": device.pk, "ref": 2},
    )

    assert [answer["accepted"] for answer in answers] == [1, 1]


def test_readings_without_a_time_that_arrive_together_stay_apart(readings, desk):
    device, before = make_device(), now()

    deliver(readings, desk, device, *[{"power": number} for number in range(5)])

    assert [data["power"] for _, data in rows(device)] == [0, 1, 2, 3, 4]
    assert before <= rows(device)[0][0] <= now()


def test_a_device_registered_anew_under_its_old_name_is_not_mixed_up_with_the_old_one(readings, desk):
    old, at = make_device(external_id="press-1"), now()
    deliver(readings, desk, old, {"power": 1, "timestamp": at})
    delete_devices(devices=[old])
    new = make_device(external_id="press-1")

    deliver(readings, desk, new, {"power": 2, "timestamp": at})

    assert rows(new) == [(at, {"power": 2})]


def test_a_device_deleted_meanwhile_is_refused(readings, desk):
    device, at = make_device(external_id="press-1"), now()
    deliver(readings, desk, device, {"power": 1, "timestamp": at})
    delete_devices(devices=[device])

    message = desk.message("press-1", {"power": 2})
    readings.take([message])
    desk.settle([message])

    assert desk.refused == [(message, "there is no such device")]


def test_a_device_taken_out_of_service_meanwhile_is_refused_until_it_is_back(readings, desk):
    device, at = make_device(external_id="press-1"), now()
    deliver(readings, desk, device, {"power": 1, "timestamp": at})
    deactivate_devices(device_ids=[device.pk], at=timezone.now())

    message = desk.message("press-1", {"power": 2})
    readings.take([message])
    desk.settle([message])
    assert desk.refused == [(message, "deviceId: the device is out of service")]

    reactivate_device(device=device, at=timezone.now())
    deliver(readings, desk, device, {"power": 3, "timestamp": at + 1})
    assert rows(device) == [(at, {"power": 1}), (at + 1, {"power": 3})]


def test_a_thousand_devices_are_asked_for_in_a_few_queries(readings, desk, django_assert_max_num_queries):
    devices = [make_device() for _ in range(30)]
    messages = [desk.message(device.external_id, b"{") for device in devices]

    with django_assert_max_num_queries(1):
        readings.take(messages)
    with django_assert_max_num_queries(0):
        readings.take(messages)


# When the database is away, or something is wrong


class Moody:
    """A store that fails as it is told, and remembers what it has stored in which order."""

    def __init__(self):
        self.errors = []
        self.poison = None
        self.stored = []
        self.may_go = threading.Event()
        self.may_go.set()

    def __call__(self, *, samples, received_at):
        self.may_go.wait(10)
        if self.errors:
            raise self.errors.pop(0)
        if any(sample.data.get("power") == self.poison for sample in samples):
            raise DataError("out of range")
        self.stored += [sample.data["power"] for sample in samples]
        return [Outcome.ACCEPTED] * len(samples)


@pytest.fixture
def moody(desk):
    store = Moody()
    committer = GroupCommit(store)
    store.readings = Readings(desk, committer=committer)
    yield store
    store.may_go.set()
    committer.drain(timeout=10)


def test_while_the_database_is_away_nobody_is_told_anything_and_all_is_kept_in_order(moody, desk):
    device = make_device()
    moody.errors = [OperationalError("gone away") for _ in range(3)]
    messages = [desk.message(device.external_id, {"power": number}) for number in range(6)]

    moody.readings.take(messages[:2])
    desk.work_until(lambda: desk.timers, what="the first failure")
    moody.readings.take(messages[2:4])
    assert (desk.finished, desk.said) == ([], [])
    for _ in range(2):
        desk.pass_time()
        desk.work_until(lambda: desk.timers, what="another failure")
    moody.readings.take(messages[4:])
    desk.pass_time()
    desk.settle(messages)

    assert moody.stored == [0, 1, 2, 3, 4, 5]
    assert desk.finished == messages
    assert sum(answer["accepted"] for answer in desk.answers(device.external_id)) == 6


def test_tries_become_rarer_up_to_a_limit(moody, desk):
    device = make_device()
    moody.errors = [OperationalError("gone away") for _ in range(8)]
    message, pauses = desk.message(device.external_id, {"power": 1}), []

    moody.readings.take([message])
    for _ in range(8):
        desk.work_until(lambda: desk.timers, what="a failure")
        pauses.append(desk.timers[0][0])
        desk.pass_time()
    desk.settle([message])

    assert pauses == [0.25, 0.5, 1, 2, 4, 5, 5, 5]


def test_one_message_that_no_database_takes_is_set_aside_and_the_others_go_on(moody, desk):
    device = make_device()
    moody.poison = 3
    messages = [desk.message(device.external_id, {"power": number}) for number in range(8)]
    good = [message for number, message in enumerate(messages) if number != 3]

    moody.readings.take(messages)
    desk.settle(good)

    assert moody.stored == [0, 1, 2, 4, 5, 6, 7]
    assert desk.finished == good  # and the broker keeps the other one

    moody.poison = None
    desk.pass_time()
    desk.settle(messages)
    assert moody.stored[-1] == 3


def test_when_nothing_works_at_all_nothing_is_given_up(moody, desk):
    device = make_device()
    moody.errors = [ZeroDivisionError("a mistake of ours") for _ in range(1000)]
    messages = [desk.message(device.external_id, {"power": number}) for number in range(120)]

    moody.readings.take(messages)
    desk.work_until(lambda: len(desk.timers) == 101, what="the limit")

    assert (desk.finished, desk.refused, desk.said) == ([], [], [])


def test_what_a_lost_connection_brought_is_left_to_the_next_one(moody, desk):
    device = make_device()
    moody.may_go.clear()
    first, second = (desk.message(device.external_id, {"power": number}) for number in (1, 2))
    moody.readings.take([first])
    moody.readings.take([second])

    desk.connection = 2
    again = [desk.message(device.external_id, {"power": number}) for number in (1, 2)]
    moody.readings.take(again)
    moody.may_go.set()
    desk.settle(again)

    assert moody.stored == [1, 1, 2]


def test_a_backlog_goes_a_lane_of_its_own_and_its_device_follows_it(moody, desk):
    late, prompt, at = make_device(), make_device(), now()
    past = desk.message(
        late.external_id,
        [{"power": -number, "timestamp": at - BACKLOG_AGE_MS - 10_000 + number} for number in range(1, 2001)],
    )
    moody.may_go.clear()
    moody.readings.take([past])
    messages = [desk.message(late.external_id, {"power": 1}), desk.message(prompt.external_id, {"power": 2})]
    moody.readings.take(messages)
    moody.may_go.set()
    desk.settle([past, *messages])

    assert moody.stored.index(2) < moody.stored.index(-1999)
    assert moody.stored[-1] == 1
