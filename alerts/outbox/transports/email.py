"""E-mail by SMTP. One connection serves a whole run."""

import smtplib
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import BadHeaderError, EmailMultiAlternatives, get_connection
from django.core.mail.backends.smtp import EmailBackend
from django.core.validators import validate_email
from django.utils.translation import gettext

from alerts.outbox.messages import Message
from alerts.outbox.transports.base import Lines, TransportError

LINE = WAY = "email"
# Said of a recipient, these mean everybody: we have to sign in, or to encrypt, first.
NOBODY = {530, 535, 538}
GOODBYE = 421  # the connection ends; many say it of one recipient only
# A server may think for long about what it has got whole, and RFC 5321 lets it for ten minutes. Whoever hangs
# up before it is done has it deliver what we then send again.
SECONDS_AFTER_THE_END = 60.0


class Stage(IntEnum):
    """How far the conversation about one mail has come."""

    SENDER, RECIPIENT, GIVEN = range(3)


class _Stages(smtplib.SMTP):
    stage = Stage.SENDER

    def mail(self, sender: str, options: Sequence[str] = ()) -> Any:
        self._come_to(Stage.SENDER)
        return super().mail(sender, options)

    def rcpt(self, recip: str, options: Sequence[str] = ()) -> Any:
        self._come_to(Stage.RECIPIENT)
        return super().rcpt(recip, options)

    def send(self, s: Any) -> None:
        super().send(s)
        if self.stage == Stage.RECIPIENT and isinstance(s, bytes) and s.endswith(b"\r\n.\r\n"):
            self._come_to(Stage.GIVEN)

    def data(self, msg: Any) -> Any:
        said = super().data(msg)
        self._come_to(Stage.SENDER)
        return said

    def _come_to(self, stage: Stage) -> None:
        self.stage = stage
        if self.sock is not None:
            self.sock.settimeout(SECONDS_AFTER_THE_END if stage == Stage.GIVEN else self.timeout)


class _EncryptedStages(_Stages, smtplib.SMTP_SSL):
    pass


class _Backend(EmailBackend):
    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return _EncryptedStages if self.use_ssl else _Stages


def problem(recipient: str) -> str | None:
    if len(recipient) > 190:
        return gettext("must be at most 190 characters")
    try:
        validate_email(recipient)
    except ValidationError:
        return gettext("is no e-mail address")
    return None


def shown(recipient: str) -> str:
    return recipient


def way(recipient: str, config_id: int) -> str:
    return WAY


def send(message: Message, *, recipient: str, secret: str, lines: Lines) -> None:
    """Hand the message to the mail server; what it says about the recipient is not held against the way."""
    smtp = None
    try:
        line = _line(lines)
        smtp = getattr(line, "connection", None)
        line.send_messages([_mail(message, recipient, line)])
    except smtplib.SMTPRecipientsRefused as refusal:
        code, words = next(iter(refusal.recipients.values()))
        raise _refused(code, words, lines) from None
    except smtplib.SMTPDataError as refusal:
        raise _refused(refusal.smtp_code, refusal.smtp_error, lines) from None
    except (
        smtplib.SMTPResponseException
    ) as refusal:  # of the sender, the password, the greeting: nobody gets any
        _hang_up(lines)
        raise TransportError(_said(refusal.smtp_code, refusal.smtp_error), down=True) from None
    except (smtplib.SMTPException, OSError) as error:
        _hang_up(lines)
        raise _broken(str(error) or type(error).__name__, getattr(smtp, "stage", Stage.SENDER)) from None
    except BadHeaderError as error:
        raise TransportError(str(error), permanent=True) from None


def _line(lines: Lines) -> Any:
    """The open connection. One that was closed meanwhile is found out before a message is given to it."""
    line = lines.get(LINE)
    smtp = getattr(line, "connection", None)
    if line is not None and (smtp is None or _answers(smtp)):
        return line
    line = get_connection()
    if type(line) is EmailBackend:
        line = _Backend()
    line.open()
    lines.keep(LINE, line, line.close)
    return line


def _hang_up(lines: Lines) -> None:
    """Without taking leave: the other side may not listen any more."""
    smtp = getattr(lines.get(LINE), "connection", None)
    lines.drop(LINE)
    if smtp is not None:
        smtp.close()


def _answers(smtp: smtplib.SMTP) -> bool:
    try:
        return smtp.noop()[0] == 250
    except (smtplib.SMTPException, OSError):
        return False


def _refused(code: int, words: bytes | str, lines: Lines) -> TransportError:
    if code in NOBODY or code == GOODBYE:
        _hang_up(lines)
    return TransportError(
        _said(code, words),
        permanent=500 <= code < 600,
        down=code in NOBODY,
        answered=True,
        patient=code == GOODBYE,
    )


def _broken(words: str, stage: Stage) -> TransportError:
    """A server that hung up on this mail, or takes too long for it, may take others."""
    if stage == Stage.GIVEN:
        return TransportError(f"Given over, but not confirmed: {words}", answered=True, in_doubt=True)
    if stage == Stage.RECIPIENT:
        return TransportError(words, answered=True, patient=True)
    return TransportError(words, down=True)


def _said(code: int, words: bytes | str) -> str:
    text = words.decode(errors="replace") if isinstance(words, bytes) else str(words)
    return f"{code} {' '.join(text.split())}"


def _mail(message: Message, recipient: str, line: Any) -> EmailMultiAlternatives:
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    headers = {
        "Message-ID": f"<{message.id}@{domain}>",
        "List-Id": f"{message.list_name} <{message.list_name.lower()}.{domain}>",
        "Auto-Submitted": "auto-generated",  # so that out-of-office replies stay at home
        "X-Auto-Response-Suppress": "All",
    }
    if message.is_urgent:
        headers["Importance"] = "high"
    mail = EmailMultiAlternatives(
        subject=message.subject, body=message.text, to=[recipient], headers=headers, connection=line
    )
    mail.attach_alternative(message.html, "text/html")
    for each in message.attachments:
        mail.attach(each.filename, each.content, each.content_type)
    return mail
