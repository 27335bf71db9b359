"""What people say of stops through the public procedures: why a machine stood, and stops that none told of."""

from datetime import timedelta

import pytest
from django.utils import timezone

from analytics.models import StateInterval, StopReason
from tests.analytics.machining import DAY, HOUR, MINUTE, oee
from tests.analytics.standing import (
    added_stop,
    downtime,
    iso,
    runs_but_for,
    span_of,
    stop_row,
    stops_of,
    workers,
)
from tests.builders import data_of, make_device, ms, refusal_of

pytestmark = pytest.mark.django_db
SAFE = 2**53 - 1


# Why it stood


def test_an_operator_says_why_it_stood_and_takes_it_back(operator, press, day):
    stop, _ = stops_of(press)

    told = data_of(
        operator.mutate("analytics.classifyStop", {"id": stop, "code": "jam", "note": "Sheet stuck"})
    )

    expected = stop_row(
        press, *span_of(day, 0), id=stop, code="jam", label="Jam", note="Sheet stuck", by="Operator"
    )
    assert told == expected
    assert downtime(operator, day)["stops"][1] == expected

    told = data_of(operator.mutate("analytics.classifyStop", {"id": stop, "code": None}))

    assert told == stop_row(press, *span_of(day, 0), id=stop)
    assert not StopReason.objects.exists()


def test_who_says_it_again_says_it_instead(operator, press, day):
    stop, _ = stops_of(press)
    data_of(operator.mutate("analytics.classifyStop", {"id": stop, "code": "jam", "note": "Sheet stuck"}))

    told = data_of(operator.mutate("analytics.classifyStop", {"id": stop, "code": "setup"}))

    assert (told["code"], told["note"]) == ("setup", "")
    assert StopReason.objects.count() == 1


def test_what_was_written_of_a_stop_stays_with_each_part_of_it(operator, press, day):
    """Also when one asks for a part of its time, and when something late has split it."""
    _, stop = stops_of(press)
    start, end = span_of(day, 1)
    data_of(operator.mutate("analytics.classifyStop", {"id": stop, "code": "jam", "note": "Sheet stuck"}))

    asked = {"startTime": start + 5 * MINUTE, "endTime": end}
    [part] = data_of(operator.query("analytics.getDowntime", asked))["stops"]
    assert (part["code"], part["note"], part["by"]) == ("jam", "Sheet stuck", "Operator")

    runs_but_for(press, [], start=start + 10 * MINUTE, end=start + 10 * MINUTE)
    for _ in range(2):
        told = downtime(operator, day)["stops"][:2]
        assert [(one["seconds"], one["code"], one["note"], one["by"]) for one in told] == [
            (900.0, "jam", "Sheet stuck", "Operator"),
            (600.0, "jam", "Sheet stuck", "Operator"),
        ]
        workers()


def test_what_was_written_of_an_added_stop_is_not_taken_for_that_of_the_one_below(operator, press, day):
    stop, _ = stops_of(press)
    start, end = span_of(day, 0)
    data_of(operator.mutate("analytics.classifyStop", {"id": stop, "code": "jam", "note": "Sheet stuck"}))
    added = {"deviceId": press.pk, "startTime": start, "endTime": start + 5 * MINUTE, "code": "setup"}
    data_of(operator.mutate("analytics.addStop", {**added, "note": "New tool"}))

    told = [stop for stop in downtime(operator, day)["stops"] if stop["startTime"] < iso(end)]

    assert [(one["startTime"], one["code"], one["note"]) for one in told] == [
        (iso(start + 5 * MINUTE), "jam", "Sheet stuck"),
        (iso(start), "setup", "New tool"),
    ]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (
            {"id": 10**9},
            (404, "NOT_FOUND", "There is no stop 1000000000; what came late may have changed it."),
        ),
        ({"id": SAFE}, (404, "NOT_FOUND", f"There is no stop {SAFE}; what came late may have changed it.")),
        ({"code": "other"}, (404, "NOT_FOUND", "There is no stop code other.")),
        ({"code": "JAM"}, (404, "NOT_FOUND", "There is no stop code JAM.")),
        ({"code": "old"}, (400, "BAD_REQUEST", "code: old is not used any more")),
    ],
)
def test_a_reason_that_cannot_be_is_refused_in_words(operator, press, change, refusal):
    asked = {"id": stops_of(press)[0], "code": "jam", **change}

    assert refusal_of(operator.mutate("analytics.classifyStop", asked)) == refusal
    assert not StopReason.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"id": 0},
        {"id": -1},
        {"id": 1.5},
        {"id": "1"},
        {"id": SAFE + 1},
        {"id": None},
        {"code": ""},
        {"code": "a b"},
        {"code": "x" * 41},
        {"code": 7},
        {"note": "x" * 301},
        {"note": None},
        {"note": "\0"},
    ],
)
def test_what_is_no_reason_is_refused_by_its_field(operator, press, change):
    asked = {"id": stops_of(press)[0], "code": "jam", **change}

    status, code, message = refusal_of(operator.mutate("analytics.classifyStop", asked))

    [field] = change
    assert (status, code, message.split(":")[0]) == (400, "BAD_REQUEST", field)
    assert not StopReason.objects.exists()


