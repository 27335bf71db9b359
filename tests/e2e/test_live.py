"""The live line: what a page shows after the line was cut, while nobody looks at it, and when a part of it fails."""

import re

import pytest

from tests.e2e.looking import findings, wait_for_line
from tests.plant import ADMIN, ADMIN_SETTINGS, Api, Plant, as_admin
from tests.services import folder, free_port

pytestmark = pytest.mark.e2e
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

HIDE = """(hidden) => {
  Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
  Object.defineProperty(document, 'visibilityState', { value: hidden ? 'hidden' : 'visible', configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}"""
WATCH_SOCKETS = """
  const Real = WebSocket; window.sockets = [];
  window.WebSocket = class extends Real { constructor(url) { super(url); window.sockets.push(this); } };
"""
OPEN_SOCKETS = "window.sockets.filter((socket) => socket.readyState <= 1).length"


def sign_in(page, url: str, path: str) -> None:
    page.goto(f"{url}/sign-in?next={path}")
    page.fill("#id_email", ADMIN["email"])
    page.fill("#id_password", ADMIN["password"])
    page.press("#id_password", "Enter")
    page.wait_for_url(url + path)


def newest_of(admin: Api, device_id: int) -> str:
    return f"{admin.data('readings.getLatest', {'deviceId': device_id})['data']['temperature']:.1f}"


def test_after_a_server_restart_a_page_has_all_that_came_meanwhile(browser):
    chosen = {"PORT": str(free_port()), **ADMIN_SETTINGS}
    with folder("e2e-restart") as data:
        plant = Plant(data, **chosen)
        try:
            plant.wait_for(f"ready: {plant.url}", 180)
            admin = as_admin(plant)
            device = admin.data(
                "devices.create", {"deviceId": "oven-1", "name": "Oven 1", "type": "controller"}
            )
            own = Api(plant, device["token"])
            admin.data(
                "thresholds.create", {"deviceId": device["id"], "metric": "temperature", "maxValue": 90}
            )
            own.data("readings.create", {"data": {"temperature": 71.3}})
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            sign_in(page, plant.url, f"/devices/{device['id']}/")
            wait_for_line(page)
            expect(page.locator("#readout")).to_contain_text("71.3 °C")
            page.evaluate("window.untouched = true")

            plant.end()
            expect(page.locator("[data-strip]")).to_contain_text("No live line to the plant since")
            expect(page.locator("html")).to_have_class("js stale")
            page.context.set_offline(True)  # it does not notice yet that the server is there again
            plant = Plant(data, **chosen)
            plant.wait_for(f"ready: {plant.url}", 180)
            for value in (72.0, 95.0, 96.5):
                own.data("readings.create", {"data": {"temperature": value}})
            page.context.set_offline(False)

            expect(page.locator("[data-line]")).to_have_attribute("data-line", "live", timeout=40_000)
            value = page.locator(f"[data-device='{device['id']}'][data-metric='temperature']")
            expect(value).to_have_text(newest_of(admin, device["id"]))
            expect(page.locator("#chart")).to_have_attribute(
                "aria-label", "Temperature: lowest 71.3 °C, highest 96.5 °C, newest 96.5 °C"
            )
            expect(page.locator("#alerts")).to_contain_text("over the limit of 90 °C")
            expect(page.locator("#missed")).to_contain_text("1 alert opened")
            assert findings(page) == []
            assert page.evaluate("window.untouched"), "the page was loaded anew on the way"

            page.get_by_role("button", name="Seen").click()
            expect(page.locator("#missed")).to_have_count(0)
            page.context.close()
        finally:
            plant.end()


def test_a_cut_network_is_noticed_and_made_up_for(signed_in, press, admin):
    device_id, send = press
    page = signed_in.page
    page.add_init_script(WATCH_SOCKETS)
    signed_in.open(f"/devices/{device_id}/")
    wait_for_line(page)
    expect(page.locator("#readout")).to_contain_text("71.3 °C")

    page.context.set_offline(True)
    page.evaluate("window.sockets.forEach((socket) => socket.close())")  # which it leaves standing
    expect(page.locator("[data-strip]")).to_be_visible(timeout=20_000)
    for value in (74.0, 96.4, 97.2):
        send(temperature=value)
    page.context.set_offline(False)

    wait_for_line(page)
    expect(page.locator("[data-strip]")).to_be_hidden()
    value = page.locator(f"[data-device='{device_id}'][data-metric='temperature']")
    expect(value).to_have_text(newest_of(admin, device_id))
    expect(page.locator("#chart")).to_have_attribute(
        "aria-label", "Temperature: lowest 71.3 °C, highest 97.2 °C, newest 97.2 °C"
    )
    expect(page.locator("#missed")).to_contain_text("1 alert opened")
    expect(page.locator("#alerts .alert")).to_have_count(1)


