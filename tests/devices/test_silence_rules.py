"""Saying how long devices of a type may be silent: who may, what is refused, and who hears of it."""

from datetime import timedelta

import pytest

from devices.models import Presence, SilenceRule
from devices.patience import Patience, patience_by_type, rules
from devices.services import note_seen, set_silence_rule
from factory.errors import InvalidInput
from tests.builders import NOON, Trpc, data_of, make_device, make_user, refusal_of, sign_in

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _usual_times(settings):
    settings.DEVICE_SILENT_SECONDS = 120


@pytest.fixture
def technician(client):
    sign_in(client, make_user(role="technician"))
    return Trpc(client)


def rule(type, **changes):
    """Set a rule, and have this process know it at once."""
    set_silence_rule(type=type, **changes)
    rules.forget()


def hear(*devices, at=NOON):
    note_seen(device_ids=[device.pk for device in devices], at=at)


def deadline_of(device):
    return Presence.objects.get(device=device).silent_at


class TestRules:
    def test_what_is_left_out_stays_as_it_is(self):
        assert patience_by_type()["sensor"] == Patience(120, 60, "warning")

        rule("sensor", silent_seconds=600, severity="critical")
        rule("sensor", tolerance_seconds=0)

        assert patience_by_type()["sensor"] == Patience(600, 0, "critical")
        assert patience_by_type()["gateway"] == Patience(120, 60, "warning")

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"silent_seconds": 14}, "silentSeconds"),
            ({"silent_seconds": 86_401}, "silentSeconds"),
            ({"tolerance_seconds": -1}, "toleranceSeconds"),
            ({"tolerance_seconds": 86_401}, "toleranceSeconds"),
            ({"severity": "loud"}, "severity"),
            ({"type": "robot"}, "type"),
        ],
    )
    def test_nonsense_is_refused_at_its_field(self, changes, field):
        with pytest.raises(InvalidInput) as refusal:
            set_silence_rule(**{"type": "sensor", **changes})

        assert list(refusal.value.fields) == [field]
        assert not SilenceRule.objects.exists()

    def test_another_process_knows_within_five_seconds(self, django_assert_num_queries):
        patience_by_type()
        SilenceRule.objects.create(type="sensor", silent_seconds=15)
        with django_assert_num_queries(0):
            assert patience_by_type()["sensor"].silent_seconds == 120

        rules._good_until -= 5
        with django_assert_num_queries(1):
            assert patience_by_type()["sensor"].silent_seconds == 15
            assert patience_by_type()["gateway"].silent_seconds == 120


class TestApi:
    def test_a_technician_sets_what_everybody_may_read(self, technician, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True):
            answer = data_of(
                technician.mutate(
                    "devices.setSilenceRule",
                    {"type": "gateway", "silentSeconds": 300, "severity": "critical"},
                )
            )

        assert answer == {
            "type": "gateway",
            "silentSeconds": 300,
            "toleranceSeconds": 60,
            "severity": "critical",
        }
        usual = {"silentSeconds": 120, "toleranceSeconds": 60, "severity": "warning"}
        assert data_of(technician.query("devices.silenceRules")) == [
            {"type": "sensor", **usual},
            {"type": "actuator", **usual},
            {"type": "controller", **usual},
            answer,
        ]

    @pytest.mark.parametrize(
        ("input", "word"),
        [
            ({}, "type"),
            ({"type": "robot"}, "type"),
            ({"type": "sensor", "silentSeconds": 14}, "silentSeconds"),
            ({"type": "sensor", "silentSeconds": "60"}, "silentSeconds"),
            ({"type": "sensor", "toleranceSeconds": 86_401}, "toleranceSeconds"),
            ({"type": "sensor", "severity": "loud"}, "severity"),
        ],
    )
    def test_nonsense_is_a_bad_request_that_names_the_field(self, technician, input, word):
        status, code, message = refusal_of(technician.mutate("devices.setSilenceRule", input))

        assert (status, code) == (400, "BAD_REQUEST")
        assert word in message

    def test_an_operator_may_not(self, client):
        sign_in(client, make_user(role="operator"))

        refusal = refusal_of(Trpc(client).mutate("devices.setSilenceRule", {"type": "sensor"}))

        assert refusal[:2] == (403, "FORBIDDEN")


class TestAdmin:
    ADDRESS = "/admin/devices/silencerule/"
    FORM = {"type": "sensor", "silent_seconds": 600, "tolerance_seconds": 0, "severity": "info"}

    @pytest.fixture(autouse=True)
    def _boss(self, client):
        sign_in(client, make_user(role="admin"))

    def test_a_rule_is_added_changed_and_deleted_and_the_deadlines_follow(self, client):
        device = make_device()
        hear(device)

        client.post(f"{self.ADDRESS}add/", self.FORM)
        assert deadline_of(device) == NOON + 10 * MINUTE
        address = f"{self.ADDRESS}{SilenceRule.objects.get().pk}/"
        client.post(f"{address}change/", {**self.FORM, "type": "gateway", "silent_seconds": 300})
        assert SilenceRule.objects.values_list("type", "silent_seconds").get() == ("sensor", 300)
        assert deadline_of(device) == NOON + 5 * MINUTE
        client.post(f"{address}delete/", {"post": "yes"})

        assert not SilenceRule.objects.exists()
        assert deadline_of(device) == NOON + 2 * MINUTE

    def test_several_are_deleted_through_the_service(self, client):
        for type_ in ("sensor", "gateway"):
            client.post(f"{self.ADDRESS}add/", {**self.FORM, "type": type_})
        chosen = list(SilenceRule.objects.values_list("pk", flat=True))

        client.post(
            self.ADDRESS,
            {"action": "delete_selected", "_selected_action": chosen, "post": "yes"},
            follow=True,
        )

        assert not SilenceRule.objects.exists()

    def test_nonsense_is_told_at_its_field(self, client):
        response = client.post(f"{self.ADDRESS}add/", {**self.FORM, "silent_seconds": 3})

        assert list(response.context["adminform"].form.errors) == ["silent_seconds"]
