"""Rollouts on the wire."""

import pytest
from django.utils import timezone

from ota.models import Rollout
from tests.builders import (
    Trpc,
    data_of,
    make_device,
    make_firmware,
    make_group,
    make_token,
    make_user,
    refusal_of,
    sign_in,
)
from tests.ota.rolling import advance, make_plant, make_rollout, report

pytestmark = pytest.mark.django_db
PLAN = {"waves": [50, 100], "successThreshold": 90, "failureThreshold": 10}


@pytest.fixture
def api(client):
    sign_in(client, make_user(role="technician", name="Mira"))
    return Trpc(client)


def row(**values):
    counts = dict.fromkeys(
        ("total", "planned", "deploying", "succeeded", "failed", "cancelled", "skipped"), 0
    )
    return counts | values


def test_a_rollout_from_the_plan_to_its_end(api):
    firmware = make_firmware(version="2.0.0")
    devices, gateway = make_plant(4), make_device(type="gateway")
    group = make_group(devices=[*devices, gateway])
    plan = {**PLAN, "firmwareVersionId": firmware.pk, "groupId": group.pk}

    preview = data_of(api.query("ota.previewRollout", plan))
    assert (preview["total"], preview["eligible"], preview["offline"]) == (5, 4, 4)
    assert preview["waves"] == [{"wave": 1, "devices": 2}, {"wave": 2, "devices": 2}]
    assert preview["devices"][0] == {
        "deviceId": devices[0].pk,
        "name": devices[0].name,
        "wave": 1,
        "offline": True,
    }
    assert preview["excluded"] == [
        {"deviceId": gateway.pk, "name": gateway.name, "reason": "Version 2.0.0 is for sensors."}
    ]

    window = {"days": [1, 2], "start": "22:00", "end": "5:00"}
    made = data_of(
        api.mutate(
            "ota.createRollout",
            {**plan, "name": "Spring", "maxParallel": 9, "healthSeconds": 60, "window": window},
        )
    )
    assert made == {
        "id": made["id"],
        "name": "Spring",
        "firmwareVersionId": firmware.pk,
        "version": "2.0.0",
        "deviceType": "sensor",
        "groupId": group.pk,
        "filter": None,
        "continuous": False,
        "waves": [50, 100],
        "waveCounts": None,
        "successThreshold": 90,
        "failureThreshold": 10,
        "maxParallel": 9,
        "window": {"days": [1, 2], "start": "22:00", "end": "05:00"},
        "healthSeconds": 60,
        "status": "draft",
        "currentWave": 0,
        "waveDoneAt": None,
        "pausedBecause": "",
        "progress": 100,
        "counts": row(),
        "countsByWave": [],
        "batchOperationId": None,
        "createdBy": made["createdBy"],
        "createdAt": made["createdAt"],
        "startedAt": None,
        "completedAt": None,
    }
    started = data_of(api.mutate("ota.startRollout", {"id": made["id"]}))
    assert (started["status"], started["currentWave"], started["progress"]) == ("running", 1, 20)
    assert started["countsByWave"] == [
        {"wave": 0, **row(total=1, skipped=1)},
        {"wave": 1, **row(total=2, planned=2)},
        {"wave": 2, **row(total=2, planned=2)},
    ]
    Rollout.objects.update(window=None, health_seconds=0)
    rollout = advance(Rollout.objects.get())
    report(rollout, devices=[devices[0].pk])

    listed = api.query("ota.rolloutDevices", {"id": rollout.pk, "wave": 1, "limit": 1})
    assert listed.headers["X-Total-Count"] == "2"
    [told] = data_of(listed)
    assert told == {
        "deviceId": devices[0].pk,
        "name": devices[0].name,
        "wave": 1,
        "status": "succeeded",
        "reason": "",
        "attempt": 1,
        "deploymentId": told["deploymentId"],
        "deploymentStatus": "completed",
        "progress": 100,
        "updatedAt": told["updatedAt"],
    }
    assert data_of(api.query("ota.rolloutDevices", {"id": rollout.pk, "status": "failed"})) == []

    paused = data_of(api.mutate("ota.pauseRollout", {"id": rollout.pk}))
    assert (paused["status"], paused["pausedBecause"]) == ("paused", "Paused by Mira.")
    resumed = data_of(api.mutate("ota.resumeRollout", {"id": rollout.pk}))
    assert (resumed["status"], resumed["pausedBecause"]) == ("running", "")
    report(rollout, "failed")
    retried = data_of(api.mutate("ota.retryRollout", {"id": rollout.pk}))
    assert retried["counts"] == row(total=5, succeeded=1, skipped=1, planned=3)
    cancelled = data_of(api.mutate("ota.cancelRollout", {"id": rollout.pk}))
    assert (cancelled["status"], cancelled["counts"]) == (
        "cancelled",
        row(total=5, succeeded=1, skipped=1, cancelled=3),
    )
    assert refusal_of(api.mutate("ota.cancelRollout", {"id": rollout.pk}))[:2] == (409, "CONFLICT")


