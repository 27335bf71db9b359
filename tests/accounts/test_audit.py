"""The audit log: who changed what, when, from where; append-only, and without secrets."""

from datetime import timedelta

import orjson
import pytest
from django.utils import timezone

from alerts.services.thresholds import create_threshold
from factory.accounts import audit
from factory.accounts.audit_words import HIDDEN, summary
from factory.accounts.models import AuditEntry, AuditUnchangeable
from tests.builders import (
    NOON,
    PASSWORD,
    Trpc,
    make_device,
    make_threshold,
    make_token,
    make_user,
    sign_in,
)

pytestmark = pytest.mark.django_db


def entries(**wanted):
    return list(AuditEntry.objects.filter(**wanted).order_by("pk"))


def only(**wanted) -> AuditEntry:
    [entry] = entries(**wanted)
    return entry


def as_person(client, role="technician"):
    person = make_user(role=role)
    sign_in(client, person)
    return person


def test_a_procedure_that_a_person_calls_is_kept_with_before_and_after(client):
    mira, press = as_person(client), make_device(external_id="press-1", zone="Hall A")

    Trpc(client).mutate(
        "devices.update", {"id": press.pk, "zone": "Hall B"}, **{"x-request-id": "abc-1-of-the-proxy"}
    )

    kept = only()
    assert (kept.source, kept.action, kept.outcome) == ("api", "devices.update", "done")
    assert (kept.actor_id, kept.actor_name) == (mira.pk, str(mira))
    assert (kept.target_kind, kept.target_id, kept.target_label) == (
        "devices.device",
        str(press.pk),
        "press-1",
    )
    assert (kept.before, kept.after) == ({"zone": "Hall A"}, {"zone": "Hall B"})
    assert (kept.address, kept.request_id) == ("127.0.0.1", "abc-1-of-the-proxy")


def test_each_call_of_a_batch_is_kept_by_itself(client):
    as_person(client)
    press, robot = make_device(), make_device()
    calls = {"0": {"id": press.pk, "zone": "A"}, "1": {"id": robot.pk, "zone": "B"}}

    Trpc(client).post(
        "devices.update,devices.update?batch=1", orjson.dumps(calls), origin="http://testserver"
    )

    assert [kept.target_id for kept in entries()] == [str(press.pk), str(robot.pk)]
    assert len({kept.request_id for kept in entries()}) == 1


def test_one_who_may_not_is_kept_as_refused(client):
    as_person(client, "user")
    press = make_device(zone="A")

    assert Trpc(client).mutate("devices.update", {"id": press.pk, "zone": "B"}).status_code == 403

    kept = only()
    assert (kept.action, kept.outcome, kept.before) == ("devices.update", "refused", {})
    assert "technician" in kept.reason


def test_what_a_service_refuses_is_kept_with_its_reason_and_without_changes(client):
    as_person(client)
    make_device(external_id="press-1")

    asked = {"deviceId": "press-1", "name": "Twice", "type": "sensor"}
    assert Trpc(client).mutate("devices.create", asked).status_code == 409

    kept = only()
    assert (kept.outcome, kept.reason) == ("refused", "deviceId: press-1 is in use already")
    assert kept.asked["name"] == "Twice"
    assert kept.after == {}


def test_reading_and_what_devices_say_write_nothing(client):
    press = make_device()
    Trpc(client, bearer=make_token(press, at=timezone.now())).mutate(
        "readings.create", {"data": {"temperature": 20}, "timestamp": timezone.now().isoformat()}
    )
    as_person(client, "admin")
    Trpc(client).query("devices.list")
    Trpc(client).mutate("readings.create", {"deviceId": press.pk, "data": {"temperature": 21}})
    client.get("/devices/")

    assert entries() == []


def test_a_stranger_is_kept_only_where_one_becomes_a_person(client):
    mira = make_user(email="mira@example.com")

    Trpc(client).mutate("devices.create", {"deviceId": "x"})
    client.post("/devices/new", {"device_id": "x"})
    Trpc(client).mutate("auth.login", {"email": mira.email, "password": "not hers"})
    client.post("/sign-in", {"email": mira.email, "password": PASSWORD})

    refused, done = entries()
    assert (refused.action, refused.outcome, refused.asked["email"]) == ("auth.login", "refused", mira.email)
    assert (done.action, done.outcome, done.source) == ("sign-in", "done", "page")


def test_no_secret_is_kept(client):
    boss = as_person(client, "admin")
    press = make_device()
    Trpc(client).mutate("devices.rotateToken", {"id": press.pk})
    Trpc(client).mutate("auth.login", {"email": boss.email, "password": PASSWORD})
    client.post(
        "/admin/accounts/user/add/",
        {"email": "new@example.com", "role": "user", "new_password": "four iron gates", "is_active": "on"},
    )
    Trpc(client).mutate("auth.changePassword", {"currentPassword": PASSWORD, "newPassword": "six red roofs"})

    written = orjson.dumps(list(AuditEntry.objects.values("asked", "before", "after", "reason"))).decode()
    assert len(entries()) == 4
    for secret in (PASSWORD, "four iron gates", "six red roofs", client.cookies["app_session_id"].value):
        assert secret not in written


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "newPassword",
        "token",
        "apiKey",
        "signature",
        "secret",
        "recipient",
        "client_secret",
        "psk",
    ],
)
def test_members_that_sound_secret_are_masked_at_any_depth(name):
    assert summary({"a": [{name: "hush"}]}) == {"a": [{name: HIDDEN}]}


