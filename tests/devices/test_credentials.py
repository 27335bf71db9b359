"""A device's tokens: several at a time, replaced with overlap, ended one by one."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from devices.models import Credential, Device
from devices.queries import DeviceUnknown, alive_credential, broker_passwords
from devices.services import (
    CredentialUnknown,
    TooManyTokens,
    add_token,
    delete_devices,
    issue_token,
    register_device,
    revoke_credential,
    rotate_token,
)
from devices.tokens import hash_of
from factory.errors import InvalidInput
from tests.builders import NOON, Trpc, data_of, make_device, make_token, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def registered(external_id="press-3"):
    return register_device(external_id=external_id, name="Press", type="sensor", at=NOON)


def is_good(token, at):
    return alive_credential(token=token, at=at) is not None


def number_of(token):
    return Credential.objects.get(token_hash=hash_of(token)).pk


def in_the_file(at):
    """The tokens whose verifiers stand in a broker's password file, by device id."""
    numbers = dict(Credential.objects.values_list("broker_verifier", "pk"))
    return {name: numbers[verifier] for name, verifier in broker_passwords(at=at)}


class TestRotating:
    def test_without_overlap_the_old_ones_end_now(self):
        device, old = registered()

        new = rotate_token(device=device, at=NOON + HOUR)

        assert [is_good(token, NOON + HOUR) for token in (old, new)] == [False, True]

    def test_with_overlap_the_old_ones_end_when_it_is_over(self):
        device, old = registered()
        brief = issue_token(device=device, at=NOON, lifetime=HOUR)

        new = rotate_token(device=device, at=NOON, overlap=DAY)

        tokens = (old, brief, new)
        assert [is_good(token, NOON) for token in tokens] == [True, True, True]
        assert [is_good(token, NOON + HOUR) for token in tokens] == [True, False, True]
        assert [is_good(token, NOON + DAY) for token in tokens] == [False, False, True]

    def test_an_overlap_makes_no_token_live_longer(self):
        device, old = registered()
        rotate_token(device=device, at=NOON, overlap=HOUR)

        rotate_token(device=device, at=NOON, overlap=DAY)

        assert not is_good(old, NOON + HOUR)

    @pytest.mark.parametrize("overlap", [timedelta(seconds=-1), timedelta(days=30, seconds=1)])
    def test_an_overlap_has_bounds(self, overlap):
        device, old = registered()

        with pytest.raises(InvalidInput) as refusal:
            rotate_token(device=device, at=NOON, overlap=overlap)

        assert list(refusal.value.fields) == ["overlapSeconds"]
        assert is_good(old, NOON)
        assert Credential.objects.count() == 1

    @pytest.mark.parametrize("give", [rotate_token, add_token])
    def test_a_device_out_of_service_or_gone_gets_none(self, give):
        device, _ = registered()
        Device.objects.update(deactivated_at=NOON)
        with pytest.raises(InvalidInput, match="out of service"):
            give(device=device, at=NOON)
        pk = device.pk
        delete_devices(devices=[device])
        device.pk = pk
        with pytest.raises(DeviceUnknown):
            give(device=device, at=NOON)
        assert not Credential.objects.exists()


class TestABrokersFile:
    def test_during_an_overlap_the_device_goes_on_with_the_old_one(self):
        device, old = registered()

        new = rotate_token(device=device, at=NOON, overlap=DAY)

        assert in_the_file(NOON) == {"press-3": number_of(old)}
        assert in_the_file(NOON + DAY) == {"press-3": number_of(new)}

    def test_ending_the_old_one_brings_the_new_one_in_at_once(self):
        device, old = registered()
        new = rotate_token(device=device, at=NOON, overlap=DAY)

        revoke_credential(credential_id=number_of(old), at=NOON)

        assert in_the_file(NOON) == {"press-3": number_of(new)}

    def test_an_added_token_never_takes_the_devices_place(self):
        device, own = registered()

        add_token(device=device, at=NOON)
        add_token(device=device, at=NOON, lifetime=HOUR)

        assert in_the_file(NOON) == {"press-3": number_of(own)}

    def test_a_temporary_token_does_until_it_ends(self):
        device, own = registered()
        passing = issue_token(device=device, at=NOON, lifetime=HOUR)

        assert in_the_file(NOON) == {"press-3": number_of(passing)}
        assert in_the_file(NOON + HOUR) == {"press-3": number_of(own)}


