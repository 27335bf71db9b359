from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext

from analytics.models import Report, ReportMail, ReportSchedule
from analytics.models.reports import ReportQuerySet
from factory.errors import NotFound


class ReportUnknown(NotFound):
    """There is no such report, or not any more."""


class ScheduleUnknown(NotFound):
    """There is no such schedule."""


def get_report(report_id: int) -> Report:
    """One report; refuses when there is none."""
    report = _with_others().filter(pk=report_id).first()
    if report is None:
        raise ReportUnknown(gettext("There is no report %(id)s; it may have expired.") % {"id": report_id})
    return report


def reports_matching(*, kind: str | None = None, status: str | None = None) -> ReportQuerySet:
    """Reports, the newest first."""
    found = _with_others().order_by("-pk")
    if kind:
        found = found.filter(kind=kind)
    return found.filter(status=status) if status else found


def _with_others() -> ReportQuerySet:
    """With who asked, its schedule, and what became of its mails."""
    mails = Prefetch("mails", ReportMail.objects.order_by("pk"))
    return Report.objects.select_related("created_by", "schedule").prefetch_related(mails)


def get_schedule(schedule_id: int) -> ReportSchedule:
    schedule = ReportSchedule.objects.filter(pk=schedule_id).first()
    if schedule is None:
        raise ScheduleUnknown(gettext("There is no schedule %(id)s.") % {"id": schedule_id})
    return schedule


def schedules() -> QuerySet[ReportSchedule]:
    """All schedules by name."""
    return ReportSchedule.objects.select_related("created_by").order_by("name", "pk")
