"""What the demo plant did before it was started: stored through the services, worked out by the workers, asked for."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from random import Random

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from alerts.models import Alert
from analytics.models import MachineProfile, StateInterval, StopReason
from analytics.queries.downtime import downtime_answer, downtime_in
from analytics.queries.energy import energy_rows
from analytics.queries.energy_summary import energy_summary
from analytics.queries.meters import Scope, scope_of
from analytics.queries.oee_answers import oee_breakdown, oee_metrics
from analytics.queries.states import ms
from analytics.services.demand import fill_demand
from analytics.services.following import follow_machines
from analytics.services.meters import find_meters
from analytics.services.results import keep_results
from devices.models import Device
from factory.demo.crew import are_followed, explain_stops, unexplained
from factory.demo.history import catch_up, store_past
from factory.demo.machines import Plant
from factory.demo.seeding import known_machines, seed_plant
from factory.management.commands.simulate import Crew
from telemetry.batch import Sample
from telemetry.models import Reading
from telemetry.queries import latest_values
from telemetry.services import store_readings
from telemetry.services.rollups import roll_up_due
from tests.builders import make_user
from tests.services import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

WEDNESDAY = datetime(2026, 6, 3, 15, tzinfo=UTC)
SATURDAY = datetime(2026, 5, 30, tzinfo=UTC)
DAY_MS = 86_400_000


def seeded(*, devices, days, at=WEDNESDAY):
    seed_plant(count=devices, seed=7, at=at - timedelta(seconds=5))
    machines = list(known_machines())
    return machines, store_past(machines, days=days, at=at)


def workers(*, at=WEDNESDAY):
    roll_up_due(seconds=60)
    follow_machines(now=ms(at), seconds=60)
    keep_results(now=ms(at), seconds=60)
    find_meters()
    fill_demand(now=ms(at), seconds=60)


def test_days_of_a_whole_plant_come_to_believable_figures():
    machines, stored = seeded(devices=24, days=4)
    workers()
    start, end = ms(SATURDAY), ms(WEDNESDAY)
    asked = {"start": start, "end": end, "now": end}

    assert 24 * 4 * 288 < stored == Reading.objects.count()
    oee = oee_metrics(**asked)
    assert 55 < oee["oee"] < 85
    assert oee["flags"] == []
    assert oee["unknown_seconds"] < 1800  # a moment after each machine's first midnight, and before now
    assert [row["date"] for row in oee["trend"]] == ["2026-05-30", "2026-06-01", "2026-06-02", "2026-06-03"]
    for row in oee_breakdown(by="machine", **asked):
        assert 50 < row["oee"] < 88
        assert row["micro_stops"] > 10
        assert 0.95 < row["good"] / row["total"] < 1
    assert {row["label"] for row in oee_breakdown(by="line", **asked)} == {"Press line 1", "Packing line 1"}

    days = energy_rows(scope_of(), **asked, interval="day")
    saturday, sunday, monday, tuesday, _ = (row["energyKwh"] for row in days)
    assert sunday < saturday < min(monday, tuesday)
    assert 5000 < monday < 9000
    assert all(row["coverage"] > 0.99 for row in days)
    summary = energy_summary(scope_of(), **asked)
    assert summary["cost"] == pytest.approx(summary["energy_kwh"] * 0.24)
    assert summary["devices"] == 1  # what the meter measures is not counted again
    parts = energy_summary(Scope([device.pk for device, one in machines if one.kind.key != "meter"]), **asked)
    assert 0.7 * summary["energy_kwh"] < parts["energy_kwh"] < summary["energy_kwh"]

    assert Alert.objects.count() >= 3
    assert set(Alert.objects.values_list("status", flat=True)) == {"resolved"}


def test_the_same_again_changes_nothing():
    machines, stored = seeded(devices=8, days=1)
    before = list(Reading.objects.values_list("device_id", "timestamp", "data"))
    stops = list(StateInterval.objects.values_list("pk", "start"))

    assert stored > 0
    assert store_past(machines, days=3, at=WEDNESDAY) == 0
    assert list(Reading.objects.values_list("device_id", "timestamp", "data")) == before
    assert list(StateInterval.objects.values_list("pk", "start")) == stops


def test_devices_that_were_heard_already_get_no_past():
    seed_plant(count=3, seed=7, at=WEDNESDAY)
    heard = Device.objects.get(external_id="press-1")
    store_readings(samples=[Sample(heard.pk, ms(WEDNESDAY), {"power": 1.0})], received_at=ms(WEDNESDAY))

    store_past(list(known_machines()), days=1, at=WEDNESDAY)

    assert Reading.objects.filter(device_id=heard.pk).count() == 1
    assert Reading.objects.values("device_id").distinct().count() == 3


def test_planned_stops_are_noted_before_and_for_the_days_to_come():
    ada = make_user(role="admin")
    seeded(devices=24, days=2)

    stops = StateInterval.objects.filter(is_added=True).select_related("code", "by")
    assert {stop.code.planned for stop in stops} == {True}
    assert {stop.by for stop in stops} == {ada}
    assert any(stop.end < ms(WEDNESDAY) for stop in stops)
    assert any(stop.start > ms(WEDNESDAY) for stop in stops)
    found = downtime_in(
        device_ids=list(MachineProfile.objects.values_list("device_id", flat=True)),
        start=ms(SATURDAY),
        end=ms(WEDNESDAY),
        now=ms(WEDNESDAY),
    )
    assert all(stop.loss_ms == 0 for stop in found.stops if stop.is_added)


def test_people_have_explained_most_older_stops_once_the_workers_know_of_them():
    make_user(role="admin")
    machines, _ = seeded(devices=24, days=2)
    waiting = unexplained(machines, at=WEDNESDAY)
    assert len(waiting) == 10
    assert not are_followed(waiting, at=WEDNESDAY)

    workers()
    assert are_followed(waiting, at=WEDNESDAY)
    said = explain_stops(waiting, at=WEDNESDAY)

    assert said == StopReason.objects.count()
    codes = set(StopReason.objects.values_list("code", flat=True))
    assert {"breakdown", "changeover", "no_material"} <= codes
    assert not codes & {"maintenance", "no_orders"}
    found = downtime_in(
        device_ids=[device.pk for device, _ in waiting],
        start=ms(SATURDAY),
        end=ms(WEDNESDAY),
        now=ms(WEDNESDAY),
    )
    losses = [stop for stop in found.stops if stop.loss_ms and not stop.is_micro and not stop.is_added]
    newest = [stop for stop in losses if stop.start > ms(WEDNESDAY) - DAY_MS / 2]
    older = [stop for stop in losses if stop.end < ms(WEDNESDAY) - DAY_MS / 2]
    assert newest
    assert not any(stop.code for stop in newest)
    assert 0.75 < sum(stop.code is not None for stop in older) / len(older) < 1
    breakdown = next(row for row in downtime_answer(found)["pareto"] if row["code"] == "breakdown")
    assert breakdown["seconds"] / breakdown["stops"] > 1200
    assert unexplained(machines, at=WEDNESDAY) == []  # nobody explains them again


def test_the_crew_of_a_plant_that_is_simulated_explains_them_by_itself():
    now = timezone.now()
    machines, _ = seeded(devices=1, days=4, at=now)
    workers(at=now)

    with Crew(machines):
        wait_until(StopReason.objects.exists, what="a stop that somebody explained")


# After a time in which nobody listened


def test_devices_tell_later_what_they_measured_while_nobody_listened():
    machines, _ = seeded(devices=8, days=1, at=WEDNESDAY)
    before = latest_values(device_ids=[device.pk for device, _ in machines])
    later = WEDNESDAY + timedelta(hours=5)

    told = catch_up(machines, at=later)

    assert told > 8 * 59
    assert told == Reading.objects.filter(timestamp__gt=ms(WEDNESDAY)).count()
    for pk, latest in latest_values(device_ids=[device.pk for device, _ in machines]).items():
        assert min(at for _, at in latest.values()) > ms(later) - 301_000
        for metric in {"parts", "rejects", "energy"} & latest.keys():
            assert latest[metric][0] >= before[pk][metric][0]
    assert catch_up(machines, at=later + timedelta(seconds=200)) == 0


def test_a_machine_that_was_away_is_neither_unknown_nor_faster_than_it_can_be():
    machines, _ = seeded(devices=1, days=1)
    later = WEDNESDAY + timedelta(hours=5)
    catch_up(machines, at=later)
    workers(at=later)

    oee = oee_metrics(start=ms(WEDNESDAY), end=ms(later), now=ms(later))

    assert 50 < oee["oee"] < 90
    assert oee["unknown_seconds"] < 301
    assert oee["flags"] in ([], ["unknown_time"])


def test_what_lies_longer_back_than_a_week_is_not_told_any_more():
    machines, _ = seeded(devices=1, days=0)
    later = WEDNESDAY + timedelta(days=30)

    catch_up(machines, at=later)

    times = Reading.objects.filter(timestamp__gt=ms(WEDNESDAY)).values_list("timestamp", flat=True)
    assert min(times) >= ms(later - timedelta(days=7))


def test_devices_that_were_never_heard_have_nothing_to_tell_later():
    seed_plant(count=3, seed=7, at=WEDNESDAY)

    assert catch_up(list(known_machines()), at=WEDNESDAY) == 0


def test_a_counter_that_ran_ahead_goes_on_from_there():
    machines, _ = seeded(devices=1, days=0)
    [(press, schedule)] = machines
    shown = latest_values(device_ids=[press.pk])[press.pk]["parts"][0] + 5000
    ahead = Sample(press.pk, ms(WEDNESDAY), {"parts": shown})
    store_readings(samples=[ahead], received_at=ms(WEDNESDAY))

    catch_up(machines, at=WEDNESDAY + timedelta(hours=1))

    told = latest_values(device_ids=[press.pk])[press.pk]
    assert shown < told["parts"][0] < shown + 3600 / 8
    reported = {metric: value for metric, (value, _) in told.items()}
    now = WEDNESDAY + timedelta(hours=1, seconds=2)
    plant = Plant([schedule], at=now, rng=Random(1), reported=[reported])
    assert plant.measure(0, at=now)["parts"] >= told["parts"][0]


# The command


def run(**options):
    out = StringIO()
    call_command("seed_demo", stdout=out, **options)
    return out.getvalue()


def test_the_command_stores_the_past_and_says_so():
    said = run(devices=2, history_days=1).splitlines()

    assert said[0] == "Added 2 of 2 demo devices, with their thresholds."
    assert said[1] == f"Stored {Reading.objects.count():,} readings of the last day and today."
    assert run(devices=2, history_days=1) == "All 2 demo devices are there already; nothing was changed.\n"


def test_a_small_plant_has_a_week_unless_said_and_a_large_one_nothing():
    run(devices=1)
    oldest = min(Reading.objects.values_list("timestamp", flat=True))
    assert 6.9 < (ms(timezone.now()) - oldest) / DAY_MS < 8.1

    assert "Stored" not in run(devices=101)


@pytest.mark.parametrize("days", [-1, 90])
def test_a_past_that_would_be_archived_at_once_is_refused(days):
    with pytest.raises(CommandError, match=f"--history-days {days} is not between 0 and 89"):
        run(devices=1, history_days=days)
