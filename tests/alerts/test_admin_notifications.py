"""The console's pages of who is told, and what went out."""

import pytest

from alerts.models import Attempt, Delivery, NotificationConfig, Outage
from alerts.services.configs import register_config
from alerts.services.telling import new_delivery
from tests.alerts.console import ADMIN, act, errors_of, make_alert, words_of
from tests.builders import NOON, make_user, sign_in

pytestmark = pytest.mark.django_db
WEBHOOK = "https://203.0.113.7/hooks/T0KEN"


@pytest.fixture(autouse=True)
def boss(client):
    boss = make_user(role="admin", email="boss@example.com")
    sign_in(client, boss)
    return boss


def make_config(owner=None, *, type="webhook", recipient=WEBHOOK, enabled=False, **properties):
    """Switched off, so that what went out by it is only what a test says."""
    return NotificationConfig.objects.create(
        owner=owner,
        type=type,
        recipient=recipient,
        enabled=enabled,
        secret="s3cr3t-of-it",
        created_at=NOON,
        updated_at=NOON,
        **properties,
    )


def make_delivery(config, *, status="failed", event=None):
    delivery = new_delivery(config, event=event or make_alert().events.get(), at=NOON)
    delivery.status, delivery.attempts, delivery.error = status, 10, "HTTP 500"
    delivery.save()
    Attempt.objects.create(delivery=delivery, at=NOON, succeeded=False, words="HTTP 500")
    return delivery


class TestWhoIsTold:
    @pytest.mark.parametrize(
        ("type", "recipient", "shown"),
        [
            ("webhook", WEBHOOK, "https://203.0.113.7/…"),
            ("push", "ntfys://203.0.113.7/t0pic", "ntfys://…"),
            ("sms", "nonsense", "…"),
        ],
    )
    def test_what_is_secret_is_never_shown(self, client, type, recipient, shown):
        config = make_config(type=type, recipient=recipient)
        make_delivery(config)

        for path in ("notificationconfig/", f"notificationconfig/{config.pk}/change/", "delivery/"):
            page = client.get(f"{ADMIN}{path}").content.decode()
            assert shown in page
            for secret in (recipient, "T0KEN", "t0pic", config.secret):
                assert secret not in page

    def test_the_plant_itself_is_told(self, client, boss):
        new = {"type": "email", "recipient": "shift@example.com", "severities": ["critical"]}

        client.post(f"{ADMIN}notificationconfig/add/", {**new, "throttle_minutes": "5"})

        config = NotificationConfig.objects.get()
        assert (config.owner, config.recipient) == (None, "shift@example.com")
        assert (config.severity_filter, config.throttle_minutes) == (["critical"], 5)

    def test_the_secret_of_a_webhook_is_shown_once(self, client):
        new = {"type": "webhook", "recipient": WEBHOOK}

        response = client.post(f"{ADMIN}notificationconfig/add/", new, follow=True)

        secret = NotificationConfig.objects.get().secret
        assert secret in words_of(response)[0]
        assert secret not in client.get(f"{ADMIN}notificationconfig/").content.decode()

    @pytest.mark.parametrize(
        ("new", "field"),
        [
            ({"type": "email", "recipient": "nobody"}, "recipient"),
            ({"type": "webhook", "recipient": "ftp://host/"}, "recipient"),
            ({"type": "push", "recipient": "x"}, "recipient"),
            ({"type": "pigeon", "recipient": "x"}, "type"),
            ({"type": "email", "recipient": ""}, "recipient"),
            ({"type": "email", "recipient": "a@example.com", "throttle_minutes": "-1"}, "throttle_minutes"),
        ],
    )
    def test_a_recipient_that_cannot_be_is_told_at_its_field(self, client, new, field):
        errors = errors_of(client.post(f"{ADMIN}notificationconfig/add/", new))

        assert list(errors) == [field]
        assert NotificationConfig.objects.count() == 0

    def test_configs_are_switched_off_and_on_and_deleted(self, client, boss):
        configs = [make_config(boss, enabled=True), make_config(enabled=True)]

        act(client, "notificationconfig", "disable", configs)
        assert set(NotificationConfig.objects.values_list("enabled", flat=True)) == {False}
        act(client, "notificationconfig", "enable", configs[:1])
        assert list(NotificationConfig.objects.filter(enabled=True)) == configs[:1]
        client.post(f"{ADMIN}notificationconfig/{configs[0].pk}/delete/", {"post": "yes"})
        assert list(NotificationConfig.objects.all()) == configs[1:]

    def test_what_the_environment_says_is_not_deleted_here(self, client):
        config = make_config(type="email", recipient="shift@example.com", from_environment=True)

        page = f"{ADMIN}notificationconfig/{config.pk}/delete/"
        response = client.post(page, {"post": "yes"}, follow=True)

        assert words_of(response)[0].startswith("It comes from ALERT_EMAIL")
        assert NotificationConfig.objects.count() == 1

    def test_one_persons_config_is_not_rewritten_by_another(self, client):
        config = register_config(
            by=make_user(), type="email", recipient="mira@example.com", at=NOON
        )  # rights are in the service
        page = f"{ADMIN}notificationconfig/{config.pk}/change/"

        assert client.post(page, {"type": "email", "recipient": "me@example.com"}).status_code == 403
        assert NotificationConfig.objects.get().recipient == "mira@example.com"


class TestWhatWentOut:
    def test_what_has_failed_is_found_with_its_attempts(self, client):
        config = make_config()
        failed, sent = make_delivery(config), make_delivery(config, status="sent")

        found = client.get(f"{ADMIN}delivery/", {"status__exact": "failed"}).context["cl"].result_list

        assert list(found) == [failed]
        page = client.get(f"{ADMIN}delivery/{failed.pk}/change/").content.decode()
        assert "HTTP 500" in page
        assert str(failed.event.alert) in page
        assert client.post(f"{ADMIN}delivery/{sent.pk}/change/", {"status": "failed"}).status_code == 403

    def test_what_has_failed_is_sent_again_and_the_rest_is_told(self, client):
        config = make_config()
        failed, sent = make_delivery(config), make_delivery(config, status="sent")

        words = words_of(act(client, "delivery", "send_again", [failed, sent]))

        assert words == [
            "Messages on their way again: 1.",
            f"Delivery {sent.pk} has not failed: it is sent.",
        ]
        assert dict(Delivery.objects.values_list("pk", "status")) == {failed.pk: "pending", sent.pk: "sent"}

    def test_a_trial_is_about_no_alert(self, client):
        delivery = new_delivery(make_config(), event=None, at=NOON)
        delivery.save()

        assert "a trial" in client.get(f"{ADMIN}delivery/").content.decode()

    def test_outages_are_shown(self, client):
        Outage.objects.create(transport="email", since=NOON, retry_at=NOON, error="Connection refused")

        assert "Connection refused" in client.get(f"{ADMIN}outage/").content.decode()


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("page", ["notificationconfig", "delivery"])
def test_a_list_costs_the_same_for_any_number_of_rows(client, rows, page, django_assert_num_queries):
    for _ in range(rows):
        make_delivery(make_config(make_user()))

    with django_assert_num_queries(4):
        response = client.get(f"{ADMIN}{page}/")

    assert len(response.context["cl"].result_list) == rows
