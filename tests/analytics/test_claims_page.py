import re

import pytest

from devices.models import ClaimCode, Device
from devices.services import claim_device
from tests.analytics.looking import NASTY, words
from tests.builders import NOON, make_user, sign_in

pytestmark = pytest.mark.django_db
FORM = {
    "label": "Pumps",
    "max_uses": "2",
    "hours": "24",
    "device_type": "sensor",
    "zone": "Hall A",
    "tags": "a, b",
    "device_id_prefix": "pump-",
}


def test_a_code_is_shown_once_with_what_to_do_with_it(client, tess):
    answer = client.post("/devices/claims/", FORM)

    text = answer.context["text"]
    code = ClaimCode.objects.get()
    assert f'{{"claimCode": "{text}", "deviceId": "pump-1"}}' in words(answer)
    assert text not in client.get("/devices/claims/").text
    assert (code.max_uses, code.tags, code.zone, code.created_by) == (2, ["a", "b"], "Hall A", tess)


def test_a_device_comes_by_it_and_the_list_counts_it(client, tess):
    text = client.post("/devices/claims/", FORM).context["text"]
    code = ClaimCode.objects.get()

    claim_device(claim_code=text, external_id="pump-9", at=code.created_at)

    assert Device.objects.get().zone == "Hall A"
    assert "1 of 2" in words(client.get("/devices/claims/"))


def test_a_revoked_code_lets_nobody_in(client, tess):
    client.post("/devices/claims/", {**FORM, "label": NASTY})

    answer = client.post(f"/devices/claims/{ClaimCode.objects.get().pk}/revoke", follow=True)

    assert NASTY not in answer.text
    assert "Revoked" in re.findall(r"<td>(\w+)</td>", answer.text)
    assert ClaimCode.objects.get().revoked_at is not None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_uses", "0"),
        ("max_uses", "many"),
        ("max_uses", "9999999"),
        ("hours", "5"),
        ("device_type", "pump"),
        ("tags", ",".join(str(n) for n in range(60))),
        ("device_id_prefix", "no spaces"),
    ],
)
def test_a_wrong_entry_is_said_at_its_field(client, tess, field, value):
    answer = client.post("/devices/claims/", {**FORM, field: value})

    assert (answer.status_code, list(answer.context["form"].errors)) == (422, [field])
    assert not ClaimCode.objects.exists()


@pytest.mark.parametrize("role", ["user", "operator"])
def test_only_technicians_have_codes(client, role):
    sign_in(client, make_user(role=role))

    answers = [
        client.get("/devices/claims/"),
        client.post("/devices/claims/", FORM),
        client.post("/devices/claims/1/revoke"),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert not ClaimCode.objects.exists()


@pytest.mark.parametrize("codes", [1, 3])
def test_the_list_costs_the_same_for_any_number_of_codes(client, tess, codes, django_assert_num_queries):
    for number in range(codes):
        ClaimCode.objects.create(code_hash=str(number), hint="AAAA", created_at=NOON, created_by=tess)

    with django_assert_num_queries(4):
        client.get("/devices/claims/")


def test_an_unknown_code_is_not_found(client, tess):
    assert client.post("/devices/claims/99/revoke").status_code == 404
