"""The procedures, the topics and the sockets by which updates are told of."""

from datetime import timedelta

import orjson
import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from devices.identity import known_tokens
from devices.models import Device, Presence
from devices.seen_lately import seen_lately
from devices.services import note_seen, welcome_back
from devices.services.registry import edit_device
from ota.courier import OfferCourier
from ota.models import Deployment
from ota.mqtt import take_statuses
from ota.services.deployments import deploy
from ota.services.offering import MOST_PUSHES, RESEND_SECONDS, take_due_offers, wake_forgotten
from tests.builders import (
    NOON,
    Trpc,
    data_of,
    make_firmware,
    make_token,
    make_user,
    refusal_of,
    sign_in,
)
from tests.live.desk import Counter
from tests.live.sockets import a_viewer, connected
from tests.ota.updating import go_silent, make_deployment, make_runner, say, stands

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_known_tokens():
    known_tokens.clear()


def as_device(client, device: Device) -> Trpc:
    return Trpc(client, bearer=make_token(device, at=timezone.now()))


def as_person(client, role: str) -> Trpc:
    sign_in(client, make_user(role=role))
    return Trpc(client)


# Procedures


def test_a_device_asks_updates_and_says_how_it_went(client):
    deployment = make_deployment(firmware=make_firmware(content=b"x" * 1000, version="2.0.0"))
    api = as_device(client, deployment.device)

    offer = data_of(api.query("ota.check", {"runningVersion": "1.0.0"}))
    file = client.get(offer["url"].partition("testserver")[2] or offer["url"])
    assert b"".join(file.streaming_content) == b"x" * 1000
    assert {key: offer[key] for key in ("deploymentId", "version", "size", "sha256")} == {
        "deploymentId": deployment.pk,
        "version": "2.0.0",
        "size": 1000,
        "sha256": deployment.firmware.checksum,
    }
    data_of(api.mutate("ota.updateStatus", {"id": deployment.pk, "status": "downloading", "progress": 50}))
    data_of(api.mutate("ota.updateStatus", {"id": deployment.pk, "status": "installing"}))
    told = data_of(
        api.mutate(
            "ota.updateStatus", {"id": deployment.pk, "status": "completed", "runningVersion": "2.0.0"}
        )
    )

    assert (told["status"], told["progress"], told["previousVersion"], told["deviceId"]) == (
        "completed",
        100,
        "1.0.0",
        deployment.device_id,
    )
    assert data_of(api.query("ota.check")) is None
    assert Device.objects.get().firmware_version == "2.0.0"


def test_checking_with_the_old_version_after_the_installation_is_a_roll_back(client):
    deployment = make_deployment(status="installing", firmware=make_firmware(version="2.0.0"))

    assert (
        data_of(as_device(client, deployment.device).query("ota.check", {"runningVersion": "1.0.0"})) is None
    )
    assert stands(deployment)[::2] == ("rolled_back", "The device runs 1.0.0 instead of 2.0.0.")


def test_checking_with_the_old_version_counts_also_where_people_have_written_it_down(client):
    now = timezone.now()
    deployment = make_deployment(status="completed", at=now - timedelta(minutes=5))
    edit_device(device=Device.objects.get(), at=now, firmware_version="1.0.0")

    assert (
        data_of(as_device(client, deployment.device).query("ota.check", {"runningVersion": "1.0.0"})) is None
    )
    assert stands(deployment)[0] == "rolled_back"


@pytest.mark.parametrize("is_asking", [True, False])
def test_a_device_that_only_asks_or_says_how_far_it_is_counts_as_there(client, is_asking):
    deployment = make_deployment()
    api = as_device(client, deployment.device)
    before = timezone.now()
    Presence.objects.filter(pk=deployment.device_id).update(last_seen_at=NOON)
    seen_lately.clear()

    if is_asking:
        data_of(api.query("ota.check"))
    else:
        data_of(api.mutate("ota.updateStatus", {"id": deployment.pk, "status": "downloading"}))

    assert Presence.objects.get().last_seen_at >= before


