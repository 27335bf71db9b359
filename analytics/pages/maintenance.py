from datetime import datetime, time
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from alerts.models import MaintenanceWindow
from alerts.queries.maintenance import get_window
from alerts.services.maintenance import end_maintenance, plan_maintenance
from analytics.pages.devices import report
from analytics.pages.doors import for_people, page, person
from analytics.queries.alerts import known_groups, known_zones
from analytics.queries.maintenance import planned_work
from devices.models import Device
from devices.queries import find_device
from factory.accounts.models import User
from factory.errors import DomainError
from grouping.queries import get_group

DAYS = [(number, WEEKDAYS_ABBR[number - 1]) for number in range(1, 8)]
REACH = {
    "": _("Choose …"),
    "device": _("A device"),
    "group": _("A group"),
    "type": _("A type of device"),
    "zone": _("A zone"),
    "plant": _("The whole plant"),
}
WIRE_NAMES = {"endTime": "ends_at", "startTime": "starts_at", "start": "turn_starts"}


class LocalMoment(forms.DateTimeField):
    """A day and a time on the plant's clock."""

    widget = forms.DateTimeInput({"type": "datetime-local"}, "%Y-%m-%dT%H:%M")


class WindowForm(forms.Form):
    """Work, once or every week, and what it reaches. What may not be together, the service says."""

    name = forms.CharField(
        label=_("What is done"), max_length=120, help_text=_("For example: oil change on the presses.")
    )
    reach = forms.ChoiceField(label=_("What it reaches"), choices=list(REACH.items()))
    device = forms.CharField(
        label=_("Device id"), max_length=64, required=False, help_text=_("As the device calls itself.")
    )
    group = forms.TypedChoiceField(label=_("Group"), coerce=int, required=False, empty_value=None)
    type = forms.ChoiceField(
        label=_("Type of device"),
        choices=[("", _("Choose …")), *Device.Type.choices],
        required=False,
    )
    zone = forms.ChoiceField(label=_("Zone"), required=False)
    weekly = forms.ChoiceField(
        label=_("When"), choices=[("", _("Once")), ("weekly", _("Every week"))], required=False
    )
    starts_at = LocalMoment(label=_("From"))
    ends_at = LocalMoment(label=_("To"), required=False, help_text=_("Every week: may be left open."))
    days = forms.TypedMultipleChoiceField(
        label=_("Days"), choices=DAYS, coerce=int, required=False, widget=forms.CheckboxSelectMultiple
    )
    turn_starts = forms.TimeField(
        label=_("Each time from"), required=False, widget=forms.TimeInput({"type": "time"}, "%H:%M")
    )
    turn_ends = forms.TimeField(
        label=_("Each time to"),
        required=False,
        widget=forms.TimeInput({"type": "time"}, "%H:%M"),
        help_text=_("An end before the start is on the next day."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["group"].choices = [("", _("Choose …")), *known_groups()]  # type: ignore[attr-defined]
        zones = [(name, name) for name in known_zones()]
        self.fields["zone"].choices = [("", _("Choose …")), *zones]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        reach = given.get("reach", "")
        if reach in ("device", "group", "type", "zone"):
            if not given.get(reach) and reach not in self.errors:
                self.add_error(reach, gettext("Choose one."))
            elif reach == "device" and (found := find_device(given["device"].strip())) is None:
                self.add_error("device", gettext("There is no such device."))
            elif reach == "device":
                given["found"] = found
        return given

    def plan(self) -> dict[str, Any]:
        """As `plan_maintenance` takes it; only what was chosen counts."""
        given = self.cleaned_data
        reach, is_weekly = given["reach"], bool(given["weekly"])
        return {
            "name": given["name"],
            "starts_at": given["starts_at"],
            "ends_at": given["ends_at"],
            "days": given["days"] if is_weekly else (),
            "start_time": given["turn_starts"] if is_weekly else None,
            "end_time": given["turn_ends"] if is_weekly else None,
            "device": given["found"] if reach == "device" else None,
            "group": get_group(given["group"]) if reach == "group" else None,
            "device_type": given["type"] if reach == "type" else "",
            "zone": given["zone"] if reach == "zone" else "",
        }


def _first(at: datetime) -> dict[str, Any]:
    """What the form proposes: from this minute on."""
    return {
        "starts_at": timezone.localtime(at).replace(second=0, microsecond=0),
        "turn_starts": time(6),
        "turn_ends": time(8),
    }


@for_people()
def maintenance(request: HttpRequest) -> HttpResponse:
    """What work is planned or going on; while it is, its alerts are kept and nobody is told."""
    context = {"here": "alerts", "tab": "maintenance", "work": planned_work(at=timezone.now())}
    return page(request, "analytics/maintenance.html", context)


@require_http_methods(["GET", "POST"])
@for_people(User.Role.OPERATOR)
def plan_window(request: HttpRequest) -> HttpResponse:
    """Announce work."""
    at = timezone.now()
    initial = {**_first(at), **request.GET.dict()}
    if initial.get("device"):
        initial["reach"] = "device"
    form = WindowForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            window = plan_maintenance(**form.plan(), by=person(request), at=at)
        except DomainError as refusal:
            report(form, refusal, WIRE_NAMES)
        else:
            messages.success(request, gettext("Planned: %(name)s.") % {"name": window.name})
            return redirect("maintenance")
    status = 422 if form.errors else 200
    context = {"here": "alerts", "tab": "maintenance", "form": form}
    return page(request, "analytics/plan_maintenance.html", context, status=status)


@require_POST
@for_people(User.Role.OPERATOR)
def end_window(request: HttpRequest, window_id: int) -> HttpResponse:
    """The work is done, or is not done at all."""
    window: MaintenanceWindow = get_window(window_id)
    try:
        end_maintenance(window=window, at=timezone.now())
    except DomainError as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(
            request, gettext("Over: %(name)s. What is still open is told now.") % {"name": window.name}
        )
    return redirect("maintenance")