@pytest.mark.parametrize(
    ("values", "fields"),
    [
        ({"waves": [100, 50]}, {"waves"}),
        ({"waves": None}, {"waves"}),
        ({"successThreshold": 101}, {"successThreshold"}),
        ({"failureThreshold": "10"}, {"failureThreshold"}),
        ({"maxParallel": 0}, {"maxParallel"}),
        ({"window": {"days": [1]}}, {"window"}),
        ({"window": {"days": [1], "start": "x", "end": "05:00"}}, {"window.start"}),
        ({"filter": "zone ="}, None),
        ({"waveCounts": [0], "waves": ...}, {"waveCounts"}),
        ({"name": ""}, {"name"}),
    ],
)
def test_bad_input_names_its_field(api, values, fields):
    asked = {
        **PLAN,
        "name": "Spring",
        "firmwareVersionId": make_firmware().pk,
        "filter": "zone = a",
        **values,
    }
    asked = {name: value for name, value in asked.items() if value is not ...}

    response = api.mutate("ota.createRollout", asked)

    assert refusal_of(response)[:2] == (400, "BAD_REQUEST")
    if fields is not None:
        assert set(response.json()["error"]["data"]["fieldErrors"]) == fields
    assert not Rollout.objects.exists()


def test_exactly_one_target(api):
    asked = {**PLAN, "name": "Spring", "firmwareVersionId": make_firmware().pk}
    two = {"filter": "zone = a", "deviceIds": [make_device().pk]}

    for target in ({}, two):
        told = refusal_of(api.mutate("ota.createRollout", {**asked, **target}))
        assert told == (400, "BAD_REQUEST", "Name exactly one of deviceIds, groupId and filter.")


def test_what_does_not_exist_is_not_found(api):
    firmware = make_firmware()
    asked = {**PLAN, "name": "Spring", "firmwareVersionId": firmware.pk}
    for values in (
        {"firmwareVersionId": 987, "filter": "zone = a"},
        {"groupId": 987},
        {"deviceIds": ["who"]},
    ):
        assert refusal_of(api.mutate("ota.createRollout", {**asked, **values}))[0] == 404
    for path in ("startRollout", "pauseRollout", "resumeRollout", "cancelRollout", "retryRollout"):
        assert refusal_of(api.mutate(f"ota.{path}", {"id": 987}))[0] == 404
    for path in ("getRollout", "rolloutDevices"):
        assert refusal_of(api.query(f"ota.{path}", {"id": 987}))[0] == 404


def test_devices_may_be_named_by_their_own_ids(api):
    device = make_device(external_id="press-1")
    asked = {**PLAN, "name": "Spring", "firmwareVersionId": make_firmware().pk, "deviceIds": ["press-1"]}

    made = data_of(api.mutate("ota.createRollout", asked))

    assert made["counts"] == row(total=1, planned=1)
    [place] = data_of(api.query("ota.rolloutDevices", {"id": made["id"]}))
    assert (place["deviceId"], place["wave"]) == (device.pk, 0)


@pytest.mark.parametrize("rollouts", [1, 3])
def test_the_list_costs_the_same_for_any_number(api, rollouts, django_assert_num_queries):
    firmware = make_firmware(version="2.0.0")
    made = [make_rollout(devices=make_plant(2, prefix=f"p{n}"), firmware=firmware) for n in range(rollouts)]
    expected = [rollout.pk for rollout in reversed(made)]

    with django_assert_num_queries(4):  # the session, the total, the rollouts, their counts
        response = api.query("ota.rollouts", {"status": "draft", "firmwareVersionId": firmware.pk})

    assert [each["id"] for each in data_of(response)] == expected
    assert response.headers["X-Total-Count"] == str(rollouts)


@pytest.mark.parametrize("devices", [1, 3])
def test_the_devices_cost_the_same_for_any_number(api, devices, django_assert_num_queries):
    rollout = make_rollout(devices=make_plant(devices))

    with django_assert_num_queries(4):  # the session, the rollout, the total, the devices
        response = api.query("ota.rolloutDevices", {"id": rollout.pk})

    assert len(data_of(response)) == devices


@pytest.mark.parametrize("role", ["user", "operator"])
def test_who_is_no_technician_sees_rollouts_and_does_nothing_to_them(client, role):
    rollout = make_rollout(devices=make_plant(1))
    sign_in(client, make_user(role=role))
    api = Trpc(client)

    assert data_of(api.query("ota.getRollout", {"id": rollout.pk}))["status"] == "draft"
    for path in ("startRollout", "pauseRollout", "resumeRollout", "cancelRollout", "retryRollout"):
        assert refusal_of(api.mutate(f"ota.{path}", {"id": rollout.pk}))[0] == 403
    assert Rollout.objects.get().status == "draft"


def test_a_stranger_and_a_device_get_nothing(client):
    rollout = make_rollout(devices=[device := make_device()])
    for api, status in (
        (Trpc(client), 401),
        (Trpc(client, bearer=make_token(device, at=timezone.now())), 403),
    ):
        assert refusal_of(api.query("ota.getRollout", {"id": rollout.pk}))[0] == status
        assert refusal_of(api.mutate("ota.startRollout", {"id": rollout.pk}))[0] == status
