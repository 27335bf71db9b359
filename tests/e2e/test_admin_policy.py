"""The admin under the policy that every page has: each control does its thing, and the browser refuses nothing."""

import re

import pytest

from tests.alpine import expressions
from tests.e2e.looking import expect

pytestmark = pytest.mark.e2e
# The theme's other way to search, which is switched off (SIDEBAR.command_search in factory/admin_menu.py).
NOT_SHOWN = {
    "openSearchResults = true; currentIndex = 0",
    (
        "openSearchResults = false; if ($refs.searchInput.value === '') { $refs.searchInput.blur() }"
        " else { $refs.searchInput.value = '' }"
    ),
}
# Behind `false &&` it is read to its end, and not done.
READ = """texts => texts.filter(text => {
    try { Alpine.evaluateRaw(document.body, `false && (${text.replace(/;$/, "")})`); return false; }
    catch (error) { return true; }
})"""


@pytest.fixture
def desk(signed_in):
    """In the admin; what the policy refuses is a complaint, also where the console would not say it."""
    page = signed_in.page
    page.expose_function("refuse", lambda words: signed_in.complaints.append(words))
    page.add_init_script(
        "addEventListener('securitypolicyviolation', event => refuse(`${event.violatedDirective}: ${event.sample}`))"
    )
    signed_in.open("/admin/")
    return signed_in


def test_a_refusal_would_be_noticed(desk):
    desk.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<p style=\"color: red\">x</p>')")
    desk.page.wait_for_timeout(200)

    assert any(words.startswith("style-src") for words in desk.complaints)


def test_alpine_reads_every_expression_of_the_theme_and_ours(desk):
    texts = sorted({one.text for one in expressions()})
    assert len(texts) > 100

    assert set(desk.page.evaluate(READ, texts)) == NOT_SHOWN


def test_the_sidebar_goes_and_stays_away(desk):
    page, aside = desk.page, desk.page.locator("#nav-sidebar")
    expect(aside).to_be_visible()
    page.locator("span.material-symbols-outlined", has_text="dock_to_right").first.click()
    expect(aside).to_be_hidden()
    page.reload()
    expect(aside).to_be_hidden()
    page.locator("span.material-symbols-outlined", has_text="dock_to_right").first.click()
    expect(aside).to_be_visible()
    assert desk.is_clean()


def test_the_theme_is_chosen_in_the_menu_of_the_person_and_by_keys(desk):
    page = desk.page
    expect(page.get_by_text("Dark", exact=True)).to_be_hidden()
    page.get_by_text("unfold_more").click()
    page.get_by_text("Dark", exact=True).click()
    expect(page.locator("html")).to_have_class("dark")
    page.locator("h1").click()  # beside it
    expect(page.get_by_text("Dark", exact=True)).to_be_hidden()
    page.reload()
    expect(page.locator("html")).to_have_class("dark")
    page.keyboard.press("Control+e")
    expect(page.locator("html")).to_have_class("light")
    assert desk.is_clean()


def test_the_command_search_finds_and_goes_there(desk):
    page = desk.page
    box = page.get_by_placeholder("Type to search")
    page.keyboard.press("Control+k")
    expect(box).to_be_focused()
    box.press_sequentially("silence")
    found = page.locator("#command-results-list li")
    expect(found).to_have_count(1)
    expect(page.get_by_text("Found 1 result in")).to_be_visible()
    box.press("ArrowDown")
    expect(found).to_have_class(re.compile(r"\bactive\b"))
    box.press("Enter")
    page.wait_for_url("**/admin/devices/silencerule/")

    page.get_by_text("Search apps and models...").click()
    expect(box).to_be_focused()
    box.press("Escape")
    expect(box).to_be_hidden()
    assert desk.is_clean()


def test_a_list_is_searched_filtered_and_acted_upon(desk, team, admin):
    page, device_id = desk.page, next(iter(team.devices))
    name = admin.data("devices.getById", {"id": device_id})["deviceId"]
    desk.open("/admin/devices/device/")
    page.keyboard.press("/")
    expect(page.locator("#searchbar")).to_be_focused()
    page.locator("#searchbar").fill(name)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/?q={name}*")

    sheet = page.locator("#changelist-filter")
    expect(sheet).to_be_hidden()
    page.locator("a", has_text="Filters").first.click()
    expect(sheet).to_be_visible()
    page.keyboard.press("Escape")
    expect(sheet).to_be_hidden()
    page.locator("a", has_text="Filters").first.click()
    sheet.get_by_role("link", name="Gateway").first.click()
    page.wait_for_url("**/?*type*=gateway*")

    row = page.locator("#result_list tbody tr", has_text=name)
    run = page.get_by_role("button", name="Run")
    expect(run).to_be_hidden()
    row.locator("input.action-select").check()
    bar = page.locator("#changelist-actions")
    width = page.locator("#changelist-form").evaluate("form => form.getBoundingClientRect().width")
    assert float(bar.evaluate("bar => bar.style.width").removesuffix("px")) == pytest.approx(width, abs=1)
    expect(bar.locator(".action-counter")).to_contain_text("1 of 1 selected")
    page.locator("select[name=action]").select_option("take_out_of_service")
    run.click()
    assert admin.data("devices.getById", {"id": device_id})["deactivatedAt"]
    assert desk.is_clean()


