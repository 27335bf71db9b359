"""What frames every page, in a real browser: the palette, the sheet of shortcuts, preferences, high contrast."""

import re

import pytest

from tests.e2e.looking import findings, wait_for_line

pytestmark = pytest.mark.e2e
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect


@pytest.fixture
def usual(signed_in, admin):
    """Signed in, with nothing chosen before and nothing left chosen after."""
    nothing = {
        "theme": "system",
        "language": None,
        "timeZone": None,
        "startPage": "overview",
        "shortcuts": True,
    }
    admin.data("auth.setPreferences", nothing)
    yield signed_in
    admin.data("auth.setPreferences", nothing)


def test_the_palette_finds_a_device_by_the_keyboard_alone(usual, press):
    device_id, _ = press
    page = usual.page
    usual.open("/alerts/")
    wait_for_line(page)

    page.keyboard.press("/")
    box = page.get_by_role("combobox", name="Search everything")
    expect(box).to_be_focused()
    page.keyboard.type("pre")  # the press, and the preferences
    expect(page.locator("#palette [role=option][aria-selected=true]")).to_have_count(1)
    expect(page.locator("#palette [data-for=pre]")).to_be_visible()
    assert findings(page) == []

    first = page.locator("#palette [role=option]").first.get_attribute("id")
    page.keyboard.press("ArrowDown")
    expect(box).not_to_have_attribute("aria-activedescendant", first)
    page.keyboard.press("ArrowUp")
    expect(box).to_have_attribute("aria-activedescendant", first)

    page.keyboard.press("Escape")
    expect(box).to_be_hidden()
    page.keyboard.press("Control+k")
    page.keyboard.press("Control+a")
    page.keyboard.type(f"press-{device_id}-is-not-there")
    expect(page.locator("#palette .empty")).to_contain_text("Nothing is called")
    page.keyboard.press("Control+a")
    page.keyboard.type("add a dev")
    expect(page.locator('#palette [data-for="add a dev"]')).to_be_visible()
    page.keyboard.press("Enter")

    expect(page).to_have_url(usual.url + "/devices/new")
    assert usual.is_clean()


def test_the_search_works_as_a_page(usual, admin, press):
    device_id, _ = press
    page = usual.page
    usual.open("/search?q=" + admin.data("devices.getById", {"id": device_id})["deviceId"])

    expect(page.locator(f'.found-list a[href="/devices/{device_id}/"]')).to_be_visible()
    assert findings(page) == []
    assert usual.is_clean()


def test_the_sheet_tells_the_shortcuts_and_gives_the_focus_back(usual):
    page = usual.page
    usual.open("/devices/")
    opener = page.get_by_role("button", name="Keyboard")
    opener.click()
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    assert findings(page) == []

    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(opener).to_be_focused()

    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    assert usual.is_clean()


def test_letters_open_pages_and_move_in_lists_but_not_inside_a_field(usual, press):
    page = usual.page
    usual.open("/")
    page.keyboard.press("g")
    page.keyboard.press("d")
    expect(page).to_have_url(usual.url + "/devices/")

    page.keyboard.press("j")
    expect(page.locator("tbody a.row-link").first).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator("[data-pick]").first).to_be_checked()
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/devices/\d+/$"))

    usual.open("/devices/")
    page.get_by_label("Search", exact=True).focus()
    page.keyboard.type("g?a/")
    expect(page.get_by_label("Search", exact=True)).to_have_value("g?a/")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert usual.is_clean()


def test_preferences_follow_the_person_to_another_screen(usual, browser, plant):
    page = usual.page
    usual.open("/preferences/")
    page.get_by_label("Theme").first.select_option("contrast")
    page.get_by_label("Language").select_option("de")
    page.get_by_label("Time zone").select_option("Asia/Tokyo")
    page.get_by_label("Start page").select_option("alerts")
    page.get_by_role("checkbox", name="Keyboard shortcuts").uncheck()
    page.get_by_role("button", name="Save preferences").click()
    expect(page.locator("h1")).to_have_text("Einstellungen")
    expect(page.locator("html")).to_have_attribute("data-theme", "contrast")
    assert findings(page) == []

    other = browser.new_context(storage_state=page.context.storage_state(), locale="en-GB")
    try:
        tablet = other.new_page()
        tablet.goto(plant.url + "/alerts/")
        expect(tablet.locator("html")).to_have_attribute("data-theme", "contrast")
        expect(tablet.locator("html")).to_have_attribute("lang", "de")
        expect(tablet.locator("html")).to_have_attribute("data-zone", "Asia/Tokyo")
        tablet.keyboard.press("?")
        tablet.wait_for_timeout(200)
        expect(tablet.get_by_role("dialog")).to_have_count(0)
    finally:
        other.close()
    assert usual.is_clean()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_high_contrast_passes_axe_also_where_the_system_asks_for_it(usual, press, scheme):
    page = usual.page
    page.emulate_media(color_scheme=scheme, contrast="more")
    for path in ("/", "/alerts/", "/devices/", "/preferences/"):
        usual.open(path)
        wanted = "contrast" if scheme == "light" else "contrast-dark"
        expect(page.locator("html")).to_have_attribute("data-theme", wanted)
        assert findings(page) == []


def test_a_part_that_cannot_be_renewed_says_so_and_keeps_its_values(usual, press):
    page = usual.page
    usual.open("/devices/")
    wait_for_line(page)
    page.route("**/devices/", lambda route: route.fulfill(status=500, body="broken"))
    page.evaluate("document.body.dispatchEvent(new CustomEvent('look-again', {bubbles: true}))")

    expect(page.locator("#list .failed")).to_contain_text("could not be renewed")
    expect(page.locator("tbody a.row-link").first).to_be_visible()
    page.unroute("**/devices/")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#list .failed")).to_have_count(0)


def test_on_a_phone_every_page_is_behind_one_button(usual):
    page = usual.page
    page.set_viewport_size({"width": 390, "height": 844})
    usual.open("/firmware/")
    expect(page.locator("#nav").get_by_role("link", name="Firmware")).to_be_visible()
    expect(page.locator("#nav").get_by_role("link", name="Groups")).to_be_hidden()

    page.get_by_role("button", name="Menu").click()
    page.locator("#nav").get_by_role("link", name="Groups").click()

    expect(page).to_have_url(usual.url + "/groups/")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert findings(page) == []
