"""Reports that are made again and again, and sent by e-mail."""

import re
from datetime import time
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import get_language, gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from analytics.models import ReportSchedule
from analytics.pages.devices import report as show_refusal
from analytics.pages.doors import for_people, page, person
from analytics.pages.reports import AboutForm
from analytics.queries.reports import get_schedule
from analytics.services.schedules import drop_schedule, schedule_report
from devices.models import Device
from factory.accounts.models import User
from factory.errors import DomainError

CADENCES = {
    ReportSchedule.Cadence.DAILY: _("Each day, of the day before"),
    ReportSchedule.Cadence.WEEKLY: _("Each Monday, of the week before"),
    ReportSchedule.Cadence.MONTHLY: _("On the first of each month, of the month before"),
}
WIRE_NAMES = {"atTime": "at_time", "deviceId": "device", "groupId": "group"}


class ScheduleForm(AboutForm):
    name = forms.CharField(label=_("Name"), max_length=120)
    cadence = forms.ChoiceField(label=_("When"), choices=list(CADENCES.items()))
    at_time = forms.TimeField(
        label=pgettext_lazy("time of day", "At"),
        widget=forms.TimeInput({"type": "time"}, "%H:%M"),
        initial=time(6),
    )
    recipients = forms.CharField(
        label=pgettext_lazy("recipient", "To"),
        widget=forms.Textarea({"rows": 3}),
        help_text=_("E-mail addresses, each on a line of its own."),
    )
    enabled = forms.BooleanField(label=_("Make it"), required=False, initial=True)

    field_order = [
        "name",
        "kind",
        "group",
        "device",
        "severity",
        "cadence",
        "at_time",
        "recipients",
        "enabled",
    ]

    def plan(self) -> dict[str, Any]:
        """As `schedule_report` takes it."""
        given = self.cleaned_data
        names = ("name", "kind", "cadence", "at_time", "enabled")
        return {
            **{name: given[name] for name in names},
            "recipients": [word for word in re.split(r"[\s,;]+", given["recipients"]) if word],
            **self.about(),
        }


@require_http_methods(["GET", "POST"])
@for_people(User.Role.TECHNICIAN)
def plan(request: HttpRequest) -> HttpResponse:
    """Have a report made from now on."""
    return _form_page(request, ScheduleForm(request.POST or None, initial=request.GET.dict()))


@require_http_methods(["GET", "POST"])
@for_people(User.Role.TECHNICIAN)
def change(request: HttpRequest, schedule_id: int) -> HttpResponse:
    """Have it done otherwise."""
    schedule = get_schedule(schedule_id)
    return _form_page(request, ScheduleForm(request.POST or None, initial=_initial(schedule)), schedule)


def _initial(schedule: ReportSchedule) -> dict[str, Any]:
    about = schedule.parameters
    device = Device.objects.filter(pk=about.get("deviceId")).first()
    return {
        "name": schedule.name,
        "kind": schedule.kind,
        "cadence": schedule.cadence,
        "at_time": schedule.at_time,
        "recipients": "\n".join(schedule.recipients),
        "enabled": schedule.enabled,
        "group": about.get("groupId"),
        "severity": about.get("severity", ""),
        "device": device.external_id if device else "",
    }


def _form_page(
    request: HttpRequest, form: ScheduleForm, schedule: ReportSchedule | None = None
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            saved = schedule_report(
                **form.plan(),
                schedule=schedule,
                by=person(request),
                at=timezone.now(),
                language=get_language() or "",
            )
        except DomainError as refusal:
            fields = {f"recipients.{place}": "recipients" for place in range(50)}
            show_refusal(form, refusal, WIRE_NAMES | fields)
        else:
            messages.success(request, gettext("Saved: %(name)s.") % {"name": saved.name})
            return redirect("reports")
    context = {"here": "performance", "tab": "reports", "form": form, "schedule": schedule}
    return page(request, "analytics/report_schedule.html", context, status=422 if form.errors else 200)


@require_POST
@for_people(User.Role.TECHNICIAN)
def drop(request: HttpRequest, schedule_id: int) -> HttpResponse:
    """Make no more of them."""
    schedule = get_schedule(schedule_id)
    drop_schedule(schedule=schedule)
    messages.success(request, gettext("Not made any more: %(name)s.") % {"name": schedule.name})
    return redirect("reports")
