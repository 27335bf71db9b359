"""Every list and page of the admin: open to admins only, and as quick with many rows as with few."""

import re
from pathlib import Path

import pytest
import unfold
from django.conf import settings
from django.contrib import admin
from django.contrib.staticfiles import finders
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from factory.accounts import backoffice
from factory.accounts.models import AuditEntry
from factory.accounts.places import page_of
from factory.admin_menu import UNFOLD
from tests.builders import NOON, make_device, make_group, make_threshold, make_user, sign_in
from tests.filling import fill

pytestmark = pytest.mark.django_db
MODELS = sorted(admin.site._registry, key=lambda model: model._meta.label)
NAMES = [model._meta.label for model in MODELS]


def list_of(model) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def page_of_row(row) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])


@pytest.fixture
def boss(client):
    boss = make_user(role="admin", email="boss@example.com")
    sign_in(client, boss)
    return boss


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_lists_and_pages_open_for_an_admin_at_a_constant_cost(client, boss, model):
    row = fill(model)
    client.get(list_of(model))  # what is looked up once per process is

    with CaptureQueriesContext(connection) as of_one:
        assert client.get(list_of(model)).status_code == 200
    fill(model), fill(model)
    with CaptureQueriesContext(connection) as of_three:
        response = client.get(list_of(model))

    assert response.status_code == 200
    assert response.context["cl"].result_count >= (1 if model._meta.label == "analytics.EnergyPrice" else 3)
    assert [each["sql"] for each in of_three][len(of_one) :] == []
    assert client.get(page_of_row(row)).status_code == 200
    assert client.get(list_of(model), {"q": "x"}).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_nobody_else_gets_in(client, model):
    row = fill(model)
    for role in ("user", "operator", "technician"):
        sign_in(client, make_user(role=role))
        assert client.get(list_of(model)).status_code == 302
        assert client.get(page_of_row(row)).status_code == 302
        assert client.post(list_of(model), {"action": "delete_selected", "post": "yes"}).status_code == 302
    assert type(row)._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", MODELS, ids=NAMES)
def test_no_list_counts_the_whole_table(client, boss, model, monkeypatch):
    monkeypatch.setattr(backoffice, "MOST_COUNTED", 2)
    fill(model)

    with CaptureQueriesContext(connection) as asked:
        client.get(list_of(model))

    table = f"FROM {connection.ops.quote_name(model._meta.db_table)}"
    counts = [each["sql"] for each in asked if each["sql"].startswith("SELECT COUNT(")]
    assert [sql for sql in counts if table in sql and "LIMIT 3" not in sql] == []


def test_a_long_list_says_that_there_is_more_and_refuses_to_take_all(client, boss, monkeypatch):
    monkeypatch.setattr(backoffice, "MOST_COUNTED", 2)
    devices = [make_device() for _ in range(3)]

    page = client.get("/admin/devices/device/")
    assert "More than 2 devices" in " ".join(page.content.decode().split())
    marked = {
        "action": "take_out_of_service",
        "_selected_action": [devices[0].pk],
        "select_across": "1",
    }
    answer = client.post("/admin/devices/device/", marked, follow=True)

    assert [str(message) for message in answer.context["messages"]] == [
        "More than 2 are selected. Narrow the list by its filters or its search first."
    ]
    devices[0].refresh_from_db()
    assert devices[0].deactivated_at is None


def test_the_console_says_what_needs_an_admin_at_a_constant_cost(client, boss):
    client.get("/admin/")
    with CaptureQueriesContext(connection) as of_none:
        empty = client.get("/admin/")
    assert "Nothing needs an admin." in empty.content.decode()

    retired = make_device(external_id="press-1")
    for metric in ("temperature", "power", "pressure"):
        make_threshold(retired, metric=metric)
        make_threshold(make_device(), metric=metric)
    type(retired).objects.filter(pk=retired.pk).update(deactivated_at=NOON)
    make_threshold(group=make_group(), metric="rpm")
    with CaptureQueriesContext(connection) as of_some:
        page = client.get("/admin/")

    assert [matter.words for matter in page.context["matters"]] == [
        "4 thresholds are without effect: they reach nobody or say nothing"
    ]
    assert [each["sql"] for each in of_some][len(of_none) :] == []
    listed = client.get(page.context["matters"][0].url)
    assert listed.context["cl"].result_count == 4


def test_every_link_of_the_console_and_of_the_menu_leads_somewhere(client, boss):
    page = client.get("/admin/")
    links = {figure.url for domain in page.context["domains"] for figure in domain.figures}
    links |= {url for domain in page.context["domains"] for _, url in domain.links}
    links |= {str(item["link"]) for group in page.context["sidebar_navigation"] for item in group["items"]}

    assert {link: client.get(link).status_code for link in sorted(links)} == dict.fromkeys(links, 200)


