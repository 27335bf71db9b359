import re

import pytest

from devices.models import Device
from tests.analytics.looking import HTMX, NASTY, ROLES, make_alert, words
from tests.builders import make_device, make_threshold, make_user, sign_in

pytestmark = pytest.mark.django_db


# Who may open what

PAGES = (
    "/",
    "/overview/now",
    "/overview/zones",
    "/alerts/",
    "/alerts/history/",
    "/alerts/figures/",
    "/maintenance/",
    "/notifications/",
    "/notifications/new",
    "/devices/",
    "/devices/{device}/",
)
OPERATORS_PAGES = ("/maintenance/new",)
TECHNICIANS_PAGES = (
    "/devices/new",
    "/devices/{device}/token",
    "/devices/{device}/thresholds/new",
    "/devices/{device}/thresholds/{threshold}/",
)


def filled(path: str, device: Device) -> str:
    threshold = device.thresholds.first()
    return path.format(device=device.pk, threshold=threshold.pk if threshold else 0)


@pytest.mark.parametrize("path", [*PAGES, *OPERATORS_PAGES, *TECHNICIANS_PAGES])
def test_a_stranger_is_sent_to_the_sign_in_page_and_back(client, path):
    device = make_device()
    make_threshold(device)

    response = client.get(filled(path, device))

    assert response.status_code == 302
    assert response["Location"] == f"/sign-in?next={filled(path, device)}"


def test_a_partial_asked_for_after_the_session_ended_leads_the_whole_page_to_sign_in(client):
    headers = {**HTMX, "HX-Current-URL": "http://testserver/alerts/?status=all"}

    response = client.get("/overview/now", headers=headers)

    assert response.status_code == 401
    assert response["HX-Redirect"] == "/sign-in?next=/alerts/%3Fstatus%3Dall"


def test_a_foreign_address_is_no_place_to_come_back_to(client):
    response = client.get("/overview/now", headers={**HTMX, "HX-Current-URL": "https://evil.example/x"})

    assert response["HX-Redirect"] == "/sign-in?next=/"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("path", PAGES)
def test_everybody_signed_in_sees_the_plant(client, role, path):
    sign_in(client, make_user(role=role))
    make_alert(device := make_device())

    assert client.get(filled(path, device)).status_code == 200


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("path", OPERATORS_PAGES)
def test_planning_work_is_for_operators(client, role, path):
    sign_in(client, make_user(role=role))

    assert client.get(path).status_code == (403 if role == "user" else 200)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("path", TECHNICIANS_PAGES)
def test_changing_devices_is_for_technicians(client, role, path):
    sign_in(client, make_user(role=role))
    make_threshold(device := make_device())

    assert client.get(filled(path, device)).status_code == (200 if role in ("technician", "admin") else 403)


def test_what_a_viewer_may_not_do_has_no_button(client, mira):
    alert = make_alert()

    page = client.get(f"/devices/{alert.device_id}/").content.decode()

    assert f"/alerts/{alert.pk}/acknowledge" in page
    for word in (f"/alerts/{alert.pk}/resolve", "thresholds/", "/token", "/admin/"):
        assert word not in page


def test_an_operator_resolves_and_a_technician_edits(client):
    alert = make_alert()
    seen = {}
    for role in ROLES:
        sign_in(client, make_user(role=role))
        page = client.get(f"/devices/{alert.device_id}/").content.decode()
        wanted = (
            f"/alerts/{alert.pk}/resolve",
            "thresholds/new",
            "?tab=credentials",
            "/admin/",
        )
        seen[role] = [word in page for word in wanted]

    assert seen == {
        "user": [False, False, False, False],
        "operator": [True, False, False, False],
        "technician": [True, True, True, False],
        "admin": [True, True, True, True],
    }


@pytest.mark.parametrize("path", ["/devices/999/", "/devices/999/token", "/devices/99999999999999999999999/"])
def test_an_unknown_device_is_not_found(client, tess, path):
    response = client.get(path)

    assert response.status_code == 404
    assert "There is nothing here." in words(response)


def test_a_threshold_of_another_device_is_not_found(client, tess):
    threshold, other = make_threshold(make_device()), make_device()

    assert client.get(f"/devices/{other.pk}/thresholds/{threshold.pk}/").status_code == 404


# What it costs: the same for one and for three devices, each with readings, a limit and an open alert


def make_plant(devices: int) -> int:
    for _ in range(devices):
        make_alert(make_device(zone="Hall A"))
    return Device.objects.order_by("-pk").first().pk


@pytest.mark.parametrize("devices", [1, 3])
@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/", 19),
        ("/overview/now", 12),
        ("/overview/zones", 4),
        ("/alerts/", 6),
        ("/alerts/history/", 6),
        ("/alerts/figures/", 8),
        ("/devices/", 7),
        ("/devices/{}/", 12),
    ],
)
def test_a_page_costs_the_same_for_any_number_of_devices(
    client, mira, devices, path, queries, django_assert_num_queries
):
    newest = make_plant(devices)

    with django_assert_num_queries(queries):
        assert client.get(path.format(newest)).status_code == 200


# Names are text


def test_a_hostile_name_is_shown_and_not_run(client, tess):
    device = make_device(name=NASTY, zone=NASTY, location=NASTY)
    make_alert(device)

    paths = ("/", "/alerts/", "/alerts/history/", "/alerts/figures/", "/devices/")
    for path in (*paths, f"/devices/{device.pk}/", f"/devices/{device.pk}/token"):
        page = client.get(path).content.decode()
        assert NASTY not in page
        assert "&lt;script&gt;alert(" in page


def test_pages_bring_no_inline_script_or_style(client, tess):
    device = make_device()
    alert = make_alert(device)
    about_one = (f"/devices/{device.pk}/", f"/alerts/{alert.pk}/")

    for path in (*PAGES[:-1], *OPERATORS_PAGES, *about_one, "/devices/new", "/sign-in?next=/"):
        response = client.get(path)
        page = response.content.decode()
        assert "default-src 'self'" in response["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*src=)", page)
        assert not re.search(r"<style|\sstyle=|\son\w+=", page)
        assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


# Signing in and refusals


def test_the_sign_in_page_says_what_is_wrong(client):
    response = client.post("/sign-in", {"email": "mira@example.com", "password": "wrong"})

    assert response.status_code == 401
    assert "E-mail or password is wrong." in words(response)


def test_an_error_page_needs_neither_person_nor_database(rf, django_assert_num_queries):
    from django.contrib.auth.models import AnonymousUser
    from django.utils.functional import SimpleLazyObject

    from factory.refusals import server_error

    def broken() -> AnonymousUser:
        raise AssertionError("the error page asked who is there")

    request = rf.get("/")
    request.user = SimpleLazyObject(broken)

    with django_assert_num_queries(0):
        response = server_error(request)

    assert response.status_code == 500
    assert "Something broke on our side." in words(response)


def test_the_admin_is_under_the_policy_of_every_page_and_has_the_way_back(client):
    sign_in(client, make_user(role="admin"))

    response = client.get("/admin/")

    assert response["Content-Security-Policy"] == client.get("/")["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]
    assert "Back to the plant" in words(response)
