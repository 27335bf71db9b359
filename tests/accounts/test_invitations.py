"""Invitations: an admin lets somebody in, who makes the account by a link that is good once."""

import re
import threading
from datetime import timedelta
from html import unescape

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from factory.accounts import invitations
from factory.accounts.models import AuditEntry, Invitation, User
from factory.accounts.services import EmailTaken
from tests.accounts.letters import path_in, token_in
from tests.builders import PASSWORD, make_user, sign_in

pytestmark = pytest.mark.django_db
LIST = "/admin/accounts/invitation/"


def invited(email="noor@example.com", role="operator", at=None, by=None) -> Invitation:
    return invitations.invite(
        email=email, name="Noor", role=role, by=by or make_user(role="admin"), at=at or timezone.now()
    )


def token_of(invitation) -> str:
    return token_in(invitations.link_of(invitation))


def accept(client, token, password=PASSWORD, name="Noor Haddad"):
    return client.post("/invitation", {"token": token, "password": password, "name": name})


def test_the_letter_leads_to_an_account_with_the_role_that_was_given(client):
    invitation = invited()

    assert invitations.send_invitation(invitation_id=invitation.pk)
    [letter] = mail.outbox
    assert letter.to == ["noor@example.com"]
    assert client.get(path_in(letter)).status_code == 200
    answer = accept(client, token_in(path_in(letter)))

    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in")
    assert "app_session_id" not in answer.cookies
    noor = User.objects.get(email="noor@example.com")
    assert (noor.name, noor.role, noor.check_password(PASSWORD)) == ("Noor Haddad", "operator", True)
    [entry] = AuditEntry.objects.filter(action="accept-invitation", target_kind="accounts.user")
    assert (entry.target_id, PASSWORD in str(entry.asked)) == (str(noor.pk), False)


def test_a_link_that_was_used_is_over(client):
    token = token_of(invited())
    accept(client, token)

    assert client.get("/invitation", {"token": token}).status_code == 410
    assert accept(client, token, "eight brass lanterns").status_code == 410
    assert User.objects.get(email="noor@example.com").check_password(PASSWORD)


def test_a_link_is_good_for_seven_days(client):
    now = timezone.now()
    old = invited(at=now - timedelta(days=7, minutes=1))
    young = invited(email="ben@example.com", at=now - timedelta(days=6, hours=23))

    assert accept(client, token_of(old)).status_code == 410
    assert accept(client, token_of(young)).status_code == 302


def test_a_link_that_somebody_changed_or_wrote_is_over(client):
    token = token_of(invited())
    for wrong in (f"x{token[1:]}", token[:-1], "", "a:b:c"):
        assert accept(client, wrong).status_code == 410
    assert not User.objects.filter(email="noor@example.com").exists()


def test_a_link_to_a_new_password_is_no_invitation_and_the_other_way_round(client):
    from factory.accounts import resets

    reset = token_in(resets.reset_link(user=make_user(), at=timezone.now()))

    assert accept(client, reset).status_code == 410
    assert client.get("/reset-password", {"token": token_of(invited())}).status_code == 410


def test_sent_again_the_new_link_is_good_and_the_old_one_is_over(client):
    invitation = invited()
    old = token_of(invitation)

    again = invitations.send_again(
        invitation=invitation, by=invitation.invited_by, at=timezone.now() + timedelta(days=3)
    )

    assert accept(client, old).status_code == 410
    assert accept(client, token_of(again)).status_code == 302


def test_revoked_it_opens_nothing_and_one_may_be_invited_anew(client):
    invitation = invited()
    invitations.revoke(invitation=invitation, by=invitation.invited_by, at=timezone.now())

    assert accept(client, token_of(invitation)).status_code == 410
    with pytest.raises(invitations.InvitationAnswered):
        invitations.send_again(invitation=invitation, by=invitation.invited_by, at=timezone.now())
    assert accept(client, token_of(invited())).status_code == 302


def test_who_is_no_admin_any_more_has_invited_nobody(client):
    invitation = invited()
    User.objects.filter(pk=invitation.invited_by_id).update(role="technician")

    assert accept(client, token_of(invitation)).status_code == 410


