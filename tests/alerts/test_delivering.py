"""The outbox against Django's own mailbox: who gets what, when, together with what, and why not."""

from datetime import timedelta
from email.utils import parseaddr

import pytest

from alerts.models import Attempt, Delivery
from alerts.services.claiming import CLAIM, VANISHED
from alerts.services.delivering import send_delivery
from alerts.services.forgetting import forget_old_deliveries
from alerts.services.handling import resolve_alert
from alerts.services.sweeping import send_due
from alerts.services.trying import NotFailed, retry_deliveries
from tests.alerts.outbox import make_config, raise_trouble, statuses
from tests.builders import NOON, make_device, make_user

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def delivery() -> Delivery:
    make_config(recipient="shift@example.com")
    device = make_device(name="Press <3>", zone="Hall B")
    raise_trouble(message="Temperature 95 °C, over the limit of 90 °C", device_id=device.pk)
    return Delivery.objects.get()


def subjects(mailoutbox) -> list[str]:
    return [mail.subject for mail in mailoutbox]


def test_a_delivery_says_what_happened_where_in_text_and_html(delivery, mailoutbox):
    assert send_delivery(delivery_id=delivery.pk, at=NOON) is True

    [mail] = mailoutbox
    assert mail.subject == "[critical] Press <3>: Temperature 95 °C, over the limit of 90 °C"
    assert mail.to == ["shift@example.com"]
    assert "Press <3>" in mail.body
    assert "Press &lt;3&gt;" in mail.alternatives[0][0]
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == ("sent", 1)
    assert Attempt.objects.values_list("delivery", "succeeded", "words").get() == (delivery.pk, True, "")


def test_a_mail_says_that_no_person_wrote_it_and_keeps_its_id(delivery, mailoutbox):
    send_delivery(delivery_id=delivery.pk, at=NOON)

    headers = mailoutbox[0].extra_headers
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["List-Id"] == "Alerts <alerts.127.0.0.1>"
    assert parseaddr(headers["Message-ID"])[1] == f"delivery-{delivery.pk}@127.0.0.1"


def test_a_mail_has_a_link_to_acknowledge_as_long_as_somebody_should(mailoutbox):
    make_config(event_filter=["opened", "resolved"])
    alert = raise_trouble()
    send_due(at=NOON)
    resolve_alert(alert=alert, by=make_user(role="operator"), at=NOON + MINUTE)
    send_due(at=NOON + MINUTE)

    assert ["/ack/" in mail.body for mail in mailoutbox] == [True, False]
    assert ["/ack/" in mail.alternatives[0][0] for mail in mailoutbox] == [True, False]


def test_what_was_sent_is_not_sent_again(delivery, mailoutbox):
    send_delivery(delivery_id=delivery.pk, at=NOON)

    assert send_delivery(delivery_id=delivery.pk, at=NOON + timedelta(hours=1)) is False
    assert send_due(at=NOON + timedelta(hours=1)) == 0
    assert len(mailoutbox) == 1


def test_a_delivery_another_worker_holds_is_left_alone_until_its_claim_runs_out(delivery, mailoutbox):
    Delivery.objects.update(status="sending", due_at=NOON + CLAIM, attempts=1)

    assert send_delivery(delivery_id=delivery.pk, at=NOON + CLAIM - timedelta(seconds=2)) is False
    assert send_delivery(delivery_id=delivery.pk, at=NOON + CLAIM) is True
    assert len(mailoutbox) == 1
    assert list(Attempt.objects.order_by("pk").values_list("succeeded", "words")) == [
        (False, VANISHED),
        (True, ""),
    ]


def test_the_sweeper_sends_what_no_task_came_for_the_most_severe_first(mailoutbox):
    make_config()
    for severity in ("info", "warning", "critical", "warning"):
        raise_trouble(severity=severity, message=severity)

    assert send_due(at=NOON) == 4
    assert subjects(mailoutbox) == ["[critical] critical", *["[warning] warning"] * 2, "[info] info"]


def test_only_one_sweeper_works_at_a_time(delivery, mailoutbox):
    from alerts.services.sweeping import LEASE_OF_MAIL
    from factory.live.lease import LeaseKeeper

    other = LeaseKeeper(LEASE_OF_MAIL, seconds=60)
    assert other.take()
    assert send_due(at=NOON) == 0

    other.release()
    assert send_due(at=NOON) == 1


