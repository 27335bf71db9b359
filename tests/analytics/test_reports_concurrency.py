"""Many workers at the same reports: each is made, asked for and sent once; a cancel and a worker do not both win."""

from datetime import timedelta

import pytest
from django.core import mail

from analytics.models import Report, ReportMail
from analytics.services.report_mail import send_report
from analytics.services.reports import AT_ONCE, cancel_report, make_report, request_report
from analytics.services.schedules import run_due_schedules, schedule_report
from factory.errors import Conflict
from tests.alerts.test_concurrency import in_threads
from tests.analytics.machining import DAY, midnight
from tests.builders import NOON, make_user
from tests.ota.storing import use_storage

pytestmark = pytest.mark.django_db(transaction=True)
WORKERS = 6


@pytest.fixture(autouse=True)
def _own_storage(settings, tmp_path):
    use_storage(settings, f"file://{tmp_path / 'storage'}")
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def ask() -> Report:
    start = midnight()
    return request_report(kind="alerts", start=start, end=start + DAY, by=make_user(), at=NOON)


def make(report: Report) -> bool:
    return make_report(report_id=report.pk, at=NOON, clock=lambda: NOON)


def test_a_report_that_many_workers_come_by_is_made_once():
    report = ask()

    assert sorted(in_threads(lambda _: make(report), WORKERS)) == [False] * (WORKERS - 1) + [True]

    report.refresh_from_db()
    assert (report.status, report.attempts) == ("done", 1)


def test_no_more_are_made_at_once_than_there_is_room_for():
    reports = [ask() for _ in range(WORKERS)]
    most = 0

    def look_and_make(number: int) -> bool:
        nonlocal most

        def clock():
            nonlocal most
            most = max(most, Report.objects.filter(status="running").count())
            return NOON

        return make_report(report_id=reports[number].pk, at=NOON, clock=clock)

    in_threads(look_and_make, WORKERS)

    assert 1 <= most <= AT_ONCE


def test_a_planned_report_is_asked_for_once_however_many_workers_look():
    schedule_report(
        name="Each morning",
        kind="alerts",
        cadence="daily",
        at_time=NOON.time(),
        recipients=["a@example.com"],
        by=make_user(),
        at=NOON - timedelta(hours=1),
    )

    results = in_threads(lambda _: run_due_schedules(at=NOON + timedelta(hours=1)), WORKERS)

    assert sum(results) == 1
    assert (Report.objects.count(), ReportMail.objects.count()) == (1, 1)


def test_a_mail_that_many_workers_come_by_goes_out_once():
    report = ask()
    make(report)
    letter = ReportMail.objects.create(report=report, recipient="a@example.com", due_at=NOON)

    results = in_threads(lambda _: send_report(mail_id=letter.pk, clock=lambda: NOON), WORKERS)

    assert sorted(results) == [False] * (WORKERS - 1) + [True]
    assert [message.to for message in mail.outbox] == [["a@example.com"]]


def test_who_cancels_and_who_finishes_do_not_both_win():
    omar = make_user(role="operator")
    report = ask()

    def act(number: int) -> bool:
        if number:
            return make(report)
        try:
            cancel_report(report=report, by=omar, at=NOON)
        except Conflict:
            return False
        return True

    cancelled, _ = in_threads(act, 2)

    report.refresh_from_db()
    assert report.status == ("cancelled" if cancelled else "done")
