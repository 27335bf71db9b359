"""The twin: what people wish, version by version, and what a device reports."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from devices.models import Configuration, ConfigurationVersion, Device
from devices.queries import DeviceUnknown
from devices.services import (
    ConfigurationMoved,
    ReportOutOfOrder,
    delete_devices,
    follow_return,
    note_seen,
    notice_drift,
    notice_silent_devices,
    report_configuration,
    set_desired,
    set_desired_many,
)
from devices.signals import config_drifted, configurations_settled
from factory.errors import InvalidInput
from tests.builders import NOON, make_device, make_user

pytestmark = pytest.mark.django_db
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
DRIFT = timedelta(seconds=300)


@pytest.fixture(autouse=True)
def _usual_times(settings):
    settings.CONFIG_DRIFT_SECONDS = 300
    settings.DEVICE_SILENT_SECONDS = 3600


@pytest.fixture
def settled():
    """The ids of the devices that came into sync, as rooms above hear of them."""
    heard = []

    def hear(sender, device_ids, **kwargs):
        heard.extend(device_ids)

    configurations_settled.connect(hear)
    yield heard
    configurations_settled.disconnect(hear)


@pytest.fixture
def drifted():
    heard = []

    def hear(sender, device_ids, **kwargs):
        heard.extend(device_ids)

    config_drifted.connect(hear)
    yield heard
    config_drifted.disconnect(hear)


def heard_device(at=NOON, **properties):
    """A device that can follow."""
    device = make_device(**properties)
    note_seen(device_ids=[device.pk], at=at)
    return device


def wish(device, desired, at=NOON, **how):
    return set_desired(device=device, desired=desired, at=at, **how)


def report(device, reported, version, at=NOON):
    return report_configuration(device_id=device.pk, reported=reported, version=version, at=at)


def twin(device):
    return Configuration.objects.get(pk=device.pk)


def history(device):
    rows = ConfigurationVersion.objects.filter(device=device).order_by("version")
    return list(rows.values_list("version", "desired", "by__name", "at"))


class TestBeing:
    def test_a_new_device_has_a_blank_twin_that_is_sent_out_once(self):
        found = twin(make_device())

        assert (found.desired, found.version, found.in_sync, found.push_at) == ({}, 0, True, NOON)
        assert (found.reported, found.reported_version, found.drift_at) == (None, None, None)

    def test_a_device_from_before_gets_its_twin_with_the_first_wish_or_report(self):
        old, older = make_device(), make_device()
        Configuration.objects.all().delete()

        assert wish(old, {"speed": 60}).version == 1
        assert report(older, {"speed": 1}, 0).in_sync is True

    def test_a_deleted_device_takes_its_twin_along(self):
        device = make_device()
        wish(device, {"speed": 60})

        delete_devices(devices=[device])

        assert (Configuration.objects.count(), ConfigurationVersion.objects.count()) == (0, 0)
        with pytest.raises(DeviceUnknown):
            wish(device, {"speed": 60})
        with pytest.raises(DeviceUnknown):
            report(device, {}, 0)
        assert set_desired_many(device_ids=[device.pk], desired={"a": 1}, merge=False, at=NOON) == {}


class TestWishing:
    def test_a_wish_is_the_next_version_and_goes_out(self):
        device, mira = heard_device(), make_user(name="Mira")

        wish(device, {"speed": 60}, by=mira)
        found = wish(device, {"speed": 70}, at=NOON + MINUTE)

        assert (found.desired, found.version, found.desired_at) == ({"speed": 70}, 2, NOON + MINUTE)
        assert (found.in_sync, found.push_at, found.drift_at) == (False, NOON + MINUTE, NOON + MINUTE + DRIFT)
        assert history(device) == [
            (1, {"speed": 60}, "Mira", NOON),
            (2, {"speed": 70}, None, NOON + MINUTE),
        ]

    def test_the_same_again_is_no_new_version_and_goes_out_once_more(self):
        device = heard_device()
        before = wish(device, {"speed": 60, "modes": [1, {"a": True}]})

        found = wish(device, {"modes": [1, {"a": True}], "speed": 60.0}, at=NOON + MINUTE)

        assert (found.version, found.desired_at, found.drift_at) == (1, NOON, before.drift_at)
        assert found.push_at == NOON + MINUTE
        assert len(history(device)) == 1

    def test_the_same_again_is_not_sent_to_a_device_that_follows(self):
        device = heard_device()
        wish(device, {"speed": 60})
        report(device, {"speed": 60}, 1)
        Configuration.objects.update(push_at=None)

        assert wish(device, {"speed": 60}, at=NOON + MINUTE).push_at is None

    def test_true_instead_of_one_is_another_wish(self):
        device = heard_device()
        wish(device, {"on": 1})

        assert wish(device, {"on": True}).version == 2

    def test_of_each_device_the_last_versions_are_kept(self, monkeypatch):
        from devices.services import configuration

        monkeypatch.setattr(configuration, "KEPT", 3)
        device, other = heard_device(), heard_device()
        for speed in range(1, 5):
            wish(device, {"speed": speed})
        set_desired_many(device_ids=[device.pk, other.pk], desired={"speed": 9}, merge=False, at=NOON)

        assert [version for version, *_ in history(device)] == [3, 4, 5]
        assert [version for version, *_ in history(other)] == [1]

    def test_a_merge_changes_what_it_names_and_null_removes(self):
        device = heard_device()
        wish(device, {"pump": {"speed": 60, "mode": "a"}, "lamp": 1})

        found = wish(device, {"pump": {"speed": 70}, "lamp": None}, merge=True)

        assert (found.desired, found.version) == ({"pump": {"speed": 70, "mode": "a"}}, 2)

    def test_a_stale_version_is_refused_and_changes_nothing(self):
        device = heard_device()
        wish(device, {"speed": 60})
        wish(device, {"speed": 70}, expected_version=1)

        with pytest.raises(ConfigurationMoved, match="at version 2 by now, not at 1"):
            wish(device, {"speed": 80}, expected_version=1)

        assert (twin(device).desired, twin(device).version) == ({"speed": 70}, 2)

    @pytest.mark.parametrize(
        "desired",
        [[], None, "x", {"a": float("nan")}, {"a": {1}}, {"a": "x" * 65_536}, {"a": "€" * 22_000}],
    )
    def test_what_no_device_could_take_is_refused(self, desired):
        device = heard_device()

        with pytest.raises(InvalidInput) as refusal:
            wish(device, desired)
        assert list(refusal.value.fields) == ["desired"]
        with pytest.raises(InvalidInput):
            set_desired_many(device_ids=[device.pk], desired=desired, merge=False, at=NOON)
        with pytest.raises(InvalidInput) as refusal:
            report(device, desired, 0)
        assert list(refusal.value.fields) == ["reported"]
        assert (twin(device).version, twin(device).reported) == (0, None)

    def test_a_merge_may_not_make_it_too_large(self):
        device, other = heard_device(), heard_device()
        wish(device, {"a": "x" * 40_000})

        with pytest.raises(InvalidInput) as refusal:
            wish(device, {"b": "x" * 40_000}, merge=True)
        assert list(refusal.value.fields) == ["desired"]
        ids = [device.pk, other.pk]
        done = set_desired_many(device_ids=ids, desired={"b": "x" * 40_000}, merge=True, at=NOON)

        assert done == {other.pk: 1}
        assert twin(device).version == 1

    def test_a_device_out_of_service_is_wished_nothing(self):
        device = heard_device()
        Device.objects.filter(pk=device.pk).update(deactivated_at=NOON)

        with pytest.raises(InvalidInput, match="out of service"):
            wish(device, {"speed": 60})
        with pytest.raises(InvalidInput, match="out of service"):
            report(device, {}, 0)
        assert set_desired_many(device_ids=[device.pk], desired={"a": 1}, merge=False, at=NOON) == {}
        assert twin(device).version == 0

    def test_a_device_that_reports_the_wish_already_has_settled_at_once(self, settled):
        device, other = heard_device(), heard_device()
        report(device, {"speed": 60, "own": 1}, 0)

        done = set_desired_many(device_ids=[other.pk, device.pk], desired={"speed": 60}, merge=False, at=NOON)

        assert done == {device.pk: 1, other.pk: 1}
        assert settled == [device.pk]
        assert (twin(device).in_sync, twin(device).drift_at, twin(device).push_at) == (True, None, NOON)
        settled.clear()
        set_desired_many(device_ids=[other.pk, device.pk], desired={"speed": 60}, merge=False, at=NOON)
        assert settled == [device.pk]


class TestMany:
    def test_each_gets_its_own_next_version(self):
        devices = [heard_device() for _ in range(3)]
        wish(devices[0], {"speed": 1, "lamp": 1})

        done = set_desired_many(
            device_ids=[device.pk for device in devices] + [10**9], desired={"speed": 2}, merge=True, at=NOON
        )

        assert done == {devices[0].pk: 2, devices[1].pk: 1, devices[2].pk: 1}
        assert [twin(device).desired for device in devices] == [{"speed": 2, "lamp": 1}] + [{"speed": 2}] * 2
        assert [len(history(device)) for device in devices] == [2, 1, 1]

    @pytest.mark.parametrize("merge", [False, True])
    def test_it_costs_the_same_for_any_number(self, merge):
        counts = []
        for number in (3, 60):
            ids = [heard_device().pk for _ in range(number)]
            with CaptureQueriesContext(connection) as queries:
                set_desired_many(device_ids=ids, desired={"speed": 60}, merge=merge, at=NOON)
            counts.append(len(queries))

        assert counts[0] == counts[1] < 12


class TestReporting:
    def test_a_device_that_follows_has_settled(self, settled):
        device = heard_device()
        wish(device, {"speed": 60})

        found = report(device, {"speed": 60}, 1, at=NOON + MINUTE)

        assert (found.in_sync, found.drift_at, found.reported_version) == (True, None, 1)
        assert (twin(device).reported, twin(device).reported_at) == ({"speed": 60}, NOON + MINUTE)
        report(device, {"speed": 60}, 1, at=NOON + 2 * MINUTE)
        assert settled == [device.pk]
        assert twin(device).reported_at == NOON + 2 * MINUTE

    def test_an_older_version_than_was_reported_is_stale(self):
        device = heard_device()
        wish(device, {"speed": 1})
        wish(device, {"speed": 2})
        report(device, {"speed": 2}, 2)

        with pytest.raises(ReportOutOfOrder, match="version 1 is stale: version 2"):
            report(device, {"speed": 1}, 1)

        assert twin(device).reported == {"speed": 2}

    def test_a_version_that_was_never_desired_is_refused(self):
        device = heard_device()
        wish(device, {"speed": 1})

        with pytest.raises(ReportOutOfOrder, match="Version 2 was never desired; the newest is 1"):
            report(device, {"speed": 2}, 2)

        assert twin(device).reported is None

    @pytest.mark.parametrize("version", [-1, True, "1", 1.5, None])
    def test_a_version_is_a_number(self, version):
        with pytest.raises(InvalidInput) as refusal:
            report(heard_device(), {}, version)
        assert list(refusal.value.fields) == ["version"]

    def test_a_device_that_reports_was_heard(self):
        device = make_device()

        report(device, {"speed": 1}, 0)

        device.refresh_from_db()
        assert (device.status, device.last_seen_at) == ("online", NOON)

    def test_what_was_changed_on_the_spot_is_told_once_more_what_is_wished(self):
        device = heard_device()
        wish(device, {"speed": 60})
        report(device, {"speed": 60}, 1)
        Configuration.objects.update(push_at=None)

        found = report(device, {"speed": 40}, 1, at=NOON + MINUTE)
        assert (found.in_sync, found.push_at, found.drift_at) == (False, NOON + MINUTE, NOON + MINUTE + DRIFT)

        Configuration.objects.update(push_at=None)
        found = report(device, {"speed": 40}, 1, at=NOON + 2 * MINUTE)
        assert (found.push_at, found.drift_at) == (None, NOON + MINUTE + DRIFT)


class TestDrifting:
    def test_one_that_does_not_follow_in_time_has_drifted_once(self, drifted):
        device, follower = heard_device(), heard_device()
        for each in (device, follower):
            wish(each, {"speed": 60})
        report(follower, {"speed": 60}, 1)

        assert notice_drift(at=NOON + DRIFT - SECOND) == 0
        assert notice_drift(at=NOON + DRIFT) == 1
        assert notice_drift(at=NOON + DRIFT + MINUTE) == 0

        assert drifted == [device.pk]
        assert (twin(device).drifted_at, twin(device).drift_at) == (NOON + DRIFT, None)

    def test_one_that_is_away_cannot_follow_until_it_is_back(self, drifted, settings):
        settings.DEVICE_SILENT_SECONDS = 60
        device = heard_device()
        notice_silent_devices(at=NOON + MINUTE)
        back = NOON + 60 * MINUTE

        assert wish(device, {"speed": 60}, at=NOON + MINUTE).drift_at is None
        notice_drift(at=back)
        note_seen(device_ids=[device.pk], at=back)
        assert (twin(device).push_at, twin(device).drift_at) == (back, back + DRIFT)

        settings.DEVICE_SILENT_SECONDS = 3600
        note_seen(device_ids=[device.pk], at=back + SECOND)
        assert notice_drift(at=back + DRIFT) == 1
        assert drifted == [device.pk]

    def test_one_that_went_away_meanwhile_is_left_alone(self, drifted, settings):
        settings.DEVICE_SILENT_SECONDS = 60
        device = heard_device()
        wish(device, {"speed": 60})
        notice_silent_devices(at=NOON + MINUTE)

        assert notice_drift(at=NOON + DRIFT) == 0
        assert (twin(device).drift_at, twin(device).drifted_at) == (None, None)

    def test_one_in_maintenance_that_is_not_heard_is_looked_at_again_later(self, settings):
        settings.DEVICE_SILENT_SECONDS = 60
        device = heard_device()
        wish(device, {"speed": 60})
        Device.objects.update(status="maintenance")
        notice_silent_devices(at=NOON + MINUTE)

        assert notice_drift(at=NOON + DRIFT) == 0
        assert twin(device).drift_at == NOON + 2 * DRIFT
        settings.DEVICE_SILENT_SECONDS = 3600
        note_seen(device_ids=[device.pk], at=NOON + 2 * DRIFT)
        assert notice_drift(at=NOON + 2 * DRIFT) == 0  # its time begins when it is back
        assert notice_drift(at=NOON + 3 * DRIFT) == 1

    def test_one_in_maintenance_of_which_something_is_wished_while_it_is_away(self, settings):
        settings.DEVICE_SILENT_SECONDS = 60
        device = heard_device()
        Device.objects.update(status="maintenance")
        notice_silent_devices(at=NOON + MINUTE)
        wish(device, {"speed": 60}, at=NOON + 2 * MINUTE)
        settings.DEVICE_SILENT_SECONDS = 3600
        back = NOON + 60 * MINUTE

        note_seen(device_ids=[device.pk], at=back)

        assert (twin(device).push_at, twin(device).drift_at) == (back, back + DRIFT)
        assert notice_drift(at=back + DRIFT) == 1

    def test_one_that_keeps_starting_anew_is_told_of_in_the_end(self):
        device = heard_device()
        wish(device, {"speed": 60})

        for minute in range(1, 50):
            follow_return(device_ids=[device.pk], at=NOON + minute * MINUTE)

        assert twin(device).drift_at == NOON + 10 * DRIFT
        assert notice_drift(at=NOON + 10 * DRIFT) == 1

    def test_a_return_costs_one_query_where_all_follow(self, django_assert_num_queries):
        ids = [heard_device().pk for _ in range(3)]

        with django_assert_num_queries(3):  # a savepoint, who is apart, its release
            follow_return(device_ids=ids, at=NOON)

    def test_one_that_is_back_in_sync_can_drift_again(self, drifted):
        device = heard_device()
        wish(device, {"speed": 60})
        notice_drift(at=NOON + DRIFT)
        report(device, {"speed": 60}, 1, at=NOON + DRIFT + SECOND)
        assert twin(device).drifted_at is None

        report(device, {"speed": 50}, 1, at=NOON + DRIFT + MINUTE)
        notice_drift(at=NOON + 2 * DRIFT + MINUTE)

        assert drifted == [device.pk] * 2

    def test_one_out_of_service_does_not_drift(self):
        device = heard_device()
        wish(device, {"speed": 60})
        Device.objects.update(deactivated_at=NOON)

        assert notice_drift(at=NOON + DRIFT) == 0
        assert twin(device).drift_at is None

    def test_more_than_a_transaction_takes_are_all_told_of(self, monkeypatch, drifted):
        from devices.services import drift

        monkeypatch.setattr(drift, "AT_ONCE", 2)
        ids = [heard_device().pk for _ in range(5)]
        set_desired_many(device_ids=ids, desired={"speed": 1}, merge=False, at=NOON)

        assert notice_drift(at=NOON + DRIFT) == 5
        assert sorted(drifted) == ids
