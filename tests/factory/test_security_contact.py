"""Whom finders of a weakness may tell: /.well-known/security.txt as RFC 9116 has it, from a setting."""

from datetime import datetime, timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from factory.env import Env
from factory.security_contact import text_at
from tests.builders import NOON

PATH = "/.well-known/security.txt"


def test_where_nobody_is_named_there_is_none(client):
    assert client.get(PATH).status_code == 404


def test_it_names_all_contacts_in_their_order_and_may_be_believed_for_now(client, settings):
    settings.SECURITY_CONTACT = ["mailto:security@plant.example", "https://plant.example/report"]

    answer = client.get(PATH)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    fields = [line.split(": ", 1) for line in answer.content.decode().splitlines()]
    assert [name for name, _ in fields] == ["Contact", "Contact", "Expires", "Preferred-Languages"]
    assert [value for name, value in fields if name == "Contact"] == settings.SECURITY_CONTACT
    until = datetime.fromisoformat(dict(fields)["Expires"])
    assert timezone.now() < until < timezone.now() + timedelta(days=365)  # less than a year is recommended


def test_over_https_it_says_where_it_stands(settings):
    settings.SECURITY_CONTACT = ["mailto:security@plant.example"]
    settings.SECURE, settings.PUBLIC_URL = True, "https://factory.example"

    assert text_at(NOON) == (
        "Contact: mailto:security@plant.example\n"
        "Expires: 2026-07-01T12:00:00Z\n"
        "Preferred-Languages: en, de\n"
        "Canonical: https://factory.example/.well-known/security.txt\n"
    )


def test_an_address_by_itself_is_a_mailto_and_what_is_none_is_refused():
    told = Env({"SECURITY_CONTACT": "security@plant.example, tel:+49-30-1234"})

    assert told.contacts("SECURITY_CONTACT") == ["mailto:security@plant.example", "tel:+49-30-1234"]
    assert Env({}).contacts("SECURITY_CONTACT") == []
    for wrong in ("http://plant.example", "somebody", "mailto:a@b\nExpires: x", "https://plant.example/a b"):
        with pytest.raises(ImproperlyConfigured):
            Env({"SECURITY_CONTACT": wrong}).contacts("SECURITY_CONTACT")
