import pytest
from django.utils import timezone

from alerts.models import Attempt, Delivery, NotificationConfig
from tests.alerts.outbox import make_config, raise_trouble
from tests.builders import NOON, Trpc, data_of, make_device, make_token, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db
HOOK = "https://192.0.2.7/plant/hidden?key=hidden"


@pytest.fixture
def mira(client):
    mira = make_user(name="Mira")
    sign_in(client, mira)
    return mira


@pytest.fixture
def api(client, mira) -> Trpc:
    return Trpc(client)


@pytest.fixture
def boss(django_user_model) -> Trpc:
    from django.test import Client

    client = Client()
    sign_in(client, make_user(role="admin"))
    return Trpc(client)


def test_registering_answers_the_config_as_it_was_asked_for(api, mira):
    press = make_device(external_id="press-3")
    wanted = {
        "type": "email",
        "recipient": "mira@example.com",
        "severityFilter": ["critical", "warning"],
        "deviceFilter": ["press-3"],
        "quietHours": {"start": "22:00", "end": "06:00", "days": [5, 1], "exceptCritical": True},
        "throttleMinutes": 15,
        "escalateAfterMinutes": 30,
    }

    config = data_of(api.mutate("notifications.registerConfig", wanted))

    config_id = NotificationConfig.objects.get().pk
    for name in ("createdAt", "updatedAt"):
        assert config.pop(name)
    assert config == {
        **wanted,
        "configId": config_id,
        "enabled": True,
        "deviceFilter": [press.pk],
        "groupFilter": None,
        "eventFilter": None,
        "quietHours": {"start": "22:00", "end": "06:00", "days": [1, 5], "exceptCritical": True},
        "ownerId": mira.pk,
        "fromEnvironment": False,
        "secret": None,
    }
    [listed] = data_of(api.query("notifications.getConfigs"))
    assert listed["configId"] == config_id


