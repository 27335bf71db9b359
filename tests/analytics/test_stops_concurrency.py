"""Several people and workers at the same stops: each answer is a success or a clean refusal, and what is kept holds
together: no two added stops overlap, no two reasons do, and figures are those of what was said last."""

from itertools import pairwise

import pytest
from django.utils import timezone

from analytics.models import ShiftResult, StateInterval, StopCode, StopReason
from analytics.services import stops
from analytics.services.following import follow_machines
from analytics.services.results import forget_results, keep_results
from telemetry.batch import Sample
from telemetry.rules import rules
from telemetry.services import store_readings
from telemetry.services.rollups import roll_up_due
from tests.alerts.test_concurrency import in_threads
from tests.analytics.machining import DAY, HOUR, MINUTE, oee
from tests.analytics.standing import (
    added_stop,
    api_of,
    downtime,
    make_codes,
    span_of,
    stops_of,
    workers,
)
from tests.builders import data_of, make_device, ms, refusal_of

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 5


@pytest.fixture(autouse=True)
def _own_rules():
    """What this process remembers of metrics is of another database."""
    rules.forget()


@pytest.fixture
def people():
    return [api_of("operator") for _ in range(PEOPLE)]


def statuses(responses):
    return [response.status_code for response in responses]


def lie_apart(spans):
    ordered = sorted(spans)
    return all(one[1] <= other[0] for one, other in pairwise(ordered))


def now() -> int:
    return ms(timezone.now())


def keep() -> None:
    roll_up_due()
    follow_machines(now=now())
    keep_results(now=now())


def check_what_is_kept(api, press, day):
    """Kept results are what would be worked out, and nothing that people said lies over something else."""
    keep()
    kept = oee(api, day, day + DAY, deviceId=press.pk)
    forget_results(device_ids=[press.pk])
    assert not ShiftResult.objects.exists()
    assert oee(api, day, day + DAY, deviceId=press.pk) == kept
    assert lie_apart(StopReason.objects.values_list("start", "end"))
    for is_added in (False, True):
        assert lie_apart(StateInterval.objects.filter(is_added=is_added).values_list("start", "end"))


def test_of_many_who_explain_a_stop_at_once_one_is_the_last(people, press, day):
    stop, _ = stops_of(press)
    codes = ["jam", "setup", "clean", "jam", None]

    told = in_threads(
        lambda n: people[n].mutate("analytics.classifyStop", {"id": stop, "code": codes[n], "note": str(n)}),
        PEOPLE,
    )

    assert statuses(told) == [200] * PEOPLE
    reasons = list(StopReason.objects.all())
    assert len(reasons) <= 1
    said = [(codes[int(reason.note)], reason.start, reason.end) for reason in reasons]
    assert said == [(reason.code_id, *span_of(day, 0)) for reason in reasons]
    listed = downtime(people[0], day)["stops"][1]
    assert (listed["id"], listed["code"]) == (stop, reasons[0].code_id if reasons else None)
    check_what_is_kept(people[0], press, day)


@pytest.mark.parametrize("known", ["a machine", "a device of which nothing is kept yet"])
def test_of_many_who_add_a_stop_at_once_one_is_first(people, press, day, known):
    device = press if known == "a machine" else make_device()

    def add(number):
        asked = added_stop(device, day, startTime=day + 7 * HOUR + number * MINUTE, code="clean")
        return people[number].mutate("analytics.addStop", asked)

    told = in_threads(add, PEOPLE)

    assert sorted(statuses(told)) == [200] + [409] * (PEOPLE - 1)
    refusals = {refusal_of(one) for one in told if one.status_code == 409}
    assert refusals == {(409, "CONFLICT", "Somebody has added a stop in this time already.")}
    [first] = [data_of(one)["id"] for one in told if one.status_code == 200]
    assert list(StateInterval.objects.filter(is_added=True).values_list("pk", flat=True)) == [first]


def test_stops_that_meet_are_all_added(people, day):
    make_codes()
    device = make_device()

    def add(number):
        start = day + number * HOUR
        asked = added_stop(device, day, startTime=start, endTime=start + HOUR)
        return people[number].mutate("analytics.addStop", asked)

    assert statuses(in_threads(add, PEOPLE)) == [200] * PEOPLE
    spans = StateInterval.objects.filter(is_added=True).order_by("start").values_list("start", "end")
    assert list(spans) == [(day + n * HOUR, day + (n + 1) * HOUR) for n in range(PEOPLE)]


def test_an_added_stop_is_removed_once(people, press, day):
    stop = data_of(people[0].mutate("analytics.addStop", added_stop(press, day)))["id"]

    told = in_threads(lambda n: people[n].mutate("analytics.removeStop", {"id": stop}), PEOPLE)

    assert sorted(statuses(told)) == [200] + [404] * (PEOPLE - 1)
    assert not StateInterval.objects.filter(is_added=True).exists()
    check_what_is_kept(people[0], press, day)


