"""One rule for passwords, whichever way one is set."""

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from factory.accounts.models import User
from factory.accounts.passwords import PasswordRefused, accepted
from factory.accounts.services import ensure_first_admin
from tests.builders import PASSWORD, Trpc, make_user, refusal_of, sign_in

MIRA = User(email="mira.stone@example.com", name="Mirabelle Stone")


@pytest.mark.parametrize("password", ["short", "password123", "20261128", "mira.stone", "mirabelle stone"])
def test_a_weak_password_is_refused_with_the_field_it_was_typed_in(password):
    with pytest.raises(PasswordRefused) as refusal:
        accepted(password, person=MIRA, field="newPassword")

    assert list(refusal.value.fields) == ["newPassword"]
    assert refusal.value.message.startswith("newPassword: ")


def test_a_sentence_is_a_good_password():
    accepted(PASSWORD, person=MIRA)


@pytest.mark.django_db
def test_registering_with_a_weak_one_names_the_field(client, settings):
    settings.REGISTRATION = "open"

    answer = Trpc(client).mutate(
        "auth.register", {"email": "new@example.com", "password": "newcomer", "name": "Newcomer"}
    )

    assert refusal_of(answer) == (400, "BAD_REQUEST", "password: The password is too similar to the name.")


@pytest.mark.django_db
def test_the_admin_refuses_a_weak_one(client):
    sign_in(client, make_user(role="admin"))
    noor = make_user(email="noor@example.com", name="Noor")

    page = client.post(
        f"/admin/accounts/user/{noor.pk}/change/",
        {
            "email": noor.email,
            "name": noor.name,
            "role": "user",
            "is_active": "on",
            "new_password": "noor@example",
        },
    )

    assert (page.status_code, b"too similar" in page.content) == (200, True)
    assert User.objects.get(pk=noor.pk).check_password(PASSWORD)


@pytest.mark.django_db
def test_the_command_line_refuses_a_weak_one_from_the_environment(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "12345678")

    with pytest.raises(CommandError, match="too common"):
        call_command("createsuperuser", "--no-input", "--email=boss@example.com", verbosity=0)

    assert User.objects.count() == 0


@pytest.mark.django_db
def test_the_first_admin_of_a_plant_needs_a_good_one_and_a_demo_takes_any(settings):
    settings.FACTORY_DEMO = False
    with pytest.raises(ValidationError, match="too common"):
        ensure_first_admin(email="", password="12345678")

    settings.FACTORY_DEMO = True
    user, _ = ensure_first_admin(email="", password="12345678")

    assert user.is_staff