def test_a_secret_is_shown_when_it_is_new_and_never_again(api):
    made = data_of(api.mutate("notifications.registerConfig", {"type": "webhook", "recipient": HOOK}))
    assert made["secret"].startswith("whsec_")
    assert made["recipient"] == "https://192.0.2.7/…"

    by_id = {"configId": made["configId"]}
    shown = [
        data_of(api.query("notifications.getConfigs")),
        data_of(api.mutate("notifications.updateConfig", {**by_id, "enabled": False})),
        data_of(api.query("notifications.deliveries")),
    ]
    assert "hidden" not in str(shown)
    assert "whsec_" not in str(shown)

    renewed = data_of(api.mutate("notifications.rotateSecret", by_id))
    assert renewed["secret"] not in {made["secret"], None}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"type": "pigeon"}, "type"),
        ({"recipient": "mira"}, "recipient"),
        ({"recipient": ""}, "recipient"),
        ({"severityFilter": ["loud"]}, "severityFilter.0"),
        ({"severityFilter": []}, "severityFilter"),
        ({"eventFilter": ["opened", "exploded"]}, "eventFilter.1"),
        ({"quietHours": {"start": "22:00", "end": "25:00"}}, "quietHours.end"),
        ({"quietHours": {"start": "22:00"}}, "quietHours.end"),
        ({"quietHours": {"start": "22:00", "end": "22:00"}}, "quietHours.end"),
        ({"quietHours": {"start": "22:00", "end": "06:00", "days": [8]}}, "quietHours.days.0"),
        ({"throttleMinutes": 0}, "throttleMinutes"),
        ({"escalateAfterMinutes": 1.5}, "escalateAfterMinutes"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_its_field(api, wrong, field):
    response = api.mutate(
        "notifications.registerConfig", {"type": "email", "recipient": "mira@example.com", **wrong}
    )

    assert response.status_code == 400
    assert list(response.json()["error"]["data"]["fieldErrors"]) == [field]
    assert NotificationConfig.objects.count() == 0


def test_what_is_not_there_is_not_found(api):
    for wrong in ({"deviceFilter": ["nobody"]}, {"groupFilter": [77]}):
        given = {"type": "email", "recipient": "mira@example.com", **wrong}
        assert refusal_of(api.mutate("notifications.registerConfig", given))[:2] == (404, "NOT_FOUND")


def test_null_takes_a_filter_away_and_what_is_not_named_stays(api, mira):
    config = make_config(owner=mira, severity_filter=["critical"], throttle_minutes=5)

    changed = data_of(
        api.mutate("notifications.updateConfig", {"configId": config.pk, "severityFilter": None})
    )

    assert (changed["severityFilter"], changed["throttleMinutes"]) == (None, 5)
    nothing = api.mutate("notifications.updateConfig", {"configId": config.pk})
    assert refusal_of(nothing)[:2] == (400, "BAD_REQUEST")


def test_deleting_ends_it(api, mira):
    config = make_config(owner=mira)

    assert data_of(api.mutate("notifications.deleteConfig", {"configId": config.pk})) is True
    assert NotificationConfig.objects.count() == 0


def test_another_persons_config_is_not_there_for_one_but_for_admins_it_is(api, boss, mira):
    other = make_config()
    raise_trouble()
    Delivery.objects.update(status="failed")
    delivery = Delivery.objects.get()
    by_id = {"configId": other.pk}

    for path, given in (
        ("updateConfig", {**by_id, "enabled": False}),
        ("deleteConfig", by_id),
        ("rotateSecret", by_id),
        ("test", by_id),
        ("retryDelivery", {"ids": [delivery.pk]}),
    ):
        assert refusal_of(api.mutate(f"notifications.{path}", given))[:2] == (404, "NOT_FOUND")
    assert data_of(api.query("notifications.getConfigs")) == []
    assert data_of(api.query("notifications.deliveries")) == []
    assert data_of(api.query("notifications.getQueueSize")) == 0

    assert [row["configId"] for row in data_of(boss.query("notifications.getConfigs"))] == [other.pk]
    assert [row["id"] for row in data_of(boss.query("notifications.deliveries"))] == [delivery.pk]
    assert (
        data_of(boss.mutate("notifications.retryDelivery", {"ids": [delivery.pk]}))[0]["status"] == "pending"
    )
    assert data_of(boss.query("notifications.getQueueSize")) == 1
    assert data_of(boss.mutate("notifications.updateConfig", {**by_id, "enabled": False}))["enabled"] is False


def test_the_plants_own_is_for_admins(api, boss):
    given = {"type": "email", "recipient": "desk@example.com", "plant": True}

    assert refusal_of(api.mutate("notifications.registerConfig", given))[:2] == (403, "FORBIDDEN")
    assert data_of(boss.mutate("notifications.registerConfig", given))["ownerId"] is None
    assert data_of(api.query("notifications.getConfigs")) == []


def test_strangers_and_devices_learn_nothing(client):
    make_config()
    for path in ("getConfigs", "deliveries", "getQueueSize"):
        assert Trpc(client).query(f"notifications.{path}").status_code == 401
    device = Trpc(client, bearer=make_token(make_device(), at=timezone.now()))
    assert device.query("notifications.getConfigs").status_code == 403


def test_a_trial_is_sent_at_once_and_says_that_it_arrived(api, mira, mailoutbox):
    config = make_config(owner=mira, recipient="mira@example.com", enabled=False)

    answer = data_of(api.mutate("notifications.test", {"configId": config.pk}))

    assert (answer["status"], answer["error"], answer["alertId"], answer["event"]) == ("sent", "", None, None)
    assert [attempt["succeeded"] for attempt in answer["attempts"]] == [True]
    [mail] = mailoutbox
    assert (mail.to, mail.subject) == (["mira@example.com"], "[trial] Smart Factory IoT")


def test_a_trial_that_did_not_arrive_says_why_and_is_not_tried_again(api, mira, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    config = make_config(owner=mira)

    answer = data_of(api.mutate("notifications.test", {"configId": config.pk}))

    assert answer["status"] == "failed"
    assert "refused" in answer["error"]
    assert "refused" in answer["attempts"][0]["words"]


def test_a_trial_goes_out_whatever_holds_alerts_back(api, mira, mailoutbox):
    config = make_config(
        owner=mira,
        throttle_minutes=60,
        quiet_hours={"start": "00:00", "end": "23:59"},
        severity_filter=["info"],
    )

    for _ in range(2):
        assert data_of(api.mutate("notifications.test", {"configId": config.pk}))["status"] == "sent"


def test_five_trials_a_minute_are_enough(api, mira):
    first, second = make_config(owner=mira), make_config(owner=mira)
    for config in (first, second, first, second, first):
        data_of(api.mutate("notifications.test", {"configId": config.pk}))

    refused = refusal_of(api.mutate("notifications.test", {"configId": second.pk}))

    assert refused[:2] == (429, "TOO_MANY_REQUESTS")
    data_of(api.mutate("notifications.deleteConfig", {"configId": first.pk}))
    again = api.mutate("notifications.test", {"configId": second.pk})
    assert refusal_of(again)[0] == 429, "deleting the config is no way around"


def test_deliveries_are_listed_newest_first_with_every_attempt(api, mira):
    make_config(owner=mira, recipient="mira@example.com")
    old, new = raise_trouble(), raise_trouble(severity="info")
    failed = Delivery.objects.order_by("pk").first()
    Delivery.objects.filter(pk=failed.pk).update(status="failed", error="550 Nobody here", attempts=1)
    Attempt.objects.create(delivery=failed, at=NOON, succeeded=False, words="550 Nobody here")

    rows = data_of(api.query("notifications.deliveries"))
    assert [(row["alertId"], row["event"], row["status"]) for row in rows] == [
        (new.pk, "opened", "pending"),
        (old.pk, "opened", "failed"),
    ]
    attempt = {"at": "2026-06-01T12:00:00.000Z", "succeeded": False, "words": "550 Nobody here"}
    assert rows[1]["attempts"] == [attempt]
    assert rows[1]["recipient"] == "mira@example.com"

    dead = api.query("notifications.deliveries", {"status": "failed"})
    assert dead.headers["X-Total-Count"] == "1"
    assert [row["id"] for row in data_of(dead)] == [failed.pk]
    assert len(data_of(api.query("notifications.deliveries", {"alertId": new.pk}))) == 1
    assert [
        row["id"] for row in data_of(api.query("notifications.deliveries", {"limit": 1, "offset": 1}))
    ] == [failed.pk]


def test_what_has_failed_is_put_back_all_of_it_or_nothing(api, mira):
    make_config(owner=mira)
    raise_trouble()
    raise_trouble()
    first, second = Delivery.objects.order_by("pk")
    Delivery.objects.filter(pk=first.pk).update(status="failed")

    refused = refusal_of(api.mutate("notifications.retryDelivery", {"ids": [first.pk, second.pk]}))

    assert refused == (409, "CONFLICT", f"Delivery {second.pk} has not failed: it is pending.")
    first.refresh_from_db()
    assert first.status == "failed"
    assert data_of(api.query("notifications.getQueueSize")) == 1
    data_of(api.mutate("notifications.retryDelivery", {"ids": [first.pk]}))
    assert data_of(api.query("notifications.getQueueSize")) == 2


@pytest.mark.parametrize("rows", [1, 3])
def test_lists_cost_the_same_for_any_number_of_rows(api, mira, rows, django_assert_num_queries):
    for _ in range(rows):
        make_config(owner=mira)
    raise_trouble()
    for delivery in Delivery.objects.all():
        Attempt.objects.create(delivery=delivery, at=NOON, succeeded=True)

    with django_assert_num_queries(2):  # session, configs
        assert len(data_of(api.query("notifications.getConfigs"))) == rows
    with django_assert_num_queries(4):  # session, how many, deliveries, attempts
        assert len(data_of(api.query("notifications.deliveries"))) == rows
