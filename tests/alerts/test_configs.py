from datetime import timedelta

import pytest

from alerts.models import Delivery, NotificationConfig
from alerts.services.configs import (
    FromEnvironment,
    NothingToSign,
    NotYours,
    TooManyConfigs,
    delete_config,
    edit_config,
    register_config,
    rotate_secret,
)
from alerts.services.trying import TooManyTrials, send_trial
from devices.queries import DeviceUnknown
from factory.errors import InvalidInput
from factory.limits.addresses import read_networks
from grouping.queries import GroupUnknown
from tests.alerts.outbox import make_config, raise_trouble
from tests.builders import NOON, make_device, make_user

pytestmark = pytest.mark.django_db
HOOK = "https://192.0.2.7/plant/hook?key=hidden"


def refused(**properties) -> dict:
    with pytest.raises(InvalidInput) as refusal:
        make_config(**properties)
    return refusal.value.fields


def test_a_person_registers_for_themselves_and_an_admin_for_the_plant():
    mira, boss = make_user(), make_user(role="admin")

    own = register_config(by=mira, type="email", recipient=" mira@example.com ", at=NOON)
    plants = register_config(by=boss, type="email", recipient="desk@example.com", plant=True, at=NOON)

    assert (own.owner, own.recipient, own.enabled, own.secret) == (mira, "mira@example.com", True, "")
    assert plants.owner is None
    with pytest.raises(NotYours):
        register_config(by=mira, type="email", recipient="x@example.com", plant=True, at=NOON)


@pytest.mark.parametrize(
    ("type", "recipient", "reason"),
    [
        ("email", "mira", "is no e-mail address"),
        ("email", "mira@example.com\nBcc: all@example.com", "is no e-mail address"),
        ("email", "m" * 200 + "@example.com", "must be at most 190 characters"),
        ("webhook", "ftp://192.0.2.7/", "is no URL such as https://host/path"),
        ("webhook", "https://", "is no URL such as https://host/path"),
        ("webhook", "https://192.0.2.7/ x", "is no URL such as https://host/path"),
        ("webhook", "http://127.0.0.1:8000/", "127.0.0.1 is this server itself, to which nothing is sent"),
        ("webhook", "http://2130706433/", "2130706433 is this server itself, to which nothing is sent"),
        ("webhook", "http://[::1]/", "::1 is this server itself, to which nothing is sent"),
        (
            "webhook",
            "http://169.254.169.254/latest",
            "169.254.169.254 is a link-local address, to which nothing is sent",
        ),
        (
            "webhook",
            "http://10.0.0.7:9000/",
            "10.0.0.7 is in a private network, and NOTIFY_NETWORKS does not name it, to which nothing is sent",
        ),
        (
            "webhook",
            "http://192.0.2.7:25/",
            "192.0.2.7 is asked for at port 25, which is none of a web server's, to which nothing is sent",
        ),
        (
            "push",
            "ntfy://10.0.0.7/topic",
            "10.0.0.7 is in a private network, and NOTIFY_NETWORKS does not name it, to which nothing is sent",
        ),
        ("push", "nonsense://x", "is no URL that Apprise understands, such as ntfys://host/topic"),
        (
            "push",
            "ntfys://ntfy.example/a, json://b",
            "is no URL that Apprise understands, such as ntfys://host/topic",
        ),
        ("sms", "+4915112345678", "is no URL that Apprise understands, such as ntfys://host/topic"),
        ("push", "ntfy://127.0.0.1/topic", "127.0.0.1 is this server itself, to which nothing is sent"),
        ("push", "jsons://192.0.2.7/", "cannot be used: JSON is a web request: register a webhook"),
        ("push", "mailto://u:p@example.com", "cannot be used: E-Mail is e-mail: register it as type email"),
        ("push", "syslog://", "cannot be used: Syslog would be shown on this server itself"),
        (
            "push",
            "mqtt://192.0.2.7/topic",
            "cannot be used: MQTT Notification is no service that is reached over HTTP",
        ),
        (
            "push",
            "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/?template=/etc/passwd",
            "must not name a file",
        ),
    ],
)
def test_a_recipient_that_cannot_be_sent_to_is_refused_with_the_reason(type, recipient, reason):
    assert refused(type=type, recipient=recipient) == {"recipient": [reason]}
    assert NotificationConfig.objects.count() == 0


@pytest.mark.parametrize(
    ("type", "recipient"),
    [
        ("email", "schicht@example.com"),
        ("webhook", HOOK),
        ("push", "ntfys://ntfy.sh.invalid/plant"),
        ("push", "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"),
        ("sms", f"twilio://AC{'a' * 32}:{'b' * 32}@15551234567/15557654321"),
    ],
)
def test_what_can_be_sent_to_is_taken(type, recipient):
    assert make_config(type=type, recipient=recipient).recipient == recipient


