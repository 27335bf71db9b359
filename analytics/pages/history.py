from datetime import date, datetime, time, timedelta
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.http import content_disposition_header

from alerts.models import Alert, AlertQuerySet
from analytics.alert_csv import ExportsBusy, alerts_as_csv
from analytics.pages.alerts import Filters, filter_choices
from analytics.pages.doors import for_people, page
from analytics.queries.alerts import alerts_in_view, known_groups

PER_PAGE = 50
DAYS_SHOWN = 30
STATUSES = [("", "Any"), *Alert.Status.choices]


@for_people()
def alert_history(request: HttpRequest) -> HttpResponse:
    """Every alert there ever was, newest first, the last 30 days unless other days are asked for."""
    groups = dict(known_groups())
    filters = Filters.read(request.GET, groups)
    days = _days(request.GET)
    found = _found(request.GET, filters, days)
    context = {
        "here": "alerts",
        "tab": "history",
        "rows": Paginator(found, PER_PAGE).get_page(request.GET.get("page")),
        "filters": filters,
        "first": days[0],
        "last": days[1],
        "status": _status(request.GET),
        "statuses": STATUSES,
        "key": request.GET.get("key", "")[:190],
        **filter_choices(groups),
    }
    return page(request, "analytics/history.html", context)


@for_people()
def alert_history_csv(request: HttpRequest) -> HttpResponseBase:
    """The same alerts as a file, oldest first."""
    filters = Filters.read(request.GET, dict(known_groups()))
    days = _days(request.GET)
    try:
        export = alerts_as_csv(_found(request.GET, filters, days))
    except ExportsBusy as refusal:
        return HttpResponse(
            refusal.message,
            status=503,
            content_type="text/plain",
            headers={"Retry-After": refusal.retry_after},
        )
    name = "-".join(["alerts", *(f"{day:%Y%m%d}" for day in days if day)]) + ".csv"
    return StreamingHttpResponse(
        export,
        content_type="text/csv; charset=utf-8; header=present",
        headers={"Content-Disposition": content_disposition_header(True, name)},
    )


Days = tuple[date | None, date | None]


def _days(asked: QueryDict) -> Days:
    """The first and the last day asked for, on the plant's calendar; an empty first one means since ever."""
    default = timezone.localdate() - timedelta(days=DAYS_SHOWN - 1)
    return _day(asked.get("from"), default), _day(asked.get("to"), None)


def _day(text: str | None, default: date | None) -> date | None:
    if not text:
        return default if text is None else None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return default
    return found if 1970 <= found.year <= 9000 else default


def _found(asked: QueryDict, filters: Filters, days: Days) -> AlertQuerySet:
    first, last = days
    narrowed: dict[str, Any] = {
        "start": first and _midnight(first),
        "end": last and _midnight(last + timedelta(days=1)),
    }
    found = alerts_in_view(status=_status(asked), **filters.as_query(), **narrowed)
    key = asked.get("key", "")[:190]
    return found.filter(key=key) if key else found


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


def _status(asked: QueryDict) -> str:
    status = asked.get("status", "")
    return status if status in Alert.Status.values else ""
