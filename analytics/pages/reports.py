"""Reports: asked for, watched while they are made, kept until they expire."""

from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from alerts.models import Alert
from analytics.models import Report
from analytics.pages.devices import report as show_refusal
from analytics.pages.doors import back, for_people, page, person
from analytics.periods import PERIODS, read_period
from analytics.plant_clock import plant_zone
from analytics.queries.alerts import known_groups
from analytics.queries.report_pace import seconds_left_of
from analytics.queries.reports import get_report, reports_matching, schedules
from analytics.services.reports import cancel_report, request_again, request_report
from devices.queries import find_device
from factory.errors import DomainError

PER_PAGE = 25
KINDS = {
    Report.Kind.ANALYTICS: gettext_lazy("Plant or group: energy, OEE, stops, alerts"),
    Report.Kind.DEVICE: gettext_lazy("Device: readings, energy, OEE, status, alerts"),
    Report.Kind.ALERTS: gettext_lazy("Alert history"),
}
CHOSEN = "chosen"


class AboutForm(forms.Form):
    """What a report is about: only what goes with its kind counts."""

    kind = forms.ChoiceField(label=gettext_lazy("What it tells of"), choices=list(KINDS.items()))
    group = forms.TypedChoiceField(
        label=gettext_lazy("Group"),
        coerce=int,
        required=False,
        empty_value=None,
        help_text=gettext_lazy("Of a plant or group."),
    )
    device = forms.CharField(
        label=gettext_lazy("Device id"),
        max_length=64,
        required=False,
        help_text=gettext_lazy("Of a device: as it calls itself."),
    )
    severity = forms.ChoiceField(
        label=gettext_lazy("Severity"),
        choices=[("", gettext_lazy("All")), *Alert.Severity.choices],
        required=False,
        help_text=gettext_lazy("Of an alert history."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["group"].choices = [("", _("The whole plant")), *known_groups()]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if given.get("kind") == Report.Kind.DEVICE:
            found = find_device(given.get("device", "").strip())
            if found is None:
                self.add_error("device", _("There is no such device."))
            else:
                given["device_id"] = found.pk
        return given

    def about(self) -> dict[str, Any]:
        """As the services take it."""
        given = self.cleaned_data
        if given["kind"] == Report.Kind.DEVICE:
            return {"device_id": given["device_id"]}
        if given["kind"] == Report.Kind.ANALYTICS:
            return {"group_id": given["group"]} if given["group"] else {}
        return {"severity": given["severity"]} if given["severity"] else {}


class ReportForm(AboutForm):
    period = forms.ChoiceField(
        label=gettext_lazy("Of which days"),
        choices=[
            *((key, label) for key, (label, *others) in PERIODS.items()),
            (CHOSEN, gettext_lazy("From … to …")),
        ],
        initial="7d",
    )
    first = forms.DateField(
        label=gettext_lazy("From"), required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )
    last = forms.DateField(
        label=gettext_lazy("To"), required=False, widget=forms.DateInput({"type": "date"}, "%Y-%m-%d")
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        first, last = given.get("first"), given.get("last")
        if given.get("period") == CHOSEN and not self.errors:
            if first is None:
                self.add_error("first", _("Say from which day on."))
            elif last is not None and last < first:
                self.add_error("last", _("The last day is before the first one."))
            elif (last or first) - first > timedelta(days=365):
                self.add_error("last", _("A report is of 366 days at most."))
        return given

    def span(self, today: date) -> tuple[int, int]:
        """[start, end), ms."""
        given = self.cleaned_data
        asked = {"period": given["period"]}
        if given["period"] == CHOSEN:
            asked = {
                "from": given["first"].isoformat(),
                "to": (given["last"] or given["first"]).isoformat(),
            }
        period = read_period(asked, today=today, zone=plant_zone())
        return period.start, period.end


@for_people()
def report_list(request: HttpRequest) -> HttpResponse:
    """What was asked for, and what is made again and again."""
    found = Paginator(reports_matching(), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        **_frame(),
        "rows": found,
        "left": seconds_left_of(found, at=timezone.now()),
        "unfinished": Report.objects.unfinished().count(),
        "schedules": schedules(),
    }
    return page(request, "analytics/reports.html", context)


def _frame() -> dict[str, Any]:
    return {"here": "performance", "tab": "reports"}


@require_http_methods(["GET", "POST"])
@for_people()
def new_report(request: HttpRequest) -> HttpResponse:
    """Ask for one."""
    form = ReportForm(request.POST or None, initial=request.GET.dict())
    if request.method == "POST" and form.is_valid():
        at = timezone.now()
        start, end = form.span(timezone.localdate(at))
        kind, about = form.cleaned_data["kind"], form.about()
        try:
            request_report(
                kind=kind,
                start=start,
                end=end,
                by=person(request),
                at=at,
                language=get_language() or "",
                **about,
            )
        except DomainError as refusal:
            show_refusal(form, refusal, {})
        else:
            return redirect("reports")
    return page(
        request,
        "analytics/new_report.html",
        {**_frame(), "form": form},
        status=422 if form.errors else 200,
    )


@for_people()
def report_row(request: HttpRequest, report_id: int) -> HttpResponse:
    """One report as it is now, for the list."""
    report = get_report(report_id)
    context = {"report": report, "left": seconds_left_of([report], at=timezone.now())}
    return page(request, "analytics/_report.html", context)


@require_POST
@for_people()
def cancel(request: HttpRequest, report_id: int) -> HttpResponse:
    """Do not make it."""
    report = get_report(report_id)
    try:
        cancel_report(report=report, by=person(request), at=timezone.now())
    except DomainError as refusal:
        return back(request, refusal.message, good=False)
    return back(request, _("Cancelled: %(title)s.") % {"title": report.title})


@require_POST
@for_people()
def again(request: HttpRequest, report_id: int) -> HttpResponse:
    """One that failed or was cancelled, asked for once more."""
    try:
        request_again(report=get_report(report_id), by=person(request), at=timezone.now())
    except DomainError as refusal:
        messages.warning(request, refusal.message)
    return redirect("reports")
