"""Devices of one zone that went silent together are one alert."""

import pytest

from alerts.models import Alert, Delivery
from alerts.services.handling import acknowledge_alert, resolve_alert
from alerts.services.maintenance import plan_maintenance
from devices.patience import rules
from devices.services import delete_devices, set_silence_rule
from tests.alerts.silence import (
    DUE,
    GONE,
    MINUTE,
    SECOND,
    a_turn,
    alerts,
    hall,
    hear,
    silent,
    steps,
    told,
)
from tests.builders import NOON, make_device, make_group, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _usual_times(settings):
    settings.DEVICE_SILENT_SECONDS = 120
    settings.ALERT_EMAIL = "shift@example.com"


class TestZones:
    def test_many_at_once_are_one_alert(self):
        hall(12)

        a_turn(DUE)

        assert alerts() == [("12 devices in Hall B went silent", "warning", "active", 12)]
        alert = Alert.objects.get()
        assert (alert.device, alert.zone, alert.started_at) == (None, "Hall B", NOON)
        assert alert.silent_devices.count() == 12
        assert told() == ["opened"]

    def test_two_are_two(self):
        hall(2)

        a_turn(DUE)

        assert Alert.objects.exclude(device=None).count() == 2

    def test_devices_without_a_zone_have_nothing_in_common(self):
        for _ in range(4):
            silent()

        a_turn(DUE)

        assert Alert.objects.exclude(device=None).count() == 4

    def test_each_zone_has_its_own(self):
        hall(3)
        for _ in range(4):
            silent(zone="Hall C")

        a_turn(DUE)

        assert [message for message, *_ in alerts()] == [
            "3 devices in Hall B went silent",
            "4 devices in Hall C went silent",
        ]

    def test_those_who_will_be_due_within_the_tolerance_belong_to_it(self):
        silent(zone="Hall B")
        a_turn(GONE)
        for late in (30, 60):
            silent(zone="Hall B", last_heard=NOON + late * SECOND)
            a_turn(GONE + late * SECOND)

        assert alerts() == [("3 devices in Hall B went silent", "warning", "active", 3)]

    def test_those_who_went_at_other_times_do_not(self):
        for minutes in (0, 10, 20):
            silent(zone="Hall B", last_heard=NOON + minutes * MINUTE)
            a_turn(DUE + minutes * MINUTE)

        assert [occurrences for *_, occurrences in alerts()] == [1, 1, 1]

    def test_stragglers_make_one_of_those_who_were_told_of_alone(self):
        """They report once in ten minutes, so that they are noticed one after the other."""
        set_silence_rule(type="controller", silent_seconds=1200)
        rules.forget()
        presses = [make_device(zone="Hall B", type="controller") for _ in range(5)]
        for number, press in enumerate(presses):
            hear(press, NOON + 2 * number * MINUTE)

        for minute in range(20, 32):
            a_turn(NOON + minute * MINUTE)

        assert [(status, occurrences) for _, _, status, occurrences in alerts()] == [
            ("resolved", 1),
            ("resolved", 1),
            ("active", 5),
        ]
        zone = Alert.objects.last()
        assert zone.events.first().kind == "opened"
        note = f"One of 3 devices in Hall B that went silent: alert {zone.pk}."
        assert steps(Alert.objects.first()) == [("opened", ""), ("resolved", note)]
        assert told() == ["opened"] * 3  # of five

    def test_who_may_have_gone_with_the_others_joins_without_a_page(self):
        hall(3)
        a_turn(DUE)

        silent(zone="Hall B", name="Saw")
        a_turn(DUE + MINUTE)

        assert alerts() == [("4 devices in Hall B went silent", "warning", "active", 4)]
        assert steps() == [("opened", ""), ("changed", "4 silent now. Joined: Saw.")]
        assert told() == ["opened"]

    def test_who_was_heard_after_people_were_told_is_news_though_the_alert_is_open_and_acknowledged(self):
        hall(3)
        a_turn(DUE)
        acknowledge_alert(alert=Alert.objects.get(), by=make_user(), at=DUE)

        silent(zone="Hall B", name="Saw", last_heard=NOON + 60 * MINUTE)
        a_turn(DUE + 60 * MINUTE)
        a_turn(DUE + 61 * MINUTE)

        assert alerts() == [("4 devices in Hall B went silent", "warning", "acknowledged", 4)]
        assert steps() == [
            ("opened", ""),
            ("acknowledged", ""),
            ("announced", "Went silent since it was told of: Saw."),
            ("changed", "4 silent now. Joined: Saw."),
        ]
        assert told() == ["opened", "announced"]

    def test_those_who_return_leave_and_the_last_one_ends_it(self):
        presses = hall(9)
        a_turn(DUE)

        for press in presses[:7]:
            hear(press, DUE + MINUTE)
        a_turn(DUE + MINUTE)
        hear(presses[7], DUE + 2 * MINUTE)
        a_turn(DUE + 2 * MINUTE)
        assert alerts() == [("1 device in Hall B went silent", "warning", "active", 1)]
        hear(presses[8], DUE + 3 * MINUTE)
        a_turn(DUE + 3 * MINUTE)

        assert steps() == [
            ("opened", ""),
            ("changed", "2 silent now. Left: Press 1, Press 2, Press 3, Press 4, Press 5 and 2 more."),
            ("changed", "1 silent now. Left: Press 8."),
            ("resolved", "None of its devices is silent any more."),
        ]
        assert Alert.objects.get().status == "resolved"

    def test_coming_and_going_in_one_turn_is_one_step(self):
        presses = hall(3)
        a_turn(DUE)
        silent(zone="Hall B", name="Saw")

        hear(presses[0], DUE + MINUTE)
        a_turn(DUE + MINUTE)
        a_turn(DUE + 2 * MINUTE)

        assert steps()[1:] == [("changed", "3 silent now. Joined: Saw. Left: Press 1.")]

    def test_who_is_deleted_leaves(self):
        presses = hall(4)
        a_turn(DUE)

        delete_devices(devices=presses[:2])
        a_turn(DUE + MINUTE)
        delete_devices(devices=presses[2:])
        a_turn(DUE + 2 * MINUTE)

        assert [kind for kind, _ in steps()] == ["opened", "changed", "resolved"]

    def test_it_is_as_severe_as_its_worst_device(self):
        set_silence_rule(type="gateway", severity="critical")
        rules.forget()
        hall(3)
        a_turn(DUE)
        assert Alert.objects.get().severity == "warning"

        gateway = silent(zone="Hall B", type="gateway")
        a_turn(DUE + MINUTE)
        assert alerts() == [("4 devices in Hall B went silent", "critical", "active", 4)]
        hear(gateway, DUE + 2 * MINUTE)
        a_turn(DUE + 2 * MINUTE)

        assert [kind for kind, _ in steps()] == ["opened", "rose", "changed", "fell", "changed"]
        assert Alert.objects.get().occurrences == 3
        assert told() == ["opened", "rose"]

    def test_what_was_resolved_by_hand_stays_so_and_who_goes_then_is_told_of(self):
        hall(3)
        a_turn(DUE)
        resolve_alert(alert=Alert.objects.get(), by=make_user(role="operator"), at=DUE)

        a_turn(DUE + MINUTE)
        assert Alert.objects.count() == 1
        silent(zone="Hall B", name="Saw")
        a_turn(DUE + 2 * MINUTE)

        assert [message for message, *_ in alerts()][1:] == ["Saw has been silent since 12:00"]

    def test_one_that_somebody_has_seen_takes_others_in_as_well(self):
        hall(3)
        a_turn(DUE)
        acknowledge_alert(alert=Alert.objects.get(), by=make_user(), at=DUE)

        silent(zone="Hall B")
        a_turn(DUE + MINUTE)

        assert [(status, occurrences) for _, _, status, occurrences in alerts()] == [("acknowledged", 4)]

    def test_who_is_being_worked_on_does_not_count(self):
        """A window of some of its devices would not silence an alert about the zone."""
        presses = hall(5)
        plan_maintenance(
            name="Belt",
            starts_at=NOON,
            ends_at=DUE + 60 * MINUTE,
            group=make_group(devices=presses[:4]),
            by=make_user(),
            at=NOON,
        )

        a_turn(DUE)

        assert list(Alert.objects.order_by("device").values_list("silence", flat=True)) == [
            *["maintenance"] * 4,
            "",
        ]
        assert Delivery.objects.count() == 1

    def test_where_the_whole_zone_is_being_worked_on_its_one_alert_is_silent(self):
        hall(5)
        plan_maintenance(
            name="Belt", starts_at=NOON, ends_at=DUE + 60 * MINUTE, zone="Hall B", by=make_user(), at=NOON
        )

        a_turn(DUE)

        assert list(Alert.objects.values_list("zone", "silence", "occurrences")) == [
            ("Hall B", "maintenance", 5)
        ]
        assert told() == []
