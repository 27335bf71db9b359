import pytest

from alerts.models import Alert, Threshold
from tests.builders import NOON, make_device, make_threshold, make_user, sign_in, store

pytestmark = pytest.mark.django_db
THRESHOLDS = "/admin/alerts/threshold/"
NUMBERS = {"hysteresis": "0", "hold_seconds": "0", "clear_seconds": "0", "count": "1", "enabled": "on"}


@pytest.fixture(autouse=True)
def _boss(client):
    sign_in(client, make_user(role="admin"))


def errors_of(response):
    assert response.status_code == 200
    return dict(response.context["adminform"].form.errors)


def test_a_threshold_can_be_added_edited_and_deleted(client):
    device = make_device()

    client.post(
        f"{THRESHOLDS}add/", {"device": device.pk, "metric": "temperature", "max_value": "90", **NUMBERS}
    )
    threshold = Threshold.objects.get()
    client.post(f"{THRESHOLDS}{threshold.pk}/change/", {"max_value": "95", **NUMBERS})

    threshold.refresh_from_db()
    assert (threshold.device, threshold.metric, threshold.max_value) == (device, "temperature", 95)
    client.post(f"{THRESHOLDS}{threshold.pk}/delete/", {"post": "yes"})
    assert Threshold.objects.count() == 0


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"min_value": "100"}, {"max_value": ["must not be below minValue (100)"]}),
        (
            {"max_value": ""},
            {"max_value": ["give at least one of minValue, maxValue, warningMin, warningMax"]},
        ),
        ({"hysteresis": "-50"}, {"hysteresis": ["must be 0 or more"]}),
        ({"count": "0"}, {"count": ["must be from 1 to 1000"]}),
        ({"hold_seconds": "86401"}, {"hold_seconds": ["must be from 0 to 86400"]}),
        ({"clear_seconds": "86401"}, {"clear_seconds": ["must be from 0 to 86400"]}),
        ({"count": ""}, {"count": ["This field is required."]}),
    ],
)
def test_an_edit_that_cannot_be_meant_is_told_at_its_field(client, change, errors):
    threshold = make_threshold(make_device(), max_value=90.0)

    response = client.post(f"{THRESHOLDS}{threshold.pk}/change/", {"max_value": "90", **NUMBERS, **change})

    assert errors_of(response) == errors
    assert Threshold.objects.values_list("max_value", "hysteresis", "count").get() == (90, 0, 1)


@pytest.mark.parametrize(
    ("metric", "errors"),
    [
        ("", {"metric": ["This field is required."]}),
        ("Not One", {"metric": ["is no metric name: a-z first, then a-z, 0-9 and _, at most 63"]}),
        ("temperature", {"__all__": ["Threshold with this Device and Metric already exists."]}),
    ],
)
def test_a_new_threshold_needs_a_metric_that_has_none(client, metric, errors):
    device = make_device()
    make_threshold(device)

    new = {"device": device.pk, "metric": metric, "max_value": "90", **NUMBERS}

    assert errors_of(client.post(f"{THRESHOLDS}add/", new)) == errors
    assert Threshold.objects.count() == 1


def test_selected_thresholds_are_deleted(client):
    thresholds = [make_threshold(make_device()) for _ in range(2)]

    selected = {"action": "delete_selected", "_selected_action": [t.pk for t in thresholds], "post": "yes"}

    assert client.post(THRESHOLDS, selected).status_code == 302
    assert Threshold.objects.count() == 0


def test_saving_an_alert_page_changes_nothing(client):
    device = make_device()
    make_threshold(device)
    store(device, (NOON, 95))
    alert = Alert.objects.get()
    inline = {"events-TOTAL_FORMS": "0", "events-INITIAL_FORMS": "0"}

    response = client.post(f"/admin/alerts/alert/{alert.pk}/change/", {"status": "resolved", **inline})

    assert response.status_code == 302
    assert Alert.objects.values_list("status", "updated_at").get() == (alert.status, alert.updated_at)
