import re
from html import unescape

import pytest
from django.utils import timezone

from alerts.models import Threshold
from devices.models import Credential, Device
from tests.analytics.looking import make_alert, words
from tests.builders import make_device, make_threshold, make_user, sign_in, store

pytestmark = pytest.mark.django_db


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
