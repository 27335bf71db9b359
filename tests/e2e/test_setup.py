"""Setting up what OEE and energy rest on, in a real browser against the whole server."""

import time
from itertools import count

import pytest

from tests.e2e.looking import findings
from tests.plant import Api

pytestmark = pytest.mark.e2e
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
_numbers = count(1)


@pytest.fixture
def lathe(plant, admin):
    """A device that counts and says whether it runs: (id, name)."""
    number = next(_numbers)
    name = f"Lathe {number}"
    device = admin.data(
        "devices.create",
        {"deviceId": f"lathe-{number}", "name": name, "type": "controller", "zone": "Hall C"},
    )
    data = {"parts": 1200, "rejects": 12, "running": 1, "power": 11_500}
    assert Api(plant, device["token"]).data("readings.create", {"data": data})["accepted"] == 1
    yield device["id"], name
    admin.data("devices.delete", {"id": device["id"]})


def test_a_machine_its_shifts_and_a_stop_code_are_set_up(signed_in, admin, lathe):
    device_id, name = lathe
    page = signed_in.page
    signed_in.open(f"/oee/machines/?search={name.replace(' ', '+')}")
    page.get_by_role("link", name=f"Set up {name}").click()

    expect(page.locator("[data-for=status]")).to_be_hidden()
    page.locator("#id_ideal_cycle_seconds").fill("1.5")
    expect(page.locator(".profile [data-pace]")).to_have_text("40 pieces a minute")
    page.locator("#id_total_metric").fill("parts")
    page.locator("#id_quality_metric").fill("rejects")
    page.get_by_role("button", name="Make it a machine").click()
    expect(page.locator("#id_running_metric_error")).to_have_text("Say which metric tells")
    page.locator("#id_running_by").select_option("status")
    expect(page.locator("#id_running_metric")).to_be_hidden()
    page.locator("#id_running_by").select_option("metric")
    page.locator("#id_running_metric").fill("running")
    page.get_by_role("button", name="Make it a machine").click()
    expect(page.locator(".notes")).to_contain_text(f"{name} is a machine now.")

    page.get_by_role("button", name="Add a product").click()
    expect(page.locator("#id_product-0-name")).to_be_focused()
    page.keyboard.type("Flange 40")
    page.locator("#id_product-0-ideal_cycle_seconds").fill("90")
    expect(page.locator(".product-row [data-pace]")).to_have_text("40 pieces an hour")
    page.locator("#id_product-0-name").press("Enter")
    expect(page.locator(".notes")).to_contain_text(f"Saved: what {name} makes.")
    page.locator("#id_product").select_option("Flange 40")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#makes")).to_contain_text("Flange 40 in 90 s a piece")

    page.get_by_role("link", name="Give it shifts of its own").click()
    page.evaluate("window.untouched = true")
    page.get_by_role("button", name="Add a shift").click()
    expect(page.locator("#id_shift-1-name")).to_have_value("Late")
    expect(page.locator("#id_shift-1-name")).to_be_focused()
    page.get_by_role("button", name="Add a shift").click()
    expect(page.locator("#id_shift-2-name")).to_have_value("Night")
    page.get_by_role("button", name="Add a break to shift 1").click()
    expect(page.locator("#id_shift-0-break-0-start")).to_be_focused()
    expect(page.locator("#preview")).to_contain_text("Early 06:00–14:00")
    expect(page.locator("#preview")).to_contain_text("7 h 30 min")

    page.locator("#id_shift-1-end").fill("23:00")
    page.locator("#id_shift-1-end").blur()
    expect(page.locator("#preview")).to_contain_text("It is shown once the marked fields are right.")
    page.locator("#id_shift-2-start").fill("23:00")
    page.locator("#id_shift-2-start").blur()
    expect(page.locator("#preview")).to_contain_text("Late 14:00–23:00")
    page.get_by_role("group", name="Begins on").nth(2).get_by_label("Sat").check()
    expect(page.locator("#preview")).to_contain_text("The clocks change on")  # on a Sunday, as ever
    assert page.evaluate("window.untouched"), "the page was loaded anew on the way"
    assert findings(page) == []
    page.get_by_role("button", name="Save the shifts").click()
    expect(page.locator(".notes")).to_contain_text(f"Saved: the shifts of {name}, always.")
    told = admin.data("analytics.getShifts", {"deviceId": device_id})
    assert [shift["name"] for shift in told["shifts"]] == ["Early", "Late", "Night"]
    assert told["shifts"][0]["breaks"] == [{"start": "10:00", "end": "10:30"}]

    page.get_by_role("link", name="Stop codes").click()
    code = f"tool-{device_id}"
    page.locator("#id_label").fill(f"Tool change {device_id}")
    page.locator("#id_code").fill(code)
    page.get_by_role("button", name="Add the code").click()
    expect(page.locator(".notes")).to_contain_text(f"Added: Tool change {device_id}.")
    page.get_by_role("link", name=f"Tool change {device_id}").click()
    page.locator("#id_kind").select_option("planned")
    page.get_by_role("button", name="Save").click()
    [kept] = [one for one in admin.data("analytics.stopCodes") if one["code"] == code]
    assert (kept["planned"], kept["failure"]) == (True, False)
    # What was refused on the way is told by the browser too, and is no mistake of a page.
    assert [one for one in signed_in.complaints if "422" not in one] == []
    assert signed_in.strangers == []


