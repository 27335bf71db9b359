"""What an operator does with alerts, in a real browser against the whole server."""

import re
import time

import pytest

from tests.e2e.looking import findings, wait_for_line

pytestmark = pytest.mark.e2e
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect


@pytest.fixture
def troubles(admin, press):
    """Three alerts of a device that no threshold watches, newest first."""
    device_id, _ = press
    made = [
        admin.data(
            "alerts.create",
            {
                "deviceId": device_id,
                "type": type,
                "severity": "warning",
                "message": f"{words} of {device_id}",
            },
        )
        for type, words in (
            ("system_error", "Fault"),
            ("maintenance_required", "Filter"),
            ("firmware_update", "Update"),
        )
    ]
    yield [alert["id"] for alert in reversed(made)]
    admin.data("alerts.resolve", {"ids": [alert["id"] for alert in made if is_open(admin, alert["id"])]})


def is_open(admin, alert_id: int) -> bool:
    return admin.data("alerts.getById", {"id": alert_id})["status"] != "resolved"


def box(page, alert_id: int):
    return page.locator(f"#pick-{alert_id}")


def test_what_is_ticked_stays_ticked_while_a_breach_arrives_and_is_acknowledged_together(
    signed_in, press, admin, troubles
):
    device_id, send = press
    first, second, third = troubles
    page = signed_in.page
    name = admin.data("devices.getById", {"id": device_id})["name"]
    signed_in.open(f"/alerts/?search={name.replace(' ', '+')}")
    wait_for_line(page)
    expect(page.locator("#bulk")).to_be_hidden()
    page.evaluate("window.untouched = true")

    box(page, first).focus()
    page.keyboard.press("Space")
    box(page, second).check()
    expect(page.locator("#bulk")).to_contain_text("2 alerts ticked")
    box(page, second).focus()

    send(temperature=96.4)
    arrived = page.locator(".alert", has_text="Temperature 96.4 °C, over the limit of 90 °C")
    expect(arrived.first).to_be_visible()
    expect(box(page, first)).to_be_checked()
    expect(box(page, second)).to_be_checked()
    expect(box(page, second)).to_be_focused()

    page.locator("#bulk").get_by_role("button", name="Acknowledge 2").click()

    expect(page.locator("#bulk-answer")).to_contain_text("2 of 2 acknowledged.")
    expect(page.locator("#bulk")).to_be_hidden()
    for alert_id in (first, second):
        expect(page.locator(f"#alert-{alert_id}")).to_contain_text("Admin is on it")
        expect(box(page, alert_id)).not_to_be_checked()
    expect(page.locator(f"#alert-{third}")).to_contain_text("unseen")
    assert page.evaluate("window.untouched"), "the page was loaded anew on the way"
    assert signed_in.is_clean()


def test_all_on_the_page_are_ticked_and_the_answer_names_who_was_first(signed_in, press, admin, troubles):
    device_id, _ = press
    page = signed_in.page
    signed_in.open(f"/alerts/?search=of+{device_id}")
    page.locator("#pick-all").check()
    expect(page.locator("#bulk")).to_contain_text("3 alerts ticked")
    box(page, troubles[0]).uncheck()
    assert page.locator("#pick-all").evaluate("(all) => all.indeterminate")

    # Another person is faster than any news: the click goes out together with theirs.
    page.route(
        "**/alerts/bulk",
        lambda route: (admin.data("alerts.acknowledge", {"ids": [troubles[1]]}), route.continue_()),
    )
    page.locator("#bulk").get_by_role("button", name="Acknowledge 2").click()

    expect(page.locator("#bulk-answer")).to_contain_text("1 of 2 acknowledged.")
    expect(page.locator("#bulk-answer")).to_contain_text(
        f"Alert {troubles[1]} is acknowledged already by Admin."
    )
    assert signed_in.is_clean()


def test_several_are_shelved_with_a_reason_and_found_on_the_shelf(signed_in, press, troubles):
    device_id, _ = press
    page = signed_in.page
    signed_in.open(f"/alerts/?search=of+{device_id}")
    box(page, troubles[0]).check()
    page.locator("#bulk summary").click()
    page.locator("#bulk").get_by_role("button", name="Shelve 1", exact=True).click()
    assert page.locator("#bulk-reason").evaluate("(field) => field.validity.valueMissing")

    page.locator("#bulk-reason").fill("The part comes tomorrow")
    page.locator("#bulk-minutes").select_option("1440")
    page.locator("#bulk").get_by_role("button", name="Shelve 1", exact=True).click()

    expect(page.locator("#bulk-answer")).to_contain_text("1 of 1 shelved.")
    expect(page.locator(f"#alert-{troubles[0]}")).to_have_count(0)
    page.get_by_role("link", name=re.compile(r"\d+ shelved")).click()
    expect(page.locator(f"#alert-{troubles[0]}")).to_contain_text("shelved until")
    page.locator(f"#alert-{troubles[0]} .row-link").click()
    expect(page.locator("#head")).to_contain_text("by Admin: The part comes tomorrow.")
    assert signed_in.is_clean()


