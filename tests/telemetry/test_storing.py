from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.models import Device
from devices.services import delete_devices
from telemetry.batch import Outcome, Sample
from telemetry.models import Reading, State
from telemetry.services import forget_orphans, store_readings
from telemetry.signals import readings_stored
from tests.builders import NOON, make_device, ms, store

pytestmark = pytest.mark.django_db
ACCEPTED, DUPLICATE, UNKNOWN = Outcome.ACCEPTED, Outcome.DUPLICATE, Outcome.UNKNOWN_DEVICE
MINUTE = timedelta(minutes=1)


def rows():
    return list(Reading.objects.order_by("device_id", "timestamp").values_list("timestamp", "data"))


def put(device, *points):
    """Store (timestamp, data) points in one transaction."""
    return store_readings(samples=[Sample(device.pk, at, data) for at, data in points], received_at=ms(NOON))


def test_the_same_reading_again_changes_nothing():
    device = make_device()

    assert put(device, (1, {"power": 5.0})) == [ACCEPTED]
    assert put(device, (1, {"power": 5.0}), (1, {"power": 5.0})) == [DUPLICATE, DUPLICATE]
    assert rows() == [(1, {"power": 5.0})]


def test_the_same_moment_merges_metrics_and_the_later_write_wins():
    device = make_device()

    put(device, (1, {"power": 5.0, "rpm": 10}))
    assert put(device, (1, {"power": 6.0}), (1, {"humidity": 40})) == [ACCEPTED, ACCEPTED]

    assert rows() == [(1, {"power": 6.0, "rpm": 10, "humidity": 40})]
    assert State.objects.get().latest == {"power": [6.0, 1], "rpm": [10, 1], "humidity": [40, 1]}


def test_merging_within_one_batch():
    device = make_device()

    assert put(device, (1, {"power": 5}), (1, {"rpm": 1}), (1, {"rpm": 1}), (1, {"rpm": 2})) == [
        ACCEPTED,
        ACCEPTED,
        DUPLICATE,
        ACCEPTED,
    ]
    assert rows() == [(1, {"power": 5, "rpm": 2})]


def test_the_newest_value_of_each_metric_is_the_latest_whatever_comes_late():
    device = make_device()

    put(device, (10, {"power": 1, "rpm": 1}))
    put(device, (5, {"power": 99, "humidity": 40}))

    state = State.objects.get()
    assert (state.newest, state.latest) == (10, {"power": [1, 10], "rpm": [1, 10], "humidity": [40, 5]})


def test_a_device_that_is_gone_costs_its_own_readings_only():
    device, gone = make_device(), make_device()
    Device.objects.filter(pk=gone.pk).delete()

    outcomes = store_readings(
        samples=[Sample(gone.pk, 1, {"power": 1}), Sample(device.pk, 1, {"power": 1})], received_at=1
    )

    assert outcomes == [UNKNOWN, ACCEPTED]
    assert list(Reading.objects.values_list("device_id", flat=True)) == [device.pk]


def test_a_device_that_reports_is_online_and_was_seen(django_capture_on_commit_callbacks):
    from devices.seen_lately import seen_lately

    seen_lately.clear()
    device = make_device()
    assert device.status == "offline"

    store(device, (NOON, 1), received=NOON)

    device.refresh_from_db()
    assert (device.status, device.presence.last_seen_at) == ("online", NOON)


def test_a_device_in_maintenance_stays_there_when_it_reports():
    device = make_device(status="maintenance")

    store(device, (NOON, 1))

    device.refresh_from_db()
    assert device.status == "maintenance"


def test_readings_of_deleted_devices_are_forgotten_and_no_others():
    device, gone = make_device(), make_device()
    store(device, (NOON, 1))
    store(gone, (NOON, 1), (NOON + MINUTE, 2))
    delete_devices(devices=[gone])

    assert forget_orphans() == 1
    assert list(Reading.objects.values_list("device_id", flat=True)) == [device.pk]


