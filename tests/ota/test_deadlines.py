from datetime import timedelta

import pytest
import time_machine

from alerts.models import Alert
from ota.models import Deployment, UpdateRule
from ota.services.deadlines import enforce_deadlines
from ota.tasks import look_after_updates
from tests.builders import NOON
from tests.ota.updating import make_deployment, make_runner, runs, say, stands

pytestmark = pytest.mark.django_db


def after(seconds: float):
    return NOON + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("status", "seconds", "reason"),
    [
        ("pending", 7 * 86_400, "The device did not begin in time."),
        ("downloading", 3_600, "The download stood still at 0 %."),
        (
            "installing",
            1_800,
            "The device began to install and has not said since that it is done. It runs 1.0.0, as far as is known.",
        ),
    ],
)
def test_silence_in_each_state_ends_by_its_deadline(status, seconds, reason):
    deployment = make_deployment(status=status)

    assert enforce_deadlines(at=after(seconds - 1)) == 0
    assert stands(deployment)[0] == status
    assert enforce_deadlines(at=after(seconds)) == 1

    assert stands(deployment)[::2] == ("failed", reason)
    assert (deployment.active_key, deployment.deadline_at) == (None, None)
    assert Alert.objects.get().severity == "warning"


def test_a_type_may_have_deadlines_of_its_own():
    UpdateRule.objects.create(type="sensor", installing_seconds=60)
    deployment = make_deployment(status="installing")

    enforce_deadlines(at=after(60))

    assert stands(deployment)[0] == "failed"


def test_a_slow_download_may_last_while_it_gets_on():
    deployment = make_deployment(status="downloading")
    for hour in range(1, 5):
        say(deployment, "downloading", progress=hour * 20, at=after(hour * 3_500))
        assert enforce_deadlines(at=after(hour * 3_500 + 3_599)) == 0

    say(
        deployment, "downloading", progress=80, at=after(5 * 3_500)
    )  # says the same again: that is no progress
    assert enforce_deadlines(at=after(4 * 3_500 + 3_600)) == 1
    assert stands(deployment)[2] == "The download stood still at 80 %."


def test_what_ended_is_left_alone():
    for status in ("completed", "failed"):
        make_deployment(make_runner(), status=status)
    before = list(Deployment.objects.order_by("pk").values_list("status", "updated_at"))

    assert enforce_deadlines(at=after(365 * 86_400)) == 0
    assert list(Deployment.objects.order_by("pk").values_list("status", "updated_at")) == before


def test_after_the_health_window_nobody_listens_any_more():
    deployment = make_deployment(status="completed")

    enforce_deadlines(at=after(86_400))
    runs(deployment.device, "1.0.0", at=after(86_401))

    assert stands(deployment)[0] == "completed"
    assert deployment.deadline_at is None


def test_a_version_that_was_withdrawn_is_put_on_no_more_devices():
    waiting = make_deployment(make_runner())
    firmware = waiting.firmware
    installing = make_deployment(make_runner(), firmware=firmware, status="installing")
    type(firmware).objects.filter(pk=firmware.pk).update(withdrawn_at=NOON)

    enforce_deadlines(at=after(1))

    assert (stands(waiting)[0], stands(installing)[0]) == ("cancelled", "installing")


@pytest.mark.parametrize("many", [1, 3])
def test_many_that_are_late_cost_the_same(many, django_assert_num_queries):
    for _ in range(many):
        make_deployment(make_runner(), status="downloading")

    with django_assert_num_queries(28):
        assert enforce_deadlines(at=after(3_600)) == many


def test_the_periodic_task_does_it():
    deployment = make_deployment(status="downloading")

    with time_machine.travel(after(3_601), tick=False):
        look_after_updates()

    assert stands(deployment)[0] == "failed"
