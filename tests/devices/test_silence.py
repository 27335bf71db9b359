"""How long devices of a type may be silent, and who is missed then."""

from datetime import timedelta

import pytest

from devices.models import Device, Presence, SilenceRule
from devices.patience import patience_by_type, rules
from devices.presence import Word, hear_status
from devices.services import (
    edit_device,
    forget_silence_rule,
    note_seen,
    notice_silent_devices,
    register_device,
    set_silence_rule,
)
from devices.signals import device_type_changed
from tests.builders import NOON, make_device

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _usual_times(settings):
    settings.DEVICE_SILENT_SECONDS = 120


def rule(type, **changes):
    """Set a rule, and have this process know it at once."""
    set_silence_rule(type=type, **changes)
    rules.forget()


def hear(*devices, at=NOON):
    note_seen(device_ids=[device.pk for device in devices], at=at)


def deadline_of(device):
    return Presence.objects.get(device=device).silent_at


def missed():
    return list(Presence.objects.missed().order_by("pk").values_list("pk", "went_silent_at", "since"))


class TestDeadlines:
    def test_each_type_has_its_own_also_in_one_batch(self):
        rule("gateway", silent_seconds=15)
        rule("actuator", silent_seconds=3600)
        gateway, actuator, sensor, other = (
            make_device(type=type_) for type_ in ("gateway", "actuator", "sensor", "sensor")
        )

        hear(gateway, actuator, sensor, other)

        assert [deadline_of(device) - NOON for device in (gateway, actuator, sensor, other)] == [
            timedelta(seconds=15),
            timedelta(hours=1),
            2 * MINUTE,
            2 * MINUTE,
        ]

    @pytest.mark.parametrize("devices", [1, 3])
    def test_being_heard_costs_two_queries_and_one_more_where_types_differ(
        self, devices, django_assert_num_queries
    ):
        heard = [make_device(type=type_) for type_ in ("gateway", "sensor", "actuator")[:devices]]
        hear(*heard)
        with django_assert_num_queries(2):  # presences moved; who of them is offline
            hear(*heard, at=NOON + MINUTE)

        rule("gateway", silent_seconds=15)
        patience_by_type()
        with django_assert_num_queries(3):
            hear(*heard, at=NOON + MINUTE + timedelta(seconds=10))

    def test_a_rule_moves_the_deadlines_of_those_that_are_waited_for(self, monkeypatch):
        monkeypatch.setattr("devices.services.silence.AT_ONCE", 2)
        waited_for = [make_device() for _ in range(5)]
        hear(*waited_for)
        gone, worked_on, other = make_device(), make_device(status="maintenance"), make_device(type="gateway")
        hear(gone, other)
        hear_status(external_id=gone.external_id, word=Word(is_online=False), at=NOON)

        rule("sensor", silent_seconds=600)

        assert {deadline_of(device) for device in waited_for} == {NOON + 10 * MINUTE}
        assert (deadline_of(gone), deadline_of(worked_on)) == (None, None)
        assert deadline_of(other) == NOON + 2 * MINUTE

    def test_a_deadline_that_is_past_by_a_new_rule_comes_due_at_the_next_turn(self):
        device = make_device()
        hear(device)

        rule("sensor", silent_seconds=15)

        assert notice_silent_devices(at=NOON + MINUTE) == [device.pk]
        assert missed() == [(device.pk, NOON + MINUTE, NOON)]

    def test_without_its_rule_a_type_is_waited_for_like_any_other(self):
        device = make_device()
        rule("sensor", silent_seconds=600)
        hear(device)

        forget_silence_rule(type="sensor")

        assert deadline_of(device) == NOON + 2 * MINUTE
        assert not SilenceRule.objects.exists()

    def test_one_called_online_by_hand_is_waited_for_by_its_type(self):
        rule("gateway", silent_seconds=600)
        device, _ = register_device(external_id="g", name="g", type="gateway", status="online", at=NOON)

        assert deadline_of(device) == NOON + 10 * MINUTE

    def test_a_device_of_another_type_is_waited_for_by_that_from_now_on(self):
        rule("gateway", silent_seconds=600)
        device = make_device()
        hear(device)

        edit_device(device=device, at=NOON + MINUTE, type="gateway")

        assert deadline_of(device) == NOON + 10 * MINUTE

    def test_a_change_of_type_is_told_to_whoever_judges_by_it(self):
        told = []

        def listen(sender, device_ids, **_):
            told.append(device_ids)

        device, same = make_device(), make_device()
        device_type_changed.connect(listen)
        try:
            edit_device(device=device, at=NOON, type="gateway", name="Door")
            edit_device(device=same, at=NOON, type="sensor", name="Same")
            edit_device(device=same, at=NOON, name="Other")
        finally:
            device_type_changed.disconnect(listen)

        assert told == [[device.pk]]


class TestBeingMissed:
    def test_one_that_was_heard_and_fell_silent(self):
        device = make_device()
        hear(device)

        notice_silent_devices(at=NOON + 5 * MINUTE)
        assert missed() == [(device.pk, NOON + 5 * MINUTE, NOON)]

        hear(device, at=NOON + 6 * MINUTE)
        assert missed() == []
        assert Presence.objects.get().went_silent_at is None

    def test_one_that_said_goodbye_is_missed_from_then_on(self):
        device = make_device()
        hear(device)

        hear_status(external_id=device.external_id, word=Word(is_online=False), at=NOON + MINUTE)
        assert missed() == [(device.pk, NOON + MINUTE, NOON + MINUTE)]

        hear_status(external_id=device.external_id, word=Word(is_online=True), at=NOON + 2 * MINUTE)
        assert missed() == []

    def test_a_goodbye_of_one_that_had_fallen_silent_changes_nothing(self):
        device = make_device()
        hear(device)
        notice_silent_devices(at=NOON + 5 * MINUTE)

        hear_status(external_id=device.external_id, word=Word(is_online=False), at=NOON + 6 * MINUTE)

        assert missed() == [(device.pk, NOON + 5 * MINUTE, NOON)]

    def test_one_whose_clock_was_put_back_is_back_all_the_same(self):
        device = make_device()
        hear(device)
        notice_silent_devices(at=NOON + 5 * MINUTE)

        hear(device, at=NOON - MINUTE)

        assert Device.objects.get().status == "online"
        assert Presence.objects.get().went_silent_at is None

    def test_one_that_was_never_heard_is_not(self):
        device = make_device(status="online")
        notice_silent_devices(at=NOON + 5 * MINUTE)
        edit_device(device=device, at=NOON, status="online")
        hear_status(external_id=device.external_id, word=Word(is_online=False), at=NOON)

        assert Device.objects.get().status == "offline"
        assert missed() == []

    @pytest.mark.parametrize("status", ["online", "maintenance", "error"])
    def test_one_of_which_a_person_says_what_it_is_is_not_any_more(self, status):
        device = make_device()
        hear(device)
        notice_silent_devices(at=NOON + 5 * MINUTE)

        edit_device(device=device, at=NOON + 6 * MINUTE, status=status)
        edit_device(device=device, at=NOON + 7 * MINUTE, status="offline")

        assert missed() == []

    def test_one_that_is_called_offline_while_it_reports_is_not(self):
        device = make_device()
        hear(device)
        edit_device(device=device, at=NOON, status="offline")

        notice_silent_devices(at=NOON + 5 * MINUTE)

        assert missed() == []
