import re
from datetime import timedelta
from html import unescape

import pytest
from django.utils import timezone

from alerts.models import Alert, Threshold
from alerts.services.lifecycle import acknowledge_alert
from devices.models import Credential, Device
from devices.services import edit_device
from tests.builders import make_device, make_threshold, make_user, sign_in, store

pytestmark = pytest.mark.django_db

NASTY = '<script>alert("x")</script>'
HTMX = {"HX-Request": "true"}
ROLES = ("user", "operator", "technician", "admin")


@pytest.fixture
def mira(client):
    """A viewer, signed in."""
    user = make_user(name="Mira")
    sign_in(client, user)
    return user


@pytest.fixture
def omar(client):
    """An operator, signed in."""
    user = make_user(role="operator", name="Omar")
    sign_in(client, user)
    return user


@pytest.fixture
def tess(client):
    """A technician, signed in."""
    user = make_user(role="technician", name="Tess")
    sign_in(client, user)
    return user


def make_alert(device: Device | None = None, *, value: float = 96.4) -> Alert:
    device = device or make_device(name="Press 3", zone="Hall B")
    if not Threshold.objects.filter(device=device).exists():
        make_threshold(device, max_value=90.0, warning_max=80.0)
    store(device, (timezone.now(), value))
    return Alert.objects.get(device=device)


def words(response) -> str:
    """What a person reads: the page without its tags."""
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", unescape(text))


# Who may open what

PAGES = ("/", "/overview/now", "/overview/zones", "/alerts/", "/devices/", "/devices/{device}/")
TECHNICIANS_PAGES = (
    "/devices/new",
    "/devices/{device}/token",
    "/devices/{device}/thresholds/new",
    "/devices/{device}/thresholds/{threshold}/",
)


def filled(path: str, device: Device) -> str:
    threshold = device.thresholds.first()
    return path.format(device=device.pk, threshold=threshold.pk if threshold else 0)


@pytest.mark.parametrize("path", [*PAGES, *TECHNICIANS_PAGES])
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
            f"/devices/{alert.device_id}/token",
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


# The overview


def test_an_empty_plant_says_how_to_begin(client, tess):
    page = client.get("/")

    assert "There is no device yet." in words(page)
    assert 'href="/devices/new"' in page.content.decode()


def test_a_viewer_of_an_empty_plant_is_told_who_can_begin(client, mira):
    page = client.get("/")

    assert "A technician or an admin can add one." in words(page)
    assert "/devices/new" not in page.content.decode()


def test_a_plant_without_readings_waits(client, mira):
    make_device()

    assert "Waiting for the first reading." in words(client.get("/"))


def test_a_quiet_plant_says_so(client, mira):
    device = make_device(name="Press 3")
    now = timezone.now()
    store(device, (now - timedelta(seconds=20), 2400.0), (now, 2500.0), metric="power")

    text = words(client.get("/"))

    assert "The plant is quiet. Every value is where it should be." in text
    assert "Devices reporting 1 of 1 none silent" in text
    assert "Open alerts 0 nothing to do" in text
    assert "Power now 2.5 kW from 1 device online" in text
    assert "Readings, last minute 2 newest" in text


def test_power_counts_only_what_is_online(client, mira):
    for watts, status in ((1000.0, "online"), (3000.0, "offline"), (5000.0, "maintenance")):
        device = make_device()
        store(device, (timezone.now(), watts), metric="power")
        edit_device(device=device, status=status, at=timezone.now())

    assert "Power now 1.0 kW from 1 device online" in words(client.get("/"))


def test_the_sentence_counts_machines_and_not_alerts(client, mira):
    press = make_device(name="Press 3", zone="Hall B")
    make_alert(press)
    make_threshold(press, metric="vibration", max_value=5.0)
    store(press, (timezone.now(), 6.0), metric="vibration")
    make_alert(make_device(name="Mixer 1"))

    text = words(client.get("/"))

    assert "Two machines need someone." in text
    assert "Open alerts 3 3 critical 3 unseen" in text


def test_one_that_somebody_looks_after_is_named_with_them(client, mira):
    acknowledge_alert(alert=make_alert(), by=mira, at=timezone.now())

    text = words(client.get("/"))

    assert "One machine is being looked after." in text
    assert "Mira is on it" in text


def test_a_device_in_error_needs_someone_though_no_alert_is_open(client, mira):
    device = make_device(name="Robot 2")
    store(device, (timezone.now(), 20.0))
    edit_device(device=device, status="error", at=timezone.now())

    text = words(client.get("/"))

    assert "One machine needs someone. Robot 2 reports an error" in text


