"""Two journeys to figures, at a desk, a tablet and a phone: OEE, and a report."""

import re

import pytest

from tests.analytics.pdf_reading import joined, texts

pytestmark = pytest.mark.e2e
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect


def test_read_oee(walker, grinder, admin):
    device_id, name = grinder
    page = walker.page
    walker.open("/performance/")
    walker.passes()
    walker.tap(page.get_by_role("navigation", name="About performance").get_by_role("link", name="OEE"))
    page.wait_for_url("**/oee/**")
    walker.passes()
    walker.open(f"/oee/?device={device_id}")
    told = admin.data("analytics.getOEEMetrics", {"deviceId": device_id})
    assert told["availability"] is not None

    expect(page.locator("h1")).to_contain_text("%")
    expect(page.get_by_role("heading", name="The four figures")).to_be_visible()
    expect(page.locator("#stops")).to_contain_text(name)
    walker.tap(page.locator(".as-table summary").first)
    walker.passes()
    assert walker.is_clean()


def test_make_a_report(walker, grinder, admin):
    _, name = grinder
    page = walker.page
    walker.open("/reports/")
    walker.tap(page.get_by_role("link", name="New report"))
    page.wait_for_url("**/reports/new")
    page.get_by_label("What it tells of").select_option("device")
    expect(page.get_by_label("Group")).to_be_hidden()
    page.get_by_label("Device id").fill(f"grinder-{name.split()[-1]}")
    walker.passes()
    walker.tap(page.get_by_role("button", name="Make it"))

    row = page.locator("table.reports tbody tr", has_text=name)
    expect(row).to_contain_text("Done", timeout=40_000)
    walker.passes()
    paper = row.get_by_role("link", name="PDF")
    answer = page.request.get(walker.url + paper.get_attribute("href"))
    assert answer.headers["content-type"] == "application/pdf"
    assert joined(name) in texts(answer.body())[0]
    made = [one for one in admin.data("export.reports", {}) if name in one["title"]]
    assert [one["status"] for one in made] == ["done"]

    with page.context.expect_page() as opened:
        walker.tap(row.get_by_role("link", name="Page"), least=24)
    report = opened.value
    report.wait_for_load_state()
    told: list[str] = []
    report.on("console", lambda message: told.append(message.text))
    report.reload()
    expect(report.locator("h1")).to_have_text(re.compile(re.escape(name)))
    walker.page = report
    walker.passes()
    assert told == []
    assert walker.is_clean()