def test_nothing_is_offered_that_does_not_fit_any_more(client):
    deployment = make_deployment()
    type(deployment.firmware).objects.update(withdrawn_at=NOON)

    assert data_of(as_device(client, deployment.device).query("ota.check")) is None


def test_another_device_gets_and_says_nothing(client):
    deployment = make_deployment()
    api = as_device(client, make_runner())

    assert data_of(api.query("ota.check")) is None
    assert refusal_of(api.mutate("ota.updateStatus", {"id": deployment.pk, "status": "failed"}))[:2] == (
        403,
        "FORBIDDEN",
    )
    assert client.get(f"/api/firmware/{deployment.firmware_id}/file", headers=api.headers).status_code == 403
    assert stands(deployment)[0] == "pending"


@pytest.mark.parametrize("role", ["user", "operator"])
def test_who_is_no_technician_looks_and_does_not_touch(client, role):
    deployment = make_deployment(status="downloading")
    api = as_person(client, role)

    assert data_of(api.query("ota.getById", {"id": deployment.pk}))["status"] == "downloading"
    for path, input in [
        ("ota.deploy", {"deviceId": deployment.device_id, "firmwareVersionId": deployment.firmware_id}),
        ("ota.cancel", {"id": deployment.pk}),
        ("ota.retry", {"id": deployment.pk}),
        ("ota.rollback", {"deploymentId": deployment.pk}),
        ("ota.updateStatus", {"id": deployment.pk, "status": "failed"}),
    ]:
        assert refusal_of(api.mutate(path, input))[1] == "FORBIDDEN", path
    assert client.get(f"/api/firmware/{deployment.firmware_id}/file").status_code == 403
    assert stands(deployment)[0] == "downloading"


def test_a_stranger_gets_nothing(client):
    deployment = make_deployment()

    assert refusal_of(Trpc(client).query("ota.check"))[1] == "UNAUTHORIZED"
    assert refusal_of(Trpc(client).query("ota.getById", {"id": deployment.pk}))[1] == "UNAUTHORIZED"
    assert client.get(f"/api/firmware/{deployment.firmware_id}/file").status_code == 401


def test_a_technician_deploys_cancels_retries_and_rolls_back(client):
    device = make_runner("1.0.0")
    make_firmware(version="1.0.0")
    firmware = make_firmware(version="2.0.0")
    api = as_person(client, "technician")
    wanted = {"deviceId": device.external_id, "firmwareVersionId": firmware.pk}

    deployment = data_of(api.mutate("ota.deploy", wanted))
    assert refusal_of(api.mutate("ota.deploy", wanted))[:2] == (409, "CONFLICT")
    assert data_of(api.mutate("ota.cancel", {"id": deployment["id"]}))["status"] == "cancelled"
    again = data_of(api.mutate("ota.retry", {"id": deployment["id"]}))
    assert (again["status"], again["attempts"]) == ("pending", 2)
    say(Deployment.objects.get(), "downloading")
    say(Deployment.objects.get(), "completed", running_version="2.0.0")
    told = data_of(api.mutate("ota.rollback", {"deploymentId": deployment["id"]}))

    assert (told["success"], told["restoredVersion"], told["deployment"]["status"]) == (
        True,
        "1.0.0",
        "pending",
    )
    latest = data_of(api.query("ota.getLatestForDevice", {"deviceId": device.pk}))
    assert latest["id"] == told["deployment"]["id"]
    steps = data_of(api.query("ota.events", {"id": deployment["id"]}))
    assert [step["status"] for step in steps] == [
        "pending",
        "cancelled",
        "pending",
        "downloading",
        "completed",
        "rolled_back",
    ]


