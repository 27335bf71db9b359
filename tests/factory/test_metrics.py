"""`/metrics` tells how the plant stands, to this machine and to whoever has the token."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from factory import metrics
from tests.analytics.looking import make_alert
from tests.builders import make_device, make_user, sign_in
from tests.factory.test_wsgi import ask

pytestmark = pytest.mark.django_db
DOCS = (settings.BASE_DIR / "docs" / "metrics.md").read_text()


@pytest.fixture(autouse=True)
def _asked_anew():
    metrics.standing._good_until = 0.0
    yield
    metrics.standing._good_until = 0.0


def told(client, **headers):
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_how_the_plant_stands_is_told(client):
    device = make_device()
    make_alert(device)

    found = told(client)

    assert found["factory_alerts_open", ("severity", "critical")] == 1
    assert found["factory_alerts_open", ("severity", "warning")] == 0
    assert sum(value for (name, *_), value in found.items() if name == "factory_devices") == 1
    assert found["factory_up", ("part", "database")] == 1
    assert found["factory_info", ("version", settings.VERSION)] == 1


@pytest.mark.parametrize("devices", [1, 3])
def test_telling_costs_the_same_for_any_number_of_devices(client, devices):
    for _ in range(devices):
        make_alert(make_device())

    with CaptureQueriesContext(connection) as queries:
        told(client)

    clock = [each for each in queries if "UNIX_TIMESTAMP" in each["sql"]]  # MariaDB's, asked now and then
    assert len(queries) - len(clock) == 12


def test_the_database_is_asked_once_in_ten_seconds(client, django_assert_num_queries):
    told(client)

    with django_assert_num_queries(0):
        told(client)


def test_strangers_from_elsewhere_find_nothing_here(client):
    sign_in(client, make_user(role="admin"))

    assert client.get("/metrics", REMOTE_ADDR="192.0.2.7").status_code == 404


def test_a_proxy_on_this_machine_does_not_open_it_to_everybody(client, settings):
    from factory.limits.addresses import read_networks

    settings.TRUSTED_PROXIES = read_networks(["127.0.0.1"])

    assert client.get("/metrics", headers={"x-forwarded-for": "192.0.2.7"}).status_code == 404


@pytest.mark.parametrize(("shown", "status"), [("let me look", 200), ("let me", 404), ("", 404), ("é", 404)])
def test_the_token_opens_it_from_anywhere(client, settings, shown, status):
    settings.METRICS_TOKEN = "let me look"

    answer = client.get("/metrics", REMOTE_ADDR="192.0.2.7", headers={"authorization": f"Bearer {shown}"})

    assert answer.status_code == status


def test_without_a_token_in_the_settings_none_is_right(client):
    assert client.get("/metrics", headers={"authorization": "Bearer "}).status_code == 200  # as this machine
    assert client.get("/metrics", headers={"authorization": "Bearer x"}).status_code == 404


def test_requests_are_counted_by_procedure_and_route_and_nonsense_has_one_name(client):
    before = told(client)
    for path in (
        "/api/trpc/auth.me",
        "/api/trpc/no.such",
        "/api/trpc/also.none",
        "/devices/12345/",
        "/nowhere",
    ):
        ask(path)
    after = told(client)

    grown = {
        (labels["way"], labels["name"], labels["status"]): after[key] - before.get(key, 0)
        for key in after
        if key[0] == "factory_http_request_seconds_count" and after[key] != before.get(key, 0)
        for labels in [dict(key[1:])]
    }
    assert grown == {
        ("procedure", "auth.me", "200"): 1,
        ("procedure", "unknown", "404"): 2,
        ("page", "devices/<int:device_id>/", "302"): 1,
        ("page", "unknown", "404"): 1,
    }


def test_a_part_of_the_database_that_fails_costs_only_its_own_number(client, monkeypatch):
    from django.db import OperationalError

    def fail():
        raise OperationalError("gone")

    monkeypatch.setitem(
        metrics._measures, "factory_batches_running", metrics.Measure("factory_batches_running", "x", fail)
    )
    names = {name for name, *_ in told(client)}

    assert ("factory_batches_running" in names, "factory_devices" in names) == (False, True)


def test_every_metric_has_its_line_in_the_docs_and_every_line_its_metric(client):
    told(client)
    from factory import counters

    counted = {
        each.describe()[0].name + ("_total" if each._type == "counter" else "")
        for each in vars(counters).values()
        if hasattr(each, "describe") and not isinstance(each, type)
    }

    assert set(re.findall(r"^\| `(factory_\w+)`", DOCS, re.MULTILINE)) == counted | set(metrics._measures)


def test_a_message_that_is_overdue_is_seen(client):
    from alerts.models import Delivery

    Delivery.objects.create(
        type="email",
        recipient="a@example.com",
        way="email",
        urgency=0,
        due_at=timezone.now() - timedelta(minutes=5),
        created_at=timezone.now(),
    )

    assert 299 < told(client)["factory_delivery_oldest_seconds",] < 330
