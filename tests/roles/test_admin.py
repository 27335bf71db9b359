"""The admin is for admins, model by model: who opens its pages, and what can be done there."""

import pytest
from django.contrib import admin
from django.test import RequestFactory

from tests.builders import make_user, sign_in
from tests.roles.table import ADMIN, MODELS, RANKS, STRANGER

pytestmark = pytest.mark.django_db
BY_LABEL = {model._meta.label_lower: site for model, site in admin.site._registry.items()}


def pages(label: str) -> list[str]:
    """Its list, its forms, and whatever else it has mounted."""
    model_admin, place = BY_LABEL[label], label.replace(".", "/")
    endings = [str(url.pattern) for url in model_admin.get_urls()]
    filled = [e.replace("<path:object_id>", "999999").replace("<int:pk>", "999999") for e in endings]
    return [f"/admin/{place}/{ending}" for ending in filled]


def test_every_model_of_the_admin_has_a_line_in_the_table():
    assert BY_LABEL.keys() == MODELS.keys(), "What may be done with it? Say it in tests/roles/table.py."


def rights(model_admin, request) -> tuple[str, str]:
    words = ("add", "change", "delete")
    may = [word for word in words if getattr(model_admin, f"has_{word}_permission")(request)]
    return " ".join(may), " ".join(sorted(model_admin.get_actions(request)))


def test_an_admin_may_do_with_a_model_what_the_table_says():
    request = RequestFactory().get("/")
    request.user = make_user(role=ADMIN)

    assert {label: rights(model_admin, request) for label, model_admin in BY_LABEL.items()} == MODELS


@pytest.mark.parametrize("role", [STRANGER, *RANKS[:-1]])
def test_nobody_below_an_admin_opens_or_sends_anything(client, role):
    if role != STRANGER:
        sign_in(client, make_user(role=role))
    let_in = []
    for path in [path for label in sorted(BY_LABEL) for path in pages(label)]:
        for answer in (client.get(path), client.post(path, {"action": "delete_selected"})):
            where = answer.headers.get("Location", "")
            if answer.status_code != 403 and not where.startswith(("/admin/login/", "/sign-in")):
                let_in.append((path, answer.status_code))

    assert let_in == []


def test_an_admin_opens_every_list_and_the_form_where_there_is_one(client):
    sign_in(client, make_user(role=ADMIN))
    places = {label: f"/admin/{label.replace('.', '/')}/" for label in BY_LABEL}
    lists = {label: client.get(place).status_code for label, place in places.items()}
    forms = {label: client.get(f"{place}add/").status_code for label, place in places.items()}

    assert lists == dict.fromkeys(BY_LABEL, 200)
    assert forms == {label: 200 if "add" in MODELS[label][0].split() else 403 for label in BY_LABEL}
