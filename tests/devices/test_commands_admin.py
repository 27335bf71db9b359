"""Commands and their declarations in the admin."""

import pytest
from django.urls import reverse

from devices.models import CommandType
from tests.builders import make_device, make_user, sign_in
from tests.devices.commanding import answer, make_command

pytestmark = pytest.mark.django_db
ADD = "admin:devices_commandtype_add"


@pytest.fixture
def admin(client):
    sign_in(client, make_user(role="admin"))
    return client


def fill_in(client, url, **values):
    form = {"name": "set_speed", "device_type": "", "label": "", "description": "", "ttl_seconds": "90"}
    return client.post(
        url, {**form, "enabled": "on", "schema": "{}", **values}, headers={"origin": "http://testserver"}
    )


def test_a_command_is_declared_and_changed(admin):
    assert (
        fill_in(admin, reverse(ADD), device_type="actuator", schema='{"type": "object"}').status_code == 302
    )
    type_ = CommandType.objects.get()
    assert (type_.name, type_.device_type, type_.schema, type_.ttl_seconds) == (
        "set_speed",
        "actuator",
        {"type": "object"},
        90,
    )

    url = reverse("admin:devices_commandtype_change", args=[type_.pk])
    assert fill_in(admin, url, name="other", ttl_seconds="30", label="Speed", schema="").status_code == 302
    type_.refresh_from_db()
    assert (type_.name, type_.device_type, type_.label, type_.schema) == (
        "set_speed",
        "actuator",
        "Speed",
        {},
    )


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ('{"type": "objekt"}', "schema.type: "),
        ('{"$ref": "https://example.com/x"}', "may refer to its own parts only"),
        ("[]", "must be an object"),
        ("{", "Enter a valid JSON."),
    ],
)
def test_a_schema_that_could_not_be_used_is_refused_beside_its_box(admin, schema, reason):
    page = fill_in(admin, reverse(ADD), schema=schema)

    assert page.status_code == 200
    assert reason in str(page.context["adminform"].form.errors["schema"])
    assert CommandType.objects.count() == 0


def test_a_name_that_no_command_can_have_is_refused(admin):
    page = fill_in(admin, reverse(ADD), name="no good")

    assert list(page.context["adminform"].form.errors) == ["name"]


@pytest.mark.parametrize("commands", [1, 3])
def test_commands_are_listed_by_few_queries_and_never_typed_into(
    admin, commands, django_assert_max_num_queries
):
    made = [make_command(make_device()) for _ in range(commands)]
    answer(made[0], "failed", result={"error": "jammed"})

    with django_assert_max_num_queries(6):
        page = admin.get(reverse("admin:devices_command_changelist"))
    detail = admin.get(reverse("admin:devices_command_change", args=[made[0].pk]))

    assert page.context["cl"].result_count == commands
    assert "jammed" in detail.content.decode()
    assert admin.get(reverse("admin:devices_command_add")).status_code == 403
