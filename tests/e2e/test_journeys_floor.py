"""Five journeys of the shop floor, at a desk, a tablet and a phone: what people do with what happens there."""

import re

import pytest

from tests.e2e.looking import wait_for_line
from tests.plant import ADMIN, Api

pytestmark = pytest.mark.e2e
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect


def stays_open(page) -> None:
    """From here on the page must not be loaded anew."""
    page.evaluate("window.untouched = true")


def stayed_open(page) -> bool:
    return bool(page.evaluate("window.untouched === true"))


def test_sign_in(passer_by):
    page = passer_by.page
    passer_by.open("/alerts/")
    expect(page).to_have_url(re.compile(r"/sign-in\?next=/alerts/$"))
    passer_by.passes()
    page.locator("#id_email").fill(ADMIN["email"])
    page.locator("#id_password").fill("six wooden ladders")
    passer_by.tap(page.get_by_role("button", name="Sign in"))
    expect(page.get_by_role("alert").first).to_be_visible()
    passer_by.passes()

    page.locator("#id_password").fill(ADMIN["password"])
    passer_by.tap(page.get_by_role("button", name="Sign in"))

    expect(page).to_have_url(passer_by.url + "/alerts/")
    wait_for_line(page)
    answer = page.request.get(f"{passer_by.url}/api/trpc/auth.me").json()
    assert answer["result"]["data"]["email"] == ADMIN["email"]
    passer_by.passes()
    # The browser tells of every refusal; this one was asked for.
    assert [words for words in passer_by.complaints if "4" not in words] == []
    assert passer_by.strangers == []


def test_watch(walker, press, admin):
    device_id, send = press
    page = walker.page
    walker.open("/")
    wait_for_line(page)
    stays_open(page)
    send(temperature=96.4)

    alert = page.locator(f"[id^=alert-]:has(a[href='/devices/{device_id}/'])").first
    expect(alert).to_contain_text("Temperature 96.4 °C, over the limit of 90 °C")
    expect(page.locator("h1")).to_contain_text("need")
    assert stayed_open(page)
    walker.passes()

    walker.open(f"/devices/{device_id}/")
    wait_for_line(page)
    stays_open(page)
    value = page.locator(f"#values [data-device='{device_id}'][data-metric='temperature']")
    expect(value).to_have_text("96.4")
    expect(page.locator("#chart canvas")).to_have_count(1)
    send(temperature=74.56)
    expect(value).to_have_text("74.6")
    assert admin.data("readings.getLatest", {"deviceId": device_id})["temperature"] == 74.56
    expect(page.locator("#alerts .steps")).to_have_count(0)  # it is over by itself
    assert stayed_open(page)
    walker.passes()
    assert walker.is_clean()


def test_acknowledge(walker, press, admin):
    device_id, send = press
    page = walker.page
    walker.open("/")
    wait_for_line(page)
    stays_open(page)
    send(temperature=96.4)
    alert = page.locator(f"[id^=alert-]:has(a[href='/devices/{device_id}/'])").first
    button = alert.get_by_role("button", name="Acknowledge")
    expect(button).to_be_visible()
    [raised] = admin.data("alerts.list", {"deviceId": device_id, "status": "active"})

    walker.tap(button)

    expect(alert).to_contain_text("Admin is on it")
    expect(page.locator(".toast")).to_contain_text("Acknowledged")
    expect(button).to_have_count(0)
    told = admin.data("alerts.getById", {"id": raised["id"]})
    assert (told["status"], told["acknowledgedBy"]) == ("acknowledged", admin.data("auth.me")["id"])
    assert stayed_open(page)
    walker.passes()

    walker.open(f"/alerts/{raised['id']}/")
    expect(page.locator("#timeline")).to_contain_text("by Admin")
    page.once("dialog", lambda dialog: dialog.accept())
    walker.tap(page.get_by_role("button", name="Resolve"))
    expect(page.locator("#head")).to_contain_text("Resolved by Admin")
    assert admin.data("alerts.getById", {"id": raised["id"]})["status"] == "resolved"
    walker.passes()
    assert walker.is_clean()


