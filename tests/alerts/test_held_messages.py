"""What does not go out at once: what became needless meanwhile, and what goes out together later."""

from datetime import timedelta

import pytest

from alerts.models import Alert, Attempt, Delivery
from alerts.services.delivering import send_delivery
from alerts.services.handling import acknowledge_alert, resolve_alert, shelve_alert
from alerts.services.sweeping import send_due
from tests.alerts.outbox import make_config, raise_trouble, statuses
from tests.builders import NOON, make_device, make_user

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def delivery() -> Delivery:
    make_config(recipient="shift@example.com")
    raise_trouble()
    return Delivery.objects.get()


def subjects(mailoutbox) -> list[str]:
    return [mail.subject for mail in mailoutbox]


# What became needless


def test_an_escalation_is_skipped_when_somebody_came(mailoutbox):
    make_config(escalate_after_minutes=20)
    alert = raise_trouble()
    acknowledge_alert(alert=alert, by=make_user(name="Mira"), at=NOON + MINUTE)

    assert send_due(at=NOON + 20 * MINUTE) == 0
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.error) == ("skipped", "Acknowledged by Mira before it was escalated.")


def test_an_escalation_goes_out_when_nobody_came(mailoutbox):
    make_config(escalate_after_minutes=20)
    raise_trouble()

    assert send_due(at=NOON + 19 * MINUTE) == 0
    assert send_due(at=NOON + 20 * MINUTE) == 1


def test_who_was_not_escalated_to_does_not_hear_of_the_end_either(mailoutbox):
    make_config(escalate_after_minutes=20, event_filter=["opened", "resolved"])
    mira = make_user(role="operator")
    short, long = raise_trouble(), raise_trouble(at=NOON)
    resolve_alert(alert=short, by=mira, at=NOON + MINUTE)
    send_due(at=NOON + 20 * MINUTE)
    long.refresh_from_db()
    resolve_alert(alert=long, by=mira, at=NOON + 30 * MINUTE)
    send_due(at=NOON + 30 * MINUTE)

    assert subjects(mailoutbox) == ["[critical] Too hot", "[over] Too hot"]
    assert sorted(statuses()) == ["sent", "sent", "skipped", "skipped"]


def test_what_is_shelved_meanwhile_is_told_to_nobody(delivery, mailoutbox):
    shelve_alert(
        alert=Alert.objects.get(),
        by=make_user(role="operator"),
        at=NOON,
        reason="known",
        lasting=timedelta(hours=1),
    )

    assert send_due(at=NOON) == 0
    assert Delivery.objects.get().error == "The alert is silent now: Shelved."


@pytest.mark.parametrize("what", ["config", "person"])
def test_who_does_not_want_to_hear_any_more_does_not(delivery, mailoutbox, what):
    config = delivery.config
    if what == "config":
        config.enabled = False
        config.save(update_fields=["enabled"])
    else:
        config.owner.is_active = False
        config.owner.save(update_fields=["is_active"])

    assert send_due(at=NOON) == 0
    assert statuses() == ["skipped"]


# What goes out together


def test_after_quiet_hours_everything_comes_as_one_message_the_most_severe_first_and_what_is_over_too(
    mailoutbox,
):
    make_config(quiet_hours={"start": "11:00", "end": "13:00"})
    mira = make_user(role="operator", name="Mira")
    raise_trouble(severity="info", message="Filter soon due")
    over = raise_trouble(severity="warning", message="Too slow")
    seen = raise_trouble(severity="critical", message="Too hot")
    resolve_alert(alert=over, by=mira, at=NOON + MINUTE)
    acknowledge_alert(alert=seen, by=mira, at=NOON + MINUTE)

    assert send_due(at=NOON + 59 * MINUTE) == 0
    assert send_due(at=NOON + 60 * MINUTE) == 3

    [mail] = mailoutbox
    assert mail.subject == "[critical] 3 alerts: 1 critical, 1 warning, 1 info"
    lines = [line for line in mail.body.splitlines() if line.startswith("[")]
    assert lines == ["[critical] Too hot", "[over] Too slow", "[info] Filter soon due"]
    assert "acknowledged by Mira" in mail.body
    assert mail.body.count("/ack/") == 1, "only one of them still waits for somebody"
    assert statuses() == ["sent"] * 3
    assert Attempt.objects.filter(succeeded=True).count() == 3


def test_one_alert_that_was_held_is_a_usual_message(mailoutbox):
    make_config(quiet_hours={"start": "11:00", "end": "13:00"})
    raise_trouble(message="Too hot")

    send_due(at=NOON + 60 * MINUTE)

    assert subjects(mailoutbox) == ["[critical] Too hot"]


