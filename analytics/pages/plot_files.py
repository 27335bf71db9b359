"""What a page shows, as a file to take along: a plot in the colours of print, numbers as a table."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import Http404, HttpResponse
from django.utils.http import content_disposition_header

from analytics.pages.about import About
from analytics.plots.drawing import PRINT, Drawing
from analytics.reports.as_csv import cell


def plot_file(plots: Mapping[str, Drawing], name: str, about: About) -> HttpResponse:
    """One of the plots of a page as SVG."""
    if name not in plots:
        raise Http404("There is no such plot.")
    return _file(plots[name].at(PRINT), "image/svg+xml", f"{name}{_days(about)}.svg")


def table_file(head: Sequence[str], rows: Iterable[Sequence[Any]], name: str, about: About) -> HttpResponse:
    """Rows as CSV (RFC 4180): times in UTC, numbers with all their digits."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(head)
    writer.writerows([cell(value) for value in row] for row in rows)
    return _file(text.getvalue(), "text/csv; charset=utf-8; header=present", f"{name}{_days(about)}.csv")


def _days(about: About) -> str:
    return f"-{about.period.first:%Y%m%d}-{about.period.last:%Y%m%d}"


def _file(body: str, content_type: str, filename: str) -> HttpResponse:
    headers = {"Content-Disposition": content_disposition_header(True, filename) or "attachment"}
    return HttpResponse(body, content_type=content_type, headers=headers)
