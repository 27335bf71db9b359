"""Devices that register themselves by a code."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices import claim_codes
from devices.models import Claim, ClaimCode, Credential, Device
from devices.queries import alive_credential
from devices.services import (
    Ack,
    ClaimCodeUnknown,
    ClaimRefused,
    DeviceIdTaken,
    claim_device,
    create_claim_code,
    delete_devices,
    hand_over_pending,
    hear_acks,
    note_seen,
    revoke_claim_code,
)
from factory.errors import DomainError, InvalidInput
from factory.retrying import again_after_deadlock
from tests.builders import NOON, make_device, make_user

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def make_code(**properties):
    _, text = create_claim_code(at=NOON, **properties)
    return text


def claim(text, external_id="press-3", at=NOON, **more):
    return claim_device(claim_code=text, external_id=external_id, at=at, **more)


class TestCodes:
    def test_a_code_is_sixteen_signs_in_groups_that_are_hard_to_misread(self):
        drawn = iter(range(16, 32))

        assert claim_codes.new_code(lambda count: next(drawn)) == "GHJK-MNPQ-RSTV-WXYZ"
        assert len(claim_codes.ALPHABET) ** claim_codes.LENGTH >= 2**80

    @pytest.mark.parametrize(
        "typed", ["7K3M-Q0RT-9XW1-2HBD", "7k3m q0rt 9xw1 2hbd", "7K3MQORT9XWI2HBD", " 7k3m–qort_9xwl\t2hbd\n"]
    )
    def test_how_it_is_typed_does_not_matter(self, typed):
        assert claim_codes.normal(typed) == "7K3MQ0RT9XW12HBD"

    def test_only_its_hash_and_its_end_are_kept(self):
        mira = make_user(role="technician")
        _, text = create_claim_code(at=NOON, by=mira, label="Hall B", expires_at=NOON + HOUR)

        kept = ClaimCode.objects.values().get()
        assert text not in str(kept)
        assert claim_codes.normal(text) not in str(kept)
        assert (kept["hint"], kept["uses"], kept["max_uses"]) == (text[-4:], 0, 1)
        assert (kept["created_by_id"], kept["expires_at"]) == (mira.pk, NOON + HOUR)

    @pytest.mark.parametrize(
        ("properties", "field"),
        [
            ({"max_uses": 0}, "maxUses"),
            ({"max_uses": 100_001}, "maxUses"),
            ({"expires_at": NOON}, "expiresAt"),
            ({"device_type": "robot"}, "type"),
            ({"tags": ["x"] * 51}, "tags"),
            ({"tags": "press"}, "tags"),
            ({"zone": "x" * 65}, "zone"),
            ({"device_id_prefix": "press 3"}, "deviceIdPrefix"),
            ({"device_id_prefix": "x" * 65}, "deviceIdPrefix"),
            ({"label": "x" * 121}, "label"),
        ],
    )
    def test_a_code_that_nobody_could_use_is_refused(self, properties, field):
        with pytest.raises(InvalidInput) as refusal:
            make_code(**properties)

        assert list(refusal.value.fields) == [field]
        assert not ClaimCode.objects.exists()


class TestClaiming:
    def test_a_device_becomes_what_its_code_says(self):
        text = make_code(device_type="controller", zone="Hall B", tags=["press"], device_id_prefix="press-")

        device, token = claim(text.lower().replace("-", " "), name="Press 3")

        found = Device.objects.get()
        assert (found.external_id, found.name, found.type) == ("press-3", "Press 3", "controller")
        assert (found.zone, found.tags, found.status) == ("Hall B", ["press"], "offline")
        assert alive_credential(token=token, at=NOON).device == device == found
        code = ClaimCode.objects.get()
        assert (code.uses, code.last_used_at) == (1, NOON)
        assert list(Claim.objects.values_list("code", "device", "at")) == [(code.pk, device.pk, NOON)]

    @pytest.mark.parametrize(
        ("of_code", "asked", "type_"),
        [
            ("", "", "sensor"),
            ("", "gateway", "gateway"),
            ("actuator", "", "actuator"),
            ("actuator", "actuator", "actuator"),
        ],
    )
    def test_its_type_is_the_codes_else_what_it_asks_for_else_a_sensor(self, of_code, asked, type_):
        device, _ = claim(make_code(device_type=of_code), type=asked)

        assert (device.type, device.name) == (type_, "press-3")

    @pytest.mark.parametrize(
        ("properties", "asked", "field"),
        [
            ({"device_type": "actuator"}, {"type": "sensor"}, "type"),
            ({"device_id_prefix": "pump-"}, {}, "deviceId"),
            ({}, {"name": "x" * 121}, "name"),
            ({}, {"external_id": "press 3"}, "deviceId"),
        ],
    )
    def test_what_the_code_is_not_for_is_refused_and_costs_no_use(self, properties, asked, field):
        text = make_code(**properties)

        with pytest.raises(InvalidInput) as refusal:
            claim(text, **asked)

        assert list(refusal.value.fields) == [field]
        assert (Device.objects.count(), ClaimCode.objects.get().uses) == (0, 0)

    def test_a_fleet_code_is_good_for_so_many(self):
        text = make_code(max_uses=2)
        for number in range(2):
            claim(text, f"press-{number}")

        with pytest.raises(ClaimRefused):
            claim(text, "press-9")

        assert Device.objects.count() == ClaimCode.objects.get().uses == 2

    def test_a_deleted_device_gives_no_use_back(self):
        text = make_code()
        delete_devices(devices=[claim(text)[0]])

        with pytest.raises(ClaimRefused):
            claim(text)


def used_up():
    text = make_code()
    claim(text, "first")
    return text


def expired():
    return make_code(expires_at=NOON + timedelta(seconds=1))


def revoked():
    code, text = create_claim_code(at=NOON, max_uses=5)
    revoke_claim_code(code_id=code.pk, at=NOON)
    return text


BAD = [lambda: "0000-0000-0000-0000", lambda: "", lambda: "ſß…", used_up, expired, revoked]


class TestRefusing:
    @pytest.mark.parametrize("bad", BAD)
    @pytest.mark.parametrize("external_id", ["press-3", "taken"])
    def test_one_word_and_the_same_work_for_every_bad_code(self, bad, external_id):
        make_device(external_id="taken")
        text, at, before = bad(), NOON + HOUR, Device.objects.count()

        with CaptureQueriesContext(connection) as queries, pytest.raises(ClaimRefused) as refusal:
            claim(text, external_id, at=at)

        assert str(refusal.value) == "This claim code is not valid."
        assert len(queries) == 5  # a savepoint, the code, who came by it, back to the savepoint, its release
        assert Device.objects.count() == before

    def test_an_id_in_use_is_told_to_who_has_a_good_code_and_costs_no_use(self):
        make_device(external_id="press-3")
        text = make_code()

        with pytest.raises(DeviceIdTaken):
            claim(text)

        assert ClaimCode.objects.get().uses == 0
        assert claim(text, "press-4")[0].external_id == "press-4"

    def test_an_unknown_code_cannot_be_revoked(self):
        with pytest.raises(ClaimCodeUnknown):
            revoke_claim_code(code_id=10**9, at=NOON)

    def test_revoking_twice_keeps_the_first_time(self):
        code, _ = create_claim_code(at=NOON)
        revoke_claim_code(code_id=code.pk, at=NOON)

        assert revoke_claim_code(code_id=code.pk, at=NOON + HOUR).revoked_at == NOON


class TestComingAgain:
    def test_one_that_lost_our_answer_gets_another_token_for_the_same_use(self):
        text = make_code()
        device, lost = claim(text)

        again, token = claim(text, at=NOON + HOUR)

        assert again == device
        assert ClaimCode.objects.get().uses == Claim.objects.count() == 1
        assert alive_credential(token=lost, at=NOON + HOUR) is None
        assert alive_credential(token=token, at=NOON + HOUR).device == device

    def test_one_that_was_heard_has_its_token(self):
        text = make_code(max_uses=2)
        device, token = claim(text)
        note_seen(device_ids=[device.pk], at=NOON)

        with pytest.raises(DeviceIdTaken):
            claim(text)

        assert alive_credential(token=token, at=NOON).device == device
        assert (ClaimCode.objects.get().uses, Credential.objects.count()) == (1, 1)

    @pytest.mark.parametrize("says", ["asks", "answers"])
    def test_one_that_only_asks_or_answers_was_heard(self, says):
        text = make_code(max_uses=2)
        device, token = claim(text)
        if says == "asks":
            hand_over_pending(device_id=device.pk, at=NOON)
        else:
            hear_acks(acks=[Ack(device.pk, 1, "succeeded")], at=NOON)

        with pytest.raises(DeviceIdTaken):
            claim(text)

        assert alive_credential(token=token, at=NOON).device == device

    def test_one_that_was_heard_is_a_stranger_to_a_used_up_code(self):
        text = make_code()
        note_seen(device_ids=[claim(text)[0].pk], at=NOON)

        with pytest.raises(ClaimRefused):
            claim(text)

    def test_another_code_does_not_help(self):
        claim(make_code())

        with pytest.raises(DeviceIdTaken):
            claim(make_code())

    @pytest.mark.parametrize("end", ["revoked", "expired", "out of service"])
    def test_not_after_the_end(self, end):
        code, text = create_claim_code(at=NOON, expires_at=NOON + HOUR)
        _, token = claim(text)
        if end == "revoked":
            revoke_claim_code(code_id=code.pk, at=NOON)
        if end == "out of service":
            Device.objects.update(deactivated_at=NOON)

        with pytest.raises(ClaimRefused):
            claim(text, at=NOON + 2 * HOUR if end == "expired" else NOON)

        assert alive_credential(token=token, at=NOON) is not None


def at_once(works):
    """Run them in threads that start together; returns what they returned or were refused with."""
    barrier = Barrier(len(works))

    def run(work):
        try:
            barrier.wait(20)
            return again_after_deadlock(work)
        except DomainError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


@pytest.mark.django_db(transaction=True)
class TestAtTheSameTime:
    def test_of_twenty_devices_five_come_by_five_uses(self):
        text = make_code(max_uses=5)

        told = at_once([lambda number=number: claim(text, f"press-{number}") for number in range(20)])

        assert sum(isinstance(answer, tuple) for answer in told) == 5
        assert sum(isinstance(answer, ClaimRefused) for answer in told) == 15
        assert Device.objects.count() == Claim.objects.count() == ClaimCode.objects.get().uses == 5

    def test_one_that_asks_several_times_at_once_is_one_device_with_one_token(self):
        for number in range(5):
            text = make_code(max_uses=3)

            told = at_once([lambda text=text, number=number: claim(text, f"press-{number}")] * 4)

            tokens = [answer[1] for answer in told if isinstance(answer, tuple)]
            assert len(tokens) == 4
            assert [alive_credential(token=token, at=NOON) is not None for token in tokens].count(True) == 1
            assert list(ClaimCode.objects.order_by("pk").values_list("uses", flat=True))[-1] == 1
