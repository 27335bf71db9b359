"""E-mail against a real SMTP server, which comes, goes, and does not know everybody."""

from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest

from alerts.models import Attempt, Delivery, Outage
from alerts.outbox.transports import TRANSPORTS, Lines, TransportError
from alerts.services.delivering import send_delivery
from alerts.services.sweeping import send_due
from factory import processes
from tests import services
from tests.alerts.outbox import make_config, raise_trouble, statuses
from tests.builders import NOON

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def use(settings, port: int) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port


@pytest.fixture
def mailbox(settings):
    with services.smtp() as mailbox:
        use(settings, urlsplit(mailbox.url).port or 0)
        yield mailbox


def mails(mailbox: services.Mailbox) -> list[EmailMessage]:
    found = mailbox.messages()
    return [message_from_bytes(text.encode(), policy=policy.default) for text in found]  # type: ignore[misc]


def subjects(mailbox: services.Mailbox) -> list[str]:
    return [mail["Subject"] for mail in mails(mailbox)]


def test_while_the_server_is_down_nothing_is_lost_and_then_everything_comes_once_in_order_of_severity(
    settings,
):
    port = services.free_port()
    use(settings, port)
    make_config(recipient="shift@example.com")
    make_config(recipient="desk@example.com")
    for severity in ("info", "critical", "warning", "critical"):
        raise_trouble(severity=severity, message=severity)
    for delivery in Delivery.objects.all():  # as the tasks of the events do
        assert send_delivery(delivery_id=delivery.pk, at=NOON) is False
    for minutes in (1, 3, 6):
        assert send_due(at=NOON + timedelta(minutes=minutes)) == 0
    assert set(statuses()) == {"pending"}
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {0}

    with services.smtp(port) as mailbox:
        raise_trouble(severity="critical", message="late", at=NOON + timedelta(minutes=15))
        newest = Delivery.objects.latest("pk")
        assert send_delivery(delivery_id=newest.pk, at=NOON + timedelta(minutes=15)) is False, "it queues up"

        assert send_due(at=NOON + timedelta(minutes=20)) == 10
        assert send_due(at=NOON + timedelta(minutes=40)) == 0
        told = subjects(mailbox)
        assert len({mail["X-Connection"] for mail in mails(mailbox)}) == 1, "one connection for all"

    assert [subject.split("]")[0] for subject in told] == (
        ["[critical"] * 6 + ["[warning"] * 2 + ["[info"] * 2
    )
    assert set(statuses()) == {"sent"}
    assert Outage.objects.count() == 0


def test_one_whom_the_server_does_not_know_has_failed_with_its_words_and_the_others_get_theirs(mailbox):
    for recipient in ("one@example.com", "gone@example.com", "two@example.com"):
        make_config(recipient=recipient)
    raise_trouble()

    assert send_due(at=NOON) == 2

    assert sorted(mail["X-Envelope-To"] for mail in mails(mailbox)) == ["one@example.com", "two@example.com"]
    refused = Delivery.objects.get(recipient="gone@example.com")
    assert (refused.status, refused.error) == ("failed", "550 5.1.1 No such person here")
    assert [attempt.words for attempt in refused.tries.all()] == ["550 5.1.1 No such person here"]
    assert Outage.objects.count() == 0


def test_one_whom_the_server_takes_later_is_tried_later_and_holds_up_nobody(mailbox):
    make_config(recipient="later@example.com")
    make_config(recipient="now@example.com")
    raise_trouble()

    assert send_due(at=NOON) == 1

    postponed = Delivery.objects.get(recipient="later@example.com")
    assert (postponed.status, postponed.attempts) == ("pending", 1)
    assert postponed.error == "451 4.7.1 Greylisted, come again"
    assert timedelta(seconds=15) <= postponed.due_at - NOON < timedelta(seconds=25)
    assert Outage.objects.count() == 0


def test_a_server_that_wants_us_to_sign_in_first_is_an_outage_and_nobody_has_failed(mailbox):
    make_config(recipient="sign-in@example.com")
    raise_trouble()

    assert send_due(at=NOON) == 0
    assert (statuses(), Outage.objects.get().error) == (["pending"], "530 5.7.0 Authentication required")


