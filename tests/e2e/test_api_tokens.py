"""Somebody makes a token for a program of theirs, which works with it until they revoke it."""

import httpx
import pytest

from tests.e2e.conftest import SCREENS, new_visit, sign_in
from tests.e2e.looking import expect
from tests.plant import ADMIN

pytestmark = pytest.mark.e2e


def status(token: str, url: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{url}/api/trpc/devices.list", headers=headers, timeout=20, trust_env=False).status_code


@pytest.mark.parametrize("screen", ["desk", "phone"])
def test_made_shown_once_used_and_revoked(plant, browser, screen):
    name = f"Night export of the {screen}"
    with new_visit(plant, browser, SCREENS[screen]) as visit:
        page = visit.page
        sign_in(visit, plant).open("/preferences/")
        visit.tap(page.get_by_role("link", name="API tokens"))
        expect(page.get_by_role("heading", name="API tokens", exact=True)).to_be_visible()
        visit.passes()
        page.get_by_label("Name").fill(name)
        page.get_by_label("What it may do").select_option("read")
        page.get_by_label("Good for so many days").fill("30")
        page.get_by_label("Your password").fill("not mine at all")
        visit.tap(page.get_by_role("button", name="Make the token"))
        expect(page.get_by_text("Is wrong", exact=True)).to_be_visible()
        assert visit.complaints.pop().startswith("Failed to load resource")  # the browser's own word on a 422
        visit.passes()
        page.get_by_label("Your password").fill(ADMIN["password"])
        visit.tap(page.get_by_role("button", name="Make the token"))
        expect(page.get_by_role("heading", name=f"{name} has its token.")).to_be_visible()
        visit.passes()
        token = page.locator("#token").inner_text()
        assert token in page.locator("#curl").inner_text()
        assert status(token, plant.url) == 200

        visit.tap(page.get_by_role("link", name="I have kept it"))
        row = page.get_by_role("listitem").filter(has_text=name)
        expect(row).to_contain_text("last used about")
        assert token not in page.content()
        visit.passes()
        page.on("dialog", lambda dialog: dialog.accept())
        visit.tap(page.get_by_role("button", name=f"Revoke {name}"))
        expect(page.get_by_text(f"The token {name} is revoked.")).to_be_visible()
        expect(row).to_have_count(0)
        assert status(token, plant.url) == 401
        assert visit.is_clean()
