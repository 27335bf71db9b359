from datetime import timedelta

import pytest
from django.utils import timezone

from analytics.charts import course_of, window_around
from tests.alerts.outbox import raise_trouble
from tests.analytics.looking import make_alert, words
from tests.builders import NOON, make_device, make_group, make_threshold, store

pytestmark = pytest.mark.django_db
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def test_the_course_begins_before_the_alert_and_ends_after_it(client, mira):
    alert = make_alert()
    alert.started_at, alert.ended_at = NOON, NOON + HOUR

    assert window_around(alert, at=NOON + 5 * HOUR) == (NOON - 30 * MINUTE, NOON + 90 * MINUTE)
    assert window_around(alert, at=NOON + HOUR) == (NOON - 30 * MINUTE, None)

    alert.ended_at = NOON + MINUTE
    assert window_around(alert, at=NOON + 5 * HOUR) == (NOON - 15 * MINUTE, NOON + 16 * MINUTE)

    alert.ended_at = None
    assert window_around(alert, at=NOON + MINUTE) == (NOON - 15 * MINUTE, None)
    assert window_around(alert, at=NOON + timedelta(days=9)) == (NOON - timedelta(days=1), None)
    assert window_around(alert, at=NOON + timedelta(days=900)) == (NOON + timedelta(days=535), None)


def test_the_course_has_the_limits_in_force_and_the_bound_of_then(client, tess):
    alert = make_alert()
    threshold = alert.device.thresholds.get()
    form = {"hysteresis": "0", "hold_seconds": "0", "clear_seconds": "0", "count": "1", "enabled": "on"}
    client.post(f"/devices/{alert.device_id}/thresholds/{threshold.pk}/", {**form, "max_value": "95"})

    course = client.get(f"/alerts/{alert.pk}/").context["story"].course

    assert course["limits"] == [{"name": "limit", "value": 95.0}, {"name": "limit then", "value": 90.0}]
    assert course["to"] is None
    assert [span["severity"] for span in course["alerts"]] == ["critical"]


def test_without_a_metric_the_one_the_device_is_known_by_is_drawn(client, mira):
    device = make_device()
    store(device, (NOON, 20.0), metric="vibration")
    alert = raise_trouble(device_id=device.pk)

    course = client.get(f"/alerts/{alert.pk}/").context["story"].course

    assert (course["metric"], course["limits"]) == ("vibration", [])


@pytest.mark.parametrize("is_known", [True, False])
def test_where_nothing_was_measured_nothing_is_drawn(client, mira, is_known):
    alert = raise_trouble(device_id=make_device().pk if is_known else None)

    page = client.get(f"/alerts/{alert.pk}/")

    assert page.context["story"].course is None
    assert 'id="chart"' not in page.content.decode()


def test_a_limit_that_is_switched_off_is_not_drawn():
    device = make_device()
    threshold = make_threshold(device, max_value=90.0)
    threshold.enabled = False

    course = course_of(device_id=device.pk, metric="temperature", metrics=1, threshold=threshold, alerts=[])

    assert course["limits"] == []


# The device's own page says where its limits come from


def test_a_device_page_says_for_whom_each_limit_was_set(client, tess):
    device = make_device(type="controller")
    make_threshold(device, metric="temperature")
    make_threshold(group=make_group(name="Line 1", devices=[device]), metric="vibration", max_value=5.0)
    make_threshold(device_type="controller", metric="power", max_value=900.0)
    store(device, (timezone.now(), 3.0), metric="vibration")

    page = client.get(f"/devices/{device.pk}/?metric=vibration")

    text = words(page)
    assert "Temperature °C · this device · Edit" in text
    assert "Vibration mm/s · group Line 1 · Give it its own" in text
    assert "Power W · every controller · Give it its own" in text
    assert "normal up to 5 mm/s (group Line 1)" in text
    assert page.context["course"]["limits"] == [{"name": "limit", "value": 5.0}]


def test_what_is_its_own_but_not_watched_stays_in_sight_below_what_is_in_force(client, tess):
    device = make_device(type="controller")
    make_threshold(device, metric="temperature", max_value=50.0, enabled=False)
    make_threshold(device_type="controller", metric="temperature", max_value=90.0)
    store(device, (timezone.now(), 20.0))

    page = client.get(f"/devices/{device.pk}/")

    assert "not watched" in words(page)
    assert page.context["course"]["limits"] == [{"name": "limit", "value": 90.0}]
