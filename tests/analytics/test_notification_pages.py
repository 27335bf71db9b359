import pytest

from alerts.models import NotificationConfig
from tests.alerts.outbox import make_config, raise_trouble
from tests.analytics.looking import failed_delivery, words
from tests.builders import make_device, make_group, make_user, sign_in

pytestmark = pytest.mark.django_db
HOOK = "https://192.0.2.7/plant/hook?key=hidden"
FORM = {"type": "email", "recipient": "mira@example.com", "enabled": "on"}
PATHS = ("", "test", "secret", "delete")


# Whose they are


def test_a_stranger_sees_and_changes_nothing(client):
    config = make_config()

    for path in (
        "/notifications/",
        "/notifications/new",
        *(f"/notifications/{config.pk}/{p}" for p in PATHS),
    ):
        assert client.post(path, FORM).status_code == 302
    assert client.post("/notifications/retry", {"delivery": 1}).status_code == 302
    assert NotificationConfig.objects.get().recipient == config.recipient


@pytest.mark.parametrize("role", ["user", "operator", "technician"])
def test_somebody_elses_is_not_there(client, role):
    theirs = make_config(recipient="theirs@example.com")
    delivery = failed_delivery(theirs)
    sign_in(client, make_user(role=role))

    page = client.get("/notifications/")

    assert "theirs@example.com" not in page.content.decode()
    assert "Nobody tells you of anything yet." in words(page)
    assert "No message has gone out yet." in words(page)
    assert client.get(f"/notifications/{theirs.pk}/").status_code == 404
    for path in PATHS:
        assert client.post(f"/notifications/{theirs.pk}/{path}", FORM).status_code == 404
    client.post("/notifications/retry", {"delivery": delivery.pk})
    delivery.refresh_from_db()
    assert (delivery.status, NotificationConfig.objects.get()) == ("failed", theirs)


def test_an_admin_sees_the_plants_and_everybodys(client, boss):
    make_config(recipient="desk@example.com", owner=boss, plant=True)
    make_config(recipient="mira@example.com", owner=make_user(name="Mira"))
    make_config(recipient="boss@example.com", owner=boss)

    page = client.get("/notifications/")

    text = words(page)
    assert "You are told in one way." in text
    assert "E-mail to desk@example.com The plant's own" in text
    assert "E-mail to mira@example.com Mira's" in text
    assert text.index("desk@example.com") < text.index("mira@example.com")


# What one is told


def test_a_person_adds_a_way_with_all_that_can_be_said(client, mira):
    device, group = make_device(external_id="press-3"), make_group(name="Line 1")

    response = client.post(
        "/notifications/new",
        {
            **FORM,
            "severities": ["critical", "warning"],
            "events": ["opened", "resolved"],
            "devices": "press-3,",
            "groups": [group.pk],
            "quiet_start": "22:00",
            "quiet_end": "06:00",
            "quiet_days": ["5", "1"],
            "except_critical": "on",
            "throttle_minutes": "10",
            "escalate_after_minutes": "15",
        },
    )

    config = NotificationConfig.objects.get()
    assert response["Location"] == "/notifications/"
    assert (config.owner, config.recipient, config.enabled) == (mira, "mira@example.com", True)
    assert (config.severity_filter, config.event_filter) == (["critical", "warning"], ["opened", "resolved"])
    assert (config.device_filter, config.group_filter) == ([device.pk], [group.pk])
    assert config.quiet_hours == {"start": "22:00", "end": "06:00", "days": [1, 5], "exceptCritical": True}
    assert (config.throttle_minutes, config.escalate_after_minutes) == (10, 15)
    assert (
        "Critical, warning · 1 device · group Line 1 · quiet Mon, Fri 22:00 to 06:00, but for critical ones"
        " · at most one message in 10 min · if unseen after 15 min" in words(client.get("/notifications/"))
    )


