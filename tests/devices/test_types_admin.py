"""Codes, twins, tokens and defaults in the admin."""

import json

import pytest
from django.utils import timezone

from devices.models import ClaimCode, Configuration, Credential, TypeDefaults
from devices.services import claim_device, create_claim_code, set_desired, set_silence_rule, set_type_defaults
from tests.builders import NOON, make_device, make_user, sign_in

pytestmark = pytest.mark.django_db
ADMIN = "/admin/devices"


@pytest.fixture(autouse=True)
def _boss(client):
    sign_in(client, make_user(role="admin"))


def words_of(response):
    return [str(message) for message in response.context["messages"]]


def errors_of(response):
    assert response.status_code == 200
    return dict(response.context["adminform"].form.errors)


NEW_CODE = {
    "label": "Hall B",
    "max_uses": "3",
    "device_type": "sensor",
    "zone": "Hall B",
    "tags": '["press"]',
}


def test_a_claim_code_is_shown_once_and_works(client):
    response = client.post(f"{ADMIN}/claimcode/add/", NEW_CODE, follow=True)

    shown, *_ = words_of(response)
    assert shown.startswith("Claim code, shown only this once: ")
    code = ClaimCode.objects.get()
    assert (code.label, code.max_uses, code.zone, code.tags) == ("Hall B", 3, "Hall B", ["press"])
    assert code.created_by is not None
    claim_device(claim_code=shown.rpartition(" ")[2], external_id="press-3", at=timezone.now())
    again = client.get(f"{ADMIN}/claimcode/{code.pk}/change/")
    assert shown.rpartition(" ")[2] not in again.content.decode()


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"max_uses": "0"}, {"max_uses": ["must be from 1 to 100000"]}),
        ({"tags": "5"}, {"tags": ["must be a list of at most 50 words of 1 to 64 characters"]}),
        (
            {"device_id_prefix": "a b"},
            {"device_id_prefix": ["letters, digits and . _ : - only, at most 64"]},
        ),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "12:00"}, {"expires_at": ["must be in the future"]}),
    ],
)
def test_a_code_that_nobody_could_use_is_told_at_its_field(client, change, errors):
    assert errors_of(client.post(f"{ADMIN}/claimcode/add/", {**NEW_CODE, **change})) == errors
    assert not ClaimCode.objects.exists()


def test_what_a_code_says_never_changes_and_it_can_be_revoked(client):
    code, _ = create_claim_code(at=NOON, label="Hall B")

    client.post(f"{ADMIN}/claimcode/{code.pk}/change/", {**NEW_CODE, "label": "other", "max_uses": "9"})
    action = {"action": "revoke", "_selected_action": [code.pk]}
    response = client.post(f"{ADMIN}/claimcode/", action, follow=True)

    code.refresh_from_db()
    assert (code.label, code.max_uses, code.revoked_at is None) == ("Hall B", 1, False)
    assert words_of(response) == ["Claim codes revoked: 1."]


def test_a_twin_is_shown_with_its_difference(client):
    device = make_device()
    set_desired(device=device, desired={"pump": {"speed": 60}}, at=NOON)

    page = client.get(f"{ADMIN}/configuration/{device.pk}/change/")

    assert "pump.speed is not reported, wanted 60" in page.content.decode()
    client.post(f"{ADMIN}/configuration/{device.pk}/change/", {"desired": "{}"})
    assert Configuration.objects.get(pk=device.pk).desired == {"pump": {"speed": 60}}


def test_defaults_of_a_type_are_set_beside_its_silence(client):
    set_silence_rule(type="gateway", silent_seconds=600)
    form = {
        "type": "gateway",
        "metrics": '["power"]',
        "tags": "",
        "metadata": "{}",
        "configuration": '{"a": 1}',
    }

    client.post(f"{ADMIN}/typedefaults/add/", form)

    found = TypeDefaults.objects.get()
    assert (found.metrics, found.tags, found.configuration) == (["power"], [], {"a": 1})
    page = client.get(f"{ADMIN}/typedefaults/{found.pk}/change/").content.decode()
    assert "offline after" in page
    assert f"{ADMIN}/silencerule/" in page
    client.post(f"{ADMIN}/typedefaults/{found.pk}/change/", {**form, "type": "sensor", "tags": '["edge"]'})
    found.refresh_from_db()
    assert (found.type, found.tags) == ("gateway", ["edge"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"metrics": '["Power"]'}, "metrics"),
        ({"tags": "5"}, "tags"),
        ({"metadata": "[]"}, "metadata"),
        ({"configuration": json.dumps({"a": "x" * 70_000})}, "configuration"),
        ({"configuration": "{"}, "configuration"),
    ],
)
def test_defaults_that_no_device_could_have_are_told_at_their_field(client, change, field):
    form = {
        "type": "gateway",
        "metrics": "[]",
        "tags": "[]",
        "metadata": "{}",
        "configuration": "{}",
        **change,
    }

    assert list(errors_of(client.post(f"{ADMIN}/typedefaults/add/", form))) == [field]
    assert not TypeDefaults.objects.exists()


def test_tokens_are_ended_by_an_action(client):
    make_device()
    credential = Credential.objects.get()

    client.post(f"{ADMIN}/credential/", {"action": "revoke", "_selected_action": [credential.pk]})

    credential.refresh_from_db()
    assert credential.revoked_at is not None


def populate(number):
    for count in range(number):
        device = make_device()
        set_desired(device=device, desired={"speed": 60}, at=NOON)
        _, code = create_claim_code(at=NOON)
        claim_device(claim_code=code, external_id=f"claimed-{count}", at=NOON)
    for type_ in ("sensor", "gateway", "actuator")[:number]:
        set_type_defaults(type=type_, tags=["a"])


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize(
    ("page", "queries"),
    [("claimcode", 3), ("claim", 3), ("configuration", 3), ("configurationversion", 3), ("typedefaults", 3)],
)
def test_lists_cost_the_same_for_any_number(client, page, queries, number, django_assert_num_queries):
    populate(number)

    with django_assert_num_queries(queries):
        assert client.get(f"{ADMIN}/{page}/").status_code == 200