def test_going_back_needs_a_file_of_the_version_before(client):
    deployment = make_deployment(status="completed")

    told = refusal_of(as_person(client, "technician").mutate("ota.rollback", {"deploymentId": deployment.pk}))

    assert told == (412, "PRECONDITION_FAILED", "There is no file of version 1.0.0.")


@pytest.mark.parametrize(
    ("path", "input", "told"),
    [
        ("ota.deploy", {"deviceId": 999, "firmwareVersionId": 1}, (404, "NOT_FOUND")),
        ("ota.deploy", {"deviceId": "x"}, (400, "BAD_REQUEST")),
        ("ota.cancel", {"id": 999}, (404, "NOT_FOUND")),
        ("ota.cancel", {"id": "one"}, (400, "BAD_REQUEST")),
        ("ota.rollback", {"id": 1}, (400, "BAD_REQUEST")),
    ],
)
def test_bad_input_is_refused(client, path, input, told):
    assert refusal_of(as_person(client, "technician").mutate(path, input))[:2] == told


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"status": "exploded"}, "status"),
        ({"progress": 101}, "progress"),
        ({"progress": "50"}, "progress"),
        ({"errorMessage": "x" * 501}, "errorMessage"),
        ({"runningVersion": "1" * 65}, "runningVersion"),
        ({"id": 0}, "id"),
    ],
)
def test_bad_words_are_refused_and_named(client, said, field):
    deployment = make_deployment()
    word = {"id": deployment.pk, "status": "downloading", **said}

    code, _, message = refusal_of(as_device(client, deployment.device).mutate("ota.updateStatus", word))

    assert (code, field in message) == (400, True)


@pytest.mark.parametrize("many", [1, 3])
def test_lists_cost_the_same_for_any_number(client, many, django_assert_num_queries):
    made = {make_deployment(make_runner(), status="failed").pk for _ in range(many)}
    api = as_person(client, "user")

    with django_assert_num_queries(3):  # session with its person, how many, deployments
        response = api.query("ota.list", {"status": "failed"})

    assert {row["id"] for row in data_of(response)} == made
    assert response["X-Total-Count"] == str(many)


# Told without asking


def test_an_offer_is_pushed_three_times_and_then_waits_for_the_device_to_return():
    deployment = make_deployment()
    at = NOON
    for _ in range(MOST_PUSHES):
        assert [offer.deployment_id for offer in take_due_offers(at=at)] == [deployment.pk]
        assert take_due_offers(at=at) == []
        at += timedelta(seconds=RESEND_SECONDS)
    assert take_due_offers(at=at + timedelta(days=1)) == []

    welcome_back([deployment.device_id], at=at)
    assert [offer.deployment_id for offer in take_due_offers(at=at)] == [deployment.pk]


def test_a_device_that_was_away_gets_its_offer_on_its_return():
    device = make_runner()
    go_silent(device)
    Device.objects.update(status="offline")
    deploy(device=device, firmware=make_firmware(version="2.0.0"), at=NOON)
    assert take_due_offers(at=NOON) == []

    later = NOON + timedelta(hours=1)
    note_seen(device_ids=[device.pk], at=later)

    assert [offer.version for offer in take_due_offers(at=later)] == ["2.0.0"]


def test_one_that_came_back_while_its_update_was_written_is_not_forgotten():
    deployment = make_deployment()
    Deployment.objects.update(push_at=None)

    assert wake_forgotten(at=NOON) == 1
    assert [offer.deployment_id for offer in take_due_offers(at=NOON)] == [deployment.pk]


@pytest.mark.parametrize("status", ["installing", "completed", "failed"])
def test_what_is_past_downloading_is_offered_no_more(status):
    deployment = make_deployment(status=status)

    welcome_back([deployment.device_id], at=NOON)

    assert take_due_offers(at=NOON) == []


