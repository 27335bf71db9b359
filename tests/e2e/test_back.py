"""Back and forward bring the view again as it was left: filters, page, order, and how far it was scrolled."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.conftest import MINUTE
from tests.e2e.looking import expect

pytestmark = pytest.mark.e2e
LOW = {"width": 1280, "height": 320}  # so that every page is longer than its window

# What is looked at, what of it says that it is the same view, and what is pressed to leave it.
CHOSEN = ".choice [aria-current=true], .tabs [aria-current]"
VIEWS = {
    "alert history": (
        "/alerts/history/?severity=critical&from={month_ago}",
        "#filter-severity, #filter-from",
    ),
    "groups": ("/groups/", "#list"),
    "a page of a group": ("/groups/{group}/?page=2", ".pager"),
    "firmware of a type": ("/firmware/?type=sensor", CHOSEN),
    "rollouts in a state": ("/firmware/rollouts/?status=draft", CHOSEN),
    "energy by week": ("/energy/?period=30d&by=week", CHOSEN),
    "energy between two days": ("/energy/?from={month_ago}&to={today}", "#about-from, #about-to"),
    "OEE of a machine": ("/oee/?period=30d&device={grinder}", CHOSEN),
    "stops without a reason": ("/oee/?period=30d&stops=open", CHOSEN),
    "reports": ("/reports/", ".reports th[scope=row]"),
}
STATE = """selector => [...document.querySelectorAll(selector)].map(
    one => one.value ?? one.innerText.replace(/\\s+/g, " ").trim())"""


@pytest.fixture
def names(plant, admin, press, grinder) -> dict[str, object]:
    """A plant with something on each of these pages."""
    _, send = press
    send(temperature=96.4)
    ids = [
        admin.data(
            "devices.create", {"deviceId": f"back-{number}", "name": f"Back {number}", "type": "sensor"}
        )["id"]
        for number in range(60)
    ]
    group = admin.data("groups.create", {"name": "Many", "type": "custom", "deviceIds": ids})
    now = int(time.time() * 1000)
    span = {"startTime": now - 60 * MINUTE, "endTime": now}
    for _ in range(8):
        admin.data("export.requestReport", {"kind": "alerts", **span})
    today = datetime.now(UTC).date()
    yield {
        "group": group["id"],
        "grinder": grinder[0],
        "today": today,
        "month_ago": today - timedelta(days=30),
    }
    for pk in ids:
        admin.data("devices.delete", {"id": pk})
    admin.data("groups.delete", {"id": group["id"]})


def test_every_view_comes_back_as_it_was_left(signed_in, names):
    page = signed_in.page
    page.set_viewport_size(LOW)
    for name, (path, seen) in VIEWS.items():
        address = signed_in.url + path.format(**names)
        page.goto(address)
        page.wait_for_load_state("networkidle")
        page.evaluate("scrollTo(0, 150)")
        page.wait_for_timeout(200)
        left = (page.url, page.evaluate(STATE, seen), page.evaluate("scrollY"))
        assert left[1] != [], name
        assert left[2] > 0, name

        page.locator("nav.nav a", has_text="Overview").dispatch_event("click")
        page.wait_for_url(signed_in.url + "/")
        page.go_back()
        page.wait_for_url(address)
        page.wait_for_load_state("networkidle")

        assert (page.url, page.evaluate(STATE, seen), page.evaluate("scrollY")) == left, name
        page.go_forward()
        page.wait_for_url(signed_in.url + "/")
    assert signed_in.is_clean()


def test_filters_that_are_set_and_taken_away_are_steps_of_their_own(signed_in, names):
    """The fields say what the list shows, not what somebody had typed before they left."""
    page = signed_in.page
    signed_in.open("/alerts/history/")
    page.select_option("#filter-severity", "critical")
    page.get_by_role("button", name="Filter", exact=True).click()
    page.wait_for_url("**/alerts/history/?*severity=critical*")
    page.get_by_role("link", name="Show all").first.click()
    page.wait_for_url("**/alerts/history/")

    page.go_back()
    expect(page.locator("#filter-severity")).to_have_value("critical")
    page.go_back()
    expect(page.locator("#filter-severity")).to_have_value("")
    page.go_forward()
    expect(page.locator("#filter-severity")).to_have_value("critical")

    signed_in.open("/energy/?period=7d")
    began = page.locator("#about-from").input_value()
    page.fill("#about-from", names["month_ago"].isoformat())
    page.get_by_role("button", name="Show", exact=True).click()
    page.wait_for_url("**/energy/?*from=*")
    page.go_back()
    expect(page.locator("#about-from")).to_have_value(began)
    assert signed_in.is_clean()