def test_nothing_ticked_is_no_filter(client, mira):
    client.post("/notifications/new", FORM)

    config = NotificationConfig.objects.get()
    filters = (config.severity_filter, config.event_filter, config.device_filter, config.group_filter)
    assert filters == (None, None, None, None)
    assert (config.quiet_hours, config.throttle_minutes) == (None, None)
    assert "Every severity" in words(client.get("/notifications/"))


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"recipient": "mira"}, "recipient", "Is no e-mail address"),
        ({"recipient": ""}, "recipient", "This field is required."),
        (
            {"type": "webhook", "recipient": "http://127.0.0.1/"},
            "recipient",
            "127.0.0.1 is this server itself",
        ),
        ({"devices": "nobody"}, "devices", "There is no device 'nobody'."),
        ({"groups": "77"}, "groups", "Select a valid choice"),
        ({"quiet_start": "22:00"}, "quiet_end", "Quiet hours have a start and an end."),
        ({"quiet_end": "22:00"}, "quiet_start", "Quiet hours have a start and an end."),
        ({"quiet_start": "22:00", "quiet_end": "22:00"}, "quiet_end", "Must not be the start."),
        ({"quiet_start": "late", "quiet_end": "22:00"}, "quiet_start", "Enter a valid time."),
        ({"throttle_minutes": "0"}, "throttle_minutes", "Ensure this value is greater"),
        ({"escalate_after_minutes": "99999"}, "escalate_after_minutes", "Ensure this value is less"),
        ({"severities": "awful"}, "severities", "Select a valid choice"),
    ],
)
def test_what_cannot_be_meant_is_said_at_its_field(client, mira, change, field, reason):
    response = client.post("/notifications/new", {**FORM, **change})

    assert response.status_code == 422
    errors = response.context["form"].errors
    assert (list(errors), errors[field][0][: len(reason)]) == ([field], reason)
    assert not NotificationConfig.objects.exists()


def test_changing_without_an_address_keeps_it_and_the_form_shows_the_rest(client, mira):
    device = make_device(external_id="press-3")
    config = make_config(
        owner=mira, type="webhook", recipient=HOOK, device_filter=[device.pk],
        quiet_hours={"start": "22:00", "end": "06:00"}, throttle_minutes=5,
    )  # fmt: skip

    page = client.get(f"/notifications/{config.pk}/")
    client.post(f"/notifications/{config.pk}/", {"throttle_minutes": "7", "devices": ""})

    form = page.context["form"]
    assert (form["devices"].value(), form["throttle_minutes"].value()) == ("press-3", 5)
    assert 'value="22:00"' in page.content.decode()
    assert "key=hidden" not in page.content.decode()
    config.refresh_from_db()
    assert (config.recipient, config.throttle_minutes, config.enabled) == (HOOK, 7, False)
    assert (config.device_filter, config.quiet_hours) == (None, None)
    assert "Switched off." in words(client.get("/notifications/"))


def test_a_new_address_is_checked_as_the_first_one_was(client, mira):
    config = make_config(owner=mira)

    refused = client.post(f"/notifications/{config.pk}/", {"recipient": "nobody"})
    client.post(f"/notifications/{config.pk}/", {"recipient": "new@example.com", "enabled": "on"})

    assert refused.context["form"].errors == {"recipient": ["Is no e-mail address"]}
    config.refresh_from_db()
    assert config.recipient == "new@example.com"


def test_a_webhooks_secret_is_shown_once_and_anew_on_demand(client, mira):
    first = client.post("/notifications/new", {**FORM, "type": "webhook", "recipient": HOOK})
    config = NotificationConfig.objects.get()
    old = config.secret
    second = client.post(f"/notifications/{config.pk}/secret")
    config.refresh_from_db()

    assert old in words(first)
    assert config.secret in words(second)
    assert config.secret != old
    for path in ("/notifications/", f"/notifications/{config.pk}/"):
        page = client.get(path).content.decode()
        assert "whsec_" not in page
        assert "key=hidden" not in page


def test_only_a_webhook_has_a_secret(client, mira):
    config = make_config(owner=mira)

    response = client.post(f"/notifications/{config.pk}/secret")

    assert "Only webhooks have a secret." in words(client.get(response["Location"]))


@pytest.mark.parametrize("role", ["user", "technician"])
def test_only_an_admin_may_speak_for_the_plant(client, role):
    sign_in(client, user := make_user(role=role))

    assert 'name="plant"' not in client.get("/notifications/new").content.decode()
    client.post("/notifications/new", {**FORM, "plant": "on"})

    assert NotificationConfig.objects.get().owner == user


def test_an_admin_makes_the_plants_own(client, boss):
    client.post("/notifications/new", {**FORM, "plant": "on"})

    assert NotificationConfig.objects.get().owner is None


def test_a_way_is_removed(client, mira):
    config = make_config(owner=mira)

    response = client.post(f"/notifications/{config.pk}/delete")

    assert not NotificationConfig.objects.exists()
    assert f"Removed: {config.recipient}." in words(client.get(response["Location"]))


def test_what_the_environment_says_can_be_switched_off_and_not_removed(client, boss, settings):
    settings.ALERT_EMAIL = "desk@example.com"
    raise_trouble()
    config = NotificationConfig.objects.get()

    page = client.get(f"/notifications/{config.pk}/").content.decode()
    refused = client.post(f"/notifications/{config.pk}/delete")
    client.post(f"/notifications/{config.pk}/", {"recipient": "other@example.com"})

    assert 'name="recipient"' not in page
    assert "/delete" not in page
    assert "Switch it off instead." in words(client.get(refused["Location"]))
    config.refresh_from_db()
    assert (config.enabled, config.recipient) == (False, "desk@example.com")