def test_an_unforeseen_error_is_counted_and_does_not_hold_up_the_others(delivery, monkeypatch, mailoutbox):
    from django.core.mail.backends.locmem import EmailBackend

    make_config(recipient="other@example.com")
    raise_trouble(severity="info", message="other")
    Delivery.objects.filter(recipient="shift@example.com").exclude(pk=delivery.pk).delete()
    real = EmailBackend.send_messages

    def send(backend, messages):
        if messages[0].to == ["shift@example.com"]:
            raise RuntimeError("something with a secret in it")
        return real(backend, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", send)

    assert send_due(at=NOON) == 1
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts, delivery.error) == ("pending", 1, "Unforeseen: RuntimeError")
    assert delivery.due_at > NOON + timedelta(seconds=14)
    assert [mail.to for mail in mailoutbox] == [["other@example.com"]]


def test_after_the_last_attempt_a_delivery_has_failed_and_a_person_may_try_again(
    delivery, monkeypatch, mailoutbox
):
    from django.core.mail.backends.locmem import EmailBackend

    Delivery.objects.update(attempts=9)
    with monkeypatch.context() as patch:
        patch.setattr(EmailBackend, "send_messages", lambda *_: 1 / 0)
        send_delivery(delivery_id=delivery.pk, at=NOON)
    assert statuses() == ["failed"]
    assert send_due(at=NOON + timedelta(days=1)) == 0

    owner = delivery.config.owner
    [retried] = retry_deliveries(ids=[delivery.pk], by=owner, at=NOON)
    assert (retried.status, retried.attempts, retried.error) == ("pending", 0, "")
    with pytest.raises(NotFailed, match="has not failed: it is pending"):
        retry_deliveries(ids=[delivery.pk], by=owner, at=NOON)
    assert send_due(at=NOON) == 1


# The log


def test_old_deliveries_are_forgotten_failed_ones_last(delivery):
    for status, days in (("sent", 31), ("skipped", 31), ("failed", 31), ("failed", 91), ("sent", 29)):
        old = Delivery.objects.create(
            config=delivery.config,
            type="email",
            recipient=f"{status} {days}",
            way="email",
            urgency=2,
            status=status,
            due_at=NOON,
            created_at=NOON - timedelta(days=days),
        )
        Attempt.objects.create(delivery=old, at=NOON, succeeded=True)

    assert forget_old_deliveries(at=NOON) == 3
    left = set(Delivery.objects.values_list("recipient", flat=True))
    assert left == {"shift@example.com", "failed 31", "sent 29"}
    assert Attempt.objects.count() == 2


# When the database is in the way


@pytest.mark.django_db(transaction=True)
def test_what_was_sent_is_written_down_although_the_database_gave_the_first_try_up(
    delivery, monkeypatch, mailoutbox
):
    from django.db import OperationalError
    from django.db.models.query import QuerySet

    real, given_up = QuerySet.bulk_create, []

    def bulk_create(rows, objects, *args, **kwargs):
        if rows.model is Attempt and not given_up:
            given_up.append(True)
            raise OperationalError(1213, "Deadlock found when trying to get lock")
        return real(rows, objects, *args, **kwargs)

    monkeypatch.setattr(QuerySet, "bulk_create", bulk_create)

    assert send_delivery(delivery_id=delivery.pk, at=NOON) is True

    assert given_up
    assert statuses() == ["sent"]
    assert len(mailoutbox) == 1


def test_one_delivery_that_the_database_refuses_does_not_end_the_run(delivery, monkeypatch, mailoutbox):
    from django.db import OperationalError

    from alerts.services import sweeping

    raise_trouble(severity="info", message="next")
    real = sweeping.try_once

    def try_once(**given):
        if given["delivery_id"] == delivery.pk:
            raise OperationalError("gone away")
        return real(**given)

    monkeypatch.setattr(sweeping, "try_once", try_once)

    assert send_due(at=NOON) == 1
    assert subjects(mailoutbox) == ["[info] next"]


def test_what_a_dead_worker_held_goes_out_again_as_the_same_message(mailoutbox):
    make_config(quiet_hours={"start": "11:00", "end": "13:00"})
    for number in range(3):
        raise_trouble(message=f"Trouble {number}")
    end = NOON + timedelta(hours=1)
    send_due(at=end)
    Delivery.objects.update(status="sending", due_at=end + CLAIM, sent_at=None)
    Delivery.objects.update(held_for="quiet hours")
    raise_trouble(severity="info", message="later", at=end + MINUTE)
    Delivery.objects.filter(event__alert__message="later").update(held_for="throttle")

    send_due(at=end + 2 * MINUTE)

    first, again = mailoutbox[0], mailoutbox[1]
    assert first.extra_headers["Message-ID"] == again.extra_headers["Message-ID"]
    assert set(statuses()) == {"sent"}


def test_what_waits_for_the_former_alert_email_goes_nowhere(settings, mailoutbox):
    settings.ALERT_EMAIL = "old@example.com"
    raise_trouble()
    settings.ALERT_EMAIL = "new@example.com"

    assert send_due(at=NOON) == 0
    assert Delivery.objects.get().error == "ALERT_EMAIL is another address now."
