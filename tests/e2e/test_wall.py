"""A wallboard that nobody touches: without a network, over a restart of the server, and after an update."""

import re
import time

import pytest

from tests.e2e.looking import findings
from tests.plant import ADMIN, ADMIN_SETTINGS, Api, Plant, as_admin
from tests.services import folder, free_port

pytestmark = pytest.mark.e2e
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
SCREENS = ("plant", "zones", "alerts", "energy", "lines")
SIZES = ((1280, 800), (820, 1180), (390, 844), (1920, 1080))


@pytest.fixture
def wall(signed_in, plant, press):
    """A page with the wallboard by a link, in a browser where nobody is signed in."""
    page = signed_in.page
    signed_in.open("/wall/links/")
    page.fill("#id_name", "Gate")
    page.click("button:has-text('Make the link')")
    address = page.locator("#link").text_content()
    context = page.context.browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(15_000)
    board = context.new_page()
    board.goto(address)
    yield board
    context.close()


def test_screens_take_turns_and_can_be_turned(wall):
    place = wall.locator("[data-count]")
    expect(place).to_have_text("1/5")
    wall.get_by_role("link", name="Next").click()
    expect(place).to_have_text("2/5")
    expect(wall.locator("#screen-zones")).to_contain_text("Hall B")
    expect(wall).to_have_url(re.compile(r"screen=zones"))
    wall.keyboard.press("Tab")
    wall.locator("main").click()
    wall.keyboard.press("ArrowLeft")
    expect(place).to_have_text("1/5")
    wall.get_by_role("button", name="Pause").click()
    expect(wall.get_by_role("button", name="Go on")).to_have_attribute("aria-pressed", "true")
    wall.get_by_role("button", name="Go on").click()
    wall.select_option("#dwell", "10")
    expect(place).not_to_have_text("1/5", timeout=20_000)


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_screen_is_readable_and_touchable(wall, theme):
    address = wall.url.split("?")[0]
    complaints = []
    wall.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    for width, height in SIZES:
        wall.set_viewport_size({"width": width, "height": height})
        for screen in SCREENS:
            wall.goto(f"{address}?screen={screen}&theme={theme}")
            assert wall.evaluate("document.documentElement.dataset.theme") == theme
            assert wall.evaluate("document.documentElement.scrollWidth") <= width
            for control in wall.locator(".wall-controls :is(button, a, select)").all():
                box = control.bounding_box()
                assert box is None or (box["height"] >= 64 and box["width"] >= 64)
        assert findings(wall) == []
    assert complaints == []


def test_a_revoked_link_shows_nothing_any_more(wall, signed_in, admin):
    page = signed_in.page
    expect(wall.locator(".wall-answer").first).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    signed_in.open("/wall/links/")
    page.locator("tr", has_text="Gate").first.get_by_role("button").click()
    expect(page.locator(".notes")).to_contain_text("Revoked")

    expect(wall.locator("h1")).to_have_text("No wallboard here", timeout=30_000)
    expect(wall.locator("main")).to_contain_text("This link has ended")
    expect(wall.locator(".wall-figures")).to_have_count(0)


def test_without_a_network_the_last_picture_stays_and_heals(wall):
    expect(wall.locator(".wall-answer").first).to_be_visible()
    picture = wall.locator("#screen-plant").inner_text()
    wall.get_by_role("button", name="Pause").click()
    wall.evaluate("window.untouched = true")

    wall.context.set_offline(True)
    strip = wall.locator("[data-strip]")
    expect(strip).to_contain_text(
        re.compile(r"No connection since \d\d:\d\d, values are old"), timeout=60_000
    )
    assert "Devices reporting" in picture
    expect(wall.locator("#screen-plant")).to_contain_text("Devices reporting")

    wall.context.set_offline(False)
    expect(strip).to_be_hidden(timeout=40_000)
    assert wall.evaluate("window.untouched")


def test_what_was_on_the_screen_is_replaced_and_not_kept(wall):
    """Ten minutes of looking, hurried: the number of nodes does not grow."""
    expect(wall.locator(".wall-answer").first).to_be_visible()
    for _ in range(5):  # each screen once
        wall.get_by_role("link", name="Next").click()
        wall.wait_for_timeout(400)
    nodes = wall.evaluate("document.querySelectorAll('*').length")
    for _ in range(20):
        wall.get_by_role("link", name="Next").click()
        wall.wait_for_timeout(150)
    wall.wait_for_timeout(1500)

    assert wall.evaluate("document.querySelectorAll('*').length") <= nodes * 1.1


def test_it_lives_through_a_restart_of_the_server_and_an_update(browser):
    port, broker = str(free_port()), str(free_port())
    with folder("wall") as data:
        settings = {"PORT": port, "MQTT_PORT": broker, **ADMIN_SETTINGS}
        plant = Plant(data, **settings).wait_ready()
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.set_default_timeout(15_000)
        try:
            page = context.new_page()
            device = as_admin(plant).data(
                "devices.create", {"deviceId": "press-1", "name": "Press 1", "type": "sensor"}
            )
            page.goto(plant.url + "/wall/")
            page.fill("#id_email", ADMIN["email"])
            page.fill("#id_password", ADMIN["password"])
            page.click("button:has-text('Sign in')")
            expect(page.locator(".wall-answer").first).to_have_text("Waiting for the first reading.")
            page.get_by_role("button", name="Pause").click()
            page.evaluate("window.untouched = true")

            plant.end()
            expect(page.locator("[data-strip]")).to_contain_text("No connection since", timeout=60_000)
            expect(page.locator("#screen-plant")).to_contain_text("Waiting for the first reading.")

            plant = Plant(data, **settings).wait_ready()
            accepted = Api(plant, device["token"]).data("readings.create", {"data": {"temperature": 20}})
            assert accepted["accepted"] == 1
            expect(page.locator(".wall-answer").first).to_have_text("The plant is quiet.", timeout=60_000)
            expect(page.locator("[data-strip]")).to_be_hidden()
            assert page.evaluate("window.untouched"), "the same version needs no new page"

            def as_updated(route):
                answer = route.fetch()
                route.fulfill(response=answer, headers={**answer.headers, "x-wall-edition": "another"})

            page.route("**/wall/screens/*", as_updated)
            end = time.monotonic() + 40
            while page.evaluate("window.untouched === true"):
                assert time.monotonic() < end, "an updated server was not noticed"
                page.wait_for_timeout(500)
            page.unroute_all(behavior="ignoreErrors")
            expect(page.locator(".wall-answer").first).to_have_text("The plant is quiet.")
        finally:
            context.close()
            plant.end()