@pytest.mark.parametrize("who", ["busy", "hang-up"])
def test_one_with_whom_the_server_breaks_off_holds_up_nobody_and_is_tried_for_a_day(mailbox, who):
    make_config(recipient=f"{who}@example.com")
    for name in ("one", "two"):
        make_config(recipient=f"{name}@example.com")
    raise_trouble()
    first = Delivery.objects.get(recipient=f"{who}@example.com")
    assert send_delivery(delivery_id=first.pk, at=NOON) is False

    assert send_due(at=NOON + timedelta(minutes=1)) == 2
    raise_trouble(severity="info", at=NOON + timedelta(minutes=2))
    assert send_due(at=NOON + timedelta(minutes=2)) == 2
    assert Outage.objects.count() == 0
    assert len(mails(mailbox)) == 4

    for hour in range(23):
        send_due(at=NOON + timedelta(hours=hour, minutes=30))
    first.refresh_from_db()
    assert first.status == "pending"
    send_due(at=NOON + timedelta(hours=25))
    first.refresh_from_db()
    assert first.status == "failed"


def test_a_server_that_thinks_for_long_about_a_mail_is_waited_for(mailbox, settings):
    settings.EMAIL_TIMEOUT = 0.4
    make_config(recipient="slow@example.com")
    raise_trouble()

    assert send_due(at=NOON) == 1
    assert send_due(at=NOON + timedelta(hours=1)) == 0
    assert len(mails(mailbox)) == 1


def test_what_was_given_over_but_not_confirmed_is_repeated_a_few_times_and_is_no_outage(mailbox, monkeypatch):
    from alerts.outbox.transports import email
    from alerts.services.delivering import ATTEMPTS_IN_DOUBT

    monkeypatch.setattr(email, "SECONDS_AFTER_THE_END", 0.1)
    make_config(recipient="slow@example.com")
    make_config(recipient="desk@example.com")
    raise_trouble()

    for minutes in range(0, 24 * 60, 11):
        send_due(at=NOON + timedelta(minutes=minutes))

    told = [mail["X-Envelope-To"] for mail in mails(mailbox)]
    assert (told.count("slow@example.com"), told.count("desk@example.com")) == (ATTEMPTS_IN_DOUBT, 1)
    lost = Delivery.objects.get(recipient="slow@example.com")
    assert lost.status == "failed"
    assert lost.error.startswith("Given over, but not confirmed")
    assert Outage.objects.count() == 0


def test_a_mail_that_arrived_is_html_and_text_from_us_to_one(mailbox):
    make_config(recipient="shift@example.com")
    raise_trouble(message="Temperature 95 °C, over the limit of 90 °C")

    send_due(at=NOON)

    [mail] = mails(mailbox)
    assert mail["X-Envelope-To"] == mail["To"] == "shift@example.com"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert "95 °C" in mail.get_body(("plain",)).get_content()
    assert mail["Auto-Submitted"] == "auto-generated"


def test_a_connection_that_was_closed_meanwhile_is_opened_anew(settings):
    port, email = services.free_port(), TRANSPORTS["email"]
    use(settings, port)
    from alerts.outbox.messages import compose

    make_config()
    raise_trouble()
    message = compose([Delivery.objects.select_related("event__alert__device").get()], at=NOON)

    with Lines() as lines:
        with services.smtp(port) as before:
            email.send(message, recipient="a@example.com", secret="", lines=lines)
            assert len(before.messages()) == 1
            processes.stop(before.process, patience=5)
        with services.smtp(port) as after:
            email.send(message, recipient="a@example.com", secret="", lines=lines)
            assert len(after.messages()) == 1
            processes.stop(after.process, patience=5)
        with pytest.raises(TransportError, match="refused") as error:
            email.send(message, recipient="a@example.com", secret="", lines=lines)
    assert error.value.down


def test_a_server_that_never_greets_is_an_outage_and_not_a_wait_for_ever(settings, monkeypatch):
    import dataclasses
    import socket

    hasty = dataclasses.replace(TRANSPORTS["email"], seconds=0.5)
    monkeypatch.setitem(TRANSPORTS, "email", hasty)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        use(settings, silent.getsockname()[1])
        make_config()
        raise_trouble()

        assert send_due(at=NOON) == 0

    assert Outage.objects.get().error == "No answer within 0.5 seconds."
    assert Attempt.objects.count() == 1
