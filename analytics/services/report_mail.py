"""Sending reports by e-mail: tried again with back-off, never twice on purpose, given up after a day."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

from django.conf import settings
from django.db.models import F, Q
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext

from alerts.outbox.messages import Attachment, Message
from alerts.outbox.transports import email
from alerts.outbox.transports.base import MAIL_SECONDS, Lines, TransportError, within
from analytics import shelf, tasks
from analytics.models import Report, ReportMail
from factory import languages
from factory.accounts.models import User
from factory.errors import DomainError
from factory.queueing import messenger

logger = logging.getLogger(__name__)

CLAIM = timedelta(minutes=3)
BACK_OFF, LONGEST_BACK_OFF = timedelta(seconds=30), timedelta(hours=1)
PATIENCE = timedelta(days=1)
# Larger ones go as a link: many mail servers take no more than ten megabytes.
ATTACHED_MAX = 7 * 1024 * 1024
Status = ReportMail.Status


def send_report(*, mail_id: int, clock: Callable[[], datetime]) -> bool:
    """Try one mail whose report is made and that nobody else is sending; True when it went out."""
    mail = _claim(mail_id, clock())
    if mail is None:
        return False
    try:
        reader = User.objects.filter(email=mail.recipient).first()
        with translation.override(languages.of_person(reader)):
            message = _message(mail)
        with Lines() as lines:
            within(
                MAIL_SECONDS,
                lambda: email.send(message, recipient=mail.recipient, secret="", lines=lines),
            )
    except TransportError as error:
        _postpone(mail, error.words, clock(), over=error.permanent and not error.down)
        return False
    except DomainError as error:  # its storage is away, or its file
        _postpone(mail, error.message, clock(), over=False)
        return False
    ReportMail.objects.filter(pk=mail.pk, status=Status.SENDING).update(
        status=Status.SENT, sent_at=clock(), error=""
    )
    return True


def _claim(mail_id: int, at: datetime) -> ReportMail | None:
    free = Q(status=Status.PENDING) | Q(status=Status.SENDING, due_at__lte=at)
    waiting = ReportMail.objects.filter(free, pk=mail_id, report__status=Report.Status.DONE)
    ids = list(waiting.values_list("pk", flat=True))
    mine = ReportMail.objects.filter(free, pk__in=ids)
    if not mine.update(status=Status.SENDING, due_at=at + CLAIM, attempts=F("attempts") + 1):
        return None
    return ReportMail.objects.select_related("report__schedule").get(pk=mail_id)


def _message(mail: ReportMail) -> Message:
    report = mail.report
    pdf = shelf.get(report.folder, shelf.PDF)
    with translation.override(report.language):
        return _written(report, mail.recipient, pdf)


def _written(report: Report, recipient: str, pdf: bytes) -> Message:
    assert report.finished_at is not None
    is_attached = len(pdf) <= ATTACHED_MAX
    context = {
        "report": report,
        "url": settings.PUBLIC_URL + reverse("report-file", args=[report.pk, "html"]),
        "is_attached": is_attached,
        "days": settings.REPORTS_KEEP_DAYS,
    }
    file = Attachment(f"{report.filename}.pdf", pdf, "application/pdf")
    subject = " ".join(report.title.split())
    return Message(
        id=f"report-{sha256(f'{report.pk} {recipient}'.encode()).hexdigest()[:24]}",
        at=report.finished_at,
        urgency=2,
        is_over=False,
        subject=gettext("Report: %(title)s") % {"title": subject},
        text=render_to_string("reports/mail.txt", context),
        html=render_to_string("reports/mail.html", context),
        brief=report.title,
        payload={},
        list_name=gettext("Reports"),
        attachments=(file,) if is_attached else (),
    )


def _postpone(mail: ReportMail, words: str, at: datetime, *, over: bool) -> None:
    is_over = over or mail.report.finished_at is None or mail.report.finished_at <= at - PATIENCE
    wait = min(BACK_OFF * 2 ** min(mail.attempts - 1, 12), LONGEST_BACK_OFF)
    logger.warning(
        "report.mail_failed" if is_over else "report.mail_postponed",
        extra={"report_id": mail.report_id, "error": words},
    )
    ReportMail.objects.filter(pk=mail.pk, status=Status.SENDING).update(
        status=Status.FAILED if is_over else Status.PENDING, error=words[:500], due_at=at + wait
    )


def sweep_mails(*, at: datetime) -> int:
    """Have sent what is due and was left; returns how many."""
    due = ReportMail.objects.filter(
        status__in=[Status.PENDING, Status.SENDING], due_at__lte=at, report__status=Report.Status.DONE
    )
    ids = list(due.order_by("due_at").values_list("pk", flat=True)[:500])
    for mail_id in ids:
        messenger.hand_over(tasks.send_report, {"mail_id": mail_id})
    return len(ids)
