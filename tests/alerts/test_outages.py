"""A mail server that is away, without one: what is tried, when, and in which order."""

from datetime import timedelta

import pytest

from alerts.models import Attempt, Delivery, Outage
from alerts.services.delivering import send_delivery
from alerts.services.sweeping import send_due
from tests.alerts.outbox import make_config, raise_trouble, statuses
from tests.builders import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture
def delivery() -> Delivery:
    make_config(recipient="shift@example.com")
    raise_trouble()
    return Delivery.objects.get()


@pytest.fixture
def dead_server(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9  # nobody listens on discard


def test_a_server_that_is_away_is_an_outage_and_costs_a_delivery_no_attempt(delivery, dead_server):
    assert send_delivery(delivery_id=delivery.pk, at=NOON) is False

    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempts) == ("pending", 0)
    assert "refused" in delivery.error
    outage = Outage.objects.get()
    assert (outage.transport, outage.failures) == ("email", 1)
    assert timedelta(seconds=15) <= outage.retry_at - NOON < timedelta(seconds=25)
    assert [attempt.succeeded for attempt in delivery.tries.all()] == [False]


def test_during_an_outage_nothing_is_tried_until_its_time_and_then_one(delivery, dead_server):
    raise_trouble(severity="info")
    send_delivery(delivery_id=delivery.pk, at=NOON)

    assert send_delivery(delivery_id=delivery.pk, at=NOON + timedelta(seconds=10)) is False
    assert send_due(at=NOON + timedelta(seconds=10)) == 0
    assert Attempt.objects.count() == 1

    later = NOON + timedelta(seconds=40)
    assert send_due(at=later) == 0
    assert list(Attempt.objects.values_list("delivery", flat=True)) == [delivery.pk] * 2
    outage = Outage.objects.get()
    assert outage.failures == 2
    assert timedelta(seconds=30) <= outage.retry_at - later < timedelta(seconds=40)


def test_after_an_outage_everything_goes_out_in_one_run_the_most_severe_first(
    dead_server, settings, mailoutbox
):
    make_config()
    for severity in ("info", "critical", "warning"):
        raise_trouble(severity=severity, message=severity)
    send_due(at=NOON)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

    assert send_due(at=NOON + timedelta(seconds=40)) == 3
    assert [mail.subject for mail in mailoutbox] == [
        "[critical] critical",
        "[warning] warning",
        "[info] info",
    ]
    assert Outage.objects.count() == 0


def test_the_wait_between_tries_grows_to_ten_minutes(delivery, dead_server):
    send_delivery(delivery_id=delivery.pk, at=NOON)
    Outage.objects.update(failures=12)

    send_due(at=NOON + timedelta(hours=1))

    wait = Outage.objects.get().retry_at - NOON - timedelta(hours=1)
    assert timedelta(minutes=10) <= wait < timedelta(minutes=10, seconds=20)


def test_what_could_not_be_sent_for_a_day_has_failed(delivery, dead_server):
    send_delivery(delivery_id=delivery.pk, at=NOON)
    Outage.objects.update(retry_at=NOON + timedelta(days=2))

    assert send_due(at=NOON + timedelta(hours=23)) == 0
    assert statuses() == ["pending"]
    assert send_due(at=NOON + timedelta(hours=25)) == 0
    delivery.refresh_from_db()
    assert delivery.status == "failed"
    assert delivery.error.startswith("Given up after 24 hours.")
    assert "refused" in delivery.error


def test_when_one_message_fails_another_configs_is_tried_before_the_way_is_given_up(
    delivery, monkeypatch, mailoutbox
):
    from django.core.mail.backends.locmem import EmailBackend

    make_config(recipient="other@example.com")
    raise_trouble(severity="info", message="other")
    real = EmailBackend.send_messages

    def send(backend, messages):
        if messages[0].to == ["shift@example.com"]:
            raise ConnectionResetError("gone")
        return real(backend, messages)

    monkeypatch.setattr(EmailBackend, "send_messages", send)

    send_due(at=NOON)
    assert [mail.to for mail in mailoutbox] == [["other@example.com"]]
    delivery.refresh_from_db()
    assert delivery.due_at > NOON + timedelta(minutes=9)


def test_receivers_that_hang_hold_up_neither_mail_nor_their_neighbours(monkeypatch, mailoutbox):
    import dataclasses
    import time

    from alerts.outbox.transports import TRANSPORTS
    from alerts.services import sweeping

    answered = []

    def send(message, *, recipient, secret, lines):
        time.sleep(0.4 if "slow" in recipient else 0)
        answered.append(recipient)

    monkeypatch.setitem(TRANSPORTS, "webhook", dataclasses.replace(TRANSPORTS["webhook"], send=send))
    monkeypatch.setattr(sweeping, "WAY_SECONDS", 0.7)
    make_config(type="webhook", recipient="http://192.0.2.9/slow")
    make_config(type="webhook", recipient="http://192.0.2.9/quick")
    for _ in range(8):
        raise_trouble(severity="critical")
    make_config()
    raise_trouble(severity="info")
    mine = [pk for pk, way in Delivery.objects.values_list("pk", "way") if way == "email"]
    order = []
    real = sweeping.try_once
    monkeypatch.setattr(
        sweeping, "try_once", lambda **given: order.append(given["delivery_id"]) or real(**given)
    )

    send_due(at=NOON)

    assert len(mailoutbox) == 1
    assert order[0] in mine, "mail does not wait for them"
    assert answered.count("http://192.0.2.9/slow") == 2, "its time in this run is over"
    assert answered.count("http://192.0.2.9/quick") == 9
    assert send_due(at=NOON + timedelta(seconds=15)) == 2


def test_mail_goes_out_while_another_sweeper_is_busy_with_the_others(delivery, mailoutbox):
    from alerts.services.sweeping import LEASE_OF_OTHERS
    from factory.live.lease import LeaseKeeper

    busy = LeaseKeeper(LEASE_OF_OTHERS, seconds=60)
    assert busy.take()

    assert send_due(at=NOON) == 1


def test_an_outage_of_mail_is_not_ended_by_webhooks_that_work(delivery, dead_server, monkeypatch):
    import dataclasses

    from alerts.outbox.transports import TRANSPORTS

    send_due(at=NOON)
    works = dataclasses.replace(TRANSPORTS["webhook"], send=lambda *_, **__: None)
    monkeypatch.setitem(TRANSPORTS, "webhook", works)
    make_config(type="webhook", recipient="http://192.0.2.9/x")
    raise_trouble()

    assert send_due(at=NOON + timedelta(minutes=5)) == 1
    assert Outage.objects.get().failures == 2


def test_at_once_a_receiver_gets_one_message_at_a_time_and_the_rest_by_the_sweeper(monkeypatch):
    import dataclasses

    from alerts.outbox.transports import TRANSPORTS

    works = dataclasses.replace(TRANSPORTS["webhook"], send=lambda *_, **__: None)
    monkeypatch.setitem(TRANSPORTS, "webhook", works)
    make_config(type="webhook", recipient="http://192.0.2.9/x")
    raise_trouble()
    raise_trouble()
    first, second = Delivery.objects.order_by("pk")
    Delivery.objects.filter(pk=first.pk).update(status="sending", due_at=NOON + timedelta(seconds=90))

    assert send_delivery(delivery_id=second.pk, at=NOON) is False
    assert send_due(at=NOON) == 1
