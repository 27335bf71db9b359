from datetime import timedelta

import pytest

from alerts.models import Alert, ConditionState, Delivery, Threshold
from alerts.queries.thresholds import ThresholdUnknown
from alerts.services.announcing import page_waiting_late_alerts
from alerts.services.handling import acknowledge_alert, resolve_alert
from alerts.services.judging import judge_batch
from alerts.services.thresholds import delete_threshold, edit_threshold, replace_thresholds
from factory.errors import InvalidInput
from telemetry.batch import Sample, StoredBatch
from telemetry.services import store_readings
from tests.builders import NOON, make_device, make_threshold, make_user, store

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def alerts_of(device):
    fields = ("severity", "status", "started_at", "ended_at", "value", "threshold")
    return list(Alert.objects.filter(device=device).order_by("pk").values_list(*fields))


def test_a_breach_opens_an_alert_at_its_event_time_and_the_return_closes_it():
    device = make_device()
    make_threshold(device, max_value=90.0)

    store(device, (NOON, 80), (NOON + MINUTE, 95), (NOON + 2 * MINUTE, 97), (NOON + 3 * MINUTE, 90))

    assert alerts_of(device) == [("critical", "resolved", NOON + MINUTE, NOON + 3 * MINUTE, 95.0, 90.0)]


def test_a_second_breach_is_a_second_alert():
    device = make_device()
    make_threshold(device, max_value=90.0)

    store(device, (NOON, 95), (NOON + MINUTE, 80), (NOON + 2 * MINUTE, 95))

    assert [(status, start) for _, status, start, *_ in alerts_of(device)] == [
        ("resolved", NOON),
        ("active", NOON + 2 * MINUTE),
    ]


def test_severity_rises_and_falls_inside_one_alert():
    device = make_device()
    make_threshold(device, warning_max=90.0, max_value=100.0)
    alert_severities = []

    for minute, value in enumerate((95, 105, 95)):
        store(device, (NOON + minute * MINUTE, value))
        alert_severities.append(Alert.objects.get(device=device).severity)

    alert = Alert.objects.get(device=device)
    assert alert_severities == ["warning", "critical", "warning"]
    assert [event.kind for event in alert.events.order_by("pk")] == ["opened", "rose", "fell"]
    assert alert.value == 105.0  # the worst stays


def test_the_worst_value_stays_when_it_falls_and_rises_again():
    device = make_device()
    make_threshold(device, warning_max=90.0, max_value=100.0)

    store(device, *((NOON + minute * MINUTE, value) for minute, value in enumerate((500, 95, 101, 95, 600))))

    alert = Alert.objects.get()
    assert (alert.value, alert.occurrences) == (600.0, 3)
    assert list(alert.events.order_by("pk").values_list("value", flat=True)) == [
        500.0,
        500.0,
        500.0,
        500.0,
        600.0,
    ]


def test_the_message_says_what_how_much_and_against_which_bound():
    device = make_device()
    make_threshold(device, metric="pressure", min_value=2.0)

    store(device, (NOON, 1.5), metric="pressure")

    assert Alert.objects.get(device=device).message == "Pressure 1.5 bar, under the limit of 2 bar"


def test_a_late_reading_is_stored_but_neither_opens_nor_closes():
    device = make_device()
    make_threshold(device, max_value=90.0)
    store(device, (NOON, 80))

    store(device, (NOON - MINUTE, 99), received=NOON)
    assert alerts_of(device) == []

    store(device, (NOON + MINUTE, 99))
    store(device, (NOON - 2 * MINUTE, 80), received=NOON + MINUTE)
    assert [status for _, status, *_ in alerts_of(device)] == ["active"]


def test_a_reading_delivered_twice_is_judged_once():
    device = make_device()
    make_threshold(device, max_value=90.0)
    store(device, (NOON, 99))
    resolve_alert(alert=Alert.objects.get(), by=make_user(role="operator"), at=NOON)

    store(device, (NOON, 99))

    assert [status for _, status, *_ in alerts_of(device)] == ["resolved"]


def test_a_breach_resolved_by_hand_opens_anew_only_after_a_value_in_range():
    device = make_device()
    make_threshold(device, warning_max=90.0, max_value=100.0)
    store(device, (NOON, 95))
    resolve_alert(alert=Alert.objects.get(), by=make_user(role="operator"), at=NOON)

    store(device, (NOON + MINUTE, 96), (NOON + 2 * MINUTE, 120))
    assert len(alerts_of(device)) == 1

    store(device, (NOON + 3 * MINUTE, 80), (NOON + 4 * MINUTE, 95))
    assert [(severity, status) for severity, status, *_ in alerts_of(device)] == [
        ("warning", "resolved"),
        ("warning", "active"),
    ]