def test_each_device_is_a_dot_with_its_state_and_a_name(client, mira):
    critical, warning, silent, idle, well = (
        make_device(name=name, zone="Hall A")
        for name in ("Press 1", "Press 2", "Press 3", "Press 4", "Press 5")
    )
    make_alert(critical, value=96.0)
    make_alert(warning, value=85.0)
    edit_device(device=idle, status="maintenance", at=timezone.now())
    store(well, (timezone.now(), 20.0))

    dots = re.findall(
        r'href="/devices/(\d+)/" data-state="(\w+)"[^>]* aria-label="([^"]+)"',
        client.get("/").content.decode(),
    )

    assert dots == [
        (str(critical.pk), "critical", "Press 1, critical"),
        (str(warning.pk), "warning", "Press 2, warning"),
        (str(silent.pk), "offline", "Press 3, offline"),
        (str(idle.pk), "maintenance", "Press 4, maintenance"),
        (str(well.pk), "normal", "Press 5, normal"),
    ]


def test_a_tile_shows_the_metric_that_is_alarming(client, mira):
    device = make_device()
    store(device, (timezone.now(), 20.0))
    make_threshold(device, metric="vibration", max_value=5.0)
    store(device, (timezone.now(), 6.25), metric="vibration")

    tile = client.get("/").content.decode().split('class="tile"')[1]

    assert 'data-metric="vibration" data-decimals="2"' in tile
    assert ">6.25<" in tile


@pytest.mark.parametrize("path", ["/overview/now", "/overview/zones"])
def test_partials_are_no_whole_pages(client, mira, path):
    make_alert()

    assert "<html" not in client.get(path, headers=HTMX).content.decode()


# What it costs: the same for one and for three devices, each with readings, a limit and an open alert


def make_plant(devices: int) -> int:
    for _ in range(devices):
        make_alert(make_device(zone="Hall A"))
    return Device.objects.order_by("-pk").first().pk


@pytest.mark.parametrize("devices", [1, 3])
@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/", 12),
        ("/overview/now", 8),
        ("/overview/zones", 4),
        ("/alerts/", 4),
        ("/devices/", 5),
        ("/devices/{}/", 8),
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

    for path in ("/", "/alerts/", "/devices/", f"/devices/{device.pk}/", f"/devices/{device.pk}/token"):
        page = client.get(path).content.decode()
        assert NASTY not in page
        assert "&lt;script&gt;alert(" in page


def test_pages_bring_no_inline_script_or_style(client, tess):
    device = make_device()
    make_alert(device)

    for path in ("/", "/alerts/", "/devices/", f"/devices/{device.pk}/", "/devices/new", "/sign-in?next=/"):
        response = client.get(path)
        page = response.content.decode()
        assert "default-src 'self'" in response["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*src=)", page)
        assert not re.search(r"<style|\sstyle=|\son\w+=", page)
        assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


# Handling alerts


def test_acknowledging_answers_the_alert_as_it_is_now(client, mira):
    alert = make_alert()

    response = client.post(f"/alerts/{alert.pk}/acknowledge", headers=HTMX)

    alert.refresh_from_db()
    assert (alert.status, alert.acknowledged_by) == ("acknowledged", mira)
    assert response.status_code == 200
    assert "Mira is on it" in words(response)
    assert "Acknowledged: Press 3." in words(response)
    assert response["HX-Trigger"] == "acted"
    assert f"/alerts/{alert.pk}/acknowledge" not in response.content.decode()


def test_the_second_to_acknowledge_is_told_who_was_first(client, mira):
    alert = make_alert()
    client.post(f"/alerts/{alert.pk}/acknowledge", headers=HTMX)
    sign_in(client, make_user(name="Noor"))

    response = client.post(f"/alerts/{alert.pk}/acknowledge", headers=HTMX)

    alert.refresh_from_db()
    assert alert.acknowledged_by == mira
    assert response.status_code == 409
    assert f"Alert {alert.pk} is acknowledged already by Mira." in words(response)


def test_without_javascript_the_same_button_comes_back_to_its_page(client, mira):
    alert = make_alert()
    for expected in ("Acknowledged: Press 3.", f"Alert {alert.pk} is acknowledged already by Mira."):
        response = client.post(f"/alerts/{alert.pk}/acknowledge", {"next": "/alerts/?status=all"})

        assert (response.status_code, response["Location"]) == (302, "/alerts/?status=all")
        assert expected in words(client.get(response["Location"]))


def test_a_form_does_not_lead_to_another_site(client, mira):
    response = client.post(f"/alerts/{make_alert().pk}/acknowledge", {"next": "https://evil.example/"})

    assert response["Location"] == "/"


