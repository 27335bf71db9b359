"""Pages about reports: who asks for what, how far it is, and what is planned."""

import re
from datetime import time, timedelta

import pytest
from django.utils import timezone

from analytics.models import Report, ReportMail, ReportSchedule
from analytics.services.reports import make_report, request_report
from analytics.services.schedules import schedule_report
from tests.analytics.looking import HTMX, NASTY, ROLES, words
from tests.analytics.machining import DAY, midnight
from tests.builders import make_device, make_group, make_user, sign_in

pytestmark = pytest.mark.django_db
PLAN = {
    "name": "Each morning",
    "kind": "analytics",
    "group": "",
    "device": "",
    "severity": "",
    "cadence": "daily",
    "at_time": "06:00",
    "recipients": "a@example.com\nb@example.com, c@example.com",
    "enabled": "on",
}


def ask(**about) -> Report:
    return request_report(
        **{
            "kind": "alerts",
            "start": midnight(),
            "end": midnight() + DAY,
            "by": make_user(),
            "at": timezone.now(),
            **about,
        }
    )


def plan(**others) -> ReportSchedule:
    return schedule_report(
        **{
            "name": "Each morning",
            "kind": "alerts",
            "cadence": "daily",
            "at_time": time(6),
            "recipients": ["a@example.com"],
            "by": make_user(),
            "at": timezone.now(),
            **others,
        }
    )


@pytest.mark.parametrize("role", ROLES)
def test_whoever_may_sign_in_asks_and_reads(client, role):
    sign_in(client, make_user(role=role))

    assert client.get("/reports/").status_code == 200
    assert client.post("/reports/new", {"kind": "alerts", "period": "7d"})["Location"] == "/reports/"
    assert Report.objects.count() == 1


@pytest.mark.parametrize("path", ["/reports/", "/reports/new", "/reports/1/row", "/reports/schedules/new"])
def test_a_stranger_signs_in_first(client, path):
    assert client.get(path).status_code == 302


@pytest.mark.parametrize("role", ["user", "operator"])
def test_below_technician_nobody_plans(client, role):
    sign_in(client, make_user(role=role))
    schedule = plan()

    assert client.get("/reports/schedules/new").status_code == 403
    assert client.post("/reports/schedules/new", PLAN).status_code == 403
    assert client.post(f"/reports/schedules/{schedule.pk}/", PLAN).status_code == 403
    assert client.post(f"/reports/schedules/{schedule.pk}/delete").status_code == 403
    assert ReportSchedule.objects.count() == 1


def test_it_is_about_the_days_that_were_chosen(client, mira, settings):
    settings.PLANT_TIME_ZONE = "UTC"
    form = {"kind": "analytics", "period": "chosen", "first": "2026-02-01", "last": "2026-02-28"}

    client.post("/reports/new", form)

    report = Report.objects.get()
    assert report.title == "Plant, 1 Feb 2026 to 28 Feb 2026"
    assert report.created_by == mira


@pytest.mark.parametrize(
    ("form", "errors"),
    [
        ({"kind": "device"}, {"device": ["There is no such device."]}),
        ({"kind": "poem"}, {"kind": ["Select a valid choice. poem is not one of the available choices."]}),
        ({"period": "chosen"}, {"first": ["Say from which day on."]}),
        (
            {"period": "chosen", "first": "2026-02-02", "last": "2026-02-01"},
            {"last": ["The last day is before the first one."]},
        ),
        (
            {"period": "chosen", "first": "2024-01-01", "last": "2026-01-01"},
            {"last": ["A report is of 366 days at most."]},
        ),
        (
            {"kind": "analytics", "group": "4711"},
            {"group": ["Select a valid choice. 4711 is not one of the available choices."]},
        ),
    ],
)
def test_what_makes_no_sense_is_said_at_its_field(client, mira, form, errors):
    response = client.post("/reports/new", {"kind": "alerts", "period": "7d", **form})

    assert response.status_code == 422
    assert response.context["form"].errors == errors
    assert Report.objects.count() == 0


@pytest.mark.parametrize(
    ("form", "parameter"),
    [
        ({"kind": "device", "device": "press-3", "group": "", "severity": "critical"}, "deviceId"),
        ({"kind": "alerts", "severity": "critical", "device": "press-3"}, "severity"),
        ({"kind": "analytics", "group": "{group}", "severity": "critical"}, "groupId"),
    ],
)
def test_only_what_goes_with_its_kind_counts(client, mira, form, parameter):
    make_device(external_id="press-3")
    group = make_group()

    client.post(
        "/reports/new", {"period": "7d", **{key: text.format(group=group.pk) for key, text in form.items()}}
    )

    assert Report.objects.get().parameters.keys() - {"startTime", "endTime"} == {parameter}


def test_while_it_is_made_its_row_asks_again_and_afterwards_it_has_its_files(client, mira):
    report = ask(by=mira)
    Report.objects.filter(pk=report.pk).update(status="running", progress=40)

    content = client.get("/reports/").content.decode()
    assert f'hx-get="/reports/{report.pk}/row"' in content
    assert 'value="40"' in content
    assert "One report is being made." in content

    Report.objects.filter(pk=report.pk).update(status="done", progress=100, pdf_bytes=31_000)
    row = client.get(f"/reports/{report.pk}/row", headers=HTMX).content.decode()
    assert "hx-get" not in row
    assert re.findall(rf'href="/reports/{report.pk}/file.(\w+)"', row) == ["html", "pdf", "csv"]


