"""What the services behind the set-up pages keep and forget."""

import pytest
from django.utils import timezone

from analytics.models import StateInterval
from analytics.services.following import follow_machines
from devices.identity import known_tokens
from telemetry.rules import rules
from telemetry.services.rollups import roll_up_due
from tests.analytics.machining import HOUR, MINUTE, Machine, midnight, oee
from tests.builders import Trpc, make_user, ms, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fresh():
    known_tokens.clear()
    rules.forget()


def test_what_holds_always_is_derived_anew_where_only_a_later_profile_said_otherwise(client):
    sign_in(client, make_user(role="technician"))
    api, day = Trpc(client), midnight()
    robot = Machine(api)
    robot.profile(running={"metric": "running", "above": 0})
    robot.send(*((day + k * MINUTE, {"running": 1, "busy": 0}) for k in range(241)))
    roll_up_due()
    follow_machines(now=ms(timezone.now()))
    robot.profile(running={"metric": "busy", "above": 0}, validFrom=day + 2 * HOUR)
    follow_machines(now=ms(timezone.now()))
    before = oee(api, day, day + 4 * HOUR, deviceId=robot.id)["runSeconds"]

    robot.profile(running={"metric": "running", "above": 0})
    follow_machines(now=ms(timezone.now()))

    assert before == 2 * 3600
    assert oee(api, day, day + 4 * HOUR, deviceId=robot.id)["runSeconds"] == 4 * 3600
    assert set(StateInterval.objects.values_list("state", flat=True)) == {"running"}