def test_resolving_is_for_operators(client, mira):
    alert = make_alert()

    assert client.post(f"/alerts/{alert.pk}/resolve", headers=HTMX).status_code == 403
    alert.refresh_from_db()
    assert alert.status == "active"


def test_an_operator_resolves(client, omar):
    alert = make_alert()

    response = client.post(f"/alerts/{alert.pk}/resolve", headers=HTMX)

    alert.refresh_from_db()
    assert (response.status_code, alert.status) == (200, "resolved")


def test_a_form_without_its_token_is_refused(client, mira):
    client.handler.enforce_csrf_checks = True

    assert client.post(f"/alerts/{make_alert().pk}/acknowledge").status_code == 403


def test_looking_never_changes_anything(client, omar):
    alert = make_alert()

    assert client.get(f"/alerts/{alert.pk}/acknowledge").status_code == 405
    assert client.get(f"/alerts/{alert.pk}/resolve").status_code == 405


def test_the_alert_list_shows_what_is_asked_for(client, omar):
    press, mixer = make_device(name="Press 3"), make_device(name="Mixer 1")
    make_alert(press)
    client.post(f"/alerts/{make_alert(mixer, value=85.0).pk}/resolve", headers=HTMX)

    def names(query: str) -> list[str]:
        page = client.get(f"/alerts/{query}").content.decode()
        return [name for name in ("Press 3", "Mixer 1") if f">{name}</a>" in page]

    shown = {
        query: names(query)
        for query in (
            "",
            "?status=resolved",
            "?status=all",
            "?status=all&severity=warning",
            "?status=all&search=press",
            "?search=zebra",
        )
    }

    assert shown == {
        "": ["Press 3"],
        "?status=resolved": ["Mixer 1"],
        "?status=all": ["Press 3", "Mixer 1"],
        "?status=all&severity=warning": ["Mixer 1"],
        "?status=all&search=press": ["Press 3"],
        "?search=zebra": [],
    }


# Devices


def test_the_device_list_is_searched_filtered_and_paged(client, mira):
    for number in range(55):
        make_device(name=f"Press {number:02}", zone="Hall A")
    make_device(name="Mixer", zone="Hall B", status="maintenance")

    def names(query: str) -> list[str]:
        return re.findall(
            r'class="row-link"[^>]*>([^<]+)<small>', client.get(f"/devices/{query}").content.decode()
        )

    assert names("?search=mixer") == ["Mixer"]
    assert names("?status=maintenance") == ["Mixer"]
    assert names("?zone=Hall+B") == ["Mixer"]
    assert names("?status=nonsense")[0] == "Mixer"
    assert len(names("")) == 50
    assert names("?zone=Hall+A&page=2") == [f"Press {number:02}" for number in range(50, 55)]
    assert names("?page=nonsense") == names("")


def test_a_device_shows_each_metric_with_its_band(client, mira):
    device = make_device(name="Press 3")
    make_threshold(device, min_value=0.0, warning_min=18.0, warning_max=80.0, max_value=90.0)
    store(device, (timezone.now(), 71.26))

    text = words(client.get(f"/devices/{device.pk}/"))

    assert "Temperature 71.3 °C" in text
    assert "normal 18 to 80 °C" in text


def test_the_course_and_its_range_stand_in_the_address(client, mira):
    device = make_device()
    store(device, (timezone.now(), 20.0))
    store(device, (timezone.now(), 1.5), metric="vibration")

    def course(query: str) -> tuple[str, int]:
        shown = client.get(f"/devices/{device.pk}/{query}").context["course"]
        return shown["metric"], shown["rangeMs"]

    assert course("") == ("temperature", 3_600_000)
    assert course("?metric=vibration&range=7d") == ("vibration", 604_800_000)
    assert course("?metric=nonsense&range=nonsense") == ("temperature", 3_600_000)


def test_the_course_can_be_had_as_csv(client, mira):
    device = make_device()
    store(device, (timezone.now(), 20.5))

    link = re.search(r'href="([^"]*exportCsv[^"]*)"', client.get(f"/devices/{device.pk}/?range=7d").text)
    answer = client.get(unescape(link[1])).getvalue().decode()

    assert answer.startswith("deviceId,device,timestamp,time,temperature\r\n")
    assert answer.endswith(",20.5\r\n")


def test_the_course_knows_limits_and_when_alerts_were_open(client, mira):
    alert = make_alert()

    course = client.get(f"/devices/{alert.device_id}/").context["course"]

    assert course["limits"] == [{"name": "warning", "value": 80.0}, {"name": "limit", "value": 90.0}]
    assert course["alerts"] == [
        {"from": int(alert.started_at.timestamp() * 1000), "to": None, "severity": "critical"}
    ]