def test_who_removes_and_who_explains_an_added_stop_each_have_an_answer(people, press, day):
    stop = data_of(people[0].mutate("analytics.addStop", added_stop(press, day)))["id"]

    def act(number):
        if number:
            return people[number].mutate("analytics.classifyStop", {"id": stop, "code": "jam"})
        return people[0].mutate("analytics.removeStop", {"id": stop})

    removed, *explained = statuses(in_threads(act, PEOPLE))

    assert removed == 200
    assert set(explained) <= {200, 404}
    assert not StateInterval.objects.filter(is_added=True).exists()
    assert not StopReason.objects.exists()
    check_what_is_kept(people[0], press, day)


def test_stops_are_explained_while_workers_derive_them_anew(people, press, day):
    """Late readings split the stops, shift where they begin, and take one of them away, over and over."""
    first, second = span_of(day, 0), span_of(day, 1)
    late = [
        (first[0], 1.0),
        (first[0] + 6 * MINUTE, 1.0),
        (second[0] + 7 * MINUTE, 1.0),
        (first[0] + 7 * MINUTE, 0.0),
        (second[0], 1.0),
        (second[0] + 12 * MINUTE, 1.0),
    ]

    def act(number):
        if number == 0:
            for at, value in late:
                store_readings(samples=[Sample(press.pk, at, {"running": value})], received_at=now())
                workers()
                keep_results(now=now())
            return []
        seen = []
        for turn in range(6):
            listed = people[number].query(
                "analytics.getDowntime", {"startTime": day, "endTime": day + DAY, "deviceId": press.pk}
            )
            seen.append(listed.status_code)
            ids = [stop["id"] for stop in data_of(listed)["stops"] if stop["id"] is not None]
            code = ("jam", "setup", "clean")[(number + turn) % 3]
            if ids:
                asked = {"id": ids[turn % len(ids)], "code": code}
                seen.append(people[number].mutate("analytics.classifyStop", asked).status_code)
        return seen

    worker, *told = in_threads(act, PEOPLE)

    assert worker == []
    assert [one for one in told if isinstance(one, Exception)] == []
    assert {status for one in told for status in one} <= {200, 404}
    check_what_is_kept(people[0], press, day)


@pytest.mark.parametrize("path", ["classifyStop", "removeStop"])
def test_a_stop_that_a_worker_takes_away_just_then_is_gone_in_words(people, press, day, path, monkeypatch):
    """It came between looking for the stop and holding the machine; that is the moment that threads rarely hit."""
    stop, _ = stops_of(press)
    hold = stops._hold

    def overtaken(device_id):
        monkeypatch.setattr(stops, "_hold", hold)
        start, end = span_of(day, 0)
        samples = [Sample(press.pk, at, {"running": 1.0}) for at in range(start, end, 5 * MINUTE)]
        store_readings(samples=samples, received_at=now())
        workers()
        hold(device_id)

    monkeypatch.setattr(stops, "_hold", overtaken)
    asked = {"id": stop, "code": "jam"} if path == "classifyStop" else {"id": stop}

    refused = people[0].mutate(f"analytics.{path}", asked)

    words = f"There is no stop {stop}; what came late may have changed it."
    assert refusal_of(refused) == (404, "NOT_FOUND", words)
    assert not StopReason.objects.exists()


def test_what_a_code_means_changes_while_stops_have_it_given(people, press, day):
    technician = api_of("technician")
    ids = stops_of(press)

    def act(number):
        if number == 0:
            for _ in range(4):
                keep()
            return set()
        seen = set()
        for turn in range(6):
            if number == 1:
                asked = {"code": "setup", "label": "Changeover", "planned": turn % 2 == 0}
                seen.add(technician.mutate("analytics.setStopCode", asked).status_code)
            else:
                asked = {"id": ids[(number + turn) % 2], "code": "setup" if turn % 3 else None}
                seen.add(people[number].mutate("analytics.classifyStop", asked).status_code)
        return seen

    assert in_threads(act, PEOPLE) == [set()] + [{200}] * (PEOPLE - 1)
    assert StopCode.objects.get(pk="setup").planned is False
    check_what_is_kept(people[0], press, day)


def test_a_code_that_many_declare_at_once_is_one():
    people = [api_of("technician") for _ in range(PEOPLE)]

    def declare(number):
        asked = {"code": "jam", "label": f"Jam {number}", "planned": False}
        return people[number].mutate("analytics.setStopCode", asked)

    assert statuses(in_threads(declare, PEOPLE)) == [200] * PEOPLE
    assert StopCode.objects.count() == 1
