from datetime import timedelta

import pytest

from alerts.models import AlertEvent, Delivery, NotificationConfig, OfflineWatch
from alerts.services.handling import acknowledge_alert, resolve_alert
from alerts.services.telling import tell_people
from grouping.services import create_group
from tests.alerts.outbox import event_of, make_config, raise_trouble
from tests.builders import NOON, make_device, make_threshold, make_user, store

pytestmark = pytest.mark.django_db


def recipients(alert=None) -> list[str]:
    found = Delivery.objects.filter(event__alert=alert) if alert else Delivery.objects.all()
    return sorted(found.values_list("recipient", flat=True))


def test_everyone_who_wants_to_hear_has_a_row_in_the_outbox():
    mira, plant = (
        make_config(recipient="mira@example.com"),
        make_config(recipient="desk@example.com", plant=True),
    )

    alert = raise_trouble(severity="warning")

    rows = Delivery.objects.order_by("pk").values_list(
        "config", "event", "urgency", "status", "due_at", "way"
    )
    event = event_of(alert)
    assert list(rows) == [
        (mira.pk, event.pk, 1, "pending", NOON, "email"),
        (plant.pk, event.pk, 1, "pending", NOON, "email"),
    ]


def test_the_same_event_is_told_once_however_often_it_is_said():
    make_config()
    alert = raise_trouble()

    tell_people(events=[event_of(alert)], at=NOON)

    assert Delivery.objects.count() == 1


def test_who_is_switched_off_or_has_left_hears_nothing():
    make_config(enabled=False)
    left = make_user()
    make_config(owner=left)
    left.is_active = False
    left.save(update_fields=["is_active"])

    raise_trouble()

    assert recipients() == []


def test_severities_are_those_of_the_event():
    make_config(recipient="all@example.com")
    make_config(recipient="critical@example.com", severity_filter=["critical"])
    make_config(recipient="both@example.com", severity_filter=["critical", "warning"])

    assert recipients(raise_trouble(severity="warning")) == ["all@example.com", "both@example.com"]
    assert recipients(raise_trouble(severity="info")) == ["all@example.com"]


def test_news_are_what_opens_and_what_gets_worse_unless_one_says_what_one_wants():
    make_config(recipient="usual@example.com")
    make_config(recipient="ends@example.com", event_filter=["resolved"])
    mira = make_user(role="operator")

    alert = raise_trouble()
    acknowledge_alert(alert=alert, by=mira, at=NOON)
    resolve_alert(alert=alert, by=mira, at=NOON)

    told = Delivery.objects.order_by("pk").values_list("recipient", "event__kind")
    assert list(told) == [("usual@example.com", "opened"), ("ends@example.com", "resolved")]


def test_a_device_filter_or_a_group_filter_is_enough_and_nested_groups_count():
    press, mill, other = make_device(), make_device(), make_device()
    hall = create_group(name="Hall", type="zone", at=NOON)
    line = create_group(name="Line", type="custom", at=NOON, parent_id=hall.pk, device_ids=[mill.pk])
    elsewhere = create_group(name="Elsewhere", type="custom", at=NOON, device_ids=[other.pk])
    make_config(recipient="press@example.com", device_filter=[press.pk])
    make_config(recipient="hall@example.com", group_filter=[hall.pk])
    make_config(recipient="both@example.com", device_filter=[press.external_id], group_filter=[line.pk])
    make_config(recipient="elsewhere@example.com", group_filter=[elsewhere.pk])

    assert recipients(raise_trouble(device_id=press.pk)) == ["both@example.com", "press@example.com"]
    assert recipients(raise_trouble(device_id=mill.pk)) == ["both@example.com", "hall@example.com"]
    assert recipients(raise_trouble()) == [], "about no device at all"


def test_an_alert_about_a_zone_reaches_those_who_asked_for_a_device_that_is_silent_in_it():
    press, mill = make_device(zone="Hall B"), make_device(zone="Hall B")
    OfflineWatch.objects.create(device=press, zone="Hall B", since=NOON, due_at=NOON)
    make_config(recipient="press@example.com", device_filter=[press.pk])
    make_config(recipient="mill@example.com", device_filter=[mill.pk])

    assert recipients(raise_trouble(zone="Hall B")) == ["press@example.com"]


