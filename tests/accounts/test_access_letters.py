"""Whoever signs in is told by letter of each change to how they do."""

from email import message_from_bytes, policy

import pytest
from django.core import mail
from django.utils import timezone
from pyotp import TOTP

from factory import queueing
from factory.accounts import resets, second_factor, services
from factory.accounts.models import Session
from factory.celery import MESSAGES, app
from tests import services as programs
from tests.accounts.letters import letters_to, token_in
from tests.builders import NOON, PASSWORD, make_api_token, make_user

NEW = "nine copper kettles"


@pytest.fixture
def _worker(monkeypatch):
    """What is handed over at the commit is done at once, as the worker does it."""
    monkeypatch.setattr(queueing.messenger, "hand_over", lambda task, kwargs: task(**kwargs))


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("_worker")]


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    return lambda: django_capture_on_commit_callbacks(execute=True)


def subjects(email: str) -> list[str]:
    return [letter.subject.removesuffix(" · Smart Factory IoT") for letter in letters_to(email)]


def set_up(user, at=NOON) -> list[str]:
    """Their second factor; returns what the letters must not hold."""
    services.open_session(user=user, at=at)
    setup = second_factor.begin_setup(user=user, password=PASSWORD, at=at)
    session = Session.objects.filter(user=user).latest("pk")
    code = TOTP(setup.secret).at(at)
    return [
        setup.secret,
        code,
        *second_factor.confirm_setup(user=user, code=code, session=session, at=at),
    ]


def test_each_change_is_told_once_in_words_and_without_what_is_secret(committed):
    mira = make_user(email="mira@example.com", name="Mira")
    with committed():
        secrets = set_up(mira)
        secrets += second_factor.renew_recovery_codes(user=mira, password=PASSWORD, at=NOON)
        second_factor.disable(user=mira, session=Session.objects.latest("pk"), password=PASSWORD, at=NOON)
        secrets.append(make_api_token(mira, "operate"))
        services.change_password(user=mira, current=PASSWORD, new=NEW, at=NOON)
        link = token_in(resets.reset_link(user=mira, at=NOON))
        resets.reset_password(token=link, password=PASSWORD, at=NOON)

    assert subjects(mira.email) == [
        "A second factor was switched on",
        "Your recovery codes were renewed",
        "Your second factor was taken off",
        "An API token was made in your name",
        "Your password was changed",
        "Your password was changed",
    ]
    said = "".join(letter.body + letter.alternatives[0][0] for letter in mail.outbox)
    assert "Time: 1 Jun 2026, 12:00 (UTC)" in said
    assert "ERP (operate)" in said
    assert "http://127.0.0.1:8000/forgotten-password" in said
    assert [secret for secret in [*secrets, link, NEW, PASSWORD] if secret in said] == []


def test_what_does_not_come_to_be_is_not_told_of(committed):
    mira = make_user()
    with committed():
        with pytest.raises(services.InvalidInput):
            services.change_password(user=mira, current="x", new=NEW, at=NOON)
        with pytest.raises(services.InvalidInput):
            services.change_password(user=mira, current=PASSWORD, new="short", at=NOON)
        second_factor.take_off(user=mira, at=NOON)  # there is none
        services.edit_user(user=mira, email=mira.email, name="Mira")

    assert mail.outbox == []


def test_an_admin_who_changes_the_e_mail_is_told_of_at_the_one_of_before(committed):
    mira = make_user(email="mira@example.com")
    with committed():
        services.edit_user(user=mira, email="thief@example.com")

    assert subjects("mira@example.com") == ["Your e-mail was changed"]
    assert subjects("thief@example.com") == []
    said = letters_to("mira@example.com")[0].body
    assert "by this e-mail no new password can be set any more" in said
    assert "/forgotten-password" not in said  # which would write to the new one


def sign_in(email: str, *, address: str, agent: str, password: str = PASSWORD) -> None:
    services.sign_in(email=email, password=password, at=NOON, address=address, agent=agent)


def test_signing_in_from_a_place_that_is_not_known_is_told_of(committed):
    mira = make_user()
    with committed():
        sign_in(mira.email, address="10.0.0.1", agent="Firefox")  # the first place is nothing new
        sign_in(mira.email, address="10.0.0.9", agent="Firefox")  # nor is the browser, wherever it is carried
        sign_in(mira.email, address="10.0.0.1", agent="Firefox 2")  # nor one that was renewed
        with pytest.raises(services.WrongCredentials):
            sign_in(mira.email, address="192.0.2.7", agent="curl", password="x")
        assert mail.outbox == []
        sign_in(mira.email, address="192.0.2.7", agent="curl")
        sign_in(mira.email, address="192.0.2.7", agent="curl")

    assert subjects(mira.email) == ["Your account was signed in to from a new place"]
    assert "192.0.2.7" in mail.outbox[0].body


def test_letters_speak_the_persons_language_and_clock(committed):
    noor = make_user(name="Noor")
    noor.language, noor.time_zone = "de", "Europe/Berlin"
    noor.save(update_fields=["language", "time_zone"])

    with committed():
        services.set_password(user=noor, password=NEW, at=NOON)

    [letter] = mail.outbox
    assert letter.subject == "Ihr Passwort wurde geändert · Smart Factory IoT"
    assert " 2026, 14:00 (CEST)" in letter.body


def test_without_a_mail_server_and_for_who_is_gone_nothing_is_written(committed, settings):
    mira, boss = make_user(), make_user(role="admin")
    with committed():
        services.set_password(user=mira, password=NEW, at=NOON)
        services.delete_users(users=[mira], by=boss, at=NOON)
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    with committed():
        services.set_password(user=boss, password=NEW, at=NOON)

    assert mail.outbox == []


def test_no_letter_holds_up_other_work_while_it_waits_for_the_mail_server():
    sending = sorted(name for name in app.tasks if name.startswith("factory.accounts.tasks.send_"))

    assert {name: app.amqp.router.route({}, name)["queue"].name for name in sending} == {
        "factory.accounts.tasks.send_access_letter": MESSAGES,
        "factory.accounts.tasks.send_invitation": MESSAGES,
        "factory.accounts.tasks.send_reset_letter": MESSAGES,
    }


@pytest.mark.integration
def test_a_real_mail_server_gets_it_with_both_parts(committed, settings):
    port = programs.free_port()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    mira = make_user(email="mira@example.com", name="Mira <b>")

    with programs.smtp(port) as mailbox:
        with committed():
            services.set_password(user=mira, password=PASSWORD, at=timezone.now())
        [text] = mailbox.messages()

    letter = message_from_bytes(text.encode(), policy=policy.default)
    assert (letter["To"], letter["Auto-Submitted"]) == ("mira@example.com", "auto-generated")
    assert letter["Subject"] == "Your password was changed · Smart Factory IoT"
    assert "Mira <b>" in letter.get_body(("plain",)).get_content()
    assert "Mira &lt;b&gt;" in letter.get_body(("html",)).get_content()
