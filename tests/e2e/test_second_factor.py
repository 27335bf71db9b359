"""Somebody sets up a second factor, signs out, and signs in with a code."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from pyotp import TOTP

from tests.e2e.conftest import SCREENS, new_visit
from tests.e2e.looking import expect
from tests.plant import Api, Plant, running
from tests.services import folder

pytestmark = pytest.mark.e2e
PASSWORD = "seven wooden ladders"
_people = count(1)


@pytest.fixture(scope="module")
def open_plant() -> Iterator[Plant]:
    """Where people make their accounts themselves; the other tests' admin keeps their session."""
    with folder("e2e-factor") as data, running(data, REGISTRATION="open") as plant:
        plant.wait_for(f"ready: {plant.url}", seconds=180)
        yield plant


@pytest.mark.parametrize("screen", ["desk", "phone"])
def test_set_up_sign_out_and_sign_in_with_a_code(open_plant, browser, screen):
    email = f"factor{next(_people)}@example.com"
    Api(open_plant).data("auth.register", {"email": email, "password": PASSWORD, "name": "Ida"})
    with new_visit(open_plant, browser, SCREENS[screen]) as visit:
        page = visit.page
        visit.open("/sign-in?next=/preferences/")
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        visit.tap(page.get_by_role("button", name="Sign in"))
        visit.tap(page.get_by_role("link", name="Set up a second factor"))
        expect(page.get_by_label("Your password")).to_be_visible()
        visit.passes()
        page.get_by_label("Your password").fill(PASSWORD)
        visit.tap(page.get_by_role("button", name="Set it up"))
        expect(page.locator(".qr svg")).to_be_visible()
        visit.passes()
        app = TOTP(page.locator("code.key").inner_text())
        first = datetime.now(UTC)
        page.get_by_label("Code that the app shows").fill(app.at(first))
        visit.tap(page.get_by_role("button", name="Switch it on"))
        expect(page.locator(".recovery-codes li")).to_have_count(10)
        visit.passes()
        visit.tap(page.get_by_role("link", name="I have kept them"))
        expect(page.get_by_text("10 recovery codes are left")).to_be_visible()

        visit.open("/sign-out")
        visit.tap(page.get_by_role("button", name="Sign out"))
        page.get_by_label("E-mail").fill(email)
        page.get_by_label("Password").fill(PASSWORD)
        visit.tap(page.get_by_role("button", name="Sign in"))
        expect(page.get_by_role("heading", name="One more step")).to_be_visible()
        visit.passes()
        page.get_by_label("Code").fill(
            app.at(first + timedelta(seconds=30))
        )  # the next one is within the drift
        visit.tap(page.get_by_role("button", name="Sign in"))
        expect(page).to_have_url(open_plant.url + "/")
        assert visit.is_clean()