class TestOneByOne:
    def test_an_added_token_is_good_beside_the_others(self):
        device, own = registered()

        more = add_token(device=device, at=NOON, label="bench", lifetime=HOUR)

        assert [is_good(token, NOON) for token in (own, more)] == [True, True]
        assert not is_good(more, NOON + HOUR)
        assert Credential.objects.get(pk=number_of(more)).label == "bench"

    def test_a_device_has_no_more_than_twenty_at_a_time(self):
        device, _ = registered()
        for _ in range(18):
            add_token(device=device, at=NOON)
        add_token(device=device, at=NOON, lifetime=HOUR)

        with pytest.raises(TooManyTokens):
            add_token(device=device, at=NOON)
        add_token(device=device, at=NOON + HOUR)

    def test_ending_one_leaves_the_others(self):
        device, own = registered()
        more = add_token(device=device, at=NOON)

        ended = revoke_credential(credential_id=number_of(more), at=NOON)
        again = revoke_credential(credential_id=number_of(more), at=NOON + HOUR)

        assert (ended.revoked_at, again.revoked_at) == (NOON, NOON)
        assert [is_good(token, NOON) for token in (own, more)] == [True, False]

    def test_another_devices_token_is_not_found_through_this_one(self):
        device, _ = registered()
        _, foreign = registered("press-4")

        with pytest.raises(CredentialUnknown):
            revoke_credential(credential_id=number_of(foreign), device=device, at=NOON)

        assert is_good(foreign, NOON)


class TestOnTheWire:
    @pytest.fixture
    def technician(self, client):
        sign_in(client, make_user(role="technician"))
        return Trpc(client)

    def test_tokens_are_listed_without_what_is_secret(self, technician):
        device, old = registered()
        new = data_of(technician.mutate("devices.rotateToken", {"id": device.pk, "overlapSeconds": 3600}))[
            "token"
        ]
        more = data_of(
            technician.mutate("devices.addToken", {"id": "press-3", "label": "bench", "lifetimeSeconds": 60})
        )["token"]
        data_of(technician.mutate("devices.revokeCredential", {"id": number_of(old)}))

        rows = data_of(technician.query("devices.credentials", {"id": "press-3"}))

        assert [(row["id"], row["label"], row["alive"]) for row in rows] == [
            (number_of(more), "bench", True),
            (number_of(new), "", True),
            (number_of(old), "", False),
        ]
        assert {*rows[0]} == {"id", "label", "createdAt", "expiresAt", "revokedAt", "alive"}
        assert [row["expiresAt"] is None for row in rows] == [False, True, False]

    @pytest.mark.parametrize("tokens", [1, 3])
    def test_the_list_costs_the_same_for_any_number(self, technician, tokens, django_assert_num_queries):
        device = make_device()
        for _ in range(tokens - 1):
            make_token(device)

        with django_assert_num_queries(3):  # session and user, device, tokens
            assert len(data_of(technician.query("devices.credentials", {"id": device.pk}))) == tokens

    @pytest.mark.parametrize(
        ("path", "change", "field"),
        [
            ("rotateToken", {"overlapSeconds": -1}, "overlapSeconds"),
            ("rotateToken", {"overlapSeconds": 30 * 86_400 + 1}, "overlapSeconds"),
            ("rotateToken", {"overlapSeconds": "1"}, "overlapSeconds"),
            ("addToken", {"label": "x" * 65}, "label"),
            ("addToken", {"lifetimeSeconds": 0}, "lifetimeSeconds"),
            ("addToken", {"id": None}, "id"),
        ],
    )
    def test_bad_wishes_are_named(self, technician, path, change, field):
        device, _ = registered()

        told = refusal_of(technician.mutate(f"devices.{path}", {"id": device.pk, **change}))

        assert (told[0], told[2].partition(":")[0]) == (400, field)
        assert Credential.objects.count() == 1

    def test_what_is_not_there_is_not_found(self, technician):
        assert refusal_of(technician.mutate("devices.revokeCredential", {"id": 10**9}))[0] == 404
        assert refusal_of(technician.query("devices.credentials", {"id": "nobody"}))[0] == 404
        assert refusal_of(technician.mutate("devices.addToken", {"id": "nobody"}))[0] == 404

    def test_tokens_are_the_technicians_affair(self, client, technician):
        device, token = registered()
        sign_in(client, make_user(role="operator"))
        itself = Trpc(Client(), bearer=make_token(device, at=timezone.now()))

        for status, caller in ((401, Trpc(Client())), (403, itself), (403, technician)):
            assert refusal_of(caller.query("devices.credentials", {"id": device.pk}))[0] == status
            assert refusal_of(caller.mutate("devices.addToken", {"id": device.pk}))[0] == status
            assert (
                refusal_of(caller.mutate("devices.revokeCredential", {"id": number_of(token)}))[0] == status
            )
        assert is_good(token, NOON)


def test_replacing_with_an_overlap_keeps_to_the_number_of_tokens_as_well():
    device, _ = registered()
    for _ in range(19):
        rotate_token(device=device, at=NOON, overlap=timedelta(days=30))

    with pytest.raises(TooManyTokens):
        rotate_token(device=device, at=NOON, overlap=timedelta(days=30))
    assert Credential.objects.alive(NOON).count() == 20

    rotate_token(device=device, at=NOON)  # without an overlap the others end
    assert Credential.objects.alive(NOON).count() == 1
