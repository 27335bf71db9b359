"""What is running, of everybody: imports, batches, rollouts and reports, one's own first, and what has just ended."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from analytics import writing
from analytics.models import Report
from analytics.pages.batches import cancelling_words as batch_cancelling_words
from analytics.pages.batches import may_steer
from analytics.pages.doors import for_people, page, person
from analytics.pages.import_jobs import cancelling_words, import_words, wrong_words
from analytics.queries import batch_pages, rollout_pages
from analytics.queries.report_pace import seconds_left_of
from analytics.queries.rollout_pace import Pace, paces_of
from analytics.queries.work import Work, work_going_on, work_that_ended
from analytics.remaining import seconds_left
from analytics.templatetags.fleet import batch_title, how_far
from analytics.templatetags.working import pace_words, report_step
from devices.models import DeviceImport
from factory.accounts.models import User
from factory.said import retold
from grouping.models import BatchOperation


@dataclass(frozen=True, slots=True)
class Job:
    """One thing that runs or ran, in the words of its kind."""

    kind: str
    title: str
    url: str  # empty: this person may not look at it
    by: User | None
    state: str
    percent: int
    began_at: datetime
    ended_at: datetime | None = None
    left: float | None = None
    waits: str = ""  # for what, or how long the part takes that is being done
    trouble: str = ""  # how many failed, or why it did
    cancel_url: str = ""  # empty: not for this person, or not any more
    confirm: str = ""  # what is asked before


@for_people()
def work(request: HttpRequest) -> HttpResponse:
    """What runs and what has ended within a day."""
    at, me = timezone.now(), person(request)
    going, ended = work_going_on(), work_that_ended(at=at)
    running = sorted(_jobs(going, me, at), key=lambda job: (job.by != me, -job.began_at.timestamp()))
    over = sorted(_jobs(ended, me, at), key=lambda job: (job.by != me, -(job.ended_at or at).timestamp()))
    context = {
        "here": "work",
        "running": running,
        "ended": over,
        "is_cut": going.is_cut or ended.is_cut,
        "mine": sum(job.by == me for job in running),
    }
    return page(request, "analytics/work.html", context)


def _jobs(found: Work, me: User, at: datetime) -> Iterator[Job]:
    yield from (_import(one, me, at) for one in found.imports)
    yield from (_batch(told, me) for told in found.batches)
    paces = paces_of(found.rollouts, at=at)
    yield from (_rollout(told, me, paces.get(told.rollout.pk)) for told in found.rollouts)
    left = seconds_left_of(found.reports, at=at)
    yield from (_report(report, me, left.get(report.pk)) for report in found.reports)


def _import(one: DeviceImport, me: User, at: datetime) -> Job:
    may = me.has_rank_of(User.Role.TECHNICIAN)
    working = one.is_working
    return Job(
        kind=_("Import of devices"),
        title=one.name,
        url=reverse("import-job", args=[one.pk]) if may else "",
        by=one.created_by,
        state=import_words(one),
        percent=one.percent,
        began_at=one.created_at,
        ended_at=one.finished_at,
        left=seconds_left(done=one.next_row, total=one.rows, since=one.phase_at, at=at) if working else None,
        trouble=retold(one.error) or wrong_words(one),
        cancel_url=reverse("cancel-import", args=[one.pk]) if may and not one.is_over else "",
        confirm=cancelling_words(one),
    )


def _batch(told: batch_pages.Told, me: User) -> Job:
    batch, counts = told.batch, told.counts
    title = batch_title(batch)
    may = batch.status in BatchOperation.UNFINISHED and may_steer(me, batch)
    return Job(
        kind=_("Batch"),
        title=f"{title} · {batch.group.name}" if batch.group else title,
        url=reverse("batch", args=[batch.pk]),
        by=batch.created_by,
        state=how_far(told),
        percent=counts.progress,
        began_at=batch.created_at,
        ended_at=batch.completed_at,
        trouble=_failed(counts.failed),
        cancel_url=reverse("cancel-batch", args=[batch.pk]) if may else "",
        confirm=batch_cancelling_words(told),
    )


def _rollout(told: rollout_pages.Told, me: User, pace: Pace | None) -> Job:
    rollout, counts = told.rollout, told.bar.counts
    finished = counts.total - counts.unfinished
    may = me.has_rank_of(User.Role.TECHNICIAN) and rollout.status in rollout.UNFINISHED
    return Job(
        kind=_("Rollout"),
        title=rollout.name,
        url=reverse("rollout", args=[rollout.pk]),
        by=rollout.created_by,
        state=told.sentence,
        percent=100 * finished // counts.total if counts.total else 100,
        began_at=rollout.started_at or rollout.created_at,
        ended_at=rollout.completed_at,
        waits=pace_words(pace),
        trouble=_failed(counts.failed),
        cancel_url=reverse("cancel-rollout", args=[rollout.pk]) if may else "",
        confirm=ngettext(
            "Cancel %(title)s? %(count)s device will not be updated; what is being installed goes on.",
            "Cancel %(title)s? %(count)s devices will not be updated; what is being installed goes on.",
            counts.unfinished,
        )
        % {"title": rollout.name, "count": writing.number(counts.unfinished)},
    )


def _report(report: Report, me: User, left: float | None) -> Job:
    is_over = report.status not in Report.UNFINISHED
    may = not is_over and (report.created_by_id == me.pk or me.has_rank_of(User.Role.OPERATOR))
    states = {
        Report.Status.QUEUED: report_step(report),
        Report.Status.RUNNING: report_step(report),
        Report.Status.DONE: _("done"),
        Report.Status.FAILED: _("failed"),
        Report.Status.CANCELLED: _("cancelled"),
    }
    return Job(
        kind=_("Report"),
        title=report.title,
        url=reverse("reports"),
        by=report.created_by,
        state=states[Report.Status(report.status)],
        percent=report.progress,
        began_at=report.created_at,
        ended_at=report.finished_at,
        left=left,
        trouble=retold(report.error),
        cancel_url=reverse("cancel-report", args=[report.pk]) if may else "",
        confirm=_("Cancel the report “%(title)s”? Nothing is kept of it.") % {"title": report.title},
    )


def _failed(count: int) -> str:
    if not count:
        return ""
    return ngettext("%(count)s failed", "%(count)s failed", count) % {"count": writing.number(count)}
