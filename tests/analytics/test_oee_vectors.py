"""The worked examples of OEE, O1 to O5, through the public procedures, before and after the workers came by."""

import pytest
from django.utils import timezone

from analytics.services.following import follow_machines
from analytics.services.results import keep_results
from devices.identity import known_tokens
from telemetry.rules import rules
from telemetry.services.rollups import roll_up_due
from tests.analytics.machining import HOUR, MINUTE, Machine, midnight, oee, shares
from tests.builders import Trpc, data_of, make_group, make_user, ms, sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _fresh():
    known_tokens.clear()
    rules.forget()


@pytest.fixture
def admin(client):
    sign_in(client, make_user(role="admin"))
    return Trpc(client)


def nobody():
    pass


def workers():
    now = ms(timezone.now())
    roll_up_due()
    follow_machines(now=now)
    keep_results(now=now)


@pytest.fixture(params=[nobody, workers], ids=["at once", "after the workers"])
def come_by(request):
    return request.param


def percents(answer):
    return [answer[name] for name in ("availability", "performance", "quality", "oee")]


def test_o1_a_shift_with_breaks_and_a_breakdown(admin, come_by):
    """480 min, breaks 60, down 47; ideal 60/min; 19,271 made, 423 rejected."""
    day = midnight()
    start, end = day + 6 * HOUR, day + 14 * HOUR
    press = Machine(admin)
    press.profile(idealCycleSeconds=1)
    press.shifts("Early 06:00-14:00 09:00-09:30 11:00-11:30")
    press.counts(start, parts=500, rejects=20)
    press.runs((start, day + 7 * HOUR), (day + 7 * HOUR + 47 * MINUTE, end), start=start, end=end)
    press.counts(end, parts=500 + 19_271, rejects=20 + 423)
    come_by()

    answer = oee(admin, start, end, deviceId=press.id)

    assert [round(share, 5) for share in shares(answer).values()] == [0.88810, 0.86108, 0.97805, 0.74794]
    assert percents(answer) == [88.8, 86.1, 97.8, 74.8]
    assert (answer["plannedSeconds"], answer["runSeconds"]) == (420 * 60, 373 * 60)
    assert (answer["total"], answer["good"], answer["flags"]) == (19_271, 18_848, [])


def test_o2_a_shift_that_ran_for_most_of_its_time(admin, come_by):
    """Planned 480, run 420 min; ideal 1 min; 400 made, 380 good."""
    day = midnight()
    start, end = day + 6 * HOUR, day + 14 * HOUR
    mill = Machine(admin)
    mill.profile(idealCycleSeconds=60, rejectMetric=None, goodMetric="good")
    mill.shifts("Early 06:00-14:00")
    mill.counts(start, parts=0, good=0)
    mill.runs((start, start + 420 * MINUTE), start=start, end=end)
    mill.counts(end, parts=400, good=380)
    come_by()

    answer = oee(admin, start, end, deviceId=mill.id)

    assert [round(share, 5) for share in shares(answer).values()] == [0.875, 0.95238, 0.95, 0.79167]
    assert percents(answer) == [87.5, 95.2, 95.0, 79.2]


def test_o3_a_net_time_with_stops(admin, come_by):
    """455 min net, down 32; ideal 10 s; 2,240 made, 50 scrap."""
    day = midnight()
    start, end = day + 6 * HOUR, day + 14 * HOUR
    press = Machine(admin)
    press.profile(idealCycleSeconds=10)
    press.shifts("Early 06:00-14:00 10:00-10:25")  # 480 min less a break of 25
    press.counts(start, parts=0, rejects=0)
    press.runs((start, end - 32 * MINUTE), start=start, end=end)
    press.counts(end, parts=2240, rejects=50)
    come_by()

    answer = oee(admin, start, end, deviceId=press.id)

    assert [round(share, 4) for share in shares(answer).values()] == [0.9297, 0.8826, 0.9777, 0.8022]
    assert percents(answer) == [93.0, 88.3, 97.8, 80.2]


def test_o4_a_line_is_worked_out_from_the_sums_of_its_machines(admin, come_by):
    """Machine 1: planned 100 min, earned 90; machine 2: planned 300, earned 120: 52.5 %, not the mean of 65 %."""
    day = midnight()
    start = day + 6 * HOUR
    first, second = Machine(admin), Machine(admin)
    for machine, minutes, earned, ends in ((first, 100, 90, "07:40"), (second, 300, 120, "11:00")):
        machine.profile(idealCycleSeconds=60)
        machine.shifts(f"Only 06:00-{ends}")
        end = start + minutes * MINUTE
        machine.counts(start, parts=0, rejects=0)
        machine.runs((start, end), start=start, end=end)
        machine.counts(end, parts=earned, rejects=0)
    line = make_group(devices=[first.device, second.device], type="production_line")
    come_by()

    assert oee(admin, day, day + 24 * HOUR, groupId=line.pk)["oee"] == 52.5
    rows = data_of(
        admin.query(
            "analytics.getOEEBreakdown",
            {"startTime": day, "endTime": day + 24 * HOUR, "groupId": line.pk, "by": "machine"},
        )
    )
    assert [row["oee"] for row in rows] == [90.0, 40.0]
    [told] = data_of(
        admin.query("analytics.getOEEBreakdown", {"startTime": day, "endTime": day + 24 * HOUR, "by": "line"})
    )
    assert (told["key"], told["oee"]) == (str(line.pk), 52.5)


@pytest.mark.parametrize("running", [{"metric": "running", "above": 0}, {"events": "running"}])
def test_o5_events_of_which_one_says_what_was_known(admin, come_by, running):
    """Running 00:00 and 01:00, stopped 02:00, running 03:00, ends 04:00; total 1200 to 1440, bad 10 to 14;
    planned 8 h; ideal 30 s."""
    day = midnight()
    robot = Machine(admin)
    data_of(admin.mutate("readings.setMetric", {"key": "running", "maxGapSeconds": 3600}))
    robot.profile(idealCycleSeconds=30, running=running)
    robot.shifts("Night 00:00-08:00")
    robot.counts(day, parts=1200, rejects=10)
    robot.send(*((day + hour * HOUR, {"running": on}) for hour, on in ((0, 1), (1, 1), (2, 0), (3, 1))))
    if "events" in running:  # nothing but an event ends what the last one said
        robot.send((day + 4 * HOUR, {"running": 0}))
    robot.counts(day + 4 * HOUR, parts=1440, rejects=14)
    come_by()

    answer = oee(admin, day, day + 8 * HOUR, deviceId=robot.id)

    assert answer["runSeconds"] == 10_800
    assert shares(answer) == pytest.approx(
        {"availability": 0.375, "performance": 0.66667, "quality": 0.98333, "oee": 0.2458333}, abs=5e-6
    )
    assert shares(answer)["oee"] == pytest.approx(0.2458333, abs=5e-8)
    assert percents(answer) == [37.5, 66.7, 98.3, 24.6]
