"""Planned reports: asked for once when they are due, and sent by a real mail server, once each."""

from datetime import UTC, datetime, time, timedelta
from email import message_from_bytes, policy
from urllib.parse import urlsplit

import pytest

from analytics.models import Report, ReportMail, ReportSchedule
from analytics.services.report_mail import CLAIM, send_report, sweep_mails
from analytics.services.reports import make_report
from analytics.services.schedules import drop_schedule, run_due_schedules, schedule_report
from factory.errors import InvalidInput
from tests import services
from tests.builders import make_device, make_user, sign_in
from tests.ota.storing import use_storage

pytestmark = pytest.mark.django_db
# A Monday, 05:00 in the plant's zone or near it.
BEFORE = datetime(2026, 7, 6, 3, tzinfo=UTC)
DUE = datetime(2026, 7, 6, 6, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _here(settings, tmp_path):
    settings.PLANT_TIME_ZONE = "UTC"
    use_storage(settings, f"file://{tmp_path / 'storage'}")


@pytest.fixture
def mailbox(settings):
    with services.smtp() as mailbox:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", urlsplit(mailbox.url).port
        yield mailbox


def plan(*recipients: str, cadence="daily", name="Each morning", **others) -> ReportSchedule:
    return schedule_report(
        name=name,
        kind="analytics",
        cadence=cadence,
        at_time=time(6),
        recipients=recipients or ["shift@example.com"],
        by=make_user(role="technician"),
        at=BEFORE,
        **others,
    )


def made() -> Report:
    report = Report.objects.get()
    assert make_report(report_id=report.pk, at=DUE, clock=lambda: DUE)
    return report


def send_all(at=DUE) -> list[bool]:
    return [
        send_report(mail_id=pk, clock=lambda: at)
        for pk in ReportMail.objects.order_by("pk").values_list("pk", flat=True)
    ]


def states() -> list[str]:
    return list(ReportMail.objects.order_by("pk").values_list("status", flat=True))


def test_what_is_due_is_asked_for_once_and_is_about_the_day_before():
    schedule = plan("a@example.com", "b@example.com")

    assert [run_due_schedules(at=at) for at in (BEFORE, DUE, DUE, DUE + timedelta(hours=1))] == [0, 1, 0, 0]

    report = Report.objects.get()
    day = datetime(2026, 7, 5, tzinfo=UTC)
    assert report.parameters == {
        "startTime": int(day.timestamp() * 1000),
        "endTime": int((day + timedelta(days=1)).timestamp() * 1000),
    }
    assert states() == ["pending", "pending"]
    schedule.refresh_from_db()
    assert schedule.next_at == DUE + timedelta(days=1)


def test_of_what_was_missed_for_days_only_the_newest_are_made_up_for():
    schedule = plan()
    later = DUE + timedelta(days=9, hours=1)

    assert [run_due_schedules(at=later) for _ in range(4)] == [0, 1, 1, 0]

    schedule.refresh_from_db()
    assert schedule.next_at == DUE + timedelta(days=10)
    days = [report.parameters["startTime"] for report in Report.objects.order_by("pk")]
    assert [datetime.fromtimestamp(day / 1000, UTC).day for day in days] == [13, 14]


@pytest.mark.parametrize(
    ("cadence", "days", "made"),
    [("daily", 1, 2), ("daily", 3, 2), ("weekly", 6, 1), ("weekly", 13, 1), ("monthly", 44, 1)],
)
def test_what_was_missed_lately_is_made_up_for_one_after_the_other(cadence, days, made):
    """Each of the last two days; of the last week or month the one."""
    schedule = plan(cadence=cadence)
    later = DUE + timedelta(days=days, hours=1)

    assert sum(run_due_schedules(at=later) for _ in range(made + 3)) == made

    schedule.refresh_from_db()
    assert schedule.next_at > later
    assert Report.objects.count() == made
    assert len({report.parameters["startTime"] for report in Report.objects.all()}) == made


def test_one_that_is_paused_or_dropped_is_not_made():
    plan(enabled=False)
    drop_schedule(schedule=plan())

    assert run_due_schedules(at=DUE + timedelta(days=1)) == 0


def test_one_about_a_device_that_is_gone_is_switched_off_with_a_word_why_and_the_others_are_made(client):
    device = make_device()
    schedule = schedule_report(
        name="A press",
        kind="device",
        cadence="daily",
        at_time=time(6),
        recipients=["a@example.com"],
        by=make_user(),
        at=BEFORE,
        device_id=device.pk,
    )
    plan()
    device_id = device.pk
    device.delete()

    assert run_due_schedules(at=DUE) == 1
    assert Report.objects.get().kind == "analytics"
    schedule.refresh_from_db()
    words = f"There is no device {device_id}."
    assert (schedule.enabled, schedule.next_at, schedule.error) == (False, None, words)
    sign_in(client, make_user())
    assert f'switched off<small class="below">{words}' in client.get("/reports/").content.decode()


def test_one_that_is_switched_on_again_has_no_word_of_why_it_was_off():
    schedule = plan()
    ReportSchedule.objects.update(enabled=False, next_at=None, error="There is no device 7.")

    again = plan(schedule=schedule)

    assert (again.enabled, again.error) == (True, "")


def test_one_that_breaks_does_not_hold_the_others_up_and_is_tried_again():
    broken, fine = plan(), plan()
    ReportSchedule.objects.filter(pk=broken.pk).update(parameters={"written": "by nobody"})

    assert run_due_schedules(at=DUE) == 1
    assert Report.objects.get().schedule == fine

    ReportSchedule.objects.filter(pk=broken.pk).update(parameters={})
    assert run_due_schedules(at=DUE + timedelta(seconds=15)) == 1
    assert Report.objects.last().schedule == broken


@pytest.mark.parametrize("name", ["One\r\nBcc: all@example.com", "One\u2028Two", "One\x1b[2J"])
def test_its_name_is_one_line(name):
    with pytest.raises(InvalidInput) as refused:
        plan(name=name)

    assert refused.value.fields == {"name": ["must be one line, without control characters"]}
    assert ReportSchedule.objects.count() == 0


def test_a_planned_report_speaks_the_language_of_who_planned_it_and_keeps_it(client):
    schedule = plan("a@example.com", language="de")
    run_due_schedules(at=DUE)

    report = Report.objects.get()
    assert (report.language, " bis " in report.title or ". " in report.title) == ("de", True)
    changed = plan("b@example.com", schedule=schedule)
    assert changed.language == "de"
    with pytest.raises(InvalidInput):
        plan("a@example.com", language="xx")


@pytest.mark.integration
def test_a_german_report_comes_in_a_german_mail(mailbox):
    plan("a@example.com", language="de")
    run_due_schedules(at=DUE)
    made()
    send_all()

    [mail] = [message_from_bytes(text.encode(), policy=policy.default) for text in mailbox.messages()]
    assert mail["Subject"].startswith("Bericht: ")
    assert "Der Bericht ist als PDF angehängt." in mail.get_body(("plain",)).get_content()


@pytest.mark.integration
def test_a_planned_report_reaches_each_recipient_once_with_its_paper(mailbox):
    plan("a@example.com", "b@example.com")
    run_due_schedules(at=DUE)
    report = made()

    assert (send_all(), send_all()) == ([True, True], [False, False])

    mails = [message_from_bytes(text.encode(), policy=policy.default) for text in mailbox.messages()]
    assert sorted(mail["X-Envelope-To"] for mail in mails) == ["a@example.com", "b@example.com"]
    assert {mail["Subject"] for mail in mails} == {f"Report: {report.title}"}
    [paper] = list(mails[0].iter_attachments())
    assert (paper.get_content_type(), paper.get_filename()) == ("application/pdf", f"{report.filename}.pdf")
    assert len(paper.get_content()) == report.__class__.objects.get().pdf_bytes
    assert f"/reports/{report.pk}/file.html" in mails[0].get_body(("plain",)).get_content()


@pytest.mark.integration
def test_who_is_not_known_has_failed_and_who_has_to_wait_waits(mailbox):
    plan("gone@example.com", "later@example.com", "fine@example.com")
    run_due_schedules(at=DUE)
    made()

    assert send_all() == [False, False, True]

    assert states() == ["failed", "pending", "sent"]
    assert "No such person here" in ReportMail.objects.first().error


@pytest.mark.integration
def test_while_the_server_is_away_a_mail_waits_for_a_day_at_most(settings):
    port = services.free_port()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    plan()
    run_due_schedules(at=DUE)
    made()

    assert send_all() == [False]
    assert states() == ["pending"]
    assert sweep_mails(at=DUE) == 0, "not at once"
    with services.smtp(port) as mailbox:
        assert send_all(DUE + timedelta(minutes=1)) == [True]
        assert len(mailbox.messages()) == 1


@pytest.mark.integration
def test_a_mail_that_nobody_takes_for_a_day_is_given_up(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", services.free_port()
    plan()
    run_due_schedules(at=DUE)
    made()

    send_all(DUE + timedelta(days=1))

    assert states() == ["failed"]


def test_a_mail_whose_worker_was_killed_is_sent_by_another(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    plan()
    run_due_schedules(at=DUE)
    made()
    ReportMail.objects.update(status="sending", due_at=DUE + CLAIM)

    assert send_all(DUE) == [False]
    assert sweep_mails(at=DUE + CLAIM) == 1
    assert send_all(DUE + CLAIM) == [True]


def test_of_a_report_that_could_not_be_made_nobody_gets_a_mail(settings, tmp_path):
    font = tmp_path / "no-font.ttf"
    font.write_text("This is no font.")
    settings.REPORT_FONT = str(font)
    plan()
    run_due_schedules(at=DUE)

    made()

    assert states() == ["failed"]
    assert send_all() == [False]