def test_what_is_long_is_cut():
    told = summary(
        {"text": "x" * 5000, "many": list(range(5000)), "deep": {"a": {"b": {"c": {"d": {"e": 1}}}}}}
    )

    assert len(orjson.dumps(told)) < 2000
    assert summary({f"f{n}": "y" * 199 for n in range(50)})["f0"] == "…"


def test_a_page_is_kept_by_its_name_with_what_was_sent(client):
    mira, press = as_person(client), make_device(external_id="press-1")

    client.post(f"/devices/{press.pk}/tokens/new", {"label": "bench", "hours": "2"})

    kept = only()
    assert (kept.source, kept.action, kept.outcome) == ("page", "add-token", "done")
    assert (kept.actor_id, kept.target_kind, kept.target_id) == (mira.pk, "devices.device", str(press.pk))
    assert kept.asked["label"] == "bench"


def test_a_form_that_is_refused_is_kept_as_that(client):
    as_person(client)

    assert client.post("/devices/new", {"device_id": ""}).status_code == 422
    as_person(client, "user")
    client.post("/devices/new", {"device_id": "x"})

    assert [kept.outcome for kept in entries()] == ["refused", "refused"]


def test_a_threshold_changed_on_a_page_says_what_it_was(client):
    as_person(client)
    press = make_device(external_id="press-1")
    hot = make_threshold(press, max_value=90)

    Trpc(client).mutate("thresholds.update", {"id": hot.pk, "maxValue": 80})

    kept = only()
    assert (kept.target_kind, kept.before, kept.after) == (
        "alerts.threshold",
        {"max_value": 90.0},
        {"max_value": 80.0},
    )


def test_the_admin_is_kept_with_each_thing_it_changed(client):
    boss = as_person(client, "admin")
    one, other = make_device(external_id="a-1"), make_device(external_id="a-2")
    list_page = "/admin/devices/device/"
    marked = {"action": "delete_selected", "_selected_action": [one.pk, other.pk]}

    client.post(list_page, marked)  # the page that asks
    assert entries() == []
    client.post(list_page, {**marked, "post": "yes"})

    assert [(kept.action, kept.target_label, kept.actor_id) for kept in entries()] == [
        ("devices.device.delete_selected", "a-1", boss.pk),
        ("devices.device.delete_selected", "a-2", boss.pk),
    ]


def test_a_refusal_of_the_admin_is_kept_with_its_words(client):
    boss = as_person(client, "admin")

    client.post(f"/admin/accounts/user/{boss.pk}/delete/", {"post": "yes"})

    kept = only()
    assert (kept.outcome, kept.reason) == ("refused", "You cannot delete yourself.")
    assert (kept.target_kind, kept.target_id) == ("accounts.user", str(boss.pk))


def test_what_happens_without_a_person_is_not_kept():
    create_threshold(scope=_scope_of(make_device()), metric="power", at=NOON, max_value=1.0)

    assert entries() == []


def _scope_of(device):
    from alerts.scopes import Scope

    return Scope(device=device)


def test_entries_are_neither_changed_nor_deleted():
    entry = AuditEntry.objects.create(at=NOON, source="api", action="devices.update", outcome="done")
    entry.reason = "never mind"

    for attempt in (
        entry.save,
        entry.delete,
        AuditEntry.objects.all().delete,
        lambda: AuditEntry.objects.update(reason=""),
    ):
        with pytest.raises(AuditUnchangeable):
            attempt()
    assert only().reason == ""


def test_entries_are_kept_as_long_as_the_plant_says(settings):
    settings.AUDIT_KEEP_DAYS = 30
    for days in (29, 31, 60):
        AuditEntry.objects.create(at=NOON - timedelta(days=days), source="api", action="a", outcome="done")

    assert audit.forget_old_entries(at=NOON) == 2
    assert only().at == NOON - timedelta(days=29)


def test_a_deleted_person_is_still_named(client):
    mira, press = as_person(client), make_device()
    Trpc(client).mutate("devices.update", {"id": press.pk, "zone": "B"})

    from factory.accounts.services import delete_users

    delete_users(users=[mira], by=make_user(role="admin"), at=NOON)

    assert only(action="devices.update").actor_name == str(mira)


def test_a_log_that_cannot_be_written_does_not_stop_the_plant(client, monkeypatch, caplog):
    from django.db import DatabaseError

    as_person(client)
    press = make_device(zone="A")

    def full(*_args, **_kwargs):
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(type(AuditEntry.objects.all()), "bulk_create", full)
    response = Trpc(client).mutate("devices.update", {"id": press.pk, "zone": "B"})

    assert response.status_code == 200
    press.refresh_from_db()
    assert press.zone == "B"
    assert "audit.not_written" in [record.message for record in caplog.records]
