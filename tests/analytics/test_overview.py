import re
from datetime import timedelta

import pytest
from django.utils import timezone

from alerts.services.handling import acknowledge_alert, shelve_alert
from alerts.services.maintenance import plan_maintenance
from devices.services import edit_device
from tests.alerts.outbox import raise_trouble
from tests.analytics.looking import HTMX, make_alert, words
from tests.builders import NOON, make_device, make_threshold, make_user, store

pytestmark = pytest.mark.django_db


def test_an_empty_plant_says_how_to_begin(client, tess):
    page = client.get("/")

    assert "There is no device yet." in words(page)
    assert 'action="/devices/new"' in page.content.decode()


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


def test_a_zone_and_the_system_may_need_someone_too(client, mira):
    make_alert(make_device(name="Press 3", zone="Hall A"))
    raise_trouble(zone="Hall B", message="5 devices are silent")
    make_device(zone="Hall B")
    acknowledge_alert(alert=raise_trouble(zone="Hall C"), by=mira, at=NOON)

    page = client.get("/")
    text = words(page)

    assert "One machine and one zone need someone." in text
    assert re.search(r"Hall B since 1 Jun, 12:00 , unseen", text)
    assert "critical: Hall B" in text
    raise_trouble(message="The disk is full")
    assert "One machine and one zone and the system need someone." in words(client.get("/"))


def test_one_zone_alone_needs_someone_and_then_is_looked_after(client, mira):
    make_device(zone="Hall B")
    alert = raise_trouble(zone="Hall B")

    assert "One zone needs someone." in words(client.get("/"))
    acknowledge_alert(alert=alert, by=mira, at=NOON)
    assert "One machine is being looked after." not in words(client.get("/"))
    assert "One zone is being looked after." in words(client.get("/"))


def test_what_is_on_the_shelf_asks_for_nobody_and_is_counted_apart(client, mira):
    alert = make_alert()
    shelve_alert(
        alert=alert,
        by=make_user(role="operator"),
        at=timezone.now(),
        reason="x",
        lasting=timedelta(hours=1),
    )

    page = client.get("/")
    text = words(page)

    assert "The plant is quiet." in text
    assert "Open alerts 0 nothing to do, 1 shelved" in text
    assert f'href="/devices/{alert.device_id}/" data-state="normal"' in page.content.decode()


def test_what_happens_during_planned_work_is_shown_but_asks_for_nobody(client, mira):
    device = make_device(name="Press 3", zone="Hall B")
    plan_maintenance(
        name="Oil",
        starts_at=NOON,
        ends_at=timezone.now() + timedelta(hours=1),
        zone="Hall B",
        by=None,
        at=NOON,
    )
    make_alert(device)

    page = client.get("/")

    assert "need" not in page.content.decode().split("</h1>")[0].split("<h1>")[1]
    assert "in maintenance" in words(page)
    assert f'href="/devices/{device.pk}/" data-state="maintenance"' in page.content.decode()


def test_a_tile_has_the_band_of_a_wider_limit(client, mira):
    device = make_device(type="controller")
    make_threshold(device_type="controller", metric="temperature", warning_max=80.0, max_value=90.0)
    store(device, (timezone.now(), 20.0))

    tile = client.get("/").content.decode().split('class="tile"')[1]

    assert 'data-bar="temperature"' in tile
