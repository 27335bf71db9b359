"""A device that went silent: when people are told of it, and when not."""

from datetime import timedelta

import pytest

from alerts.models import Alert, OfflineWatch
from alerts.services.handling import resolve_alert
from alerts.services.maintenance import plan_maintenance
from devices.models import Device
from devices.patience import rules
from devices.presence import Word
from devices.services import delete_devices, edit_device, set_silence_rule
from tests.alerts.silence import (
    DUE,
    GONE,
    MINUTE,
    SECOND,
    a_turn,
    alerts,
    hear,
    say,
    silent,
    steps,
    told,
)
from tests.builders import NOON, make_device, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _usual_times(settings):
    settings.DEVICE_SILENT_SECONDS = 120
    settings.ALERT_EMAIL = "shift@example.com"


class TestOneDevice:
    def test_it_is_told_of_when_its_silence_has_lasted_longer_than_is_tolerated(self):
        press = silent(name="Press 3")

        a_turn(DUE - SECOND)
        assert alerts() == []
        a_turn(DUE)

        assert alerts() == [("Press 3 has been silent since 12:00", "warning", "active", 1)]
        alert = Alert.objects.get()
        assert (alert.type, alert.device, alert.zone, alert.started_at) == ("device_offline", press, "", NOON)
        assert alert.key == f"offline:device:{press.pk}"
        assert told() == ["opened"]

    def test_further_turns_say_nothing_new(self):
        silent()

        for minute in range(1, 9):
            a_turn(GONE + minute * MINUTE)

        assert [kind for kind, _ in steps()] == ["opened"]

    def test_one_who_is_back_in_time_is_no_news(self):
        press = silent()
        a_turn(GONE)

        hear(press, GONE + 30 * SECOND)
        a_turn(DUE)
        a_turn(DUE + MINUTE)

        assert alerts() == []
        assert not OfflineWatch.objects.exists()

    def test_the_alert_is_over_when_it_reports_again(self):
        press = silent()
        a_turn(DUE)

        hear(press, DUE + MINUTE)
        a_turn(DUE + MINUTE)

        assert steps() == [("opened", ""), ("resolved", "It reports again.")]
        assert Alert.objects.get().ended_at == DUE + MINUTE
        assert not OfflineWatch.objects.exists()

    def test_one_who_goes_again_is_told_of_again(self):
        press = silent()
        a_turn(DUE)
        hear(press, DUE + MINUTE)
        a_turn(DUE + MINUTE)

        a_turn(DUE + 3 * MINUTE)
        a_turn(DUE + 4 * MINUTE)

        assert list(Alert.objects.order_by("pk").values_list("status", flat=True)) == ["resolved", "active"]

    def test_one_who_was_back_between_two_turns_begins_anew(self):
        press = silent()
        a_turn(DUE)

        hear(press, DUE + SECOND)
        say(press, Word(is_online=False), DUE + 2 * SECOND)
        a_turn(DUE + 3 * SECOND)

        assert steps() == [("opened", ""), ("resolved", "It reports again.")]
        assert OfflineWatch.objects.get().due_at == DUE + 2 * SECOND + MINUTE

    def test_the_message_names_the_day_where_that_is_not_today(self, settings):
        settings.TIME_ZONE = "Europe/Berlin"
        silent(name="Press 3")
        a_turn(GONE)

        a_turn(DUE + timedelta(days=1))

        assert Alert.objects.get().message == "Press 3 has been silent since 2026-06-01 14:00"

    def test_each_type_has_its_own_deadline_tolerance_and_severity(self):
        set_silence_rule(type="gateway", silent_seconds=15, tolerance_seconds=0, severity="critical")
        set_silence_rule(type="actuator", silent_seconds=600, tolerance_seconds=30, severity="info")
        rules.forget()
        for type_ in ("gateway", "actuator", "sensor"):
            hear(make_device(type=type_, name=type_), NOON)

        reached = []
        for seconds in range(5, 700, 5):
            a_turn(NOON + seconds * SECOND)
            for name, severity in Alert.objects.values_list("device__name", "severity")[len(reached) :]:
                reached.append((seconds, name, severity))

        assert reached == [(15, "gateway", "critical"), (180, "sensor", "warning"), (630, "actuator", "info")]


