"""Claim codes on the wire."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from devices.models import ClaimCode, Device
from tests.builders import Trpc, data_of, make_device, make_token, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def technician(client):
    sign_in(client, make_user(role="technician"))
    return Trpc(client)


@pytest.fixture
def stranger():
    return Trpc(Client())


def test_a_stranger_with_a_code_becomes_a_device_that_reports(technician, stranger):
    made = data_of(
        technician.mutate(
            "devices.createClaimCode",
            {"label": "Hall B", "maxUses": 3, "type": "controller", "zone": "Hall B", "tags": ["press"]},
        )
    )
    code = made.pop("code")
    assert made == {
        "id": made["id"],
        "hint": code[-4:],
        "label": "Hall B",
        "maxUses": 3,
        "uses": 0,
        "valid": True,
        "expiresAt": None,
        "revokedAt": None,
        "type": "controller",
        "zone": "Hall B",
        "tags": ["press"],
        "deviceIdPrefix": "",
        "createdBy": made["createdBy"],
        "createdAt": made["createdAt"],
        "lastUsedAt": None,
    }

    claimed = {"claimCode": code.lower(), "deviceId": "press-3", "name": "Press 3"}
    device = data_of(stranger.mutate("devices.claim", claimed))

    assert (device["deviceId"], device["type"], device["zone"]) == ("press-3", "controller", "Hall B")
    itself = Trpc(Client(), bearer=device["token"])
    assert data_of(itself.mutate("devices.reportConfig", {"reported": {}, "version": 0}))["inSync"] is True
    [row] = data_of(technician.query("devices.claimCodes"))
    assert row == {**made, "uses": 1, "lastUsedAt": row["lastUsedAt"]}
    assert row["lastUsedAt"] is not None


def test_a_revoked_code_opens_nothing(technician, stranger):
    made = data_of(technician.mutate("devices.createClaimCode", {}))

    row = data_of(technician.mutate("devices.revokeClaimCode", {"id": made["id"]}))

    assert (row["valid"], row["revokedAt"] is None) == (False, False)
    for claimed in (
        {"claimCode": made["code"], "deviceId": "press-3"},
        {"claimCode": "no", "deviceId": "press-3"},
    ):
        told = refusal_of(stranger.mutate("devices.claim", claimed))
        assert told == (403, "FORBIDDEN", "This claim code is not valid.")
    assert refusal_of(technician.mutate("devices.revokeClaimCode", {"id": 10**9}))[0] == 404


def test_an_id_in_use_is_a_conflict(technician, stranger):
    make_device(external_id="press-3")
    made = data_of(technician.mutate("devices.createClaimCode", {}))

    told = refusal_of(stranger.mutate("devices.claim", {"claimCode": made["code"], "deviceId": "press-3"}))

    assert told == (409, "CONFLICT", "deviceId: press-3 is in use already")
    assert ClaimCode.objects.get().uses == 0


def test_it_ends_after_so_many_hours_or_at_a_moment(technician):
    before = timezone.now()
    in_hours = data_of(technician.mutate("devices.createClaimCode", {"expiresInHours": 2}))
    moment = "2100-01-01T00:00:00.000Z"
    at_a_moment = data_of(technician.mutate("devices.createClaimCode", {"expiresAt": moment}))

    assert at_a_moment["expiresAt"] == moment
    until = ClaimCode.objects.get(pk=in_hours["id"]).expires_at
    assert timedelta(hours=2) <= until - before < timedelta(hours=2, minutes=1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"maxUses": 0}, "maxUses"),
        ({"maxUses": "5"}, "maxUses"),
        ({"expiresInHours": 0}, "expiresInHours"),
        ({"expiresInHours": 1, "expiresAt": "2100-01-01T00:00:00Z"}, "expiresAt"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
        ({"expiresAt": "soon"}, "expiresAt"),
        ({"type": "robot"}, "type"),
        ({"tags": ["x" * 65]}, "tags.0"),
        ({"deviceIdPrefix": "a b"}, "deviceIdPrefix"),
        ({"zone": 5}, "zone"),
    ],
)
def test_bad_properties_of_a_code_are_named(technician, change, field):
    told = refusal_of(technician.mutate("devices.createClaimCode", change))

    assert (told[0], told[2].partition(":")[0]) == (400, field)
    assert not ClaimCode.objects.exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"claimCode": 5}, "claimCode"),
        ({"claimCode": None}, "claimCode"),
        ({"deviceId": "a b"}, "deviceId"),
        ({"deviceId": None}, "deviceId"),
        ({"type": "robot"}, "type"),
        ({"name": "x" * 121}, "name"),
    ],
)
def test_a_bad_claim_is_named(technician, stranger, change, field):
    code = data_of(technician.mutate("devices.createClaimCode", {}))["code"]

    told = refusal_of(stranger.mutate("devices.claim", {"claimCode": code, "deviceId": "press-3", **change}))

    assert (told[0], told[2].partition(":")[0]) == (400, field)
    assert not Device.objects.exists()


def test_codes_are_the_technicians_affair(client, technician, stranger):
    made = data_of(technician.mutate("devices.createClaimCode", {}))
    device = Trpc(Client(), bearer=make_token(make_device(), at=timezone.now()))
    sign_in(client, make_user(role="operator"))

    for status, caller in ((401, stranger), (403, device), (403, technician)):
        assert refusal_of(caller.query("devices.claimCodes"))[0] == status
        assert refusal_of(caller.mutate("devices.createClaimCode", {}))[0] == status
        assert refusal_of(caller.mutate("devices.revokeClaimCode", {"id": made["id"]}))[0] == status
    assert ClaimCode.objects.get().revoked_at is None


@pytest.mark.parametrize("codes", [1, 3])
def test_the_list_costs_the_same_for_any_number(technician, codes, django_assert_num_queries):
    for _ in range(codes):
        data_of(technician.mutate("devices.createClaimCode", {}))

    with django_assert_num_queries(3):  # session and user, how many, the codes
        response = technician.query("devices.claimCodes")

    assert [row["uses"] for row in data_of(response)] == [0] * codes
    assert response.headers["X-Total-Count"] == str(codes)
