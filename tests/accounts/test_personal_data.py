"""What the plant knows of a person (docs/personal-data.md), and what of it is left when an admin has deleted them."""

import re

import pytest
from django.conf import settings
from django.db import connection
from django.utils import timezone

from alerts.models import Alert
from alerts.services.configs import register_config
from alerts.services.handling import acknowledge_alert
from factory.accounts import invitations, services
from factory.accounts.models import AuditEntry, User
from tests.accounts.letters import token_in
from tests.accounts.second_factors import make_phone
from tests.builders import (
    NOON,
    PASSWORD,
    Trpc,
    data_of,
    make_api_token,
    make_device,
    make_threshold,
    make_user,
    sign_in,
    store,
)

pytestmark = pytest.mark.django_db
EMAIL, NAME = "noor@plant.example", "Noor Beispielname"
PAGE = (settings.BASE_DIR / "docs/personal-data.md").read_text()


def tables_that_know(*words: str) -> set[str]:
    """Where in the database these words stand, in whatever column."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            text = str(cursor.fetchall())
            if any(word in text for word in words):
                found.add(table)
    return found


def somebody_who_did_much(client, boss: User) -> User:
    now = timezone.now()
    invitation = invitations.invite(email=EMAIL, name=NAME, role="technician", by=boss, at=now)
    token = token_in(invitations.link_of(invitation))
    noor = invitations.accept(token=token, name=NAME, password=PASSWORD, at=now)
    services.sign_in(email=EMAIL, password=PASSWORD, at=now, address="192.0.2.55", agent="Noors Browser")
    make_api_token(noor)
    register_config(type="email", recipient=EMAIL, by=noor, at=now)
    device = make_device()
    make_threshold(device)
    store(device, (NOON, 95.0))
    acknowledge_alert(alert=Alert.objects.get(), by=noor, at=now)
    make_phone(noor)
    sign_in(client, noor)
    data_of(Trpc(client).mutate("devices.update", {"id": device.pk, "name": "Press"}))
    client.cookies.clear()
    return noor


def test_of_a_person_who_is_deleted_only_the_logs_know(client):
    boss = make_user(role="admin")
    noor = somebody_who_did_much(client, boss)
    assert {"accounts_user", "accounts_invitation", "accounts_auditentry"} <= tables_that_know(EMAIL, NAME)
    assert "accounts_session" in tables_that_know("192.0.2.55")

    invitations.invite(email="ada@plant.example", name="Ada", role="user", by=boss, at=timezone.now())
    services.delete_users(users=[noor], by=boss, at=timezone.now())

    assert tables_that_know(EMAIL, NAME, "192.0.2.55", "Noors Browser") == {
        "accounts_auditentry",
        "alerts_delivery",
    }
    assert tables_that_know("ada@plant.example") == {"accounts_invitation"}
    assert AuditEntry.objects.filter(actor_name=NAME).exists()
    assert Alert.objects.get().acknowledged_by_id is None


def test_the_page_names_every_table_that_has_a_person_in_it():
    from django.apps import apps

    of_people = {
        model._meta.db_table
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if getattr(field, "related_model", None) is User and field.concrete
    }
    told = set(re.findall(r"`([a-z]+_[a-z_]+)`", PAGE))

    assert of_people - told == set()