def test_pages_of_a_list_are_turned(desk, press, admin):
    device_id, _ = press
    for speed in range(41):
        admin.data("devices.setConfig", {"id": device_id, "desired": {"speed": speed}})
    desk.open("/admin/devices/configurationversion/")
    desk.page.get_by_role("link", name="2", exact=True).click()
    desk.page.wait_for_url("**/admin/devices/configurationversion/?p=2")
    assert desk.is_clean()


def test_a_form_finds_what_it_refers_to_and_opens_what_is_beside_it(desk, press, admin):
    page, (device_id, _) = desk.page, press
    name = admin.data("devices.getById", {"id": device_id})["name"]
    desk.open("/admin/alerts/threshold/add/")
    beside = page.locator("#related-widget-wrapper-device")
    expect(beside).to_be_hidden()
    page.locator("[data-id=related-widget-wrapper-device]").get_by_text("more_vert").click()
    expect(beside).to_be_visible()
    opener = page.locator("[data-id=related-widget-wrapper-device]").get_by_text("more_vert").bounding_box()
    box = beside.bounding_box()
    assert 0 < box["y"] - opener["y"] < 60, "it hangs below what opened it"
    page.get_by_text("Patience", exact=True).click()
    expect(beside).to_be_hidden()

    page.locator("[data-id=related-widget-wrapper-device] .select2-selection").click()
    page.locator(".select2-search__field").press_sequentially(name)
    page.locator(".select2-results__option", has_text=name).click()
    page.locator("#id_metric").fill("pressure")
    page.locator("#id_max_value").fill("9")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/admin/alerts/threshold/")
    expect(page.get_by_text("was added successfully")).to_be_visible()
    kept = admin.data("thresholds.getForDevice", {"deviceId": device_id})
    assert ("pressure", 9) in [(one["metric"], one["maxValue"]) for one in kept]
    assert desk.is_clean()


def test_dates_and_times_are_picked(desk):
    page = desk.page
    desk.open("/admin/alerts/maintenancewindow/add/")
    day, time = page.locator("#id_starts_at_0"), page.locator("#id_starts_at_1")
    page.locator("#calendarlink0").click()
    expect(page.locator("#calendarbox0")).to_be_visible()
    expect(page.locator("#modal-overlay")).to_be_visible()
    page.locator("#calendarin0 td:not(.nonday) a", has_text="15").click()
    expect(day).to_have_value(re.compile(r"15"))
    expect(page.locator("#calendarbox0")).to_be_hidden()
    page.locator("#clocklink0").click()
    page.locator("#clockbox0").get_by_role("link", name="Noon").click()
    expect(time).to_have_value(re.compile(r"^12:00"))
    assert desk.is_clean()


def test_who_changed_it_and_whether_to_delete_it_are_asked(desk, admin):
    page = desk.page
    code = admin.data("groups.create", {"name": "To be deleted", "type": "custom"})
    desk.open(f"/admin/grouping/group/{code['id']}/change/")
    page.get_by_role("link", name="Who changed it").click()
    page.wait_for_url("**/auditentry/*")
    page.go_back()
    page.get_by_role("link", name=re.compile("^Delete")).click()
    expect(page.get_by_text("Are you sure").first).to_be_visible()
    page.get_by_role("link", name="No, take me back").click()
    page.wait_for_url(f"**/group/{code['id']}/change/*")
    page.get_by_role("link", name=re.compile("^Delete")).click()
    page.get_by_role("button", name="Yes, I’m sure").click()
    page.wait_for_url("**/admin/grouping/group/")
    expect(page.get_by_text("was deleted successfully")).to_be_visible()
    assert desk.is_clean()


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/admin/alerts/threshold/import/", "input[type=file]"),
        ("/admin/ota/firmware/add/", "input[type=file]"),
        ("/admin/accounts/user/add/", "#id_email"),
        ("/admin/telemetry/archivedday/", "#changelist"),
        ("/admin/nope/", "body"),
    ],
)
def test_other_pages_are_shown_as_they_are(desk, path, seen):
    desk.open(path)
    expect(desk.page.locator(seen).first).to_be_attached()
    desk.page.wait_for_timeout(300)

    assert [words for words in desk.complaints if "404" not in words] == []


def test_what_is_json_is_shown_in_colours(desk, press, admin):
    device_id, _ = press
    admin.data("devices.setConfig", {"id": device_id, "desired": {"speed": 80}})
    desk.open("/admin/devices/configurationversion/")
    desk.page.locator("#result_list tbody a").first.click()
    key = desk.page.locator(".json-nt", has_text="speed").first

    assert key.evaluate("key => getComputedStyle(key).color") == "rgb(0, 119, 0)"
    assert desk.is_clean()
