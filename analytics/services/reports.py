"""Reports: asked for, made by a worker with progress, kept in the storage until they expire.

A worker claims a report and says so again with each step. When it was killed somebody else makes the report anew; what
was made is a file, put there whole.
"""

import logging
import re
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import translation
from django.utils.translation import gettext

from alerts.models import Alert
from analytics import shelf, tasks
from analytics.drawings import moment
from analytics.models import Report, ReportSchedule
from analytics.plant_clock import plant_zone
from analytics.reports.alert_history import alert_history_report
from analytics.reports.as_csv import as_csv
from analytics.reports.device import device_report
from analytics.reports.document import Document
from analytics.reports.pages import as_page, as_print
from analytics.reports.plant import plant_report
from analytics.reports.printing import Cancelled, PrintCutShort, PrintFailed, print_pdf
from analytics.reports.words import range_words
from devices.queries import get_device
from factory.accounts.models import User
from factory.errors import Conflict, DomainError, Forbidden, InvalidInput, Unavailable
from factory.queueing import enqueue_on_commit
from factory.retrying import again_after_deadlock
from factory.said import said_later
from grouping.queries import get_group
from telemetry.days import check_range
from telemetry.fold import QUARTER_MS

logger = logging.getLogger(__name__)

CLAIM = timedelta(minutes=2)
ATTEMPTS = 5
RETRY_AFTER = timedelta(seconds=30)
LONGEST_MS = 366 * 86_400_000
ENGLISH = "en"
UNFINISHED_LIMIT = 20
# Each takes a thread of the worker for as long as its PDF takes; readings and alerts must not wait for them.
AT_ONCE = 2
FORGOTTEN = timedelta(seconds=30)
Status, Kind = Report.Status, Report.Kind


class ReportOver(Conflict):
    """It is made already, or given up."""


class TooManyReports(Unavailable):
    """Others are to be made first."""


def request_report(
    *,
    kind: str,
    start: int,
    end: int,
    by: User | None,
    at: datetime,
    schedule: ReportSchedule | None = None,
    language: str = ENGLISH,
    **about: Any,
) -> Report:
    """Ask for a report on [start, end), ms, in whole quarters of an hour; a worker makes it.

    `about`: `device_id`, `group_id` or `severity`, as its kind has it. `language` is that of who reads it.
    """
    report = _new(kind, start, end, by, at, schedule, language, about)
    with transaction.atomic():
        report.save()
        enqueue_on_commit(tasks.make_report, report_id=report.pk)
    return report


def write_report(
    *, kind: str, start: int, end: int, by: User, at: datetime, language: str = ENGLISH, **about: Any
) -> tuple[Report, str]:
    """As `request_report`, and its page at once; a worker goes on with the PDF."""
    report = _new(kind, start, end, by, at, None, language, about)
    report.folder, report.progress = shelf.new_folder(), Report.WRITTEN
    with translation.override(language):
        page = _put_document(report.folder, _document(report, at, lambda percent: None))
    with transaction.atomic():
        report.save()
        enqueue_on_commit(tasks.make_report, report_id=report.pk)
    return report, page


def _new(
    kind: str,
    start: int,
    end: int,
    by: User | None,
    at: datetime,
    schedule: ReportSchedule | None,
    language: str,
    about: dict[str, Any],
) -> Report:
    check_range(start, end)
    start, end = start - start % QUARTER_MS, end + -end % QUARTER_MS
    if end - start > LONGEST_MS:
        raise InvalidInput.at("endTime", gettext("must be at most 366 days after startTime"))
    if by is not None and Report.objects.unfinished().filter(created_by=by).count() >= UNFINISHED_LIMIT:
        raise TooManyReports(
            gettext("%(most)s reports of yours are not made yet.") % {"most": UNFINISHED_LIMIT},
            retry_after=30,
        )
    parameters = {"startTime": start, "endTime": end, **check_report(kind, **about)}
    if language not in dict(settings.LANGUAGES):
        raise InvalidInput.at("language", f"must be one of {', '.join(dict(settings.LANGUAGES))}")
    with translation.override(language):
        title = f"{_subject(kind, parameters)}, {range_words(start, end)}"
    with translation.override(ENGLISH):  # a file's name is the same for everybody
        filename = _filename(kind, _subject(kind, parameters), start, end)
    return Report(
        kind=kind,
        parameters=parameters,
        title=title[:200],
        filename=filename,
        language=language,
        created_by=by,
        schedule=schedule,
        created_at=at,
        expires_at=at + timedelta(days=settings.REPORTS_KEEP_DAYS),
    )


