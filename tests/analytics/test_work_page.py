"""What is running, of everybody, and what each may do about it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from analytics.models import Report
from analytics.remaining import seconds_left
from analytics.templatetags.working import left_words, took
from devices.services.imports import cancel_import
from grouping.services import cancel_batch
from tests.analytics.looking import words
from tests.builders import NOON, make_batch, make_device, make_user, sign_in
from tests.devices.importing import bring, file_of
from tests.grouping.batching import settle
from tests.ota.rolling import begin, make_plant

pytestmark = pytest.mark.django_db


def make_report(by=None, **more):
    at = timezone.now()
    given = {"kind": "alerts", "parameters": {}, "title": "Alerts, today", "filename": "a", "created_by": by}
    return Report.objects.create(**{**given, "created_at": at, "expires_at": at + timedelta(days=1), **more})


def titles(page, which="running"):
    return [job.title for job in page.context[which]]


def test_a_quiet_plant_says_what_would_stand_here(client, mira):
    page = client.get("/running/")

    assert "Nothing is running." in words(page)
    assert "Nothing ended within the last 24 hours." in words(page)
    assert "every 3s" not in page.text


def test_everything_long_stands_there_ones_own_first(client, omar):
    bring(file_of(3))
    make_batch(devices=[make_device(), make_device()], by=make_user(role="operator"))
    make_report(by=omar, title="My week")

    page = client.get("/running/")

    assert titles(page)[0] == "My week"
    assert sorted(titles(page)[1:]) == ["Restart", "plant.csv"]
    assert "3 things are running." in words(page)
    assert "every 3s" in page.text


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("user", set()),
        ("operator", {"Batch", "Report"}),
        ("technician", {"Batch", "Report", "Import of devices"}),
        ("admin", {"Batch", "Report", "Import of devices"}),
    ],
)
def test_each_cancels_what_the_role_allows(client, role, may):
    bring(file_of(3))
    make_batch(devices=[make_device()])
    make_report()
    sign_in(client, make_user(role=role))

    page = client.get("/running/")

    assert {job.kind for job in page.context["running"] if job.cancel_url} == may
    assert page.text.count("data-confirm=") == len(may)


def test_a_viewer_cancels_a_report_of_ones_own(client, mira):
    make_report(by=mira)
    make_report()

    page = client.get("/running/")

    assert [bool(job.cancel_url) for job in page.context["running"]] == [True, False]


def test_below_technician_an_import_is_seen_and_not_opened(client, omar):
    bring(file_of(3))

    assert [job.url for job in client.get("/running/").context["running"]] == [""]


def test_what_ended_within_a_day_stands_below_with_how_it_went(client, tess):
    now = timezone.now()
    cancel_import(import_id=bring(file_of(3), at=now).pk, at=now)
    old = bring(file_of(3), at=now - timedelta(days=3))
    cancel_import(import_id=old.pk, at=now - timedelta(days=2))
    batch = make_batch(devices=[make_device()])
    cancel_batch(batch=batch, at=now)
    settle(batch, at=now)
    make_report(status="failed", error="No paper", finished_at=now)

    page = client.get("/running/")

    assert sorted(titles(page, "ended")) == ["Alerts, today", "Restart", "plant.csv"]
    assert "No paper" in words(page)
    assert titles(page) == []


def test_cancelling_leads_back_here(client, tess):
    batch = make_batch(devices=[make_device()])

    answer = client.post(f"/batches/{batch.pk}/cancel", {"next": "/running/"})

    assert answer["Location"] == "/running/"


def test_a_rollout_that_goes_on_is_cancelled_by_technicians(client, tess):
    rollout = begin(50, 100, devices=make_plant(2))

    [job] = client.get("/running/").context["running"]

    assert (job.kind, job.title, job.cancel_url) == (
        "Rollout",
        rollout.name,
        f"/firmware/rollouts/{rollout.pk}/cancel",
    )
    assert "2 devices will not be updated" in job.confirm


@pytest.mark.parametrize("count", [1, 3])
def test_it_costs_the_same_for_any_number(client, tess, count, django_assert_num_queries):
    for _ in range(count):
        bring(file_of(1))
        make_batch(devices=[make_device()], by=make_user(role="operator"))
        make_report()

    with django_assert_num_queries(12):
        page = client.get("/running/")

    assert len(page.context["running"]) == 3 * count


def test_a_stranger_is_asked_to_sign_in(client):
    assert "/sign-in" in client.get("/running/")["Location"]


@pytest.mark.parametrize(
    ("done", "total", "seconds", "left"),
    [(50, 100, 60, 60), (1, 100, 60, None), (50, 100, 1, None), (100, 100, 60, None), (0, 100, 60, None)],
)
def test_what_is_left_is_said_only_when_it_can_be_known(done, total, seconds, left):
    assert seconds_left(done=done, total=total, since=NOON, at=NOON + timedelta(seconds=seconds)) == left


def test_times_are_said_in_words():
    assert [left_words(each) for each in (None, 30, 170, 9000)] == [
        "",
        "less than a minute left",
        "about 3 min left",
        "about 2 h left",
    ]
    lengths = (40, 720, 7200, 90_000, 200_000)
    assert [took(NOON, NOON + timedelta(seconds=each)) for each in lengths] == [
        "40 s",
        "12 min",
        "2 h",
        "1 day",
        "2 days",
    ]


def test_numbers_that_a_browser_reads_keep_their_point_in_german(client, omar):
    make_batch(devices=[make_device(), make_device(), make_device()])

    page = client.get("/batches/", headers={"accept-language": "de"})

    assert 'x="0.0" width="0.0"' in page.text
    assert "Sammelaufträge" in words(page)
