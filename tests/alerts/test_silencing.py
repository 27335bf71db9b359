"""Shelving and maintenance silence without losing: what is still there afterwards is told."""

from datetime import timedelta

import pytest

from alerts.models import Alert, AlertEvent, Delivery, MaintenanceWindow, Shelf
from alerts.services.announcing import end_silences
from alerts.services.handling import (
    AlertAlreadyHandled,
    acknowledge_alert,
    resolve_alert,
    shelve_alert,
    unshelve_alert,
)
from alerts.services.maintenance import WindowIsOver, end_maintenance, plan_maintenance
from devices.services import edit_device
from factory.errors import InvalidInput
from tests.builders import NOON, make_device, make_group, make_threshold, make_user, store

pytestmark = pytest.mark.django_db
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture(autouse=True)
def _mail_is_on(settings):
    settings.ALERT_EMAIL = "shift@example.com"


@pytest.fixture
def machine():
    machine = make_device(zone="Hall A", type="controller")
    make_threshold(machine, warning_max=80.0, max_value=90.0)
    return machine


@pytest.fixture
def operator():
    return make_user(role="operator")


def told():
    return list(Delivery.objects.order_by("pk").values_list("event__kind", flat=True))


def shelve(alert, by, *, at=NOON, minutes=60, once=False):
    return shelve_alert(
        alert=alert,
        by=by,
        at=at,
        reason="known, part is ordered",
        lasting=timedelta(minutes=minutes),
        once=once,
    )


class TestShelving:
    def test_a_shelved_alert_that_gets_worse_is_kept_and_tells_nobody(self, machine, operator):
        store(machine, (NOON, 85))
        shelve(Alert.objects.get(), operator)

        store(machine, (NOON + MINUTE, 95))

        alert = Alert.objects.get()
        assert (alert.severity, alert.silence, alert.shelved_until) == ("critical", "shelved", NOON + HOUR)
        assert told() == ["opened"]

    def test_every_occurrence_until_then_is_silent(self, machine, operator):
        store(machine, (NOON, 85))
        shelve(Alert.objects.get(), operator)

        store(machine, (NOON + MINUTE, 70), (NOON + 2 * MINUTE, 85))

        again = Alert.objects.open().get()
        assert (again.silence, again.shelved_until) == ("shelved", NOON + HOUR)
        assert told() == ["opened"]

    def test_once_means_this_occurrence_only(self, machine, operator):
        store(machine, (NOON, 85))
        shelve(Alert.objects.get(), operator, once=True)

        store(machine, (NOON + MINUTE, 70), (NOON + 2 * MINUTE, 85))

        assert Alert.objects.open().get().silence == ""
        assert told() == ["opened", "opened"]
        assert Shelf.objects.count() == 0

    def test_what_is_still_open_when_the_time_is_over_is_told_once(self, machine, operator):
        store(machine, (NOON, 85))
        shelve(Alert.objects.get(), operator)

        assert end_silences(at=NOON + HOUR - MINUTE) == 0
        assert end_silences(at=NOON + HOUR) == 1
        assert end_silences(at=NOON + 2 * HOUR) == 0

        assert told() == ["opened", "announced"]
        assert (Alert.objects.get().silence, Shelf.objects.count()) == ("", 0)

    def test_what_somebody_looks_after_by_then_is_not_told_again(self, machine, operator):
        store(machine, (NOON, 85))
        shelve(Alert.objects.get(), operator)
        acknowledge_alert(alert=Alert.objects.get(), by=operator, at=NOON)

        end_silences(at=NOON + HOUR)

        assert [kind for kind in told() if kind == "announced"] == []
        assert Alert.objects.get().silence == ""

    def test_a_second_person_is_told_that_it_is_shelved(self, machine, operator):
        store(machine, (NOON, 85))
        shelve(Alert.objects.get(), operator)

        with pytest.raises(AlertAlreadyHandled, match="shelved already"):
            shelve(Alert.objects.get(), make_user(role="operator"))

    def test_what_is_over_cannot_be_shelved(self, machine, operator):
        store(machine, (NOON, 85), (NOON + MINUTE, 70))

        with pytest.raises(AlertAlreadyHandled, match="resolved already"):
            shelve(Alert.objects.get(), operator)

    def test_taking_it_off_the_shelf_tells_what_is_still_there(self, machine, operator):
        store(machine, (NOON, 85))
        shelve(Alert.objects.get(), operator)

        unshelve_alert(alert=Alert.objects.get(), by=operator, at=NOON + MINUTE)

        event = AlertEvent.objects.order_by("pk").last()
        assert (event.kind, event.by, event.note) == ("announced", operator, "Taken off the shelf.")
        assert told() == ["opened", "announced"]
        with pytest.raises(AlertAlreadyHandled, match="not shelved"):
            unshelve_alert(alert=Alert.objects.get(), by=operator, at=NOON + MINUTE)

    @pytest.mark.parametrize("minutes", [0, -1, 7 * 24 * 60 + 1])
    def test_silence_is_neither_nothing_nor_for_ever(self, machine, operator, minutes):
        store(machine, (NOON, 85))

        with pytest.raises(InvalidInput, match="minutes"):
            shelve(Alert.objects.get(), operator, minutes=minutes)
        assert Shelf.objects.count() == 0

    def test_what_got_worse_after_somebody_acknowledged_it_is_told_afterwards(self, machine, operator):
        store(machine, (NOON, 85))
        acknowledge_alert(alert=Alert.objects.get(), by=operator, at=NOON)
        shelve(Alert.objects.get(), operator)
        store(machine, (NOON + MINUTE, 95))

        end_silences(at=NOON + HOUR)

        assert told() == ["opened", "announced"]

    def test_the_kind_is_taken_off_the_shelf_though_this_occurrence_is_over(self, machine, operator):
        store(machine, (NOON, 85))
        shelve(Alert.objects.get(), operator)
        store(machine, (NOON + MINUTE, 70))

        unshelve_alert(alert=Alert.objects.get(), by=operator, at=NOON + 2 * MINUTE)
        store(machine, (NOON + 3 * MINUTE, 85))

        assert Alert.objects.open().get().silence == ""
        assert told() == ["opened", "opened"]

    def test_resolving_a_shelved_alert_leaves_its_kind_on_the_shelf(self, machine, operator):
        store(machine, (NOON, 85))
        shelve(Alert.objects.get(), operator)

        resolve_alert(alert=Alert.objects.get(), by=operator, at=NOON + MINUTE)

        assert list(Shelf.objects.values_list("key", flat=True)) == [Alert.objects.get().key]