def test_a_reason_is_given_to_stops_only(operator, press):
    running = StateInterval.objects.filter(device=press, state="running").first()

    refused = operator.mutate("analytics.classifyStop", {"id": running.pk, "code": "jam"})

    assert refusal_of(refused)[:2] == (404, "NOT_FOUND")


# Stops that no machine told of


def test_an_added_stop_goes_before_what_the_machine_said_until_it_is_removed(operator, press, day):
    asked = added_stop(press, day, note="New tool", deviceId=press.external_id, startTime=iso(day + 7 * HOUR))

    told = data_of(operator.mutate("analytics.addStop", asked))

    kept = StateInterval.objects.get(is_added=True)
    expected = stop_row(
        press,
        day + 7 * HOUR,
        day + 8 * HOUR,
        id=kept.pk,
        code="setup",
        label="Changeover",
        added=True,
        note="New tool",
        by="Operator",
    )
    assert told == expected
    assert downtime(operator, day)["stops"][2] == expected
    assert oee(operator, day, day + DAY, deviceId=press.pk)["runSeconds"] == 8 * 3600 - 3000 - 3600

    assert data_of(operator.mutate("analytics.removeStop", {"id": kept.pk})) is True

    assert downtime(operator, day)["totalStops"] == 2
    assert oee(operator, day, day + DAY, deviceId=press.pk)["runSeconds"] == 8 * 3600 - 3000
    refused = operator.mutate("analytics.removeStop", {"id": kept.pk})
    assert refusal_of(refused)[:2] == (404, "NOT_FOUND")


def test_an_added_stop_has_another_code_but_never_none(operator, press, day):
    stop = data_of(operator.mutate("analytics.addStop", added_stop(press, day)))

    told = data_of(
        operator.mutate("analytics.classifyStop", {"id": stop["id"], "code": "clean", "note": "Wiped"})
    )
    refused = operator.mutate("analytics.classifyStop", {"id": stop["id"], "code": None})

    assert (told["code"], told["planned"], told["note"], told["lossSeconds"]) == ("clean", True, "Wiped", 0.0)
    words = "code: a stop that somebody added has one; remove it instead"
    assert refusal_of(refused) == (400, "BAD_REQUEST", words)


def test_what_a_machine_told_itself_is_not_removed(operator, press):
    stop, _ = stops_of(press)

    refused = operator.mutate("analytics.removeStop", {"id": stop})

    words = "The machine tells of this stop itself. Give it a code instead."
    assert refusal_of(refused) == (409, "CONFLICT", words)
    assert stop in stops_of(press)