def test_every_model_stands_in_the_menu(client, boss):
    page = client.get("/admin/")
    menu = {str(item["link"]) for group in page.context["sidebar_navigation"] for item in group["items"]}

    assert {list_of(model) for model in MODELS} - menu == set()


def test_things_lead_to_the_dashboard_and_to_who_changed_them(client, boss):
    press = make_device(external_id="press-1")
    hot = make_threshold(press)
    page = client.get(page_of_row(press)).content.decode()

    assert page_of(press) == page_of(hot) == f"/devices/{press.pk}/"
    assert f'href="/devices/{press.pk}/"' in page
    client.post("/admin/devices/device/", {"action": "take_out_of_service", "_selected_action": [press.pk]})
    AuditEntry.objects.create(
        at=NOON,
        source="page",
        action="new-device",
        outcome="done",
        target_kind="devices.device",
        target_id=str(press.pk),
        target_label="press-1",
        before={"zone": "A"},
        after={"zone": "B"},
    )
    history = client.get(f"/admin/devices/device/{press.pk}/history/", follow=True)
    assert [entry.action for entry in history.context["cl"].result_list] == ["new-device"]
    entry = client.get(page_of_row(history.context["cl"].result_list[0])).content.decode()
    assert f'href="/devices/{press.pk}/"' in entry
    assert f'href="/admin/devices/device/{press.pk}/change/"' in entry
    assert "<td>zone</td><td>A</td><td>B</td>" in entry


def test_the_audit_log_is_filtered_exported_and_never_changed(client, boss):
    for number, outcome in enumerate(["done", "refused", "done"]):
        AuditEntry.objects.create(
            at=NOON,
            source="api",
            action="devices.update",
            outcome=outcome,
            actor_id=number,
            actor_name="=1+1",
        )
    url = list_of(AuditEntry)

    assert client.get(url, {"outcome__exact": "refused"}).context["cl"].result_count == 1
    assert client.get(url, {"who": "1"}).context["cl"].result_count == 1
    assert client.get(url, {"kind": "devices.device"}).context["cl"].result_count == 0
    ids = [entry.pk for entry in AuditEntry.objects.order_by("pk")[:2]]
    answer = client.post(url, {"action": "export_selected", "_selected_action": ids})
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert lines[0].startswith("at,who,by way of,action")
    assert len(lines) == 3
    assert "'=1+1" in lines[1]
    newest = b"".join(client.get(f"{url}export/").streaming_content).decode().splitlines()
    assert len(newest) == 1 + AuditEntry.objects.count()
    row = AuditEntry.objects.order_by("pk").first()
    assert client.get(f"{url}add/").status_code == 403
    assert client.post(page_of_row(row), {"reason": "never mind"}).status_code == 403
    assert client.post(f"{url}{row.pk}/delete/", {"post": "yes"}).status_code == 403
    row.refresh_from_db()
    assert row.reason == ""


def test_the_search_finds_things_of_several_kinds(client, boss):
    press, group = make_device(external_id="press-17"), make_group(name="Presses")

    found = client.get("/admin/search/", {"s": "press", "extended": "1"}).content.decode()

    assert page_of_row(press) in found
    assert page_of_row(group) in found


def test_what_is_served_instead_of_a_librarys_file_is_enough():
    """No field fills another one, no chart is drawn, and every icon that is named is in the font that was cut down."""
    kept = Path(settings.STATICFILES_DIRS[0])
    icons = set((kept / "unfold/fonts/material-symbols/icons.txt").read_text().split())
    theirs = Path(unfold.__file__).parent
    named = {
        name
        for path in (*theirs.rglob("*.html"), *Path(settings.BASE_DIR / "templates").rglob("*.html"))
        for name in re.findall(r"material-symbols-outlined[^>]*>\s*([a-z0-9_]+)\s*<", path.read_text())
    }
    drawn = {
        name
        for path in theirs.rglob("*.css")
        for name in re.findall(r'content:"([a-z][a-z0-9_]+)"', path.read_text())
    }
    ours = {item["icon"] for group in UNFOLD["SIDEBAR"]["navigation"] for item in group["items"]}

    assert (named | drawn | ours) - icons == set()
    assert [model for model, about in admin.site._registry.items() if about.prepopulated_fields] == []
    for path in kept.rglob("*.*"):
        if path.suffix in {".js", ".css", ".woff2"}:
            assert finders.find(str(path.relative_to(kept))) == str(path)
