"""A forgotten password: who asks learns nothing, and a link sets one password, once."""

import threading
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from factory.accounts import resets
from factory.accounts.models import AuditEntry, Session, User
from factory.limits.rates import Rate
from tests.accounts.letters import letters_to, path_in, token_in
from tests.builders import NOON, PASSWORD, make_user, sign_in

pytestmark = pytest.mark.django_db
NEW = "nine copper kettles"


def link_for(user, at=None) -> str:
    """The token of the letter that the worker writes."""
    return token_in(resets.reset_link(user=user, at=at or timezone.now()))


def send(client, token, password=NEW, again=None):
    typed = {"token": token, "new_password": password, "again_password": again or password}
    return client.post("/reset-password", typed)


def test_the_letter_leads_to_a_new_password_and_every_session_ends(client):
    mira = make_user(email="mira@example.com", name="Mira")
    elsewhere = sign_in(client, mira)
    client.cookies.clear()

    assert resets.send_reset_letter(email="mira@example.com", language="en", at=timezone.now())
    path = path_in(mail.outbox[0])
    assert client.get(path).status_code == 200
    answer = send(client, token_in(path))

    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in")
    assert "app_session_id" not in answer.cookies or not answer.cookies["app_session_id"].value
    assert Session.objects.filter(user=mira, revoked_at=None).count() == 0, elsewhere
    mira.refresh_from_db()
    assert mira.check_password(NEW)


def test_it_is_audited_with_the_person_and_without_the_password_or_the_link(client):
    mira = make_user()
    token = link_for(mira)

    send(client, token)

    [entry] = AuditEntry.objects.filter(action="reset-password")
    assert (entry.outcome, entry.target_id) == ("done", str(mira.pk))
    assert token not in str(entry.asked)
    assert NEW not in str(entry.asked)


@pytest.mark.parametrize("email", ["mira@example.com", "nobody@example.com"])
def test_asking_is_answered_alike_whether_somebody_has_the_e_mail_or_not(
    client, email, django_assert_num_queries
):
    make_user(email="mira@example.com")

    with django_assert_num_queries(1):  # the audit log's; nobody is looked up
        answer = client.post("/forgotten-password", {"email": email})

    words = "If somebody signs in with this e-mail, a letter with a link is on its way."
    assert (answer.status_code, words in answer.content.decode()) == (200, True)
    assert email not in answer.content.decode()


def test_the_worker_writes_only_to_people_who_may_sign_in(settings):
    make_user(email="gone@example.com")
    User.objects.update(is_active=False)

    for email in ("gone@example.com", "nobody@example.com"):
        assert not resets.send_reset_letter(email=email, language="en", at=NOON)
    assert mail.outbox == []


def test_the_letter_is_in_the_persons_language_else_in_that_of_the_page():
    for email, language in (("a@example.com", "de"), ("b@example.com", "")):
        user = make_user(email=email)
        User.objects.filter(pk=user.pk).update(language=language)
        resets.send_reset_letter(email=email, language="en", at=NOON)

    [[german], [english]] = [letters_to("a@example.com"), letters_to("b@example.com")]
    assert german.subject == "Ein neues Passwort für Smart Factory IoT"
    assert english.subject == "A new password for Smart Factory IoT"


def test_the_link_is_of_the_plants_own_address_whatever_host_was_asked(client, settings):
    settings.PUBLIC_URL = "https://plant.example"
    assert resets.reset_link(user=make_user(), at=NOON).startswith("https://plant.example/reset-password?")


def test_a_link_is_good_for_an_hour(client):
    mira, now = make_user(), timezone.now()
    old = link_for(mira, at=now - timedelta(minutes=61))
    young = link_for(mira, at=now - timedelta(minutes=59))

    assert send(client, old).status_code == 410
    assert send(client, young).status_code == 302


def test_a_link_that_was_used_is_over_and_so_are_the_others_of_that_time(client):
    mira = make_user()
    first, second = link_for(mira), link_for(mira, at=timezone.now() + timedelta(seconds=5))
    assert send(client, first).status_code == 302

    for token in (first, second):
        assert send(client, token, "eight brass lanterns").status_code == 410
    mira.refresh_from_db()
    assert mira.check_password(NEW)


def test_a_link_that_somebody_changed_or_wrote_is_over(client):
    mira, token = make_user(), link_for(make_user())
    tampered = ("x" if token[0] != "x" else "y") + token[1:]

    for wrong in (tampered, token[:-1], "", "a:b:c", f"{token}x"):
        assert client.get("/reset-password", {"token": wrong}).status_code == 410
        assert send(client, wrong).status_code == 410
    mira.refresh_from_db()
    assert mira.check_password(PASSWORD)


@pytest.mark.parametrize("change", [{"email": "other@example.com"}, {"is_active": False}])
def test_a_link_ends_with_the_e_mail_it_was_sent_to_and_with_the_right_to_sign_in(client, change):
    mira = make_user()
    token = link_for(mira)
    User.objects.filter(pk=mira.pk).update(**change)

    assert send(client, token).status_code == 410


@pytest.mark.parametrize(("password", "again"), [("12345678", None), (NEW, "another one at all"), ("", "")])
def test_a_refused_password_leaves_the_link_good(client, password, again):
    token = link_for(make_user())

    assert send(client, token, password, again).status_code == 422
    assert send(client, token).status_code == 302


def test_an_address_asks_so_often_and_an_e_mail_is_written_to_so_often(client, settings, monkeypatch):
    handed = []
    monkeypatch.setattr(resets, "enqueue_on_commit", lambda task, **about: handed.append(about["email"]))
    settings.RATE_LOGIN = Rate(5)

    answers = [client.post("/forgotten-password", {"email": "mira@example.com"}) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert handed == ["mira@example.com"] * 3
    other = client.post("/forgotten-password", {"email": "mira@example.com"}, REMOTE_ADDR="203.0.113.9")
    assert (other.status_code, len(handed)) == (200, 3)


def test_without_e_mail_the_page_says_whom_to_ask(client, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    make_user(email="mira@example.com")

    assert b"This plant sends no e-mails." in client.get("/forgotten-password").content
    assert not resets.send_reset_letter(email="mira@example.com", language="en", at=NOON)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_use_a_link_at_once_exactly_one_wins():
    mira = make_user()
    token, start, outcomes = link_for(mira), threading.Barrier(2), []

    def use(password):
        start.wait()
        try:
            resets.reset_password(token=token, password=password, at=timezone.now())
            outcomes.append(password)
        except resets.ResetLinkOver:
            outcomes.append("over")
        finally:
            connection.close()

    threads = [threading.Thread(target=use, args=[word]) for word in (NEW, "eight brass lanterns")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    mira.refresh_from_db()
    [won] = [outcome for outcome in outcomes if outcome != "over"]
    assert (len(outcomes), mira.check_password(won)) == (2, True)
