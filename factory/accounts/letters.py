"""Letters to people about their accounts: one link each, as text and as HTML, by EMAIL_URL."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

NOWHERE = "django.core.mail.backends.console.EmailBackend"


@dataclass(frozen=True)
class Letter:
    """What is said, in the language that is active while it is composed and sent."""

    subject: str
    paragraphs: Sequence[str]
    button: str
    url: str
    last: str


def can_be_sent() -> bool:
    """Whether EMAIL_URL names a server. The console shows mails to whoever reads the log: no links for that."""
    return settings.EMAIL_BACKEND != NOWHERE


def send(letter: Letter, *, to: str) -> None:
    """Hand a letter to the mail server; whatever goes wrong is an OSError."""
    mail = EmailMultiAlternatives(
        subject=letter.subject,
        body=render_to_string("accounts/letter.txt", {"letter": letter}),
        to=[to],
        headers={"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"},
    )
    mail.attach_alternative(render_to_string("accounts/letter.html", {"letter": letter}), "text/html")
    mail.send()
