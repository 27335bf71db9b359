"""Letters about accounts, handed to a real mail server, which may be away."""

from email import message_from_bytes, policy
from urllib.parse import urlsplit

import pytest
from django.utils import timezone

from factory.accounts import invitations, resets, tasks
from factory.accounts.models import User
from tests import services
from tests.accounts.letters import LINK, token_in
from tests.builders import make_user

pytestmark = [pytest.mark.integration, pytest.mark.django_db]
NEW = "nine copper kettles"


def letters(mailbox):
    return [message_from_bytes(text.encode(), policy=policy.default) for text in mailbox.messages()]


def link_in(letter) -> str:
    """Both parts lead to one place."""
    text, html = (letter.get_body((kind,)).get_content() for kind in ("plain", "html"))
    [link] = LINK.findall(text)
    assert f'href="{link}"' in html
    return token_in(link)


def test_a_server_that_was_away_gets_each_letter_once_and_their_links_open(settings, client):
    port = services.free_port()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.LANGUAGE_CODE = "127.0.0.1", port, "de"
    boss, mira = make_user(role="admin"), make_user(email="mira@example.com", name="Mira")
    invitation = invitations.invite(
        email="noor@example.com", name="Noor", role="operator", by=boss, at=timezone.now()
    )
    with pytest.raises(OSError):  # which is what the worker tries again after
        resets.send_reset_letter(email=mira.email, language="en", at=timezone.now())

    with services.smtp(port) as mailbox:
        assert urlsplit(mailbox.url).port == port
        tasks.send_reset_letter(email=mira.email, language="en")
        tasks.send_reset_letter(email="nobody@example.com", language="en")
        tasks.send_invitation(invitation_id=invitation.pk)
        reset, invited = letters(mailbox)

    assert (reset["To"], reset["Subject"]) == ("mira@example.com", "A new password for Smart Factory IoT")
    assert (invited["To"], invited["Auto-Submitted"]) == ("noor@example.com", "auto-generated")
    typed = {"token": link_in(reset), "new_password": NEW, "again_password": NEW}
    assert client.post("/reset-password", typed).status_code == 302
    assert client.post("/reset-password", typed).status_code == 410
    accepted = {"token": link_in(invited), "name": "Noor", "password": NEW}
    assert client.post("/invitation", accepted).status_code == 302
    assert client.post("/invitation", accepted).status_code == 410
    assert User.objects.get(email="noor@example.com").role == "operator"
    assert User.objects.get(pk=mira.pk).check_password(NEW)
