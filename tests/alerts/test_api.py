import orjson
import pytest

from alerts.models import Alert
from tests.builders import (
    NOON,
    Trpc,
    data_of,
    make_device,
    make_threshold,
    make_user,
    refusal_of,
    sign_in,
    store,
)

pytestmark = pytest.mark.django_db


def signed_in(client, role) -> Trpc:
    sign_in(client, make_user(role=role))
    return Trpc(client)


def make_breach(**bounds):
    device = make_device()
    make_threshold(device, **(bounds or {"max_value": 90.0}))
    store(device, (NOON, 95))
    return Alert.objects.get(device=device)


@pytest.mark.parametrize("alerts", [1, 3])
def test_the_list_costs_the_same_for_any_number_of_alerts(client, alerts, django_assert_num_queries):
    api = signed_in(client, "user")
    expected = [make_breach().pk for _ in range(alerts)][::-1]

    with django_assert_num_queries(3):  # session with user, count, alerts with devices
        response = api.query("alerts.list")

    assert [row["id"] for row in data_of(response)] == expected
    assert response.headers["X-Total-Count"] == str(alerts)


def test_the_list_is_narrowed(client):
    api = signed_in(client, "operator")
    warning, critical = make_breach(warning_max=90.0), make_breach()
    data_of(api.mutate("alerts.updateStatus", {"id": critical.pk, "status": "resolved"}))

    def ids(**wanted):
        return [row["id"] for row in data_of(api.query("alerts.list", wanted))]

    assert ids(severity="warning") == [warning.pk]
    assert ids(status="resolved") == [critical.pk]
    assert ids(deviceId=warning.device_id) == [warning.pk]
    assert ids(type="device_offline") == []
    assert ids(search="temperature") == [critical.pk, warning.pk]
    assert ids(limit=1) == [critical.pk]


def test_one_alert_tells_its_life(client):
    api = signed_in(client, "operator")
    alert = make_breach()
    data_of(api.mutate("alerts.acknowledge", {"ids": [alert.pk], "note": "On my way"}))

    row = data_of(api.query("alerts.getById", {"id": alert.pk}))

    assert [(event["kind"], event["note"]) for event in row["events"]] == [
        ("opened", ""),
        ("acknowledged", "On my way"),
    ]


def test_stats_count_statuses_and_the_active_ones_by_severity(client):
    api = signed_in(client, "operator")
    make_breach(warning_max=90.0)
    data_of(api.mutate("alerts.resolve", {"ids": [make_breach().pk]}))

    assert data_of(api.query("alerts.getStats")) == {
        "total": 2,
        "active": 1,
        "acknowledged": 0,
        "resolved": 1,
        "critical": 0,
        "warning": 1,
        "info": 0,
    }


def test_handling_an_alert_twice_is_a_conflict(client):
    api = signed_in(client, "user")
    change = {"id": make_breach().pk, "status": "acknowledged"}
    data_of(api.mutate("alerts.updateStatus", change))

    assert refusal_of(api.mutate("alerts.updateStatus", change))[:2] == (409, "CONFLICT")


def test_a_viewer_cannot_resolve_by_either_door(client):
    api = signed_in(client, "user")
    alert = make_breach()

    assert refusal_of(api.mutate("alerts.updateStatus", {"id": alert.pk, "status": "resolved"}))[0] == 403
    assert refusal_of(api.mutate("alerts.resolve", {"ids": [alert.pk]}))[0] == 403
    assert Alert.objects.get().status == "active"


def test_the_older_spelling_works_and_says_that_it_ends(client):
    api = signed_in(client, "user")

    response = api.mutate("alerts.update", {"id": make_breach().pk, "status": "acknowledged"})

    assert data_of(response)["status"] == "acknowledged"
    assert response.headers["Deprecation"].startswith("@")
    assert "GMT" in response.headers["Sunset"]


class TestThresholds:
    def test_create_read_update_delete(self, client):
        api = signed_in(client, "technician")
        device = make_device()

        row = data_of(
            api.mutate(
                "thresholds.create", {"deviceId": device.external_id, "metric": "power", "maxValue": 5}
            )
        )
        assert data_of(api.query("thresholds.getForDevice", {"deviceId": device.pk})) == [row]
        assert row == {
            "id": row["id"],
            "deviceId": device.pk,
            "groupId": None,
            "deviceType": None,
            "metric": "power",
            "minValue": None,
            "maxValue": 5.0,
            "warningMin": None,
            "warningMax": None,
            "hysteresis": 0.0,
            "holdSeconds": 0,
            "clearSeconds": 0,
            "count": 1,
            "enabled": True,
        }

        changed = data_of(api.mutate("thresholds.update", {"id": row["id"], "warningMax": 4}))
        assert changed == {**row, "warningMax": 4.0}
        assert data_of(api.mutate("thresholds.delete", {"id": row["id"]})) is True
        assert data_of(api.query("thresholds.getForDevice", {"deviceId": device.pk})) == []

    @pytest.mark.parametrize(
        ("bounds", "field"),
        [
            ({"minValue": 5, "maxValue": 1}, "maxValue"),
            ({"maxValue": "5"}, "maxValue"),
            ({}, "maxValue"),
            ({"maxValue": 5, "hysteresis": -1}, "hysteresis"),
            ({"maxValue": 5, "count": 0}, "count"),
            ({"maxValue": 5, "holdSeconds": 1.5}, "holdSeconds"),
            ({"maxValue": 5, "metric": "No!"}, "metric"),
        ],
    )
    def test_what_cannot_be_meant_is_refused_by_name(self, client, bounds, field):
        api = signed_in(client, "technician")

        response = api.mutate(
            "thresholds.create", {"deviceId": make_device().pk, "metric": "power", **bounds}
        )

        assert refusal_of(response)[0] == 400
        assert list(orjson.loads(response.content)["error"]["data"]["fieldErrors"]) == [field]

    def test_a_second_one_for_the_same_metric_is_a_conflict(self, client):
        api = signed_in(client, "technician")
        threshold = make_threshold(make_device())

        response = api.mutate(
            "thresholds.create", {"deviceId": threshold.device_id, "metric": "temperature", "maxValue": 1}
        )

        assert refusal_of(response)[1] == "CONFLICT"

    def test_a_set_with_one_bad_member_changes_nothing_and_says_which(self, client):
        api = signed_in(client, "technician")
        device = make_device()
        make_threshold(device)
        wanted = [{"metric": "power", "maxValue": 5}, {"metric": "rpm", "minValue": 9, "maxValue": 1}]

        response = api.mutate("thresholds.upsertForDevice", {"deviceId": device.pk, "thresholds": wanted})

        assert refusal_of(response)[2] == "thresholds.1.maxValue: must not be below minValue (9)"
        assert [t.metric for t in device.thresholds.all()] == ["temperature"]