def test_an_escalation_is_due_when_nobody_has_come_until_then():
    make_config(escalate_after_minutes=20)

    raise_trouble()

    assert Delivery.objects.values_list("due_at", "held_for").get() == (
        NOON + timedelta(minutes=20),
        "escalation",
    )


def test_in_quiet_hours_a_message_waits_for_their_end_and_a_critical_one_where_that_is_meant_does_not():
    make_config(quiet_hours={"start": "11:00", "end": "13:00"}, recipient="asleep@example.com")
    make_config(
        quiet_hours={"start": "11:00", "end": "13:00", "exceptCritical": True}, recipient="light@example.com"
    )

    raise_trouble(severity="critical")

    assert list(Delivery.objects.order_by("pk").values_list("due_at", "held_for")) == [
        (NOON + timedelta(hours=1), "quiet hours"),
        (NOON, ""),
    ]


def test_a_task_is_enqueued_for_what_is_due_now_and_for_nothing_else(
    monkeypatch, django_capture_on_commit_callbacks
):
    from alerts import tasks
    from factory.queueing import messenger

    handed = []
    monkeypatch.setattr(messenger, "hand_over", lambda task, kwargs: handed.append((task, kwargs)))
    now = make_config()
    make_config(escalate_after_minutes=5)

    with django_capture_on_commit_callbacks(execute=True):
        raise_trouble()

    delivery = Delivery.objects.get(config=now)
    assert [each for each in handed if each[0] is tasks.send_delivery] == [
        (tasks.send_delivery, {"delivery_id": delivery.pk})
    ]


def test_the_environments_address_is_a_config_of_the_plant_as_long_as_the_environment_says_so(settings):
    settings.ALERT_EMAIL = "shift@example.com"
    raise_trouble()
    raise_trouble()

    config = NotificationConfig.objects.get()
    assert (config.owner, config.from_environment, config.recipient) == (None, True, "shift@example.com")
    assert recipients() == ["shift@example.com"] * 2

    settings.ALERT_EMAIL = "night@example.com"
    assert recipients(raise_trouble()) == ["night@example.com"]

    settings.ALERT_EMAIL = ""
    assert recipients(raise_trouble()) == []


def test_the_environments_config_can_be_switched_off(settings):
    settings.ALERT_EMAIL = "shift@example.com"
    raise_trouble()
    NotificationConfig.objects.update(enabled=False)

    assert recipients(raise_trouble()) == []


@pytest.mark.parametrize("configs", [1, 3])
def test_telling_costs_the_same_for_any_number_of_configs(configs, django_assert_num_queries):
    device = make_device()
    hall = create_group(name="Hall", type="zone", at=NOON, device_ids=[device.pk])
    for _ in range(configs):
        make_config(group_filter=[hall.pk])
    alert = raise_trouble()  # about no device: nobody yet
    alert.device_id = device.pk
    event = AlertEvent.objects.get()
    event.alert = alert

    with django_assert_num_queries(5):  # configs, members, groups, the rows, what of them is due
        tell_people(events=[event], at=NOON)

    assert Delivery.objects.count() == configs


def test_who_was_told_of_the_critical_alert_is_told_of_its_end_though_that_was_milder():
    kinds = ["opened", "rose", "resolved"]
    only_critical = make_config(severity_filter=["critical"], event_filter=kinds)
    never_told = make_config(severity_filter=["info"], event_filter=kinds)
    device = make_device()
    make_threshold(device, warning_max=80.0, max_value=90.0)

    store(device, *((NOON + timedelta(minutes=n), value) for n, value in enumerate((95, 85, 70))))

    heard = Delivery.objects.order_by("pk").values_list("config", "event__kind")
    assert list(heard) == [(only_critical.pk, "opened"), (only_critical.pk, "resolved")]
    assert not never_told.deliveries.exists()