class TestNobodyIsMissed:
    @pytest.mark.parametrize("status", ["offline", "maintenance", "error"])
    def test_whom_a_person_has_called_so(self, status):
        press = make_device()
        hear(press, NOON)
        edit_device(device=press, at=NOON, status=status)

        a_turn(DUE + 60 * MINUTE)
        a_turn(DUE + 90 * MINUTE)

        assert alerts() == []

    def test_who_was_never_heard(self):
        make_device(status="online")

        a_turn(DUE)
        a_turn(DUE + 60 * MINUTE)

        assert Device.objects.get().status == "offline"
        assert alerts() == []

    @pytest.mark.parametrize("status", ["maintenance", "error", "online"])
    def test_the_alert_is_over_when_a_person_says_what_the_device_is(self, status):
        press = silent()
        a_turn(DUE)

        edit_device(device=press, at=DUE + MINUTE, status=status)
        a_turn(DUE + MINUTE)

        assert steps()[1:] == [("resolved", f"Its status was set to {status} by hand.")]

    def test_calling_a_silent_device_offline_once_more_changes_nothing(self):
        press = silent()
        a_turn(DUE)

        edit_device(device=press, at=DUE + MINUTE, status="offline", name="Press 4")
        a_turn(DUE + MINUTE)

        assert [status for _, _, status, _ in alerts()] == ["active"]

    def test_who_is_deleted_takes_the_alert_along(self):
        press = silent()
        a_turn(DUE)

        delete_devices(devices=[press])
        a_turn(DUE + MINUTE)

        assert alerts() == []
        assert not OfflineWatch.objects.exists()


class TestPeople:
    def test_what_was_resolved_by_hand_does_not_open_anew_until_the_device_has_been_back(self):
        press = silent()
        a_turn(DUE)
        resolve_alert(alert=Alert.objects.get(), by=make_user(role="operator"), at=DUE)

        a_turn(DUE + 60 * MINUTE)
        assert Alert.objects.count() == 1

        hear(press, DUE + 61 * MINUTE)
        a_turn(DUE + 61 * MINUTE)
        a_turn(DUE + 63 * MINUTE)
        a_turn(DUE + 64 * MINUTE)
        assert [status for _, _, status, _ in alerts()] == ["resolved", "active"]

    def test_planned_work_silences(self):
        press = silent(zone="Hall B")
        plan_maintenance(
            name="Belt", starts_at=NOON, ends_at=DUE + 60 * MINUTE, device=press, by=make_user(), at=NOON
        )

        a_turn(DUE)

        assert Alert.objects.get().silence == "maintenance"
        assert told() == []


class TestGoodbye:
    def test_the_tolerance_begins_with_it(self):
        press = make_device(name="Press 3")
        say(press, Word(is_online=True, generation=1), NOON)
        say(press, Word(is_online=False, generation=1), NOON + 10 * SECOND)

        a_turn(NOON + 69 * SECOND)
        assert alerts() == []
        a_turn(NOON + 70 * SECOND)

        assert Alert.objects.get().started_at == NOON + 10 * SECOND

    def test_a_stale_one_is_nothing(self):
        press = make_device()
        say(press, Word(is_online=True, generation=2), NOON)
        say(press, Word(is_online=False, generation=1), NOON + SECOND)

        a_turn(NOON + 100 * SECOND)

        assert Device.objects.get().status == "online"
        assert not OfflineWatch.objects.exists()

    def test_a_fresh_hello_ends_it(self):
        press = make_device()
        say(press, Word(is_online=True, generation=1), NOON)
        say(press, Word(is_online=False, generation=1), NOON + SECOND)
        a_turn(NOON + 2 * SECOND)

        say(press, Word(is_online=True, generation=2), NOON + 3 * SECOND)
        say(press, Word(is_online=False, generation=1), NOON + 4 * SECOND)
        a_turn(NOON + 90 * SECOND)

        assert not OfflineWatch.objects.exists()
        assert alerts() == []