def test_shelve(walker, press, admin):
    device_id, send = press
    page = walker.page
    send(temperature=97.5)
    [raised] = admin.data("alerts.list", {"deviceId": device_id, "status": "active"})
    walker.open(f"/alerts/{raised['id']}/")
    wait_for_line(page)
    stays_open(page)
    walker.tap(page.locator("#shelving summary"))
    page.get_by_label("Why").fill("Wait for the electrician")
    page.get_by_label("For how long").select_option("480")
    walker.passes()
    walker.tap(page.get_by_role("button", name="Shelve", exact=True))

    expect(page.locator("#head")).to_contain_text("Shelved until")
    expect(page.locator("#head")).to_contain_text("Wait for the electrician")
    assert admin.data("alerts.getById", {"id": raised["id"]})["shelvedUntil"] is not None
    assert stayed_open(page)

    walker.open("/alerts/")
    expect(page.locator(f"#alert-{raised['id']}")).to_have_count(0)
    walker.tap(page.get_by_role("link", name=re.compile(r"\d+ shelved")), least=24)
    expect(page.locator(f"#alert-{raised['id']}")).to_contain_text("shelved until")
    walker.passes()
    assert walker.is_clean()


def test_set_a_threshold(walker, plant, team, admin):
    device_id, device = next(iter(team.devices.items()))
    page = walker.page
    device.data("readings.create", {"data": {"pressure": 5.5}})
    walker.open(f"/devices/{device_id}/")
    expect(page.get_by_text("No limits are set, so this device raises no alerts.")).to_be_visible()
    walker.tap(page.get_by_role("link", name="Add a threshold"))
    page.wait_for_url("**/thresholds/new")
    page.locator("#id_metric").fill("pressure")
    page.get_by_label("Warning above").fill("8")
    page.get_by_label("Critical above").fill("6")
    walker.tap(page.get_by_role("button", name="Save"))
    expect(page.get_by_role("alert").first).to_be_visible()  # a warning above what is critical
    walker.passes()
    page.get_by_label("Critical above").fill("9.5")
    walker.tap(page.get_by_role("button", name="Save"))

    page.wait_for_url(f"**/devices/{device_id}/**")
    expect(page.get_by_role("region", name="Thresholds")).to_contain_text("9.5")
    [kept] = admin.data("thresholds.getForDevice", {"deviceId": device_id})
    assert (kept["metric"], kept["warningMax"], kept["maxValue"]) == ("pressure", 8, 9.5)
    wait_for_line(page)
    stays_open(page)
    device.data("readings.create", {"data": {"pressure": 9.9}})
    expect(page.locator("#alerts")).to_contain_text("over the limit of 9.5")
    [raised] = admin.data("alerts.list", {"deviceId": device_id, "status": "active"})
    assert raised["severity"] == "critical"
    assert stayed_open(page)
    walker.passes()
    # A form that was refused is told of by the browser too.
    assert [words for words in walker.complaints if "422" not in words] == []
    assert walker.strangers == []


def test_add_a_device(walker, plant, admin):
    page = walker.page
    name = f"kiln-{page.viewport_size['width']}"
    walker.open("/devices/")
    walker.tap(page.get_by_role("link", name="Add a device").first)
    page.wait_for_url("**/devices/new")
    walker.passes()
    page.locator("#id_external_id").fill(name)
    page.locator("#id_name").fill(f"Kiln {name}")
    page.locator("#id_type").select_option("sensor")
    walker.tap(page.get_by_role("button", name="Add device"))

    token = page.locator("#token").inner_text()
    expect(page.locator("#curl")).to_contain_text(token)
    walker.passes()
    walker.tap(page.get_by_role("link", name=f"To Kiln {name}"))
    expect(page.locator("#values")).to_contain_text("Nothing has arrived from this device yet.")
    assert token not in page.content()
    wait_for_line(page)
    device = admin.data("devices.getByDeviceId", {"deviceId": name})
    assert Api(plant, token).data("readings.create", {"data": {"temperature": 640.5}})["accepted"] == 1

    expect(page.locator("[data-known=temperature]")).to_contain_text("640.5")
    assert admin.data("readings.getLatest", {"deviceId": device["id"]})["temperature"] == 640.5
    walker.passes()
    assert walker.is_clean()
    admin.data("devices.delete", {"id": device["id"]})