def test_what_was_seen_before_the_cut_is_not_said_again(signed_in, press):
    _, send = press
    page = signed_in.page
    page.add_init_script(WATCH_SOCKETS)
    signed_in.open("/alerts/")
    wait_for_line(page)
    send(temperature=96.4)
    expect(page.locator(".alert", has_text="Temperature 96.4 °C")).to_be_visible()

    with page.expect_response("**/missed?*") as answer:
        page.evaluate("window.sockets.forEach((socket) => socket.close())")

    assert answer.value.ok
    expect(page.locator("#missed", has_text="opened")).to_have_count(
        0
    )  # though others may have fallen silent
    assert signed_in.is_clean()


@pytest.mark.parametrize("path", ["/", "/alerts/", "/devices/{id}/", "/devices/{id}/?tab=commands"])
def test_a_tab_in_the_background_costs_nothing_and_is_there_at_once_when_shown(signed_in, press, admin, path):
    device_id, send = press
    page = signed_in.page
    if "commands" in path:  # one that waits makes the page ask by itself
        admin.data("commands.send", {"deviceId": device_id, "name": "restart"})
    page.add_init_script(WATCH_SOCKETS)
    page.clock.install()
    signed_in.open(path.format(id=device_id))
    wait_for_line(page)
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.evaluate(HIDE, True)
    page.clock.run_for(11_000)
    assert page.evaluate(OPEN_SOCKETS) == 0
    send(temperature=96.4)
    page.clock.run_for(120_000)
    assert asked == []

    page.evaluate(HIDE, False)
    page.clock.run_for(1000)
    wait_for_line(page)
    page.clock.run_for(2000)
    assert page.evaluate(OPEN_SOCKETS) == 1
    expect(page.locator("#missed")).to_contain_text(
        re.compile(r"\d alerts? opened")
    )  # others may have fallen silent
    expect(page.locator("#nav-count")).not_to_be_empty()
    assert signed_in.is_clean()


def test_a_part_that_cannot_be_renewed_says_how_old_it_is_and_recovers(signed_in, press):
    _, send = press
    page = signed_in.page
    signed_in.open("/alerts/")
    wait_for_line(page)
    page.route("**/alerts/", lambda route: route.fulfill(status=503, body=""))

    send(temperature=96.4)
    expect(page.locator("#list .failed")).to_contain_text("it could not be renewed")
    expect(page.locator(".toast")).to_have_count(0)
    page.unroute("**/alerts/")

    expect(page.locator(".alert", has_text="Temperature 96.4 °C")).to_be_visible(timeout=15_000)
    expect(page.locator("#list .failed")).to_have_count(0, timeout=15_000)


# The pages' policy lets nobody evaluate words, as `wait_for_function` would.
SENT_TWICE = """() => new Promise((done) => {
  const look = () => window.sent.length >= 2 ? done() : setTimeout(look, 50);
  look();
})"""


@pytest.mark.parametrize("path", ["/devices/", "/alerts/"])
def test_a_form_that_is_sent_while_rows_are_swapped_sends_its_ticks(signed_in, press, path):
    _, send = press
    page = signed_in.page
    send(temperature=96.4)
    signed_in.open(path)
    wait_for_line(page)
    page.evaluate(
        """() => {
          window.sent = [];
          for (const name of ['htmx:afterSwap', 'htmx:afterSettle'])
            document.body.addEventListener(name, () => {
              const form = new FormData(document.getElementById('bulk'));
              window.sent.push([...form.keys()].filter((name) => name === 'device' || name === 'alert').length);
            });
        }"""
    )
    page.locator("[data-pick]").first.check()

    page.evaluate("document.body.dispatchEvent(new CustomEvent('look-again', { bubbles: true }))")
    page.evaluate(SENT_TWICE)

    assert set(page.evaluate("window.sent")) == {1}
    assert signed_in.is_clean()


def test_the_exact_time_is_there_for_the_keyboard_and_for_fingers(signed_in, press):
    _, send = press
    page = signed_in.page
    send(temperature=96.4)
    signed_in.open("/alerts/")
    wait_for_line(page)
    row = page.locator(".alert", has_text="Temperature 96.4 °C")
    exact = row.locator("time").first.get_attribute("title")

    page.locator("#pick-all").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.locator(".time-tip")).to_have_text(exact)
    page.keyboard.press("Escape")
    expect(page.locator(".time-tip")).to_have_count(0)

    row.locator("time").first.click(timeout=20_000)
    expect(page.locator(".time-tip")).to_have_text(exact)
    assert signed_in.is_clean()


@pytest.mark.parametrize(
    "path", ["/devices/?status=online&sort=-name", "/alerts/?severity=critical&status=active"]
)
def test_filters_and_sorting_are_in_the_address_and_survive_back(signed_in, press, path):
    _, send = press
    page = signed_in.page
    send(temperature=96.4)
    signed_in.open(path)
    chosen = {
        name: page.locator(f"#filter-{name}").input_value() for name in ("status", "severity") if name in path
    }
    first = page.locator("#list .row-link").first
    words = first.inner_text()
    first.click()
    page.wait_for_url(lambda url: path not in url)

    page.go_back()

    page.wait_for_url(signed_in.url + path)
    expect(page.locator("#list .row-link").first).to_have_text(words, use_inner_text=True)
    for name, value in chosen.items():
        expect(page.locator(f"#filter-{name}")).to_have_value(value)
    assert signed_in.is_clean()
