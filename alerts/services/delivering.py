"""Sending what is in the outbox: claimed by compare-and-set, tried again with back-off, never forgotten."""

import logging
import smtplib
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone

from alerts.models import Delivery

logger = logging.getLogger(__name__)

CLAIM = timedelta(seconds=60)  # how long one attempt may take before another worker tries
ATTEMPTS = 10
BACK_OFF = timedelta(seconds=15)  # doubled at each attempt, up to an hour
SWEEP = 100


def send_due(*, at: datetime) -> int:
    """Send what was left: lost tasks, failed attempts whose time has come, claims of dead workers."""
    due = Delivery.objects.filter(
        status__in=[Delivery.Status.PENDING, Delivery.Status.SENDING], due_at__lte=at
    )
    ids = list(due.order_by("due_at", "pk").values_list("pk", flat=True)[:SWEEP])
    return sum(send_delivery(delivery_id=pk, at=timezone.now()) for pk in ids)


def send_delivery(*, delivery_id: int, at: datetime) -> bool:
    """Try one delivery once; True when it went out. A claim held by another worker is left alone."""
    won = Delivery.objects.filter(
        pk=delivery_id, status__in=[Delivery.Status.PENDING, Delivery.Status.SENDING], due_at__lte=at
    ).update(status=Delivery.Status.SENDING, due_at=at + CLAIM, attempts=F("attempts") + 1)
    if not won:
        return False
    delivery = Delivery.objects.select_related("event__alert__device").get(pk=delivery_id)
    claimed = Delivery.objects.filter(
        pk=delivery_id, status=Delivery.Status.SENDING, attempts=delivery.attempts
    )
    try:
        _send_mail(delivery)
    except smtplib.SMTPRecipientsRefused as refusal:
        code, words = next(iter(refusal.recipients.values()))
        permanent = 500 <= code < 600
        _note_failure(claimed, delivery, f"{code} {words.decode(errors='replace')}", at, permanent=permanent)
    except (
        Exception
    ) as error:  # whatever it is: counted, tried a few times more, and never in the others' way
        logger.info("delivery.error", exc_info=True)
        _note_failure(claimed, delivery, str(error) or type(error).__name__, at, permanent=False)
    else:
        claimed.update(status=Delivery.Status.SENT, sent_at=timezone.now(), error="")
        return True
    return False


def _note_failure(claimed, delivery: Delivery, error: str, at: datetime, *, permanent: bool) -> None:
    over = permanent or delivery.attempts >= ATTEMPTS
    wait = min(BACK_OFF * 2 ** (delivery.attempts - 1), timedelta(hours=1))
    claimed.update(
        status=Delivery.Status.FAILED if over else Delivery.Status.PENDING,
        error=error[:500],
        due_at=at + wait,
    )
    logger.warning(
        "delivery.failed" if over else "delivery.postponed",
        extra={"delivery_id": delivery.pk, "attempts": delivery.attempts, "error": error},
    )


def _send_mail(delivery: Delivery) -> None:
    alert = delivery.event.alert
    context = {"alert": alert, "event": delivery.event, "url": f"{settings.PUBLIC_URL}/"}
    if alert.device_id:
        context["url"] = f"{settings.PUBLIC_URL}/devices/{alert.device_id}/"
    subject = " ".join(render_to_string("alerts/mail_subject.txt", context).split())
    mail = EmailMultiAlternatives(
        subject=subject,
        body=render_to_string("alerts/mail.txt", context),
        to=[delivery.recipient],
        headers={"Message-ID": f"<delivery-{delivery.pk}@{settings.DEFAULT_FROM_EMAIL.partition('@')[2]}>"},
    )
    mail.attach_alternative(render_to_string("alerts/mail.html", context), "text/html")
    mail.send()
