from datetime import timedelta

import pytest

from alerts.models import Delivery
from alerts.services.delivering import send_delivery, send_due
from alerts.services.lifecycle import open_alert
from tests.builders import NOON, make_device

pytestmark = pytest.mark.django_db


@pytest.fixture
def delivery(settings) -> Delivery:
    settings.ALERT_EMAIL = "shift@example.com"
    open_alert(
        open_key="test",
        type="system_error",
        severity="critical",
        message="Temperature 95 °C, over the limit of 90 °C",
        at=NOON,
        started_at=NOON,
        device_id=make_device(name="Press <3>", zone="Hall B").pk,
    )
    return Delivery.objects.get()


def test_a_delivery_says_what_happened_where_in_text_and_html(delivery, mailoutbox):
    assert send_delivery(delivery_id=delivery.pk, at=NOON) is True

    [mail] = mailoutbox
    assert mail.subject == "[critical] Press <3>: Temperature 95 °C, over the limit of 90 °C"
    assert mail.to == ["shift@example.com"]
    assert "Press <3>" in mail.body
    assert "Press &lt;3&gt;" in mail.alternatives[0][0]
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == ("sent", 1)


def test_what_was_sent_is_not_sent_again(delivery, mailoutbox):
    send_delivery(delivery_id=delivery.pk, at=NOON)

    assert send_delivery(delivery_id=delivery.pk, at=NOON + timedelta(hours=1)) is False
    assert send_due(at=NOON + timedelta(hours=1)) == 0
    assert len(mailoutbox) == 1


def test_a_delivery_another_worker_holds_is_left_alone_until_its_claim_runs_out(delivery, mailoutbox):
    Delivery.objects.update(status="sending", due_at=NOON + timedelta(seconds=60), attempts=1)

    assert send_delivery(delivery_id=delivery.pk, at=NOON + timedelta(seconds=59)) is False
    assert send_delivery(delivery_id=delivery.pk, at=NOON + timedelta(seconds=60)) is True
    assert len(mailoutbox) == 1


def test_a_server_that_is_away_postpones_and_says_why(delivery, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody listens on discard

    assert send_delivery(delivery_id=delivery.pk, at=NOON) is False

    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts, delivery.due_at) == (
        "pending",
        1,
        NOON + timedelta(seconds=15),
    )
    assert "refused" in delivery.error


def test_after_the_last_attempt_a_delivery_has_failed(delivery, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    Delivery.objects.update(attempts=9)

    send_delivery(delivery_id=delivery.pk, at=NOON)

    delivery.refresh_from_db()
    assert delivery.status == "failed"


def test_the_sweeper_sends_what_no_task_came_for(delivery, mailoutbox):
    assert send_due(at=NOON) == 1
    assert len(mailoutbox) == 1


def test_without_an_address_nothing_is_put_into_the_outbox(settings):
    settings.ALERT_EMAIL = ""
    open_alert(open_key="x", type="system_error", severity="info", message="m", at=NOON, started_at=NOON)

    assert Delivery.objects.count() == 0


def test_an_unforeseen_error_is_counted_and_does_not_hold_up_the_others(delivery, monkeypatch, mailoutbox):
    from alerts.services import delivering

    open_alert(open_key="other", type="system_error", severity="info", message="m", at=NOON, started_at=NOON)
    real = delivering._send_mail

    def send(each):
        if each.pk == delivery.pk:
            raise RuntimeError("a template is broken")
        real(each)

    monkeypatch.setattr(delivering, "_send_mail", send)

    assert send_due(at=NOON) == 1
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts, delivery.error) == ("pending", 1, "a template is broken")
    assert len(mailoutbox) == 1
