"""Whoever signs out of a shared screen leaves nothing there for the next one."""

import re

import pytest

from tests.e2e.looking import expect

pytestmark = pytest.mark.e2e
# How the sign-in page looks; and until the tab is closed the address it was at, as the browser's own history has it.
HARMLESS = {"theme", "adminTheme", "htmx-current-path-for-history"}


def test_back_shows_nothing_and_the_browser_keeps_nothing(signed_in, press):
    page, plant = signed_in.page, signed_in.url
    for path in ("/admin/accounts/user/", "/preferences/", "/alerts/", "/devices/"):
        page.goto(plant + path)
        page.wait_for_load_state()
    expect(page.get_by_text("Press").first).to_be_visible()
    page.goto(plant + "/sign-out")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in"))

    for _ in range(5):
        page.go_back()
        expect(page).to_have_url(re.compile("/sign-(in|out)"))
        expect(page.get_by_text("Press")).to_have_count(0)
    kept = page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
    assert set(kept) <= HARMLESS
    cookies = {cookie["name"] for cookie in page.context.cookies()}
    assert "app_session_id" not in cookies