def test_without_scripts_rows_come_and_go_as_well(browser, signed_in, lathe):
    device_id, name = lathe
    context = browser.new_context(
        storage_state=signed_in.page.context.storage_state(), java_script_enabled=False
    )
    page = context.new_page()
    page.goto(f"{signed_in.url}/oee/shifts/edit?device={device_id}")

    page.get_by_role("button", name="Add a shift").click()
    expect(page.locator(".shift-part")).to_have_count(2)
    page.get_by_role("button", name="Add a break to shift 2").click()
    page.get_by_role("button", name="Remove this shift: 1, Early").click()
    expect(page.locator("#id_shift-0-name")).to_have_value("Late")
    expect(page.locator("#id_shift-0-break-0-start")).to_have_value("18:00")
    page.get_by_role("button", name="Look at the next days").click()
    expect(page.locator("#preview")).to_contain_text("Late 14:00–22:00")
    page.get_by_role("button", name="Save the shifts").click()
    expect(page.locator(".notes")).to_contain_text(f"Saved: the shifts of {name}, always.")
    context.close()


def test_a_counter_is_exchanged_and_the_exchange_taken_back(signed_in, admin, lathe):
    device_id, name = lathe
    profile = {"idealCycleSeconds": 1.5, "totalMetric": "parts", "running": {"status": ["online"]}}
    admin.data("analytics.setMachineProfile", {"deviceId": device_id, **profile})
    page = signed_in.page
    signed_in.open(f"/energy/meters/{device_id}/")
    page.get_by_role("link", name="Note an exchange").click()
    page.locator("#id_metric").fill("parts")
    page.locator("#id_old_value").fill("1234567.8")
    page.get_by_role("button", name="Note it").click()
    expect(page.locator(".exchanges")).to_contain_text("1,234,567.8 → 0")

    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name=f"Take back the exchange of parts of {name}").click()
    expect(page.locator(".exchanges")).to_contain_text(name)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name=f"Take back the exchange of parts of {name}").click()
    expect(page.locator(".notes")).to_contain_text("Taken back.")
    assert admin.data("readings.exchanges", {"deviceId": device_id}) == []
    assert signed_in.is_clean()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (820, 1180), (390, 844)])
def test_no_page_is_wider_than_its_screen_or_hard_to_use(signed_in, admin, lathe, width, height):
    device_id, name = lathe
    now = int(time.time() * 1000)
    admin.data(
        "analytics.setMachineProfile",
        {
            "deviceId": device_id,
            "idealCycleSeconds": 1.5,
            "totalMetric": "parts",
            "rejectMetric": "rejects",
            "running": {"metric": "running", "above": 0},
        },
    )
    admin.data(
        "analytics.setProducts",
        {"deviceId": device_id, "products": [{"name": "Flange 40", "idealCycleSeconds": 2}]},
    )
    for start in (now - 60_000, now):
        product = {"deviceId": device_id, "product": "Flange 40", "startTime": start}
        admin.data("analytics.startProduct", product)
    group = admin.data(
        "groups.create", {"name": f"Line of {name}", "type": "custom", "deviceIds": [device_id]}
    )
    early = {
        "name": "Early",
        "days": [1, 2, 3, 4, 5],
        "start": "06:00",
        "end": "14:00",
        "breaks": [{"start": "09:00", "end": "09:30"}],
    }
    for target in ({}, {"groupId": group["id"]}, {"deviceId": device_id}):
        admin.data("analytics.setShifts", {"timeZone": "Europe/Berlin", "shifts": [early], **target})
    admin.data("analytics.setShifts", {"timeZone": "UTC", "shifts": [early], "validFrom": "2100-01-01"})
    admin.data("analytics.setLine", {"groupId": group["id"], "stationId": device_id})
    admin.data("analytics.setStopCode", {"code": "jam", "label": "Jam", "planned": False, "failure": True})
    exchange = {"deviceId": device_id, "metric": "parts", "timestamp": now, "oldValue": 1234.5, "newValue": 0}
    admin.data("readings.noteExchange", exchange)
    page = signed_in.page
    # High enough for a list of any length: what lies half under the bar at the bottom is no small target.
    page.set_viewport_size({"width": width, "height": height + 5000})
    for path in (
        "/oee/machines/",
        "/oee/machines/?search=nothing",
        f"/oee/machines/{device_id}/",
        f"/oee/machines/{device_id}/delete",
        "/oee/shifts/",
        "/oee/shifts/edit",
        f"/oee/shifts/edit?group={group['id']}",
        f"/oee/shifts/delete?device={device_id}",
        "/oee/lines/",
        f"/oee/lines/{group['id']}/",
        "/oee/codes/",
        "/oee/codes/jam/",
        "/energy/meters/",
        f"/energy/meters/{device_id}/",
        "/energy/exchanges/",
    ):
        signed_in.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert findings(page) == [], path
    assert signed_in.is_clean()
    for path, form in (
        (f"/oee/machines/{device_id}/", "#id_total_metric"),
        ("/oee/shifts/edit", "#id_shift-0-start"),
        ("/oee/codes/", "#id_label"),
    ):
        signed_in.open(path)
        page.locator(form).fill("")
        page.locator(form).press("Enter")
        expect(page.locator(".summary")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert findings(page) == [], path
    admin.data("analytics.deleteShifts", {})
    admin.data("groups.delete", {"id": group["id"]})
