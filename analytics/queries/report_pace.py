"""How long a report still takes, told by the last one of its kind that was about as long."""

from collections.abc import Iterable
from datetime import datetime

from analytics.models import Report
from analytics.remaining import seconds_left_as_before

LOOKED_AT = 100  # the newest ones that were made
ALIKE = 2.0  # of a span between half and twice as long


def seconds_left_of(reports: Iterable[Report], *, at: datetime) -> dict[int, float | None]:
    """{report: seconds, or None where there is nothing to tell it by} of those that are being made; one query."""
    running = [report for report in reports if report.status == Report.Status.RUNNING and report.started_at]
    if not running:
        return {}
    made = list(
        Report.objects.filter(status=Report.Status.DONE, kind__in={report.kind for report in running})
        .exclude(started_at=None)
        .order_by("-pk")
        .only("kind", "parameters", "started_at", "finished_at")[:LOOKED_AT]
    )
    return {report.pk: _left(report, made, at) for report in running}


def _left(report: Report, made: list[Report], at: datetime) -> float | None:
    span = _span(report)
    for one in made:
        is_alike = one.kind == report.kind and span / ALIKE <= _span(one) <= span * ALIKE
        if is_alike and one.started_at and one.finished_at and report.started_at:
            took = (one.finished_at - one.started_at).total_seconds()
            return seconds_left_as_before(took=took, since=report.started_at, at=at)
    return None


def _span(report: Report) -> int:
    return int(report.parameters.get("endTime", 0)) - int(report.parameters.get("startTime", 0))