def test_who_has_an_account_is_not_invited_and_nobody_is_twice():
    make_user(email="mira@example.com")
    invited()

    with pytest.raises(EmailTaken, match="Somebody signs in with this e-mail already"):
        invited(email="Mira@example.com ")
    with pytest.raises(invitations.AlreadyInvited):
        invited(email="NOOR@example.com")
    assert Invitation.objects.count() == 1


@pytest.mark.parametrize("password", ["12345678", ""])
def test_a_refused_password_leaves_the_link_good(client, password):
    token = token_of(invited())

    assert accept(client, token, password).status_code == 422
    assert accept(client, token).status_code == 302


@pytest.mark.parametrize("role", ["user", "operator", "technician"])
def test_only_admins_invite(client, role):
    person = make_user(role=role)
    with pytest.raises(invitations.OnlyAdminsInvite):
        invited(by=person)
    invitation = invited(email="ben@example.com")
    for write in (invitations.revoke, invitations.send_again):
        with pytest.raises(invitations.OnlyAdminsInvite):
            write(invitation=invitation, by=person, at=timezone.now())

    sign_in(client, person)
    answer = client.post(f"{LIST}add/", {"email": "noor@example.com", "name": "", "role": "admin"})
    assert answer.status_code in (302, 403)
    assert not Invitation.objects.filter(email="noor@example.com").exists()


def test_a_stranger_sees_no_invitations(client):
    invited()
    assert client.get(LIST).status_code == 302


def add(client, email="noor@example.com"):
    return client.post(f"{LIST}add/", {"email": email, "name": "Noor", "role": "operator"}, follow=True)


def act(client, action, invitation):
    return client.post(LIST, {"action": action, "_selected_action": [invitation.pk]}, follow=True)


def test_an_admin_invites_lists_sends_again_and_revokes_in_the_console(client):
    sign_in(client, make_user(role="admin"))

    page = add(client).content.decode()

    invitation = Invitation.objects.get()
    assert "A letter to noor@example.com is on its way." in page
    assert token_of(invitation) not in page
    assert "is on its way" in act(client, "send_again", invitation).content.decode()
    assert "is revoked" in act(client, "revoke", invitation).content.decode()
    assert "revoked already" in act(client, "revoke", invitation).content.decode()
    invitation.refresh_from_db()
    assert (invitation.round, invitation.revoked_at is not None) == (2, True)
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert actions == {f"accounts.invitation.{name}" for name in ("add", "send_again", "revoke")}


def test_without_e_mail_the_admin_is_shown_the_link_once(client, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    sign_in(client, make_user(role="admin"))

    page = unescape(add(client).content.decode())

    [link] = re.findall(r"http\S+\?token=[\w%.-]+", page)
    assert link not in client.get(LIST).content.decode()
    assert token_in(link) not in str(list(AuditEntry.objects.values()))
    client.cookies.clear()
    assert accept(client, token_in(link)).status_code == 302


@pytest.mark.parametrize("email", ["mira@example.com", "noor@example.com", "nonsense", ""])
def test_the_form_says_what_is_wrong_with_an_e_mail(client, email):
    make_user(email="mira@example.com")
    invited()
    sign_in(client, make_user(role="admin"))

    assert add(client, email).context["adminform"].form.errors.keys() == {"email"}
    assert Invitation.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_use_a_link_at_once_exactly_one_wins():
    token, start, outcomes = token_of(invited()), threading.Barrier(2), []

    def use(name):
        start.wait()
        try:
            invitations.accept(token=token, name=name, password=PASSWORD, at=timezone.now())
            outcomes.append(name)
        except (invitations.InvitationOver, EmailTaken):
            outcomes.append("over")
        finally:
            connection.close()

    threads = [threading.Thread(target=use, args=[name]) for name in ("One", "Two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    [won] = [outcome for outcome in outcomes if outcome != "over"]
    assert (len(outcomes), User.objects.get(email="noor@example.com").name) == (2, won)