@pytest.mark.parametrize(
    ("start", "end", "status"),
    [
        (7 * HOUR, 8 * HOUR, 409),
        (7 * HOUR - 1, 7 * HOUR + 1, 409),
        (8 * HOUR - 1, 9 * HOUR, 409),
        (7 * HOUR + 1, 7 * HOUR + 2, 409),
        (5 * HOUR, 10 * HOUR, 409),
        (6 * HOUR, 7 * HOUR, 200),
        (8 * HOUR, 9 * HOUR, 200),
    ],
)
def test_added_stops_may_meet_and_never_overlap(operator, press, day, start, end, status):
    data_of(operator.mutate("analytics.addStop", added_stop(press, day)))

    told = operator.mutate(
        "analytics.addStop", added_stop(press, day, startTime=day + start, endTime=day + end)
    )

    assert told.status_code == status
    if status == 409:
        words = "Somebody has added a stop in this time already."
        assert refusal_of(told) == (409, "CONFLICT", words)
    elsewhere = make_device()
    data_of(operator.mutate("analytics.addStop", added_stop(elsewhere, day)))


def test_only_what_is_planned_is_said_beforehand(operator, press):
    tomorrow = ms(timezone.now() + timedelta(days=1))
    asked = added_stop(press, tomorrow, startTime=tomorrow, endTime=tomorrow + HOUR)

    refused = operator.mutate("analytics.addStop", asked)
    told = data_of(operator.mutate("analytics.addStop", {**asked, "code": "clean"}))

    words = "endTime: is in the future: only a planned stop is known before"
    assert refusal_of(refused) == (400, "BAD_REQUEST", words)
    assert (told["startTime"], told["endTime"], told["planned"]) == (
        iso(tomorrow),
        iso(tomorrow + HOUR),
        True,
    )


YEAR = 366 * DAY
WHEN = "is not in the years 2 to 9998"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda day: {"endTime": day + 7 * HOUR}, "endTime: must be after startTime"),
        (lambda day: {"endTime": day + 7 * HOUR - 1}, "endTime: must be after startTime"),
        (lambda day: {"startTime": day - YEAR}, "endTime: must be at most a year after startTime"),
        (lambda day: {"startTime": -SAFE, "endTime": 1 - SAFE}, f"startTime: {WHEN}"),
        (lambda day: {"startTime": SAFE - 1, "endTime": SAFE, "code": "clean"}, f"startTime: {WHEN}"),
        (lambda day: {"endTime": SAFE}, f"endTime: {WHEN}"),
        (lambda day: {"code": "old"}, "code: old is not used any more"),
    ],
)
def test_a_stop_that_cannot_be_is_refused_in_words_and_not_kept(operator, press, day, change, words):
    refused = operator.mutate("analytics.addStop", added_stop(press, day, **change(day)))

    assert refusal_of(refused) == (400, "BAD_REQUEST", words)
    assert not StateInterval.objects.filter(is_added=True).exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("startTime", SAFE + 1),
        ("startTime", "yesterday"),
        ("startTime", None),
        ("startTime", True),
        ("endTime", 0.5),
        ("endTime", [1]),
        ("deviceId", None),
        ("deviceId", 0),
        ("deviceId", True),
        ("code", None),
        ("code", "a b"),
        ("note", "x" * 301),
        ("note", 7),
    ],
)
def test_what_is_no_stop_is_refused_by_its_field(operator, press, day, field, value):
    status, code, message = refusal_of(
        operator.mutate("analytics.addStop", added_stop(press, day, **{field: value}))
    )

    assert (status, code, message.split(":")[0]) == (400, "BAD_REQUEST", field)
    assert not StateInterval.objects.filter(is_added=True).exists()


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"1e400", b"9" * 400])
def test_what_is_no_number_of_json_is_refused(operator, press, number):
    body = b'{"deviceId": %d, "code": "setup", "endTime": 1000, "startTime": %s}' % (press.pk, number)

    refused = operator.post("analytics.addStop", body, origin="http://testserver")

    assert refusal_of(refused)[:2] == (400, "BAD_REQUEST")
    assert not StateInterval.objects.filter(is_added=True).exists()


@pytest.mark.parametrize("change", [{"deviceId": 10**9}, {"deviceId": "nobody"}, {"code": "other"}])
def test_a_stop_of_what_there_is_not_is_not_found(operator, press, day, change):
    refused = operator.mutate("analytics.addStop", added_stop(press, day, **change))

    assert refusal_of(refused)[:2] == (404, "NOT_FOUND")