def test_this_server_itself_is_allowed_where_the_setting_says_so(settings):
    settings.NOTIFY_LOCAL = True

    assert make_config(type="webhook", recipient="http://127.0.0.1:9000/").pk
    assert refused(type="webhook", recipient="http://169.254.169.254/") != {}


def test_the_plants_own_networks_are_allowed_where_the_setting_names_them(settings):
    settings.NOTIFY_NETWORKS = read_networks(["10.0.0.0/24", "fd12::/64"])

    assert make_config(type="webhook", recipient="http://10.0.0.7:9000/").pk
    assert make_config(type="push", recipient="ntfy://[fd12::7]:9000/topic").pk
    assert refused(type="webhook", recipient="http://10.0.1.7:9000/") != {}


def test_a_webhook_gets_a_secret_of_its_own_and_can_get_another():
    first, second = make_config(type="webhook", recipient=HOOK), make_config(type="webhook", recipient=HOOK)

    assert first.secret.startswith("whsec_")
    assert first.secret != second.secret
    old = first.secret
    assert rotate_secret(config=first, at=NOON).secret not in {old, second.secret}
    with pytest.raises(NothingToSign):
        rotate_secret(config=make_config(), at=NOON)


def test_filters_name_devices_by_either_id_and_what_there_is():
    press = make_device()

    assert make_config(device_filter=[press.external_id, press.pk]).device_filter == [press.pk]
    with pytest.raises(DeviceUnknown):
        make_config(device_filter=["nobody"])
    with pytest.raises(GroupUnknown):
        make_config(group_filter=[999])


def test_one_person_has_at_most_fifty():
    mira = make_user()
    stamp = {"created_at": NOON, "updated_at": NOON}
    NotificationConfig.objects.bulk_create(
        NotificationConfig(owner=mira, type="email", recipient="m@example.com", **stamp) for _ in range(49)
    )
    make_config(owner=mira)

    with pytest.raises(TooManyConfigs):
        make_config(owner=mira)
    assert make_config().pk, "others may still"


def test_what_is_not_named_stays_when_a_config_is_edited():
    config = make_config(recipient="mira@example.com", severity_filter=["critical"], throttle_minutes=5)

    edit_config(config=config, at=NOON, throttle_minutes=None, enabled=False)

    config.refresh_from_db()
    assert (config.recipient, config.severity_filter) == ("mira@example.com", ["critical"])
    assert (config.throttle_minutes, config.enabled) == (None, False)


def test_a_new_type_needs_a_new_recipient_and_what_waits_goes_there():
    config = make_config()
    raise_trouble()

    with pytest.raises(InvalidInput):
        edit_config(config=config, at=NOON, type="webhook")
    config.refresh_from_db()
    edit_config(config=config, at=NOON, type="webhook", recipient=HOOK)

    delivery = Delivery.objects.get()
    assert (delivery.type, delivery.recipient) == ("webhook", "https://192.0.2.7/…")
    assert delivery.way == f"webhook:192.0.2.7:443#{config.pk}"
    assert config.secret.startswith("whsec_")


def test_what_quiet_hours_hold_back_is_looked_at_anew_when_they_change():
    config = make_config(quiet_hours={"start": "11:00", "end": "13:00"})
    raise_trouble()

    edit_config(config=config, at=NOON, quiet_hours=None)

    assert Delivery.objects.get().due_at == NOON


def test_deleting_a_config_ends_what_waits_and_keeps_the_log():
    config = make_config()
    raise_trouble()

    delete_config(config=config)

    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.error, delivery.config) == ("skipped", "Its config was deleted.", None)


def test_the_environments_config_keeps_its_address_and_stays(settings):
    settings.ALERT_EMAIL = "shift@example.com"
    raise_trouble()
    config = NotificationConfig.objects.get()

    edit_config(config=config, at=NOON, throttle_minutes=5)
    with pytest.raises(FromEnvironment):
        edit_config(config=config, at=NOON, recipient="me@example.com")
    with pytest.raises(FromEnvironment):
        delete_config(config=config)


@pytest.mark.parametrize(("minutes", "due"), [(1, 1), (30, 30), (None, 0)])
def test_what_waits_to_be_escalated_waits_as_long_as_the_config_says_now(minutes, due):
    config = make_config(escalate_after_minutes=7 * 24 * 60)
    raise_trouble()

    edit_config(config=config, at=NOON, escalate_after_minutes=minutes)

    assert Delivery.objects.get().due_at == NOON + timedelta(minutes=due)


def test_somebody_elses_deleted_config_costs_nobody_a_trial():
    mira, jonas = make_user(), make_user()
    gone = make_config(owner=mira)
    for _ in range(5):
        send_trial(config=gone, at=NOON)
    delete_config(config=gone)

    assert send_trial(config=make_config(owner=jonas), at=NOON).status == "sent"
    with pytest.raises(TooManyTrials):
        send_trial(config=make_config(owner=mira), at=NOON)
