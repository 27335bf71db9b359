"""Reports that are made again and again, and sent by e-mail."""

import logging
from collections.abc import Sequence
from datetime import datetime, time, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext

from alerts.outbox.transports import email
from analytics.models import ReportMail, ReportSchedule
from analytics.one_line import NOT_ONE_LINE, is_one_line
from analytics.plant_clock import plant_zone
from analytics.queries.states import ms
from analytics.reports.cadence import next_due, period_before
from analytics.services.reports import check_report, request_report
from factory.accounts.models import User
from factory.errors import DomainError, InvalidInput
from factory.retrying import again_after_deadlock

logger = logging.getLogger(__name__)

RECIPIENTS_LIMIT = 50
SCHEDULES_LIMIT = 200
# What was missed for longer, since nothing ran, is not made up for.
LATEST = {"daily": timedelta(days=2), "weekly": timedelta(days=7), "monthly": timedelta(days=31)}


@transaction.atomic
def schedule_report(
    *,
    name: str,
    kind: str,
    cadence: str,
    at_time: time,
    recipients: Sequence[str],
    by: User,
    at: datetime,
    enabled: bool = True,
    schedule: ReportSchedule | None = None,
    language: str = "",
    **about: Any,
) -> ReportSchedule:
    """Have a report made each day, week or month about the one before, or change how that is done.

    `language` is that of who plans it; empty, one that is changed keeps its own, and a new one is English.
    """
    if schedule is None and ReportSchedule.objects.count() >= SCHEDULES_LIMIT:
        raise InvalidInput(gettext("There are %(most)s schedules already.") % {"most": SCHEDULES_LIMIT})
    if not is_one_line(name):
        raise InvalidInput.at("name", gettext(NOT_ONE_LINE))
    if language and language not in dict(settings.LANGUAGES):
        raise InvalidInput.at("language", f"must be one of {', '.join(dict(settings.LANGUAGES))}")
    parameters = check_report(kind, **about)
    values = {
        "name": name,
        "kind": kind,
        "parameters": parameters,
        "cadence": cadence,
        "at_time": at_time,
        "recipients": _checked(recipients),
        "enabled": enabled,
        "error": "",
        "next_at": next_due(cadence, at_time, plant_zone(), after=at) if enabled else None,
    }
    if language:
        values["language"] = language
    if schedule is None:
        return ReportSchedule.objects.create(**values, created_by=by, created_at=at)
    ReportSchedule.objects.filter(pk=schedule.pk).update(**values)
    schedule.refresh_from_db()
    return schedule


def _checked(recipients: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(recipient.strip() for recipient in recipients))
    if not 1 <= len(found) <= RECIPIENTS_LIMIT:
        raise InvalidInput.at("recipients", gettext("name 1 to %(most)s") % {"most": RECIPIENTS_LIMIT})
    for place, recipient in enumerate(found):
        if problem := email.problem(recipient):
            raise InvalidInput.at(f"recipients.{place}", problem)
    return found


def drop_schedule(*, schedule: ReportSchedule) -> None:
    """Make no more of them; what was made stays until it expires."""
    schedule.delete()


def run_due_schedules(*, at: datetime) -> int:
    """Ask for the reports that are due; of several workers one does. Returns how many were asked for."""
    due = ReportSchedule.objects.filter(enabled=True, next_at__lte=at).order_by("next_at", "pk")
    asked = 0
    for schedule in due:
        try:
            asked += again_after_deadlock(partial(_run, schedule, at))
        except Exception:  # it is still due, and the others do not wait for it
            logger.exception("report.schedule_failed", extra={"schedule_id": schedule.pk})
    return asked


@transaction.atomic
def _run(schedule: ReportSchedule, at: datetime) -> int:
    due = schedule.next_at
    assert due is not None
    zone = plant_zone()
    earliest = at - LATEST[schedule.cadence]
    # Another one that was missed as well has its turn next.
    following = next_due(schedule.cadence, schedule.at_time, zone, after=max(due, earliest))
    mine = ReportSchedule.objects.filter(pk=schedule.pk, enabled=True, next_at=due)
    if not mine.update(next_at=following):
        return 0  # another worker was faster, or it was changed
    if due < earliest:
        logger.warning("report.schedule_missed", extra={"schedule_id": schedule.pk})
        return 0
    start, end = period_before(schedule.cadence, due, zone)
    names = {"deviceId": "device_id", "groupId": "group_id", "severity": "severity"}
    about = {names[name]: value for name, value in schedule.parameters.items()}
    try:
        report = request_report(
            kind=schedule.kind,
            start=ms(start),
            end=ms(end),
            by=None,
            at=at,
            schedule=schedule,
            language=schedule.language,
            **about,
        )
    except DomainError as refusal:  # its device or group is gone
        logger.warning(
            "report.schedule_refused", extra={"schedule_id": schedule.pk, "error": refusal.message}
        )
        mine = ReportSchedule.objects.filter(pk=schedule.pk)
        mine.update(enabled=False, next_at=None, error=refusal.message[:500])
        return 0
    ReportMail.objects.bulk_create(
        ReportMail(report=report, recipient=recipient, due_at=at) for recipient in schedule.recipients
    )
    return 1
