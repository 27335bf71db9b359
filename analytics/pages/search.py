"""Search over everything: a page for everybody, and its answers for the palette that opens over any page."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from analytics.models import Report
from analytics.pages.doors import for_people, page, person
from analytics.pages.site import Place, places_for, places_named
from analytics.queries.devices import marked
from analytics.queries.search import Found, cleaned, found_by
from factory.accounts.models import User
from factory.said import retold

ON_THE_PAGE = 20
IN_THE_PALETTE = 5


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer: where it leads, what it is called, and what tells it from its like."""

    url: str
    title: str
    detail: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """The answers of one kind, and where all of them are listed when there are more."""

    key: str
    title: str
    hits: list[Hit]
    all_url: str = ""


@require_safe
@for_people()
def search(request: HttpRequest) -> HttpResponse:
    """Everything that a text finds; without scripts, this is the search."""
    text = cleaned(request.GET.get("q", ""))
    context = _answers(text, person(request), ON_THE_PAGE)
    return page(request, "analytics/search.html", {"here": "search", **context})


@require_safe
@for_people()
def search_answers(request: HttpRequest) -> HttpResponse:
    """The first answers of each kind, while somebody is still typing."""
    text = cleaned(request.GET.get("q", ""))
    context = _answers(text, person(request), IN_THE_PALETTE)
    return render(request, "analytics/_search_answers.html", context)


def _answers(text: str, user: User, limit: int) -> dict:
    found = found_by(text, limit=limit)
    places = places_named(text, user=user)[:limit] if text else places_for(user)
    sections = [section for section in _sections(text, found, places) if section.hits]
    return {"text": text, "sections": sections, "count": sum(len(section.hits) for section in sections)}


def _report_url(report: Report) -> str:
    if report.status == Report.Status.DONE:
        return reverse("report-file", args=[report.pk, "html"])
    return reverse("reports")


def _sections(text: str, found: Found, places: Iterable[Place]) -> list[Section]:
    def every(view: str, kind: str, **narrowed: str) -> str:
        if kind not in found.more:
            return ""
        return reverse(view) + (f"?{urlencode(narrowed)}" if narrowed else "")

    devices = [
        Hit(
            reverse("device", args=[device.pk]),
            device.name,
            " · ".join(filter(None, [device.external_id, device.zone, device.location])),
            mark.value,
        )
        for device, mark, _ in marked(list(found.devices))
    ]
    alerts = [
        Hit(
            reverse("alert", args=[alert.pk]),
            retold(alert.message),
            f"#{alert.pk} · {alert.device.name if alert.device else alert.zone or gettext('The plant')}",
            alert.severity if alert.status != alert.Status.RESOLVED else "",
        )
        for alert in found.alerts
    ]
    groups = [
        Hit(reverse("group", args=[group.pk]), group.name, group.get_type_display()) for group in found.groups
    ]
    firmware = [
        Hit(reverse("firmware-version", args=[row.pk]), row.version, row.get_device_type_display())
        for row in found.firmware
    ]
    reports = [Hit(_report_url(row), row.title, row.get_status_display()) for row in found.reports]
    pages = [Hit(place.url, str(place.title)) for place in places]
    return [
        Section("devices", gettext("Devices"), devices, every("devices", "devices", search=text)),
        Section("alerts", gettext("Alerts"), alerts, every("alerts", "alerts", search=text)),
        Section("groups", gettext("Groups"), groups, every("groups", "groups")),
        Section("firmware", gettext("Firmware"), firmware, every("firmware", "firmware")),
        Section("reports", gettext("Reports"), reports, every("reports", "reports")),
        Section("pages", gettext("Pages and settings"), pages),
    ]
