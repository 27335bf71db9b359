"""From a letter to being signed in: an invitation, and a forgotten password; by a real mail server and a browser."""

import re
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from tests import services
from tests.e2e.conftest import SCREENS, new_visit, sign_in
from tests.e2e.looking import expect
from tests.plant import ADMIN_SETTINGS, Plant, running
from tests.services import Mailbox, folder

pytestmark = pytest.mark.e2e
EMAIL, FIRST, SECOND = "noor@example.com", "seven wooden ladders", "nine copper kettles"


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with services.smtp() as mailbox:
        yield mailbox


@pytest.fixture(scope="module")
def posting(mailbox) -> Iterator[Plant]:
    """A plant that sends letters."""
    with folder("e2e-letters") as data, running(data, EMAIL_URL=mailbox.url, **ADMIN_SETTINGS) as plant:
        plant.wait_for(f"ready: {plant.url}", seconds=180)
        yield plant


def letter_from(mailbox: Mailbox, number: int, seconds: float = 60.0) -> EmailMessage:
    """The letter with this number, to whom all of them go."""
    until = time.monotonic() + seconds
    while len(mailbox.messages()) < number:
        assert time.monotonic() < until, "no letter came"
        time.sleep(0.1)
    letter = message_from_bytes(mailbox.messages()[number - 1].encode(), policy=policy.default)
    assert (letter["To"], letter["Auto-Submitted"]) == (EMAIL, "auto-generated")
    return letter


def subject_of_letter(mailbox: Mailbox, number: int) -> str:
    return str(letter_from(mailbox, number)["Subject"])


def link_in_letter(mailbox: Mailbox, number: int) -> str:
    """Where it leads to, on this plant; text and HTML say the same."""
    letter = letter_from(mailbox, number)
    [link] = re.findall(r"http\S+\?token=\S+", letter.get_body(("plain",)).get_content())
    assert f'href="{link}"' in letter.get_body(("html",)).get_content()
    return re.sub(r"^https?://[^/]+", "", link)


def send_form(visit, button: str, **filled: str) -> None:
    for label, text in filled.items():
        visit.page.get_by_label(label.replace("E_", "E-").replace("_", " "), exact=True).fill(text)
    visit.passes()
    visit.tap(visit.page.get_by_role("button", name=button))


def test_invited_by_letter_then_helped_by_letter_to_a_new_password(posting, mailbox, browser):
    with new_visit(posting, browser, SCREENS["desk"]) as boss:
        sign_in(boss, posting).open("/admin/accounts/invitation/add/")
        boss.page.get_by_label("E-mail").fill(EMAIL)
        boss.page.get_by_label("Name").fill("Noor")
        boss.page.get_by_label("Role").select_option("operator")
        boss.page.get_by_role("button", name="Save", exact=True).click()
        expect(boss.page.get_by_text(f"A letter to {EMAIL} is on its way.")).to_be_visible()

    with (
        new_visit(posting, browser, SCREENS["phone"]) as noor,
        new_visit(posting, browser, SCREENS["desk"]) as forgetful,
    ):
        invitation = link_in_letter(mailbox, 1)
        noor.open(invitation)
        expect(noor.page.get_by_label("Your name")).to_have_value("Noor")
        send_form(noor, "Make my account", Password=FIRST)
        expect(noor.page.get_by_text("Your account is ready.")).to_be_visible()
        send_form(noor, "Sign in", E_mail=EMAIL, Password=FIRST)
        expect(noor.page).to_have_url(f"{posting.url}/")
        forgetful.open(invitation)
        expect(forgetful.page.get_by_role("heading", name="This link is over")).to_be_visible()
        forgetful.passes()

        forgetful.open("/sign-in")
        forgetful.page.get_by_role("link", name="Forgotten your password?").click()
        send_form(forgetful, "Send me a link", E_mail=EMAIL)
        expect(forgetful.page.get_by_role("status")).to_contain_text("is on its way")
        forgetful.passes()
        forgetful.open(link_in_letter(mailbox, 2))
        send_form(forgetful, "Set the new password", New_password=SECOND, New_password_again=SECOND)
        expect(forgetful.page.get_by_text("Your new password is set.")).to_be_visible()
        send_form(forgetful, "Sign in", E_mail=EMAIL, Password=SECOND)
        expect(forgetful.page).to_have_url(f"{posting.url}/")

        noor.open("/devices/")
        expect(noor.page).to_have_url(re.compile("/sign-in"))  # what the old password had opened is over
        assert subject_of_letter(mailbox, 3) == "Your password was changed · Smart Factory IoT"
        assert len(mailbox.messages()) == 3