def test_a_throttled_config_gets_one_message_and_then_one_about_all_the_others(mailoutbox):
    make_config(throttle_minutes=15)
    for number in range(4):
        raise_trouble(message=f"Trouble {number}", at=NOON + number * MINUTE)
        send_due(at=NOON + number * MINUTE)

    assert subjects(mailoutbox) == ["[critical] Trouble 0"]
    assert set(Delivery.objects.filter(status="pending").values_list("held_for", flat=True)) == {"throttle"}

    assert send_due(at=NOON + 14 * MINUTE) == 0
    assert send_due(at=NOON + 16 * MINUTE) == 3
    assert subjects(mailoutbox)[1:] == ["[critical] 3 alerts: 3 critical"]


def test_in_a_flood_ten_messages_go_out_and_the_rest_is_one_every_five_minutes(mailoutbox):
    make_config(recipient="desk@example.com")
    for number in range(30):
        raise_trouble(severity="warning", message=f"Trouble {number}")

    assert send_due(at=NOON) == 10
    assert len(mailoutbox) == 10
    raise_trouble(severity="warning", message="One more", at=NOON + 2 * MINUTE)
    assert send_due(at=NOON + 2 * MINUTE) == 0

    assert send_due(at=NOON + 5 * MINUTE + timedelta(seconds=5)) == 21
    assert subjects(mailoutbox)[10:] == ["[warning] 21 alerts: 21 warning"]
    assert set(statuses()) == {"sent"}


def test_a_critical_message_is_not_held_up_by_a_flood_of_others(mailoutbox):
    make_config()
    for _ in range(12):
        raise_trouble(severity="warning")
    send_due(at=NOON)
    raise_trouble(severity="critical", message="Fire")

    assert send_due(at=NOON + MINUTE) == 1
    assert subjects(mailoutbox)[-1] == "[critical] Fire"


def test_a_digest_lists_fifty_alerts_and_counts_the_others(mailoutbox):
    make_config(quiet_hours={"start": "11:00", "end": "13:00"})
    for number in range(53):
        raise_trouble(severity="warning", message=f"Trouble {number}")

    assert send_due(at=NOON + 60 * MINUTE) == 53

    assert mailoutbox[0].subject == "[warning] 53 alerts: 53 warning"
    assert mailoutbox[0].body.count("[warning]") == 50
    assert "and 3 more" in mailoutbox[0].body
    assert "and 3 more" in mailoutbox[0].alternatives[0][0]


@pytest.mark.parametrize("held", [1, 3])
def test_a_digest_costs_the_same_for_any_number_of_alerts(held, mailoutbox, django_assert_num_queries):
    make_config(quiet_hours={"start": "11:00", "end": "13:00"})
    for _ in range(held):
        raise_trouble(device_id=make_device().pk)
    first = Delivery.objects.order_by("pk").first()

    with django_assert_num_queries(16):
        assert send_delivery(delivery_id=first.pk, at=NOON + 60 * MINUTE) is True

    assert set(statuses()) == {"sent"}


@pytest.mark.parametrize(
    "held",
    [{"quiet_hours": {"start": "12:05", "end": "14:00"}}, {"throttle_minutes": 60}],
    ids=["quiet", "throttle"],
)
def test_an_escalation_that_was_held_for_something_else_is_skipped_too_when_somebody_came(held, mailoutbox):
    make_config(escalate_after_minutes=10, **held)
    raise_trouble()
    second = raise_trouble(at=NOON + MINUTE)
    for minutes in (10, 12):
        send_due(at=NOON + minutes * MINUTE)
    told = len(mailoutbox)
    for alert in Alert.objects.all():
        acknowledge_alert(alert=alert, by=make_user(), at=NOON + 30 * MINUTE)

    send_due(at=NOON + 150 * MINUTE)

    assert len(mailoutbox) == told
    assert "before it was escalated" in Delivery.objects.get(event__alert=second).error


def test_a_flood_of_escalations_is_counted_from_when_they_were_due(mailoutbox):
    make_config(escalate_after_minutes=30)
    for number in range(60):
        raise_trouble(severity="warning", at=NOON + timedelta(seconds=4 * number))

    for seconds in range(0, 700, 15):
        send_due(at=NOON + 30 * MINUTE + timedelta(seconds=seconds))

    assert len(mailoutbox) <= 13
    assert set(statuses()) == {"sent"}


def test_a_machine_gets_every_alert_of_a_digest(monkeypatch):
    import dataclasses

    from alerts.outbox.transports import TRANSPORTS

    got: list[dict] = []
    hook = dataclasses.replace(TRANSPORTS["webhook"], send=lambda message, **_: got.append(message.payload))
    monkeypatch.setitem(TRANSPORTS, "webhook", hook)
    make_config(
        type="webhook", recipient="http://192.0.2.9/x", quiet_hours={"start": "11:00", "end": "13:00"}
    )
    for _ in range(60):
        raise_trouble()

    assert send_due(at=NOON + 60 * MINUTE) == 60

    [payload] = got
    assert len({row["alert"]["id"] for row in payload["data"]["alerts"]}) == payload["data"]["total"] == 60
