"""The twin on the wire, for people and for devices."""

import pytest
from django.utils import timezone

from devices.models import Configuration
from tests.builders import Trpc, data_of, make_device, make_token, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def press():
    return make_device(external_id="press-3")


@pytest.fixture
def operator(client):
    sign_in(client, make_user(role="operator", email="mira@example.com"))
    return Trpc(client)


@pytest.fixture
def device(press):
    from django.test import Client

    return Trpc(Client(), bearer=make_token(press, at=timezone.now()))


BLANK = {
    "desired": {},
    "reported": None,
    "inSync": True,
    "version": 0,
    "reportedVersion": None,
    "reportedAt": None,
    "desiredAt": None,
    "difference": [],
}


def test_a_wish_travels_to_the_device_and_back(operator, device, press):
    assert data_of(operator.query("devices.getConfig", {"id": "press-3"})) == BLANK
    wish = {"id": press.pk, "desired": {"pump": {"speed": 60}, "lamp": True}}

    told = data_of(operator.mutate("devices.setConfig", wish))

    assert (told["version"], told["inSync"]) == (1, False)
    assert told["difference"] == [
        {"path": "pump.speed", "desired": 60, "reported": None},
        {"path": "lamp", "desired": True, "reported": None},
    ]
    assert data_of(device.query("devices.getConfig")) == told
    reported = {"pump": {"speed": 60}, "lamp": True, "snake_case": 1}
    report = {"reported": reported, "version": 1}
    after = data_of(device.mutate("devices.reportConfig", report))
    assert after == {
        **told,
        "reported": reported,
        "inSync": True,
        "reportedVersion": 1,
        "reportedAt": after["reportedAt"],
        "difference": [],
    }
    assert data_of(operator.query("devices.getConfig", {"id": press.pk})) == after


def test_a_stale_version_is_a_conflict_that_tells_the_current_one(operator, press):
    wish = {"id": press.pk, "desired": {"speed": 1}, "version": 0}
    data_of(operator.mutate("devices.setConfig", wish))

    refusal = refusal_of(operator.mutate("devices.setConfig", {**wish, "desired": {"speed": 2}}))

    assert refusal == (409, "CONFLICT", "The configuration is at version 1 by now, not at 0.")


def test_a_merge_names_only_what_changes(operator, press):
    data_of(operator.mutate("devices.setConfig", {"id": press.pk, "desired": {"a": {"b": 1}, "c": 1}}))

    change = {"id": press.pk, "desired": {"a": {"d": 2}, "c": None}, "merge": True}
    told = data_of(operator.mutate("devices.setConfig", change))

    assert (told["desired"], told["version"]) == ({"a": {"b": 1, "d": 2}}, 2)


def test_the_history_says_who_and_what_newest_first(operator, press):
    for speed in (1, 2, 3):
        data_of(operator.mutate("devices.setConfig", {"id": press.pk, "desired": {"speed": speed}}))

    rows = data_of(operator.query("devices.configHistory", {"id": press.pk, "limit": 2}))

    assert [(row["version"], row["desired"], row["by"]) for row in rows] == [
        (3, {"speed": 3}, "mira@example.com"),
        (2, {"speed": 2}, "mira@example.com"),
    ]


@pytest.mark.parametrize("versions", [1, 3])
def test_the_history_costs_the_same_for_any_length(operator, press, versions, django_assert_num_queries):
    for speed in range(versions):
        data_of(operator.mutate("devices.setConfig", {"id": press.pk, "desired": {"speed": speed}}))

    with django_assert_num_queries(3):  # session and user, device, versions with their authors
        assert len(data_of(operator.query("devices.configHistory", {"id": press.pk}))) == versions


def test_a_device_reaches_only_its_own(device, press):
    other = make_device(external_id="press-4")

    for own in (press.pk, "press-3", None):
        assert data_of(device.query("devices.getConfig", {"id": own} if own else {})) == BLANK
    for foreign in (other.pk, "press-4", 10**9, "nobody"):
        told = refusal_of(device.query("devices.getConfig", {"id": foreign}))
        assert told == (403, "FORBIDDEN", "A device may only ask for its own configuration.")


def test_strangers_and_wrong_roles_are_refused(client, device, press):
    wish = {"id": press.pk, "desired": {"speed": 1}}
    stranger, viewer_writes = Trpc(client), "devices.setConfig is for: operator."
    assert refusal_of(stranger.mutate("devices.setConfig", wish))[0] == 401
    assert refusal_of(stranger.query("devices.getConfig", {"id": press.pk}))[0] == 401
    assert refusal_of(device.mutate("devices.setConfig", wish))[0] == 403
    sign_in(client, make_user(role="user"))
    assert refusal_of(stranger.mutate("devices.setConfig", wish)) == (403, "FORBIDDEN", viewer_writes)
    report = {"reported": {}, "version": 0}
    assert refusal_of(stranger.mutate("devices.reportConfig", report))[0] == 403
    assert Configuration.objects.get(pk=press.pk).version == 0


def nested(levels):
    value = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"desired": [1]}, 400, "desired"),
        ({"desired": nested(25)}, 400, "desired"),
        ({"desired": {"a": "x" * 70_000}}, 400, "desired"),
        ({"version": -1}, 400, "version"),
        ({"version": "1"}, 400, "version"),
        ({"merge": 1}, 400, "merge"),
        ({"id": True}, 400, "id"),
    ],
)
def test_bad_wishes_are_named(operator, press, change, status, field):
    told = refusal_of(operator.mutate("devices.setConfig", {"id": press.pk, "desired": {"a": 1}, **change}))

    assert (told[0], told[2].partition(":")[0]) == (status, field)
    assert Configuration.objects.get(pk=press.pk).version == 0


@pytest.mark.parametrize(
    ("report", "status", "field"),
    [
        ({"reported": 5, "version": 0}, 400, "reported"),
        ({"reported": nested(25), "version": 0}, 400, "reported"),
        ({"reported": {}}, 400, "version"),
        ({"reported": {}, "version": 2**31}, 400, "version"),
        ({"reported": {}, "version": 1}, 409, "Version 1 was never desired; the newest is 0."),
    ],
)
def test_bad_reports_are_named(device, press, report, status, field):
    told = refusal_of(device.mutate("devices.reportConfig", report))

    assert (told[0], told[2].partition(":")[0]) == (status, field)
    assert Configuration.objects.get(pk=press.pk).reported is None


def test_a_person_says_which_device_and_an_unknown_one_is_not_found(operator):
    assert refusal_of(operator.query("devices.getConfig"))[::2] == (400, "id: say which device")
    for call, more in ((operator.query, {}), (operator.mutate, {"desired": {}})):
        path = "devices.setConfig" if more else "devices.getConfig"
        assert refusal_of(call(path, {"id": "nobody", **more}))[0] == 404
    assert refusal_of(operator.query("devices.configHistory", {"id": "nobody"}))[0] == 404