def test_one_that_failed_says_why_and_mails_say_what_became_of_them(client, mira):
    report = ask()
    Report.objects.filter(pk=report.pk).update(status="failed", error="There is no such font.")
    ReportMail.objects.create(
        report=report,
        recipient="a@example.com",
        status="failed",
        error="No such person",
        due_at=timezone.now(),
    )

    text = words(client.get("/reports/"))

    assert "Failed There is no such font." in text
    assert "a@example.com: failed, No such person" in text


def test_of_one_that_was_written_and_not_printed_the_page_and_the_table_are_there(client, mira):
    report = ask()
    make_report(report_id=report.pk, at=timezone.now(), clock=timezone.now)
    Report.objects.filter(pk=report.pk).update(status="failed", progress=80, error="There is no such font.")

    row = client.get(f"/reports/{report.pk}/row", headers=HTMX).content.decode()

    assert re.findall(rf'href="/reports/{report.pk}/file.(\w+)"', row) == ["html", "csv"]
    answers = [
        client.get(f"/reports/{report.pk}/file.{ending}").status_code for ending in ("html", "csv", "pdf")
    ]
    assert answers == [200, 200, 409]


def test_one_of_ones_own_is_cancelled_and_somebody_elses_is_not(client, mira):
    own, other = ask(by=mira), ask()

    assert client.post(f"/reports/{own.pk}/cancel", {"next": "/reports/"})["Location"] == "/reports/"
    response = client.post(f"/reports/{other.pk}/cancel", {"next": "/reports/"}, follow=True)

    assert "Somebody else asked for this report." in words(response)
    assert list(Report.objects.order_by("pk").values_list("status", flat=True)) == ["cancelled", "queued"]


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_costs_the_same_for_any_number(client, mira, rows, django_assert_num_queries):
    for number in range(rows):
        ask(by=mira)
        plan(name=f"Plan {number}", by=mira)

    with django_assert_num_queries(7):
        client.get("/reports/")


def test_names_that_people_gave_are_text(client, tess):
    device = make_device(name=NASTY)
    ask(kind="device", device_id=device.pk)
    plan(name=NASTY)

    assert NASTY not in client.get("/reports/").content.decode()


def test_a_technician_plans_changes_and_ends_a_report(client, tess):
    assert client.post("/reports/schedules/new", PLAN)["Location"] == "/reports/"
    schedule = ReportSchedule.objects.get()
    assert schedule.recipients == ["a@example.com", "b@example.com", "c@example.com"]
    assert "each day at 06:00" in words(client.get("/reports/"))

    page = client.get(f"/reports/schedules/{schedule.pk}/")
    assert page.context["form"]["recipients"].value() == "a@example.com\nb@example.com\nc@example.com"
    client.post(f"/reports/schedules/{schedule.pk}/", {**PLAN, "cadence": "monthly", "enabled": ""})
    schedule.refresh_from_db()
    assert (schedule.cadence, schedule.next_at) == ("monthly", None)
    assert "paused" in words(client.get("/reports/"))

    client.post(f"/reports/schedules/{schedule.pk}/delete")
    assert ReportSchedule.objects.count() == 0


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"name": ""}, "name"),
        ({"recipients": "nobody"}, "recipients"),
        ({"recipients": " "}, "recipients"),
        ({"at_time": "25:00"}, "at_time"),
        ({"kind": "device", "device": "nobody"}, "device"),
        ({"cadence": "hourly"}, "cadence"),
    ],
)
def test_a_plan_that_makes_no_sense_is_said_at_its_field(client, tess, form, field):
    response = client.post("/reports/schedules/new", {**PLAN, **form})

    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    assert ReportSchedule.objects.count() == 0


@pytest.mark.parametrize("path", ["/reports/4711/row", "/reports/schedules/4711/"])
def test_what_is_not_there_is_not_found(client, tess, path):
    assert client.get(path).status_code == 404


def test_somebody_with_too_many_under_way_is_told_so(client, mira):
    for _ in range(20):
        ask(by=mira, at=timezone.now() - timedelta(minutes=1))

    response = client.post("/reports/new", {"kind": "alerts", "period": "7d"})

    assert response.status_code == 422
    assert "20 reports of yours are not made yet." in words(response)


def test_one_that_was_cancelled_is_asked_for_again_and_one_that_is_made_is_not(client, mira):
    own = ask(by=mira)
    refused = client.post(f"/reports/{own.pk}/again", follow=True)
    client.post(f"/reports/{own.pk}/cancel", {"next": "/reports/"})

    client.post(f"/reports/{own.pk}/again")

    assert "or is being made." in words(refused)
    rows = Report.objects.order_by("pk").values_list("status", "parameters", "created_by")
    assert list(rows) == [("cancelled", own.parameters, mira.pk), ("queued", own.parameters, mira.pk)]