def test_an_acknowledged_alert_is_still_the_one_open_alert():
    device = make_device()
    make_threshold(device, max_value=90.0)
    store(device, (NOON, 95))
    acknowledge_alert(alert=Alert.objects.get(), by=make_user(), at=NOON)

    store(device, (NOON + MINUTE, 99), (NOON + 2 * MINUTE, 70))

    assert [(status, end) for _, status, _, end, *_ in alerts_of(device)] == [("resolved", NOON + 2 * MINUTE)]


def test_another_devices_breach_and_another_metric_are_left_alone():
    watched, other = make_device(), make_device()
    make_threshold(watched, max_value=90.0)

    store(other, (NOON, 500))
    store(watched, (NOON, 500), metric="power")

    assert Alert.objects.count() == 0


def test_a_disabled_threshold_judges_nothing_and_ends_its_alert():
    device = make_device()
    threshold = make_threshold(device, max_value=90.0)
    store(device, (NOON, 95))

    edit_threshold(threshold=threshold, at=NOON + MINUTE, enabled=False)
    store(device, (NOON + 2 * MINUTE, 99))

    assert [(status, end) for _, status, _, end, *_ in alerts_of(device)] == [("resolved", NOON + MINUTE)]


def test_deleting_a_threshold_ends_its_alert_and_forgets_its_condition():
    device = make_device()
    threshold = make_threshold(device, max_value=90.0)
    store(device, (NOON, 95))

    delete_threshold(threshold=threshold, at=NOON + MINUTE)

    assert [status for _, status, *_ in alerts_of(device)] == ["resolved"]
    assert ConditionState.objects.count() == 0


def test_replacing_thresholds_keeps_the_id_and_the_open_alert_of_the_same_metric():
    device = make_device()
    kept = make_threshold(device, max_value=90.0)
    make_threshold(device, metric="pressure", max_value=5.0)
    store(device, (NOON, 95))
    store(device, (NOON, 7), metric="pressure")

    wanted = [{"metric": "temperature", "max_value": 92.0}, {"metric": "power", "max_value": 10.0}]
    replace_thresholds(device=device, wanted=wanted, at=NOON)

    rows = device.thresholds.order_by("metric").values_list("metric", "max_value", "id")
    assert [(metric, value) for metric, value, _ in rows] == [("power", 10.0), ("temperature", 92.0)]
    assert rows[1][2] == kept.pk
    assert list(Alert.objects.order_by("metric").values_list("metric", "status")) == [
        ("pressure", "resolved"),
        ("temperature", "active"),
    ]


def test_a_new_bound_counts_from_the_next_reading_on():
    device = make_device()
    threshold = make_threshold(device, max_value=90.0)
    store(device, (NOON, 80))

    edit_threshold(threshold=threshold, at=NOON, max_value=70.0)
    store(device, (NOON + MINUTE, 80))

    assert [status for _, status, *_ in alerts_of(device)] == ["active"]


def test_the_on_delay_goes_on_across_batches():
    device = make_device()
    make_threshold(device, max_value=90.0, hold_seconds=600)

    for minute in (0, 5, 9, 10):
        store(device, (NOON + minute * MINUTE, 95))

    assert [start for _, _, start, *_ in alerts_of(device)] == [NOON + 10 * MINUTE]


class TestBacklog:
    @pytest.fixture(autouse=True)
    def _mail_is_on(self, settings):
        settings.ALERT_EMAIL = "shift@example.com"

    def test_an_alert_in_old_readings_is_marked_late_and_pages_nobody(self):
        device = make_device()
        make_threshold(device, max_value=90.0)

        store(device, (NOON, 95), (NOON + MINUTE, 80), received=NOON + timedelta(hours=3))

        assert list(Alert.objects.values_list("late", "status")) == [(True, "resolved")]
        assert Delivery.objects.count() == 0

    def test_what_got_worse_in_a_backlog_is_told_only_if_it_is_still_there(self):
        device, back = make_device(), make_device()
        now = NOON + timedelta(hours=3)
        for each in (device, back):
            make_threshold(each, warning_max=90.0, max_value=100.0)
            store(each, (NOON, 95))
        told = Delivery.objects.order_by("pk").values_list("event__kind", "event__alert__device")
        assert list(told) == [("opened", device.pk), ("opened", back.pk)]

        store(device, (NOON + MINUTE, 120), received=now)
        store(back, (NOON + MINUTE, 120), (NOON + 2 * MINUTE, 50), received=now)
        assert len(told.all()) == 2

        store(device, (now, 121))
        assert list(told.all())[2:] == [("announced", device.pk)]

    def test_what_is_still_open_when_the_device_has_caught_up_is_paged_once(self):
        device = make_device()
        make_threshold(device, max_value=90.0)
        now = NOON + timedelta(hours=3)
        store(device, (NOON, 95), received=now)

        store(device, (now, 96))
        store(device, (now + MINUTE, 97))

        assert list(Alert.objects.values_list("late", "status")) == [(False, "active")]
        assert list(Delivery.objects.values_list("recipient", flat=True)) == ["shift@example.com"]

    def test_a_breach_now_is_paged_at_once_and_once(self):
        device = make_device()
        make_threshold(device, max_value=90.0)

        store(device, (NOON, 95), (NOON + MINUTE, 96))

        assert Delivery.objects.count() == 1