@pytest.mark.django_db(transaction=True)
def test_the_courier_says_it_over_mqtt_once():
    device = make_runner()
    note_seen(device_ids=[device.pk], at=timezone.now())
    deployment = deploy(device=device, firmware=make_firmware(), at=timezone.now())
    desk = Counter()
    courier = OfferCourier(desk)

    for _ in range(2):
        courier.look()
        desk.turn()

    (said,) = desk.said
    assert (said[0], said[1], said[2]["deploymentId"]) == (device.external_id, "ota", deployment.pk)


def test_words_over_mqtt_are_taken_together_and_bad_ones_refused_alone():
    deployment, other = make_deployment(), make_deployment()
    desk = Counter()
    name = deployment.device.external_id

    told = take_statuses(
        [
            desk.message(name, {"id": deployment.pk, "status": "downloading"}, topic="ota/status"),
            desk.message(name, {"id": other.pk, "status": "downloading"}, topic="ota/status"),
            desk.message(name, b"{", topic="ota/status"),
            desk.message(name, {"id": deployment.pk}, topic="ota/status"),
            desk.message("nobody", {"id": deployment.pk, "status": "failed"}, topic="ota/status"),
            desk.message(name, {"id": deployment.pk, "status": "installing"}, topic="ota/status"),
        ]
    )

    assert [each and each.split(":")[0] for each in told] == [
        None,
        f"Deployment {other.pk} is of another device.",
        "The message is not JSON",
        "status",
        "there is no such device",
        None,
    ]
    assert (stands(deployment)[0], stands(other)[0]) == ("installing", "pending")


# Sockets


@sync_to_async
def a_deployment() -> tuple[Deployment, str]:
    device = make_runner()
    deployment = deploy(device=device, firmware=make_firmware(version="2.0.0"), at=timezone.now())
    return deployment, make_token(device, at=timezone.now())


@pytest.mark.django_db(transaction=True)
async def test_a_device_with_a_socket_is_offered_it_there_and_people_watch():
    deployment, token = await a_deployment()
    async with await a_viewer() as person, connected(bearer=token) as device:
        await person.subscribe("ota")
        await person.next("subscription_confirm")
        _, offer = await device.next("ota_available")
        assert (offer["deploymentId"], offer["version"]) == (deployment.pk, "2.0.0")

        await device.send_json_to({"type": "ota_status", "id": deployment.pk, "status": "downloading"})
        _, answer = await device.next("ota_status")
        _, news = await person.next("ota_status")

        assert (answer["status"], news["status"], news["deviceId"]) == (
            "downloading",
            "downloading",
            deployment.device_id,
        )
        await device.send_json_to({"type": "ota_status", "id": deployment.pk, "status": "pending"})
        _, error = await device.next("error")
        assert "cannot become pending" in error["error"]
        await person.send_json_to({"type": "ota_status", "id": deployment.pk, "status": "failed"})
        assert await person.next("error") == ("error", {"error": "ota_status: not allowed here"})


@pytest.mark.django_db(transaction=True)
async def test_a_device_does_not_watch_others():
    _, token = await a_deployment()
    async with connected(bearer=token) as device:
        await device.subscribe("ota")
        assert (await device.next("error"))[1] == {"error": "Unknown or forbidden: ota"}


def test_a_device_that_holds_a_socket_is_not_told_over_mqtt():
    deployment = make_deployment()
    Presence.objects.filter(pk=deployment.device_id).update(socket_until=NOON + timedelta(minutes=1))

    assert take_due_offers(at=NOON) == []


def test_what_a_device_is_pushed_is_what_it_would_be_told(client):
    deployment = make_deployment()
    (offer,) = take_due_offers(at=timezone.now())

    asked = data_of(as_device(client, deployment.device).query("ota.check"))

    pushed = orjson.loads(orjson.dumps(offer.payload()))
    assert pushed.keys() == asked.keys()
    assert {**pushed, "url": "", "expiresAt": ""} == {**asked, "url": "", "expiresAt": ""}
