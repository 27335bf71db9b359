"""Stop codes through the public procedures: what they mean, for the past too, and what is no code."""

import pytest

from analytics.models import StopCode
from tests.analytics.standing import (
    downtime,
    stops_of,
)
from tests.builders import data_of, refusal_of

pytestmark = pytest.mark.django_db


def test_codes_are_told_in_order_of_their_labels_those_not_used_any_more_too(viewer, press):
    told = data_of(viewer.query("analytics.stopCodes"))

    assert [(row["code"], row["planned"], row["failure"], row["active"]) for row in told] == [
        ("setup", False, False, True),
        ("clean", True, False, True),
        ("jam", False, True, True),
        ("old", False, False, False),
    ]
    assert told[0] == {
        "code": "setup",
        "label": "Changeover",
        "planned": False,
        "failure": False,
        "active": True,
    }


@pytest.mark.parametrize("codes", [1, 3])
def test_codes_cost_the_same_for_any_number(viewer, codes, django_assert_num_queries):
    for number in range(codes):
        StopCode.objects.create(code=f"c{number}", label=f"Code {number}")

    with django_assert_num_queries(2):  # session with user, codes
        assert len(data_of(viewer.query("analytics.stopCodes"))) == codes


def test_what_a_code_means_counts_for_the_past_too(technician, press, day):
    stop, _ = stops_of(press)
    data_of(technician.mutate("analytics.classifyStop", {"id": stop, "code": "setup"}))
    before = downtime(technician, day)

    told = data_of(
        technician.mutate(
            "analytics.setStopCode", {"code": "setup", "label": "Planned changeover", "planned": True}
        )
    )

    assert told == {
        "code": "setup",
        "label": "Planned changeover",
        "planned": True,
        "failure": False,
        "active": True,
    }
    after = downtime(technician, day)
    assert (before["plannedSeconds"], after["plannedSeconds"]) == (28_800.0, 27_600.0)
    assert (after["stops"][1]["label"], after["stops"][1]["lossSeconds"]) == ("Planned changeover", 0.0)


def test_a_code_that_is_not_used_any_more_stays_with_what_has_it(technician, press, day):
    stop, _ = stops_of(press)
    data_of(technician.mutate("analytics.classifyStop", {"id": stop, "code": "jam"}))

    data_of(
        technician.mutate(
            "analytics.setStopCode",
            {"code": "jam", "label": "Jam", "planned": False, "failure": True, "active": False},
        )
    )

    assert downtime(technician, day)["stops"][1]["code"] == "jam"


def test_codes_that_differ_in_their_case_are_two(technician):
    for code, label in (("jam", "Jam"), ("JAM", "Big jam")):
        data_of(technician.mutate("analytics.setStopCode", {"code": code, "label": label, "planned": False}))

    assert [row["code"] for row in data_of(technician.query("analytics.stopCodes"))] == ["JAM", "jam"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"planned": True, "failure": True}, "failure"),
        ({"label": "x" * 121}, "label"),
        ({"label": None}, "label"),
        ({"label": "Jam\nof all"}, "label"),
        ({"label": "Jam\x1b[2J"}, "label"),
        ({"planned": "yes"}, "planned"),
        ({"planned": None}, "planned"),
        ({"active": 1}, "active"),
        ({"code": "x" * 41}, "code"),
        ({"code": "ä"}, "code"),
        ({"code": None}, "code"),
    ],
)
def test_what_is_no_code_is_refused_by_its_field(technician, change, field):
    asked = {"code": "jam", "label": "Jam", "planned": False, **change}

    status, code, message = refusal_of(technician.mutate("analytics.setStopCode", asked))

    assert (status, code, message.split(":")[0]) == (400, "BAD_REQUEST", field)
    assert not StopCode.objects.exists()
