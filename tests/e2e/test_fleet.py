"""Many devices, in a real browser against the whole server: ticking, a batch from the wizard to its end, groups."""

from itertools import count

import pytest

from tests.e2e.looking import findings, wait_for_line
from tests.plant import Api

pytestmark = pytest.mark.e2e
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
_numbers = count(1)


@pytest.fixture
def crew(plant, admin):
    """Three devices in a zone of their own, each with its way to speak: (zone, [(id, Api)])."""
    zone = f"Crew {next(_numbers)}"
    made = [
        admin.data(
            "devices.create",
            {
                "deviceId": f"{zone.replace(' ', '-')}-{n}",
                "name": f"{zone} {n}",
                "type": "controller",
                "zone": zone,
            },
        )
        for n in range(3)
    ]
    yield zone, [(device["id"], Api(plant, device["token"])) for device in made]
    for device in made:
        admin.data("devices.delete", {"id": device["id"]})


def report(device: Api, status: str) -> None:
    """What a device does with the commands that wait for it."""
    for command in device.data("commands.pending"):
        device.data("commands.ack", {"id": command["id"], "status": status, "result": {"error": "door open"}})


def test_a_batch_is_begun_from_the_list_and_followed_to_its_end_without_a_reload(signed_in, crew):
    zone, devices = crew
    page = signed_in.page
    signed_in.open(f"/devices/?zone={zone.replace(' ', '+')}")
    wait_for_line(page)
    expect(page.locator("#bulk")).to_be_hidden()

    page.locator("#pick-all").check()
    expect(page.locator("#bulk")).to_contain_text("3 devices ticked")
    page.evaluate("document.body.dispatchEvent(new CustomEvent('look-again', {bubbles: true}))")
    page.wait_for_timeout(500)
    expect(page.locator("[data-pick]:checked")).to_have_count(3)
    page.get_by_role("button", name="Do something with them").click()

    page.get_by_label("Restart").check()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Look who is in it").click()
    expect(page.locator("h1")).to_have_text("Restart: 3 devices")
    page.get_by_role("button", name="Restart: 3 devices").dblclick()

    page.wait_for_url("**/batches/*/")
    wait_for_line(page)
    expect(page.locator("[data-count=waiting]")).to_have_text("3")
    page.evaluate("window.untouched = true")
    (_, first), (_, second), (_, third) = devices
    report(first, "succeeded")
    expect(page.locator("[data-count=succeeded]")).to_have_text("1")
    report(second, "succeeded")
    report(third, "failed")

    expect(page.locator("h1")).to_contain_text("1 of 3 failed")
    expect(page.locator("#items tbody tr").first).to_contain_text("Failed")
    expect(page.get_by_role("button", name="Try the 1 failed again")).to_be_visible()
    assert page.evaluate("window.untouched"), "the page was loaded anew on the way"
    assert findings(page) == []
    assert signed_in.is_clean()


def test_all_that_were_found_are_ticked_with_one_box_and_unticked_again(signed_in, admin):
    zone = f"Crowd {next(_numbers)}"
    for n in range(52):
        admin.data(
            "devices.create",
            {"deviceId": f"{zone.replace(' ', '-')}-{n}", "name": f"C {n}", "type": "sensor", "zone": zone},
        )
    page = signed_in.page
    signed_in.open(f"/devices/?zone={zone.replace(' ', '+')}")
    page.locator("[data-pick]").first.check()
    page.get_by_label("All 52 found").check()
    expect(page.locator("#bulk")).to_contain_text("52 devices ticked")
    expect(page.locator("[data-pick]:checked")).to_have_count(50)

    page.get_by_role("button", name="Untick").click()
    expect(page.locator("#bulk")).to_be_hidden()

    page.locator("#pick-all").check()
    page.get_by_label("All 52 found").check()
    page.get_by_role("button", name="Deactivate…").click()
    expect(page.locator("h1")).to_have_text("Take 52 devices out of service?")
    page.get_by_role("button", name="Deactivate 52 devices").click()
    expect(page.locator(".notes")).to_contain_text("52 devices out of service.")
    assert signed_in.is_clean()