def test_one_alert_has_its_course_and_its_story_and_renews_itself(signed_in, press, admin):
    device_id, send = press
    page = signed_in.page
    send(temperature=97.5)
    [alert] = admin.data("alerts.list", {"deviceId": device_id, "status": "active"})
    signed_in.open(f"/alerts/{alert['id']}/")
    wait_for_line(page)
    page.evaluate("window.untouched = true")
    expect(page.locator("#chart canvas")).to_have_count(1)
    expect(page.locator("#readout")).to_contain_text("97.5 °C")
    expect(page.locator("#timeline")).to_contain_text("Opened, critical")

    page.locator("#comment").fill("The fan does not turn")
    admin.data("alerts.comment", {"id": alert["id"], "text": "I look at it"})
    expect(page.locator("#timeline")).to_contain_text("I look at it")
    expect(page.locator("#comment")).to_have_value("The fan does not turn")
    page.get_by_role("button", name="Write it down").click()
    expect(page.locator("#timeline")).to_contain_text("The fan does not turn")
    expect(page.locator("#comment")).to_have_value("")

    page.locator("#shelving summary").click()
    page.locator("#shelve-reason").fill("Wait for the electrician")
    admin.data("alerts.comment", {"id": alert["id"], "text": "He is called"})
    expect(page.locator("#timeline")).to_contain_text("He is called")
    expect(page.locator("#shelve-reason")).to_have_value("Wait for the electrician")
    page.locator("#shelve").click()
    expect(page.locator("#head")).to_contain_text("Shelved until")
    page.get_by_role("button", name="Take off the shelf").click()
    expect(page.locator("#head")).not_to_contain_text("Shelved until")

    page.locator("#assigning summary").click()
    page.get_by_role("button", name="Assign to me").click()
    expect(page.locator("#head")).to_contain_text("Admin looks after it")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)

    send(temperature=70.1)
    expect(page.locator("#head")).to_contain_text("Over since")
    expect(page.locator("#timeline")).to_contain_text("Over by itself")
    expect(page.locator("#handling")).to_be_empty()
    assert page.evaluate("window.untouched"), "the page was loaded anew on the way"
    assert signed_in.is_clean()


def test_history_figures_and_a_window_of_planned_work(signed_in, press):
    _, send = press
    page = signed_in.page
    send(temperature=98.25)
    signed_in.open("/alerts/history/")
    page.locator("#filter-search").fill("98.25")
    page.get_by_role("button", name="Filter").click()
    expect(page).to_have_url(re.compile(r"/alerts/history/\?search=98\.25&from=[-\d]+$"))
    expect(page.locator("tbody tr")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download CSV").click()
    assert "Temperature 98.25 °C" in download.value.path().read_text()

    page.get_by_role("link", name="Figures").click()
    expect(page.locator("h1")).to_contain_text("per operator and day")
    page.get_by_text("As a table").click()
    expect(page.get_by_role("region", name="Table: alerts per day")).to_be_visible()

    page.get_by_role("link", name="Maintenance", exact=True).click()
    page.get_by_role("link", name="Plan work").first.click()
    page.locator("#id_name").fill("Oil change")
    page.locator("#id_reach").select_option("type")
    expect(page.locator("#id_device")).to_be_hidden()
    page.locator("#id_type").select_option("gateway")
    page.locator("#id_ends_at").fill("2040-01-01T10:00")
    page.get_by_role("button", name="Plan it").click()
    expect(page.locator("h1")).to_contain_text("One window of planned work is open.")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="End now: Oil change").click()
    expect(page.locator("h1")).to_contain_text("No work is planned.")
    assert signed_in.is_clean()


def test_a_way_to_be_told_says_what_became_of_a_test(signed_in):
    page = signed_in.page
    signed_in.open("/")
    page.get_by_role("link", name="Notifications").click()
    page.get_by_role("link", name="Add a way").first.click()
    page.locator("#id_type").select_option("push")
    page.locator("#id_recipient").fill("ntfys://192.0.2.7/topic-hidden")
    page.get_by_role("button", name="Add").click()
    way = page.locator(".config", has_text="Push")
    expect(way).to_contain_text("ntfys://")
    assert "topic-hidden" not in page.content()

    way.get_by_role("link", name="Change").click()
    page.locator("#id_recipient").fill("nonsense")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".summary")).to_contain_text("Is no URL that Apprise understands")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove").click()
    expect(page.locator(".note")).to_contain_text("Removed")
    complaints = [words for words in signed_in.complaints if "422" not in words]
    assert complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=("desk", "phone"))
def test_pages_about_alerts_are_for_everybody(signed_in, press, admin, troubles, theme, size):
    device_id, send = press
    page = signed_in.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=theme)
    send(temperature=96.4)
    admin.data("alerts.comment", {"id": troubles[0], "text": "A word about it"})
    found = {}
    for path in (
        f"/alerts/?search=of+{device_id}",
        f"/alerts/{troubles[0]}/",
        "/alerts/history/",
        "/alerts/figures/",
        "/maintenance/",
        "/maintenance/new",
        "/notifications/",
        "/notifications/new",
    ):
        signed_in.open(path)
        wait_for_line(page)
        if "search" in path:
            page.locator("#pick-all").check()
            page.locator("#bulk summary").click()
        if path == f"/alerts/{troubles[0]}/":
            page.locator("#shelving summary").click()
            page.locator("#assigning summary").click()
        page.evaluate("scrollTo(0, 0)")  # what lies half under the sticky head is no small target
        time.sleep(0.3)  # the fade of what has changed is no colour to judge
        found[path] = findings(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
            f"{path} is wider than its window"
        )

    assert found == {key: [] for key in found}
    assert signed_in.is_clean()