def plan(**values):
    return plan_maintenance(
        **{"name": "Belt", "starts_at": NOON, "ends_at": NOON + HOUR, "by": None, "at": NOON, **values}
    )


class TestMaintenance:
    def test_an_alert_at_a_device_in_maintenance_waits_until_it_is_back_at_work(self, machine):
        edit_device(device=machine, status="maintenance", at=NOON)
        store(machine, (NOON, 85))
        assert (Alert.objects.get().silence, told()) == ("maintenance", [])

        end_silences(at=NOON + MINUTE)
        assert told() == []

        edit_device(device=machine, status="online", at=NOON)
        end_silences(at=NOON + 2 * MINUTE)
        end_silences(at=NOON + 3 * MINUTE)
        assert told() == ["announced"]

    def test_what_gets_worse_during_the_work_is_told_when_it_is_over(self, machine):
        store(machine, (NOON, 85))
        edit_device(device=machine, status="maintenance", at=NOON)

        store(machine, (NOON + MINUTE, 95))
        assert told() == ["opened"]

        edit_device(device=machine, status="online", at=NOON)
        end_silences(at=NOON + 2 * MINUTE)
        assert told() == ["opened", "announced"]

    def test_what_began_in_a_backlog_waits_for_its_device_after_the_work_too(self, machine):
        edit_device(device=machine, status="maintenance", at=NOON)
        store(machine, (NOON - 2 * HOUR, 85), received=NOON)

        edit_device(device=machine, status="online", at=NOON)
        end_silences(at=NOON + MINUTE)
        assert (Alert.objects.get().silence, told()) == ("late", [])

        store(machine, (NOON + 2 * MINUTE, 85))
        assert (Alert.objects.get().silence, told()) == ("", ["announced"])

    @pytest.mark.parametrize("scope", ["device", "group", "type", "zone", "plant"])
    def test_a_window_silences_what_it_reaches_and_nothing_else(self, machine, scope):
        other = make_device(zone="Hall B", type="gateway")
        make_threshold(other, warning_max=80.0)
        scopes = {
            "device": {"device": machine},
            "group": {"group": make_group(name="Line", devices=[machine])},
            "type": {"device_type": "controller"},
            "zone": {"zone": "Hall A"},
            "plant": {},
        }
        plan(**scopes[scope])

        store(machine, (NOON + MINUTE, 85))
        store(other, (NOON + MINUTE, 85))

        silences = dict(Alert.objects.values_list("device_id", "silence"))
        elsewhere = "maintenance" if scope == "plant" else ""
        assert silences == {machine.pk: "maintenance", other.pk: elsewhere}

    def test_what_is_left_when_the_window_closes_is_told_and_what_is_over_is_not(self, machine):
        other = make_device(zone="Hall A")
        make_threshold(other, warning_max=80.0)
        plan(zone="Hall A")
        store(machine, (NOON + MINUTE, 85))
        store(other, (NOON + MINUTE, 85), (NOON + 2 * MINUTE, 70))

        assert end_silences(at=NOON + HOUR - MINUTE) == 0
        assert end_silences(at=NOON + HOUR) == 1

        assert list(Delivery.objects.values_list("event__kind", "event__alert__device")) == [
            ("announced", machine.pk)
        ]

    def test_an_alert_shelved_within_a_window_stays_silent_until_both_are_over(self, machine, operator):
        plan(ends_at=NOON + 2 * HOUR)
        store(machine, (NOON, 85))
        shelve(Alert.objects.get(), operator)

        end_silences(at=NOON + HOUR)
        assert (Alert.objects.get().silence, told()) == ("maintenance", [])

        end_silences(at=NOON + 2 * HOUR)
        assert (Alert.objects.get().silence, told()) == ("", ["announced"])

    def test_ending_the_work_early_tells_at_the_next_turn(self, machine):
        window = plan()
        store(machine, (NOON, 85))

        end_maintenance(window=window, at=NOON + MINUTE)
        end_silences(at=NOON + MINUTE)

        assert told() == ["announced"]
        with pytest.raises(WindowIsOver):
            end_maintenance(window=window, at=NOON + 2 * MINUTE)

    def test_a_window_that_has_not_begun_is_taken_away(self):
        end_maintenance(window=plan(starts_at=NOON + HOUR, ends_at=NOON + 2 * HOUR), at=NOON)

        assert MaintenanceWindow.objects.count() == 0

    @pytest.mark.parametrize("alerts", [1, 3])
    def test_a_turn_asks_as_much_for_one_alert_as_for_three(self, alerts, django_assert_num_queries):
        for _ in range(alerts):
            device = make_device(zone="Hall A")
            make_threshold(device, warning_max=80.0)
            plan(group=make_group(devices=[device]))
            store(device, (NOON, 85))

        with django_assert_num_queries(7):  # shelved, worked on, windows, devices, memberships, tree, shelves
            assert end_silences(at=NOON + MINUTE) == 0

    @pytest.mark.parametrize(
        ("values", "words"),
        [
            ({"ends_at": NOON}, "endTime"),
            ({"ends_at": None}, "endTime"),
            ({"days": [8]}, "days"),
            ({"days": [1]}, "start"),
            ({"zone": "Hall A", "device_type": "sensor"}, "at most one"),
            ({"time_zone": "Mars/Olympus"}, "timeZone"),
            ({"time_zone": "../etc/passwd"}, "timeZone"),
        ],
    )
    def test_a_plan_that_cannot_be_meant_is_refused_by_name(self, values, words):
        with pytest.raises(InvalidInput, match=words):
            plan(**values)