def test_the_keyboard_finds_filters_and_chooses_columns(signed_in, crew):
    zone, _ = crew
    page = signed_in.page
    signed_in.open("/devices/")
    page.get_by_label("Search", exact=True).focus()
    page.keyboard.type(zone)
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(3)
    assert "status=" not in page.url

    page.locator(".more-filters > summary").press("Enter")
    page.locator("#filter-text").fill("zone = ")
    page.keyboard.press("Enter")
    expect(page.locator("#filter-error")).to_contain_text("At position")
    expect(page.locator("#filter-text")).to_be_visible()

    signed_in.open("/devices/")
    page.locator(".columns-fold > summary").press("Enter")
    page.locator("#col-firmware").uncheck()
    page.get_by_role("button", name="Show these").press("Enter")
    expect(page.locator("thead")).not_to_contain_text("Firmware")
    signed_in.open("/devices/")
    expect(page.locator("thead")).not_to_contain_text("Firmware")
    assert signed_in.is_clean()


def test_a_group_by_filter_shows_who_matches_before_it_is_made(signed_in, crew, admin):
    zone, _ = crew
    page = signed_in.page
    signed_in.open("/groups/new")
    page.locator("#id_name").fill(f"Group of {zone}")
    page.locator("#id_filter").fill(f"zone = '{zone}'")
    page.get_by_role("button", name="Look who matches").click()
    expect(page.locator("#preview")).to_contain_text("3 devices match now")
    expect(page.locator("#id_name")).to_have_value(f"Group of {zone}")
    page.get_by_role("button", name="Make it").click()

    expect(page.locator("h1")).to_have_text(f"Group of {zone}")
    expect(page.locator("#devices tbody tr")).to_have_count(3)
    assert findings(page) == []
    assert signed_in.is_clean()
    admin.data("groups.delete", {"id": int(page.url.rstrip("/").rsplit("/", 1)[1])})


def test_who_was_first_with_a_configuration_is_shown_beside_ones_own(signed_in, crew, admin):
    _, [(device_id, _), *_] = crew
    page = signed_in.page
    signed_in.open(f"/devices/{device_id}/?tab=configuration&edit")
    page.locator("#id_desired").fill('{"speed": 9}')
    admin.data("devices.setConfig", {"id": device_id, "desired": {"speed": 1}})

    page.get_by_role("button", name="Save as the next version").click()

    expect(page.get_by_role("heading", name="Somebody was first")).to_be_visible()
    expect(page.locator("#id_desired")).to_have_value('{"speed": 9}')
    assert findings(page) == []
    page.get_by_role("button", name="Save as the next version").click()
    expect(page.locator(".notes")).to_contain_text("Version 2 is what is wanted")


@pytest.mark.parametrize("width", [390, 820, 1280])
def test_no_page_is_wider_than_its_screen_or_hard_to_use(signed_in, crew, admin, width):
    zone, devices = crew
    device_id = devices[0][0]
    group = admin.data(
        "groups.create", {"name": f"G {zone}", "type": "custom", "deviceIds": [one for one, _ in devices]}
    )
    inner = admin.data("groups.create", {"name": f"Inner {zone}", "type": "custom", "parentId": group["id"]})
    page = signed_in.page
    page.set_viewport_size({"width": width, "height": 900})
    tabs = ("live", "alerts", "commands&send=-", "configuration&edit", "firmware", "credentials", "groups")
    for path in (
        "/devices/?search=&filter=nonsense",
        f"/devices/?zone={zone.replace(' ', '+')}",
        "/devices/import",
        "/devices/claims/",
        *(f"/devices/{device_id}/?tab={tab}" for tab in tabs),
        f"/devices/{device_id}/delete",
        "/groups/",
        f"/groups/{group['id']}/",
        f"/groups/{group['id']}/change",
        "/batches/",
        f"/batches/new?group={group['id']}",
    ):
        signed_in.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert findings(page) == [], path
        cut = "[...document.querySelectorAll('.table-box:has(.pickable)')].some(b => b.scrollWidth > b.clientWidth)"
        assert not page.evaluate(cut), path
    assert signed_in.is_clean()
    for one in (inner, group):
        admin.data("groups.delete", {"id": one["id"]})
