"""`readings.*` through the gateway, with the real group commit and its own database connection."""

import time

import pytest
from django.utils import timezone

from devices.identity import known_tokens
from telemetry.models import Reading
from tests.builders import Trpc, data_of, make_device, make_token, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_remembered_tokens():
    known_tokens.clear()


@pytest.fixture
def now():
    return time.time_ns() // 1_000_000


@pytest.fixture
def machine():
    return make_device(external_id="press-1")


@pytest.fixture
def as_machine(client, machine):
    return Trpc(client, bearer=make_token(machine, at=timezone.now()))


@pytest.fixture
def as_viewer(client):
    sign_in(client, make_user())
    return Trpc(client)


def test_one_flat_reading_is_stored_under_the_devices_own_id(as_machine, machine, now):
    answer = data_of(as_machine.mutate("readings.create", {"temperature": 20.5, "timestamp": now}))

    assert answer == {"success": True, "accepted": 1, "duplicates": 0, "rejected": []}
    assert list(Reading.objects.values_list("device_id", "timestamp", "data")) == [
        (machine.pk, now, {"temperature": 20.5})
    ]


def test_many_readings_tell_what_became_of_each(as_machine, now):
    readings = [
        {"data": {"power": 1}, "timestamp": now},
        {"data": {"power": "NaN"}, "timestamp": now},
        {"data": {"power": 1}, "timestamp": now},
        {"deviceId": "press-2", "data": {"power": 1}, "timestamp": now},
    ]

    answer = data_of(as_machine.mutate("readings.create", {"readings": readings}))

    assert answer == {
        "success": True,
        "accepted": 1,
        "duplicates": 1,
        "rejected": [
            {"index": 1, "reason": "data.power: must be a number"},
            {"index": 3, "reason": "deviceId: this token belongs to another device"},
        ],
    }


@pytest.mark.parametrize("message", [{"power": 1}, {"readings": [{"power": 1}]}])
def test_another_devices_id_at_the_top_is_forbidden(as_machine, message):
    other = make_device(external_id="press-2")

    for reference in (other.pk, "press-2"):
        refusal = refusal_of(as_machine.mutate("readings.create", {"deviceId": reference, **message}))
        assert refusal == (403, "FORBIDDEN", "deviceId: this token belongs to another device.")
    assert Reading.objects.count() == 0


def test_a_stranger_and_a_viewer_hand_in_nothing(client, machine):
    assert refusal_of(Trpc(client).mutate("readings.create", {"power": 1}))[1] == "UNAUTHORIZED"
    assert refusal_of(Trpc(client, bearer="fdt_wrong").mutate("readings.create", {"power": 1}))[0] == 401

    sign_in(client, make_user(role="technician"))
    assert refusal_of(Trpc(client).mutate("readings.create", {"deviceId": 1, "power": 1}))[0] == 403


def test_an_admin_names_the_device(client, machine):
    sign_in(client, make_user(role="admin"))
    admin = Trpc(client)

    assert data_of(admin.mutate("readings.create", {"deviceId": "press-1", "power": 1}))["accepted"] == 1
    refusal = refusal_of(admin.mutate("readings.create", {"deviceId": "nobody", "power": 1}))
    assert refusal == (400, "BAD_REQUEST", "deviceId: there is no such device")


def test_a_rotated_token_is_worth_nothing_once_forgotten(as_machine, machine):
    from devices.services import rotate_token

    data_of(as_machine.mutate("readings.create", {"power": 1}))
    rotate_token(device=machine, at=timezone.now())
    known_tokens.clear()  # five seconds later

    assert refusal_of(as_machine.mutate("readings.create", {"power": 1}))[0] == 401


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"data": {"power": NaN}}', None),
        (b'{"data": {"power": 1e999}}', None),
        (b'{"data": {"power": "5"}}', "data.power: must be a number"),
        (b"not json", None),
        (b"[1, 2]", "A reading must be a JSON object with `data`, single metrics, or `readings`."),
        (b"", "A reading must be a JSON object with `data`, single metrics, or `readings`."),
    ],
)
def test_malformed_bodies_are_bad_requests(as_machine, body, message):
    response = as_machine.post("readings.create", body)

    status, code, told = refusal_of(response)
    assert (status, code) == (400, "BAD_REQUEST")
    assert message is None or told == message
    assert Reading.objects.count() == 0


