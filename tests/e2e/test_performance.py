"""Energy, OEE and reports, in a real browser against the whole server with its workers."""

import pytest

from tests.e2e.looking import findings

pytestmark = pytest.mark.e2e
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
SIZES = [(1280, 800), (820, 1180), (390, 844)]
PAGES = ["/performance/", "/energy/", "/oee/", "/reports/", "/reports/new", "/reports/schedules/new"]


def test_a_stop_gets_its_reason_on_the_page_and_the_page_stays(signed_in, grinder):
    device_id, name = grinder
    page = signed_in.page
    signed_in.open(f"/oee/?device={device_id}")
    row = page.locator("tr.stop", has_text=name)
    # A worker keeps the stop; before that it cannot be spoken of.
    for _ in range(40):
        if row.get_by_label(f"Why {name} stood").count():
            break
        page.wait_for_timeout(1000)
        page.reload()

    page.evaluate("window.untouched = true")
    row.get_by_label(f"Why {name} stood").select_option(label=f"Jam {name.split()[-1]}")
    row.get_by_label("Note").fill("Blech klemmt")
    row.get_by_role("button", name="Save").click()

    expect(page.locator(".toast")).to_contain_text(f"{name}: Jam")
    expect(row).to_contain_text("said by")
    assert page.evaluate("window.untouched"), "the page was loaded anew"
    page.reload()
    expect(page.locator("section", has_text="Why machines stood")).to_contain_text("Jam")
    assert findings(page) == []
    assert signed_in.is_clean()


def test_reports_are_planned_and_the_plan_is_changed(signed_in):
    page = signed_in.page
    signed_in.open("/reports/schedules/new")
    page.get_by_label("Name").fill("Jeden Morgen")
    page.get_by_role("textbox", name="To").fill("schicht@example.com")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".notes")).to_contain_text("Saved: Jeden Morgen.")

    page.get_by_role("link", name="Jeden Morgen").click()
    page.get_by_label("When").select_option("weekly")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("region", name="Table: planned reports")).to_contain_text("each Monday at 06:00")
    page.get_by_role("link", name="Jeden Morgen").click()
    page.get_by_role("button", name="Make no more of them").click()
    expect(page.locator(".notes")).to_contain_text("Not made any more: Jeden Morgen.")
    assert signed_in.is_clean()


def reach(element) -> tuple[float, float]:
    """From where to where it lies across the screen."""
    box = element.bounding_box()
    return box["x"], box["x"] + box["width"]


def at_a_phone(visit):
    page = visit.page
    page.set_viewport_size({"width": 390, "height": 844})
    return page


def test_on_a_phone_a_reason_is_given_without_scrolling_sideways(signed_in, grinder):
    device_id, name = grinder
    page = at_a_phone(signed_in)
    signed_in.open(f"/oee/?device={device_id}")
    row = page.locator("tr.stop", has_text=name)
    for _ in range(40):
        if row.get_by_label(f"Why {name} stood").count():
            break
        page.wait_for_timeout(1000)
        page.reload()

    reason, note = row.get_by_label(f"Why {name} stood"), row.get_by_label("Note")
    save = row.get_by_role("button", name="Save")
    for control in (reason, note, save):
        left, right = reach(control)
        assert left >= 0, control
        assert right <= 390, control
        assert control.bounding_box()["height"] >= 44, control
    box = page.get_by_role("region", name="Table: stops")
    assert box.evaluate("box => box.scrollWidth - box.clientWidth") == 0
    reason.select_option(label=f"Jam {name.split()[-1]}")
    save.click()
    expect(row).to_contain_text("said by")
    assert reach(row.get_by_role("button", name="Save"))[1] <= 390


def test_on_a_phone_a_report_in_the_list_shows_its_state_and_its_files(signed_in, grinder):
    _, name = grinder
    page = at_a_phone(signed_in)
    signed_in.open("/reports/new")
    page.get_by_label("What it tells of").select_option("device")
    page.get_by_label("Device id").fill(f"grinder-{name.split()[-1]}")
    page.get_by_role("button", name="Make it").click()
    row = page.locator("table.reports tbody tr", has_text=name).first
    expect(row).to_contain_text("Done", timeout=40_000)

    for told in (row.locator(".state"), *(row.get_by_role("link", name=kind) for kind in ("PDF", "CSV"))):
        left, right = reach(told)
        assert left >= 0, told
        assert right <= 390, told
    with page.context.expect_page() as opened:
        row.get_by_role("link", name="Page").click()
    report = opened.value
    report.set_viewport_size({"width": 390, "height": 844})
    assert report.evaluate("document.documentElement.scrollWidth") <= 390
    wide = "boxes => boxes.filter(box => box.scrollWidth > box.clientWidth).map(box => box.ariaLabel)"
    assert report.locator(".table-box").evaluate_all(wide) == []
    broken = "cells => cells.filter(cell => cell.getClientRects().length > 1).map(cell => cell.textContent)"
    assert report.locator("td.at").evaluate_all(broken) == []
    assert findings(report) == []


def test_on_a_phone_one_sees_where_one_is_and_comes_to_the_stops(signed_in, grinder):
    page = at_a_phone(signed_in)
    signed_in.open(f"/oee/?device={grinder[0]}#stops")

    for here in (page.locator(".nav > [aria-current]"), page.locator(".tabs > [aria-current]")):
        left, right = reach(here)
        assert left >= 0
        assert right <= 390
    expect(page.locator("#stops h2")).to_be_in_viewport()


@pytest.mark.parametrize("path", ["/oee/", "/energy/"])
def test_what_unfolds_is_large_enough_for_a_glove(signed_in, grinder, path):
    page = at_a_phone(signed_in)
    signed_in.open(f"{path}?device={grinder[0]}")

    heights = page.locator("main summary").evaluate_all("all => all.map(one => one.offsetHeight)")

    assert heights
    assert min(heights) >= 44


@pytest.mark.parametrize(
    ("text", "subset"),
    [("Σταθμός", "greek"), ("Ὑδραυλική", "greek-ext"), ("Пресс", "cyrillic"), ("Ѵ", "cyrillic-ext")],
)
def test_a_name_in_another_script_is_written_in_the_same_type(signed_in, admin, text, subset):
    asked: list[str] = []
    page = signed_in.page
    page.on("request", lambda request: asked.append(request.url))
    device = admin.data("devices.create", {"deviceId": "another-script", "name": "Press", "type": "sensor"})
    path = f"/devices/{device['id']}/"

    def fonts() -> set[str]:
        asked.clear()
        signed_in.open(path)
        page.evaluate("document.fonts.ready.then(() => null)")
        return {url.rsplit("/", 1)[1].split(".")[0] for url in asked if "woff2" in url}

    own = f"inter-{subset}-wght-normal"
    try:
        assert own not in fonts()
        admin.data("devices.update", {"id": device["id"], "name": text})
        with page.expect_request(lambda request: f"/{own}." in request.url):
            signed_in.open(path)
        page.wait_for_function("text => document.fonts.check('15px Inter', text)", arg=text)
    finally:
        admin.data("devices.delete", {"id": device["id"]})


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_page_fits_and_can_be_used_by_everybody(signed_in, grinder, size, theme):
    page = signed_in.page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=theme)

    for path in PAGES:
        signed_in.open(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], path
        assert findings(page) == [], path
    assert signed_in.is_clean()