def check_report(kind: str, **about: Any) -> dict[str, Any]:
    """What a report of this kind would be about, as it is kept; refuses what is not there."""
    if kind == Kind.DEVICE:
        return {"deviceId": get_device(about["device_id"]).pk}
    if kind == Kind.ANALYTICS:
        group_id = about.get("group_id")
        return {} if group_id is None else {"groupId": get_group(group_id).pk}
    severity = about.get("severity")
    if severity is not None and severity not in Alert.Severity.values:
        raise InvalidInput.at("severity", gettext("must be info, warning or critical"))
    return {} if severity is None else {"severity": severity}


def _subject(kind: str, parameters: dict[str, Any]) -> str:
    if kind == Kind.DEVICE:
        return get_device(parameters["deviceId"]).name
    if kind == Kind.ANALYTICS:
        return get_group(parameters["groupId"]).name if "groupId" in parameters else gettext("Plant")
    severity = parameters.get("severity")
    return f"{gettext('Alerts')}, {said_later(severity)}" if severity else gettext("Alerts")


def _filename(kind: str, subject: str, start: int, end: int) -> str:
    words = re.sub(r"[^\w.-]+", "-", subject).strip("-.")[:80] or "report"
    return f"{kind}-{words}-{_day(start)}-{_day(end - 1)}"


def _day(at: int) -> str:
    return f"{moment(at).astimezone(plant_zone()):%Y%m%d}"


# Making


def make_report(*, report_id: int, at: datetime, clock: Callable[[], datetime]) -> bool:
    """Make a report that nobody else is making; False where there is nothing to do, or enough is being done."""
    report = again_after_deadlock(partial(_claim, report_id, at))
    if report is None:
        return False
    try:
        _make_or_give_up(report, clock)
    finally:
        _have_made(waiting_reports(at=clock())[:1])
    return True


def _make_or_give_up(report: Report, clock: Callable[[], datetime]) -> None:
    try:
        _make(report, clock)
    except Cancelled:
        # It may also be that somebody else has taken it over, who needs its files.
        if Report.objects.filter(pk=report.pk, status=Status.CANCELLED).exists():
            shelf.clear(report.folder)
    except (DomainError, PrintFailed) as refusal:
        is_passing = isinstance(refusal, (Unavailable, PrintCutShort)) and report.attempts < ATTEMPTS
        _give_up(report, str(refusal), clock(), again=is_passing)
    except Exception as error:
        logger.exception("report.failed", extra={"report_id": report.pk})
        words = f"Something broke on our side: {type(error).__name__}."
        _give_up(report, words, clock(), again=report.attempts < ATTEMPTS)


def waiting_reports(*, at: datetime) -> QuerySet[Report]:
    """Those that nobody makes, the oldest first."""
    free = Q(claimed_until=None) | Q(claimed_until__lte=at)
    unfinished = Report.objects.unfinished()
    return unfinished.filter(free, attempts__lt=ATTEMPTS).order_by("pk")


def _have_made(reports: Iterable[Report]) -> None:
    for report in reports:
        enqueue_on_commit(tasks.make_report, report_id=report.pk)


@transaction.atomic
def _claim(report_id: int, at: datetime) -> Report | None:
    """Locks all that are not made yet, so that of many workers no more begin than there is room for."""
    unfinished = {
        report.pk: report for report in Report.objects.unfinished().select_for_update().order_by("pk")
    }
    busy = {pk for pk, report in unfinished.items() if report.claimed_until and report.claimed_until > at}
    report = unfinished.get(report_id)
    if report is None or report_id in busy or report.attempts >= ATTEMPTS:
        return None
    if sum(unfinished[pk].status == Status.RUNNING for pk in busy) >= AT_ONCE:
        return None
    report.status, report.claimed_until, report.attempts = Status.RUNNING, at + CLAIM, report.attempts + 1
    report.started_at = at
    report.save(update_fields=["status", "claimed_until", "attempts", "started_at"])
    return report


def _make(report: Report, clock: Callable[[], datetime]) -> None:
    tell = partial(_tell, report, clock)
    if report.progress < Report.WRITTEN:
        report.folder = report.folder or shelf.new_folder()
        Report.objects.filter(pk=report.pk).update(folder=report.folder)
        with translation.override(report.language):
            _put_document(report.folder, _document(report, clock(), tell))
        tell(Report.WRITTEN)
    page = shelf.get(report.folder, shelf.PRINT).decode()
    pdf = print_pdf(
        page,
        title=report.title,
        author=str(report.created_by or ""),
        made_at=report.created_at,
        tell=lambda: tell(Report.WRITTEN),
    )
    shelf.put(report.folder, shelf.PDF, pdf)
    _finish(report, len(pdf), clock())


