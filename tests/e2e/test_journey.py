"""What a person at the plant does, in a real browser against the whole server."""

import re
import time

import pytest

from tests.e2e.looking import findings, wait_for_line

pytestmark = pytest.mark.e2e
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect


def test_the_course_grows_while_it_is_looked_at(signed_in, press):
    device_id, send = press
    page = signed_in.page
    signed_in.open(f"/devices/{device_id}/")
    wait_for_line(page)
    expect(page.locator("#chart canvas")).to_have_count(1)
    expect(page.locator("#readout")).to_contain_text("71.3 °C")

    send(temperature=75.5, power=11_700)
    expect(page.locator(f"[data-device='{device_id}'][data-metric='temperature']")).to_have_text("75.5")
    expect(page.locator("#readout")).to_contain_text("75.5 °C")
    expect(page.locator("#chart")).to_have_attribute(
        "aria-label", re.compile("lowest 71.3 °C, highest 75.5 °C")
    )

    page.get_by_role("link", name="Power").click()
    expect(page.locator("#course-title")).to_have_text("Power, W: the last hour")
    expect(page.locator("#readout")).to_contain_text("11,700 W")
    expect(page).to_have_url(re.compile(r"\?metric=power&range=1h$"))

    send(vibration=2.5)  # a metric nobody knew of
    expect(page.locator("[data-known='vibration']")).to_contain_text("2.50")
    assert signed_in.is_clean()


def test_two_people_press_the_same_button(admin, signed_in, press):
    _, send = press
    page = signed_in.page
    send(temperature=97.25)
    signed_in.open("/alerts/")
    alert = page.locator(".alert", has_text="Temperature 97.25 °C")
    button = alert.get_by_role("button", name="Acknowledge")
    expect(button).to_be_visible()
    alert_id = int(alert.get_attribute("id").removeprefix("alert-"))
    page.route("**/ws", lambda route: route.abort())
    # The other person is faster than any news: the click goes out together with theirs.
    page.route(
        "**/acknowledge",
        lambda route: (admin.data("alerts.acknowledge", {"ids": [alert_id]}), route.continue_()),
    )

    button.click()

    expect(page.locator(".toast")).to_contain_text("is acknowledged already by Admin")
    expect(alert).to_contain_text("Admin is on it")
    complaints = [words for words in signed_in.complaints if "409" not in words]
    assert complaints == []


def test_the_line_comes_back_by_itself_and_catches_up(signed_in, press):
    _, send = press
    page = signed_in.page
    page.add_init_script(
        "const Real = WebSocket; window.lines = []; window.cut = false;"
        "window.WebSocket = class extends Real { constructor(url) {"
        " super(window.cut ? url + '-of-another-plant' : url); window.lines.push(this); } };"
    )
    signed_in.open("/")
    wait_for_line(page)

    page.evaluate("window.cut = true; window.lines.forEach((line) => line.close())")
    expect(page.locator("[data-strip]")).to_be_visible()
    expect(page.locator("[data-strip]")).to_contain_text("No live line to the plant since")
    send(temperature=98.5)
    page.evaluate("window.cut = false")
    page.get_by_role("button", name="Try now").click()

    expect(page.locator("[data-strip]")).to_be_hidden()
    expect(page.locator(".alerts .alert", has_text="Temperature 98.5 °C")).to_be_visible()


def test_a_session_that_ends_elsewhere_leads_to_the_sign_in_page(signed_in):
    page = signed_in.page
    signed_in.open("/alerts/")
    wait_for_line(page)

    answer = page.evaluate(
        "fetch('/api/auth/logout', { method: 'POST', headers: { 'Content-Type': 'application/json' } })"
        ".then((answer) => answer.status)"
    )
    assert answer == 200

    expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Falerts%2F$"))


def test_the_theme_is_chosen_once_for_every_page(signed_in):
    page = signed_in.page
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")

    signed_in.open("/devices/")

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", "true")
    as_the_system_has_it(page)
    assert signed_in.is_clean()


def test_a_page_that_was_made_before_the_choice_arrived_has_the_theme_chosen(signed_in):
    page, held, made = signed_in.page, [], []

    def hold(route):
        held.append(route)

    def make_first(route):
        made.append((route, route.fetch()))
        held[0].continue_()

    page.route("**/preferences/theme", hold)
    page.route("**/devices/", make_first)
    page.get_by_role("button", name="Dark").click()
    with page.expect_response("**/preferences/theme"):
        page.evaluate("() => { location.href = '/devices/' }")
    page.wait_for_timeout(300)  # what its answer means is known to the old page, which is still there
    [(route, answer)] = made
    assert 'data-chosen="system"' in answer.text()
    route.fulfill(response=answer)

    expect(page).to_have_url(f"{signed_in.url}/devices/")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.unroute_all()
    as_the_system_has_it(page)


def as_the_system_has_it(page):
    """The theme of one who has chosen none, for whoever signs in next."""
    with page.expect_response("**/preferences/theme"):
        page.get_by_role("button", name="System").click()


def test_the_admin_works_under_its_policy(signed_in):
    page = signed_in.page
    signed_in.open("/admin/devices/device/")
    expect(page.locator("html[x-cloak]")).to_have_count(0)  # Alpine has started under this policy

    signed_in.open("/admin/")
    page.get_by_role("link", name="Back to the plant").first.click()

    expect(page).to_have_url(signed_in.url + "/")
    assert signed_in.is_clean()


# For everybody


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=("desk", "phone"))
def test_pages_are_for_everybody(signed_in, press, theme, size):
    device_id, send = press
    page = signed_in.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=theme)
    send(temperature=96.4)
    found = {}
    for path in ("/", f"/devices/{device_id}/", "/alerts/", "/devices/", "/devices/new", "/sign-in?next=/"):
        signed_in.open(path)
        if "sign-in" not in path:
            wait_for_line(page)
        time.sleep(0.3)  # the fade of what has changed is no colour to judge
        found[path] = findings(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{path} is wider than its window"
        )

    assert found == {key: [] for key in found}
    assert signed_in.is_clean()
