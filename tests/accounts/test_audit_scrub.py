"""Passwords that once stood in the audit log in plain are taken out of it, and nothing else is."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from factory.accounts.audit import Deed, record
from factory.accounts.models import AuditEntry
from tests.builders import NOON

pytestmark = pytest.mark.django_db
migration = import_module("factory.accounts.migrations.0008_passwords_out_of_the_audit_log")


def wrote(action, asked):
    record(
        Deed(AuditEntry.Source.PAGE, action, AuditEntry.Outcome.DONE, asked=asked, address="10.0.0.7"),
        at=NOON,
    )


def test_only_passwords_are_overwritten(monkeypatch):
    monkeypatch.setattr(migration, "AT_ONCE", 2)
    kept = [
        ("new-password", {"current_password": "•••", "new_password": "•••"}),
        ("new-password", {}),
        ("device-steps", {"current": "1.0", "new": "2.0"}),
    ]
    for _ in range(3):
        wrote("new-password", {"current": "seven wooden ladders", "new": ["nine", "kettles"], "next": "/"})
    for action, asked in kept:
        wrote(action, asked)

    then = MigrationLoader(None).project_state(("accounts", "0007_audit_names_the_token")).apps
    for _again in range(2):
        migration.scrub(then, SimpleNamespace(connection=connection))

    entries = list(AuditEntry.objects.order_by("pk"))
    assert [each.asked for each in entries[:3]] == [{"current": "•••", "new": "•••", "next": "/"}] * 3
    assert [(each.action, each.asked) for each in entries[3:]] == kept
    assert {(each.at, each.address) for each in entries} == {(NOON, "10.0.0.7")}