def test_a_technician_adds_a_device_and_sees_its_token_once(client, tess):
    form = {"name": "Press 3", "external_id": "press-3", "type": "controller", "zone": "Hall B"}

    response = client.post("/devices/new", form)

    device = Device.objects.get(external_id="press-3")
    token = response.context["token"]
    assert token in words(response)
    assert f"Authorization: Bearer {token}" in words(response)
    assert token not in client.get(f"/devices/{device.pk}/").content.decode()


def test_a_device_id_that_is_taken_is_said_at_its_field(client, tess):
    make_device(external_id="press-3")

    response = client.post("/devices/new", {"name": "Press", "external_id": "press-3", "type": "sensor"})

    assert response.status_code == 422
    assert response.context["form"].errors == {"external_id": ["Is in use already"]}


def test_rotating_asks_first_and_shows_the_new_token_once(client, tess):
    device = make_device()
    asked = client.get(f"/devices/{device.pk}/token")
    assert Credential.objects.filter(device=device, revoked_at=None).count() == 1

    response = client.post(f"/devices/{device.pk}/token")

    assert "Rotate the token of" in words(asked)
    assert response.context["token"] in words(response)
    assert Credential.objects.filter(device=device).count() == 2
    assert Credential.objects.filter(device=device, revoked_at=None).count() == 1


# Thresholds

BOUNDS = {"hysteresis": "0", "hold_seconds": "0", "clear_seconds": "0", "count": "1", "enabled": "on"}


def test_a_technician_says_what_is_normal(client, tess):
    device = make_device()

    response = client.post(
        f"/devices/{device.pk}/thresholds/new", {**BOUNDS, "metric": "temperature", "max_value": "90.5"}
    )

    threshold = Threshold.objects.get()
    assert response["Location"] == f"/devices/{device.pk}/"
    assert (threshold.device, threshold.metric, threshold.max_value, threshold.min_value) == (
        device,
        "temperature",
        90.5,
        None,
    )


def test_editing_a_threshold_keeps_its_open_alert(client, tess):
    alert = make_alert()
    threshold = Threshold.objects.get()

    client.post(f"/devices/{alert.device_id}/thresholds/{threshold.pk}/", {**BOUNDS, "max_value": "95"})

    threshold.refresh_from_db()
    alert.refresh_from_db()
    assert (threshold.max_value, threshold.warning_max, alert.status) == (95.0, None, "active")


def test_what_cannot_be_meant_is_said_at_the_field_in_the_words_of_the_form(client, tess):
    device = make_device()
    form = {**BOUNDS, "metric": "temperature", "max_value": "5", "warning_max": "9"}

    response = client.post(f"/devices/{device.pk}/thresholds/new", form)

    assert response.status_code == 422
    assert response.context["form"].errors == {"max_value": ["Must not be below “Warning above” (9)"]}
    assert not Threshold.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("max_value", "hot"), ("max_value", "inf"), ("count", "0"), ("metric", "Température")],
)
def test_a_wrong_entry_is_said_at_its_field(client, tess, field, value):
    form = {**BOUNDS, "metric": "temperature", "max_value": "5", field: value}

    response = client.post(f"/devices/{make_device().pk}/thresholds/new", form)

    assert (response.status_code, list(response.context["form"].errors)) == (422, [field])


def test_no_longer_watching_ends_the_alert_it_holds(client, tess):
    alert = make_alert()
    threshold = Threshold.objects.get()

    client.post(f"/devices/{alert.device_id}/thresholds/{threshold.pk}/delete")

    alert.refresh_from_db()
    assert (alert.status, Threshold.objects.count()) == ("resolved", 0)


@pytest.mark.parametrize("role", ["user", "operator"])
def test_only_technicians_write(client, role):
    sign_in(client, make_user(role=role))
    alert = make_alert()
    threshold = Threshold.objects.get()
    base = f"/devices/{alert.device_id}"

    for path in (
        f"{base}/token",
        f"{base}/thresholds/new",
        f"{base}/thresholds/{threshold.pk}/delete",
        "/devices/new",
    ):
        assert client.post(path, {**BOUNDS, "metric": "power", "max_value": "1"}).status_code == 403
    assert Threshold.objects.get() == threshold
    assert Credential.objects.count() == 1


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


def test_the_admin_has_a_policy_of_its_own_and_the_way_back(client):
    sign_in(client, make_user(role="admin"))

    response = client.get("/admin/")

    assert "script-src 'self' 'unsafe-eval'" in response["Content-Security-Policy"]
    assert "Back to the plant" in words(response)
    assert "unsafe" not in client.get("/")["Content-Security-Policy"]
