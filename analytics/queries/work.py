"""What runs, of every kind and everybody, and what has ended lately."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, Q

from analytics.models import Report
from analytics.queries import batch_pages, rollout_pages
from analytics.queries.reports import reports_matching
from devices.models import DeviceImport
from devices.queries import imports
from grouping.queries.batches import batches_matching
from ota.models import Rollout
from ota.queries.rollouts import rollouts_matching

LATELY = timedelta(days=1)
MOST = 50  # of a kind


@dataclass(slots=True)
class Work:
    """At most so many of each kind, the newest first; `is_cut` says whether there are more."""

    imports: list[DeviceImport] = field(default_factory=list)
    batches: list[batch_pages.Told] = field(default_factory=list)
    rollouts: list[rollout_pages.Told] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    is_cut: bool = False


def work_going_on() -> Work:
    """What is not over yet; a rollout that is only planned does not run."""
    return _work(
        Q(status__in=DeviceImport.UNFINISHED),
        Q(completed_at=None),
        Q(status__in=(Rollout.Status.RUNNING, Rollout.Status.PAUSED))
        | Q(status=Rollout.Status.CANCELLED, completed_at=None, started_at__isnull=False),
        Q(status__in=Report.UNFINISHED),
    )


def work_that_ended(*, at: datetime) -> Work:
    """What came to an end within the last day."""
    since = at - LATELY
    return _work(
        Q(finished_at__gte=since),
        Q(completed_at__gte=since),
        Q(completed_at__gte=since),
        Q(finished_at__gte=since),
    )


def _work(of_imports: Q, of_batches: Q, of_rollouts: Q, of_reports: Q) -> Work:
    found_imports = list(imports().filter(of_imports)[: MOST + 1])
    found_batches = list(batches_matching().filter(of_batches)[: MOST + 1])
    found_rollouts = list(rollouts_matching().filter(of_rollouts)[: MOST + 1])
    found_reports = list(reports_matching().filter(of_reports)[: MOST + 1])
    return Work(
        found_imports[:MOST],
        batch_pages.told_of(found_batches[:MOST]),
        rollout_pages.told_of(found_rollouts[:MOST]),
        found_reports[:MOST],
        any(len(found) > MOST for found in (found_imports, found_batches, found_rollouts, found_reports)),
    )


def away_of(batch_id: int) -> int:
    """How many devices of a batch are waited for that are offline: nobody knows when they are back."""
    waiting = batch_pages.items_of(batch_id, "waiting")
    return waiting.filter(device__status="offline").aggregate(n=Count("pk"))["n"]