def _document(report: Report, at: datetime, tell: Callable[[int], None]) -> Document:
    asked = report.parameters
    span = {"start": asked["startTime"], "end": asked["endTime"], "at": at, "tell": tell}
    if report.kind == Kind.DEVICE:
        return device_report(device=get_device(asked["deviceId"]), **span)
    if report.kind == Kind.ANALYTICS:
        return plant_report(group_id=asked.get("groupId"), **span)
    return alert_history_report(severity=asked.get("severity"), **span)


def _put_document(folder: str, document: Document) -> str:
    page = as_page(document)
    shelf.put(folder, shelf.PAGE, page.encode())
    shelf.put(folder, shelf.PRINT, as_print(document).encode())
    # With a mark by which spreadsheets know that it is UTF-8.
    shelf.put(folder, shelf.TABLE, b"\xef\xbb\xbf" + as_csv(document).encode())
    return page


def _tell(report: Report, clock: Callable[[], datetime], percent: int) -> None:
    """How far it is; who works at a report that was cancelled hears it here."""
    ours = Report.objects.filter(pk=report.pk, status=Status.RUNNING, attempts=report.attempts)
    if not ours.update(progress=percent, claimed_until=clock() + CLAIM):
        raise Cancelled


@transaction.atomic
def _finish(report: Report, pdf_bytes: int, at: datetime) -> None:
    ours = Report.objects.filter(pk=report.pk, status=Status.RUNNING, attempts=report.attempts)
    done = {"status": Status.DONE, "progress": 100, "pdf_bytes": pdf_bytes, "finished_at": at, "error": ""}
    if not ours.update(**done, claimed_until=None):
        raise Cancelled
    for mail_id in report.mails.values_list("pk", flat=True):
        enqueue_on_commit(tasks.send_report, mail_id=mail_id)


@transaction.atomic
def _give_up(report: Report, words: str, at: datetime, *, again: bool) -> None:
    ours = Report.objects.filter(pk=report.pk, status=Status.RUNNING, attempts=report.attempts)
    if again:  # the sweep finds it
        wait = RETRY_AFTER * 2 ** (report.attempts - 1)
        ours.update(status=Status.QUEUED, error=words[:500], claimed_until=at + wait)
        return
    if ours.update(status=Status.FAILED, error=words[:500], finished_at=at, claimed_until=None):
        report.mails.update(status="failed", error="The report could not be made.")
        logger.warning("report.given_up", extra={"report_id": report.pk, "error": words})


def cancel_report(*, report: Report, by: User, at: datetime) -> None:
    """Do not make it; refuses one that is made already, and below operator what somebody else asked for."""
    if report.created_by_id != by.pk and not by.has_rank_of(User.Role.OPERATOR):
        raise Forbidden(gettext("Somebody else asked for this report."))
    unfinished = Report.objects.unfinished().filter(pk=report.pk)
    if not unfinished.update(status=Status.CANCELLED, finished_at=at, claimed_until=None):
        raise ReportOver(gettext("This report is made already, or was given up."))


def request_again(*, report: Report, by: User, at: datetime) -> Report:
    """Ask once more for one that failed or was cancelled."""
    if report.status not in (Status.FAILED, Status.CANCELLED):
        raise ReportOver("This report is made already, or is being made.")
    asked = report.parameters
    about = {"device_id": "deviceId", "group_id": "groupId", "severity": "severity"}
    given = {name: asked[wire] for name, wire in about.items() if wire in asked}
    return request_report(
        kind=report.kind, start=asked["startTime"], end=asked["endTime"], by=by, at=at, **given
    )


def sweep_reports(*, at: datetime) -> int:
    """Have made what was forgotten, and clear away what has expired; returns how many are made anew."""
    for report in Report.objects.filter(expires_at__lte=at).exclude(status=Status.RUNNING):
        if report.folder:
            shelf.clear(report.folder)
        report.delete()
    tired = Report.objects.filter(status=Status.RUNNING, claimed_until__lte=at, attempts__gte=ATTEMPTS)
    tired.update(status=Status.FAILED, error="It was begun five times and never finished.", finished_at=at)
    forgotten = list(waiting_reports(at=at).filter(created_at__lte=at - FORGOTTEN)[:AT_ONCE])
    _have_made(forgotten)
    return len(forgotten)