@pytest.mark.parametrize("devices", [1, 3])
@pytest.mark.parametrize(("value", "queries"), [(95.0, 18), (20.0, 10)])
def test_a_flood_costs_the_same_queries_for_any_number_of_alerts(
    devices, value, queries, settings, django_assert_num_queries
):
    settings.ALERT_EMAIL = "shift@example.com"
    watched = [make_device() for _ in range(devices)]
    for device in watched:
        make_threshold(device, max_value=90.0)
    for device in watched:  # the process has read their rules after this
        store(device, (NOON, 95.0 if value < 90 else 20.0))
    at = int(NOON.timestamp() * 1000) + 60_000
    samples = [Sample(device.pk, at, {"temperature": value}) for device in watched]

    with django_assert_num_queries(queries):
        judge_batch(StoredBatch(received_at=at, fresh=samples))

    assert Alert.objects.open().count() == (devices if value > 90 else 0)


@pytest.mark.parametrize("devices", [1, 3])
def test_judging_costs_the_same_queries_for_any_number_of_devices(devices, django_assert_num_queries):
    watched = [make_device() for _ in range(devices)]
    for device in watched:
        make_threshold(device, max_value=90.0)
    samples = [Sample(device.pk, 1_000, {"temperature": 50.0}) for device in watched]

    judge_batch(StoredBatch(received_at=1_000, fresh=samples))  # the process reads the rules

    with django_assert_num_queries(1):  # the edition of the rules, with what is not at rest
        judge_batch(StoredBatch(received_at=1_000, fresh=samples))


class TestCatchingUp:
    @pytest.fixture(autouse=True)
    def _mail_is_on(self, settings):
        settings.ALERT_EMAIL = "shift@example.com"

    def paged(self):
        return list(Delivery.objects.order_by("pk").values_list("event__kind", flat=True))

    def test_a_backlog_and_the_present_in_one_batch_page_what_is_open(self):
        device = make_device()
        make_threshold(device, max_value=90.0)

        store(device, (NOON - timedelta(hours=1), 95), (NOON - MINUTE, 96), (NOON, 97))

        assert list(Alert.objects.values_list("late", flat=True)) == [False]
        assert self.paged() == ["announced"]

    def test_a_backlog_whose_trouble_is_over_by_now_pages_nobody(self):
        device = make_device()
        make_threshold(device, max_value=90.0)

        store(device, (NOON - timedelta(hours=1), 95), (NOON, 80))

        assert list(Alert.objects.values_list("late", "status")) == [(True, "resolved")]
        assert self.paged() == []

    def test_what_became_critical_after_catching_up_is_paged(self):
        device = make_device()
        make_threshold(device, warning_max=90.0, max_value=100.0)
        store(device, (NOON - timedelta(hours=1), 95), (NOON, 96))

        store(device, (NOON + MINUTE, 105))

        assert self.paged() == ["announced", "rose"]

    def test_a_late_alert_that_somebody_acknowledged_pages_nobody(self):
        device = make_device()
        make_threshold(device, max_value=90.0)
        store(device, (NOON - timedelta(hours=1), 95), received=NOON)
        acknowledge_alert(alert=Alert.objects.get(), by=make_user(), at=NOON)

        store(device, (NOON + MINUTE, 96))

        assert self.paged() == []

    def test_a_device_that_never_catches_up_is_paged_after_a_while(self):
        device = make_device()
        make_threshold(device, max_value=90.0)
        store(device, (NOON - timedelta(hours=1), 95), received=NOON)

        assert page_waiting_late_alerts(at=NOON + timedelta(minutes=9)) == 0
        assert page_waiting_late_alerts(at=NOON + timedelta(minutes=10)) == 1
        assert page_waiting_late_alerts(at=NOON + timedelta(minutes=20)) == 0
        assert self.paged() == ["announced"]


def test_a_reading_sent_again_with_one_more_metric_is_judged_once():
    device = make_device()
    make_threshold(device, max_value=90.0, count=3)

    for metric in ("power", "rpm", "humidity"):
        store_readings(
            samples=[Sample(device.pk, 1_000, {"temperature": 95.0, metric: 1})], received_at=1_000
        )

    assert Alert.objects.count() == 0


def test_a_stale_edit_is_checked_against_the_threshold_as_it_is_now():
    threshold = make_threshold(make_device(), max_value=90.0)
    stale = Threshold.objects.get(pk=threshold.pk)
    edit_threshold(threshold=threshold, at=NOON, max_value=10.0)

    with pytest.raises(InvalidInput, match="minValue"):
        edit_threshold(threshold=stale, at=NOON, min_value=40.0)

    delete_threshold(threshold=threshold, at=NOON)
    with pytest.raises(ThresholdUnknown):
        edit_threshold(threshold=stale, at=NOON, min_value=1.0)
