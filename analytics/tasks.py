from celery import shared_task
from django.utils import timezone


@shared_task
def follow_machines(**_from_newer_senders) -> None:
    from analytics.services import following  # noqa: PLC0415 -- leaf

    following.follow_machines(now=int(timezone.now().timestamp() * 1000))


@shared_task
def keep_results(**_from_newer_senders) -> None:
    from analytics.services import results  # noqa: PLC0415 -- leaf

    results.keep_results(now=int(timezone.now().timestamp() * 1000))


@shared_task
def sum_up_energy(**_from_newer_senders) -> None:
    from analytics.services import demand, meters  # noqa: PLC0415 -- leaf

    meters.find_meters()
    demand.fill_demand(now=int(timezone.now().timestamp() * 1000))


@shared_task
def make_report(*, report_id: int, **_from_newer_senders) -> None:
    from analytics.services import reports  # noqa: PLC0415 -- leaf

    reports.make_report(report_id=report_id, at=timezone.now(), clock=timezone.now)


@shared_task
def send_report(*, mail_id: int, **_from_newer_senders) -> None:
    from analytics.services import report_mail  # noqa: PLC0415 -- leaf

    report_mail.send_report(mail_id=mail_id, clock=timezone.now)


@shared_task
def look_after_reports(**_from_newer_senders) -> None:
    from analytics.services import report_mail, reports, schedules  # noqa: PLC0415 -- leaf

    schedules.run_due_schedules(at=timezone.now())
    reports.sweep_reports(at=timezone.now())
    report_mail.sweep_mails(at=timezone.now())