def test_ten_thousand_readings_at_once_are_too_many(as_machine, now):
    readings = [{"power": 1, "timestamp": now - n} for n in range(10_000)]

    refusal = refusal_of(as_machine.mutate("readings.create", {"readings": readings}))

    assert refusal == (400, "BAD_REQUEST", "readings: holds 10000 items; at most 5000 at once")
    assert Reading.objects.count() == 0


def test_ten_megabytes_are_too_large(as_machine):
    response = as_machine.post("readings.create", b" " * 10_000_000)

    assert refusal_of(response)[:2] == (413, "PAYLOAD_TOO_LARGE")


class TestAsked:
    @pytest.fixture
    def start(self, as_machine, now):
        start = (now - 3_600_000) // 60_000 * 60_000
        readings = [
            {
                "data": {"temperature": n, **({"power": 100} if n == 3 else {})},
                "timestamp": start + n * 60_000,
            }
            for n in range(10)
        ]
        data_of(as_machine.mutate("readings.create", {"readings": readings}))
        return start

    def test_a_range_is_ascending_without_its_end_and_limited_to_the_newest(self, as_viewer, machine, start):
        asked = {"deviceId": machine.pk, "startTime": start, "endTime": start + 9 * 60_000, "limit": 2}

        rows = data_of(as_viewer.query("readings.getForDevice", asked))

        assert [row["temperature"] for row in rows] == [7, 8]
        assert rows[0] == {
            "deviceId": machine.pk,
            "timestamp": start + 7 * 60_000,
            **dict.fromkeys(("humidity", "vibration", "power", "pressure", "rpm")),
            "temperature": 7,
            "data": {"temperature": 7},
        }

    def test_fewer_points_keep_the_extremes(self, as_viewer, machine, start):
        asked = {"deviceId": "press-1", "startTime": start, "endTime": start + 3_600_000, "maxPoints": 4}

        rows = data_of(as_viewer.query("readings.getForDevice", asked))

        assert {rows[0]["temperature"], rows[-1]["temperature"]} == {0, 9}

    def test_the_latest_value_of_each_metric_with_the_newest_time(self, as_viewer, machine, start):
        row = data_of(as_viewer.query("readings.getLatest", {"deviceId": machine.pk}))

        assert (row["temperature"], row["power"], row["timestamp"]) == (9, 100, start + 9 * 60_000)

    def test_the_latest_of_a_silent_device_is_null(self, as_viewer):
        assert data_of(as_viewer.query("readings.getLatest", {"deviceId": make_device().pk})) is None

    def test_the_latest_of_several_leaves_out_the_silent(self, as_viewer, machine, start):
        silent = make_device()

        rows = data_of(as_viewer.query("readings.getLatestForDevices", {"deviceIds": [silent.pk, "press-1"]}))

        assert [row["deviceId"] for row in rows] == [machine.pk]

    def test_buckets_over_several_devices(self, as_viewer, client, machine, start):
        other = make_device()
        as_other = Trpc(client, bearer=make_token(other, at=timezone.now()))
        data_of(as_other.mutate("readings.create", {"temperature": 100, "timestamp": start}))
        asked = {
            "deviceIds": [machine.pk, other.pk],
            "startTime": start,
            "endTime": start + 600_000,
            "intervalMs": 300_000,
        }

        rows = data_of(as_viewer.query("readings.getAggregated", asked))

        begin = start // 300_000 * 300_000
        assert sum(row["count"] for row in rows) == 11
        assert sum(row["metrics"]["temperature"]["sum"] for row in rows) == sum(range(10)) + 100
        assert [row["timestamp"] for row in rows] == [begin + n * 300_000 for n in range(len(rows))]
        assert rows[0]["metrics"]["temperature"]["max"] == 100

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"endTime": 0}, "endTime: must be after startTime"),
            ({"deviceIds": [999_999]}, "There is no device 999999."),
            (
                {"intervalMs": 1000, "endTime": 10**13},
                "intervalMs: gives more than 10000 buckets; take a longer one",
            ),
            (  # a year before the calendar's first
                {"intervalMs": 366 * 86_400_000, "startTime": -(10**14), "endTime": 1},
                "startTime: is not in the years 2 to 9998",
            ),
            ({"endTime": 10**15}, "endTime: is not in the years 2 to 9998"),
            ({"timeZone": "Mars/Olympus"}, "timeZone: is no time zone such as Europe/Berlin"),
        ],
    )
    def test_what_cannot_be_asked_is_said(self, as_viewer, machine, start, change, message):
        asked = {"deviceIds": [machine.pk], "startTime": start, "endTime": start + 600_000, **change}

        assert refusal_of(as_viewer.query("readings.getAggregated", asked))[2] == message
