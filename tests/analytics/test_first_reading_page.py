import re
from datetime import timedelta
from html import unescape

import pytest
from django.utils import timezone

from analytics.queries.first_reading import heard_since
from devices.models import Device
from devices.refused import keep_refused_message
from tests.analytics.looking import HTMX, NASTY, words
from tests.builders import make_device, make_user, ms, sign_in, store

pytestmark = pytest.mark.django_db
FORM = {"name": "Press 3", "external_id": "press-3", "type": "controller", "zone": "Hall B"}


def address_of(answer) -> str:
    return unescape(re.search(r'hx-get="([^"]+first-reading[^"]+)"', answer.text).group(1))


def test_a_new_device_gets_lines_for_both_ways_and_is_waited_for(client, tess, settings):
    settings.MQTT_ENABLED, settings.MQTT_PORT = True, 18_830

    answer = client.post("/devices/new", FORM)

    token = answer.context["token"]
    text = words(answer)
    assert (
        f"curl -X POST http://testserver/api/trpc/readings.create -H 'Authorization: Bearer {token}'" in text
    )
    assert "-p 18830 -i press-3 -u press-3" in text
    assert f"-P '{token}' -q 1 -t factory/press-3/readings" in text
    assert "Waiting for the first reading…" in text
    assert "Nothing comes?" not in text


def test_the_first_reading_appears_and_ends_the_waiting(client, tess):
    address = address_of(client.post("/devices/new", FORM))
    assert "Waiting for the first reading…" in words(client.get(address, headers=HTMX))

    store(Device.objects.get(), (timezone.now(), 21.5))

    answer = client.get(address, headers=HTMX)
    assert "The first reading is there. Temperature 21.5 °C" in words(answer)
    assert "hx-trigger" not in answer.text


def test_after_a_rotation_an_older_reading_is_none(client, tess):
    device = make_device(name="Press 3")
    store(device, (timezone.now() - timedelta(minutes=5), 21.5))

    address = address_of(client.post(f"/devices/{device.pk}/token", {"overlap": "0"}))

    assert "Waiting for the first reading…" in words(client.get(address))
    store(device, (timezone.now(), 22.5))
    assert "Temperature 22.5 °C" in words(client.get(address))


def test_what_could_not_be_read_is_said_with_what_may_be_wrong(client, tess):
    device = make_device(external_id="press-3")
    long_ago = timezone.now() - timedelta(minutes=1)
    keep_refused_message(
        external_id="press-3", topic="readings", payload=NASTY.encode(), reason="no JSON", at=timezone.now()
    )

    answer = client.get(f"/devices/{device.pk}/first-reading?since={ms(long_ago)}")

    assert "On “readings”: no JSON" in words(answer)
    assert "Nothing comes?" in words(answer)
    assert NASTY not in answer.text


def test_a_refusal_of_before_is_not_told():
    device = make_device(external_id="press-3")
    now = timezone.now()
    keep_refused_message(
        external_id="press-3", topic="readings", payload=b"x", reason="no JSON", at=now - timedelta(hours=1)
    )

    heard = heard_since(device=device, since=ms(now))

    assert (heard.refused, heard.values, heard.seen_at) == (None, None, None)


def test_without_a_broker_there_is_no_line_for_it(client, tess, settings):
    settings.MQTT_ENABLED = False

    assert "mosquitto_pub" not in client.post("/devices/new", FORM).text


def test_a_broker_that_listens_everywhere_is_named_as_this_page_was(client, tess, settings):
    settings.MQTT_ENABLED, settings.MQTT_EMBEDDED, settings.HOST = True, True, "0.0.0.0"

    text = words(client.post("/devices/new", FORM))

    assert "mosquitto_pub -h testserver -p" in text
    assert "listens on the server itself only" not in text


def test_a_colon_cannot_stand_in_a_brokers_password_file(client, tess, settings):
    settings.MQTT_ENABLED = True

    assert "mosquitto_pub" not in client.post("/devices/new", {**FORM, "external_id": "press:3"}).text


@pytest.mark.parametrize("role", ["user", "operator"])
def test_only_who_gives_tokens_watches_for_the_first_reading(client, role):
    device = make_device()
    assert client.get(f"/devices/{device.pk}/first-reading").status_code == 302
    sign_in(client, make_user(role=role))
    assert client.get(f"/devices/{device.pk}/first-reading").status_code == 403


@pytest.mark.parametrize("since", ["", "x", "-1", "99999999999999999999"])
def test_a_strange_time_is_taken_for_now(client, tess, since):
    device = make_device()

    assert client.get(f"/devices/{device.pk}/first-reading?since={since}").status_code == 200


def test_a_device_that_is_gone_is_not_found(client, tess):
    assert client.get("/devices/99/first-reading").status_code == 404
