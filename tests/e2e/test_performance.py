"""Energy, OEE and reports, in a real browser against the whole server with its workers."""

import time
from itertools import count

import pytest

from tests.analytics.pdf_reading import joined, texts
from tests.e2e.looking import findings
from tests.plant import Api

pytestmark = pytest.mark.e2e
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
_numbers = count(1)
MINUTE = 60_000
SIZES = [(1280, 800), (820, 1180), (390, 844)]
PAGES = ["/performance/", "/energy/", "/oee/", "/reports/", "/reports/new", "/reports/schedules/new"]


@pytest.fixture
def grinder(plant, admin):
    """A machine that ran for two hours but for ten minutes in the middle: (id, name)."""
    number = next(_numbers)
    name = f"Schleifmaschine Süd {number}"
    device = admin.data(
        "devices.create",
        {"deviceId": f"grinder-{number}", "name": name, "type": "controller", "zone": "Hall D"},
    )
    about = {"deviceId": device["id"], "idealCycleSeconds": 6, "totalMetric": "parts"}
    admin.data("analytics.setMachineProfile", {**about, "running": {"metric": "running", "above": 0}})
    admin.data("analytics.setStopCode", {"code": f"jam-{number}", "label": f"Jam {number}", "planned": False})
    now = int(time.time() * 1000)
    readings = [
        {
            "timestamp": now - minute * MINUTE,
            "data": {
                "running": float(not 55 < minute <= 65),
                "parts": 10.0 * (120 - minute),
                "power": 8000.0,
            },
        }
        for minute in range(120, -1, -1)
    ]
    assert Api(plant, device["token"]).data("readings.create", {"readings": readings})["rejected"] == []
    yield device["id"], name
    admin.data("devices.delete", {"id": device["id"]})


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
    row.get_by_label(f"Why {name} stood").select_option(label=f"Jam {name[-1]}")
    row.get_by_label("Note").fill("Blech klemmt")
    row.get_by_role("button", name="Save").click()

    expect(page.locator(".toast")).to_contain_text(f"{name}: Jam")
    expect(row).to_contain_text("said by")
    assert page.evaluate("window.untouched"), "the page was loaded anew"
    page.reload()
    expect(page.locator("section", has_text="Why machines stood")).to_contain_text("Jam")
    assert findings(page) == []
    assert signed_in.is_clean()


def test_a_report_is_asked_for_watched_and_read(signed_in, grinder):
    _, name = grinder
    page = signed_in.page
    signed_in.open("/reports/new")
    expect(page.get_by_label("Device id")).to_be_hidden()
    page.get_by_label("What it tells of").select_option("device")
    expect(page.get_by_label("Group")).to_be_hidden()
    page.get_by_label("Device id").fill(f"grinder-{name.split()[-1]}")
    page.get_by_role("button", name="Make it").click()

    row = page.locator("table.reports tbody tr", has_text=name)
    expect(row).to_contain_text("Done", timeout=40_000)
    path = row.get_by_role("link", name="PDF").get_attribute("href")
    paper = page.context.request.get(signed_in.url + path)
    assert paper.headers["content-type"] == "application/pdf"
    assert joined(name) in texts(paper.body())[0]

    with page.context.expect_page() as opened:
        row.get_by_role("link", name="Page").click()
    report = opened.value
    told: list[str] = []
    report.on("console", lambda message: told.append(message.text))
    report.reload()
    expect(report.locator("h1")).to_have_text(name)
    assert findings(report) == []
    assert told == []
    assert signed_in.is_clean()


def test_reports_are_planned_and_the_plan_is_changed(signed_in):
    page = signed_in.page
    signed_in.open("/reports/schedules/new")
    page.get_by_label("Name").fill("Jeden Morgen")
    page.get_by_label("To").fill("schicht@example.com")
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