POINTS = st.lists(
    st.tuples(
        st.integers(1, 6), st.dictionaries(st.sampled_from(["power", "rpm"]), st.integers(0, 3), min_size=1)
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(points=POINTS, cut=st.integers(0, 12))
def test_however_it_is_cut_into_batches_the_rows_and_the_latest_are_the_same(db, points, cut):
    device = make_device()
    expected: dict[int, dict] = {}
    for at, data in points:
        expected.setdefault(at, {}).update(data)

    for batch in (points[:cut], points[cut:]):
        if batch:
            put(device, *batch)

    stored = Reading.objects.filter(device_id=device.pk).order_by("timestamp")
    assert dict(stored.values_list("timestamp", "data")) == expected
    latest = {
        metric: [expected[at][metric], at]
        for metric in {m for data in expected.values() for m in data}
        for at in [max(at for at, data in expected.items() if metric in data)]
    }
    assert State.objects.get(device=device).latest == latest


@pytest.mark.parametrize("devices", [1, 3])
def test_storing_costs_the_same_queries_for_any_number_of_devices(devices, django_assert_num_queries):
    from devices.seen_lately import seen_lately

    all_devices = [make_device() for _ in range(devices)]
    for device in all_devices:
        put(device, (1, {"power": 1}))
    seen_lately._remember([device.pk for device in all_devices], float("inf"))
    samples = [Sample(device.pk, 2, {"power": 1}) for device in all_devices]

    # savepoint, lock, readings, latest, rules of the judge, release
    with django_assert_num_queries(6):
        store_readings(samples=samples, received_at=2)


@pytest.mark.django_db(transaction=True)
def test_what_is_committed_is_told_as_stored_whatever_fails_after_the_commit(monkeypatch):
    from factory.live.broadcast import broadcaster

    def fail(*args):
        raise ValueError("the broker's address is nonsense")

    monkeypatch.setattr(broadcaster, "send", fail)

    assert put(make_device(), (1, {"power": 1})) == [ACCEPTED]
    assert rows() == [(1, {"power": 1})]


def test_a_device_registered_while_orphans_are_looked_for_keeps_its_readings(monkeypatch):
    """Registered and heard between the two questions of the sweep."""
    store(make_device(), (NOON, 1))
    real, late = Device.objects.filter, []

    def filter_devices(*args, **wanted):
        if not late:
            late.append(make_device())
            store(late[0], (NOON, 1))
        return real(*args, **wanted)

    monkeypatch.setattr(Device.objects, "filter", filter_devices)

    assert forget_orphans() == 0
    assert Reading.objects.count() == 2


def test_a_device_cannot_make_up_names_without_end():
    device = make_device()
    for start in range(0, 256, 64):
        assert put(device, (start, {f"m{n}": 1 for n in range(start, start + 64)})) == [ACCEPTED]

    assert put(device, (300, {"one_more": 1}), (301, {"m1": 2})) == [Outcome.TOO_MANY_METRICS, ACCEPTED]
    assert len(State.objects.get().latest) == 256


def test_a_whole_number_beyond_64_bits_is_stored_as_javascript_would_see_it():
    from telemetry.door import TimeLimits, open_door

    limits = TimeLimits.at(ms(NOON), retention_days=90, future_seconds=300)
    device = make_device()
    delivery = open_door(
        {"data": {"power": 10**30, "rpm": 2**53}}, resolve=lambda _: device.pk, limits=limits
    )

    store_readings(samples=delivery.samples, received_at=ms(NOON))

    assert rows()[0][1] == {"power": 1e30, "rpm": 2**53}


def test_news_is_told_device_by_device_in_event_order_and_narrowed_to_what_is_new():
    one, other = make_device(), make_device()
    put(one, (20, {"power": 1, "rpm": 1}))
    batches = []

    def listen(sender, batch, **kwargs):
        batches.append(batch)

    readings_stored.connect(listen)
    try:
        store_readings(
            samples=[
                Sample(other.pk, 7, {"power": 2}),
                Sample(one.pk, 40, {"power": 4}),
                Sample(one.pk, 30, {"power": 3, "rpm": 3}),
                Sample(other.pk, 5, {"power": 1}),
                Sample(one.pk, 40, {"power": 5}),
                Sample(one.pk, 10, {"power": 9, "humidity": 9}),
            ],
            received_at=ms(NOON),
        )
    finally:
        readings_stored.disconnect(listen)

    assert [batch.fresh for batch in batches] == [
        [
            Sample(one.pk, 10, {"humidity": 9}),
            Sample(one.pk, 30, {"power": 3, "rpm": 3}),
            Sample(one.pk, 40, {"power": 4}),
            Sample(one.pk, 40, {"power": 5}),
            Sample(other.pk, 5, {"power": 1}),
            Sample(other.pk, 7, {"power": 2}),
        ]
    ]
