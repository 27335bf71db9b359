"""Serial lines: groups for which one station speaks."""

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from analytics.pages.devices import report
from analytics.pages.doors import for_people, page
from analytics.queries.line_pages import line_of, line_rows, stations_in
from analytics.selection import read_number
from analytics.services.machines import set_line
from devices.models import Device
from devices.queries import find_device
from factory.accounts.models import User
from factory.errors import DomainError
from grouping.queries import get_group

PER_PAGE = 50
HERE = {"here": "performance", "tab": "lines"}


class StationForm(forms.Form):
    station = forms.CharField(label=_("Who speaks for it"), required=False, widget=forms.Select)

    def __init__(self, *args, stations: list[Device], present: Device | None, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        known = {device.pk: device.name for device in [*stations, *([present] if present else [])]}
        self.fields["station"].widget.choices = [
            ("", gettext("Nobody: it is no serial line")),
            *known.items(),
        ]

    def clean_station(self) -> Device | None:
        asked = self.cleaned_data["station"]
        if not asked:
            return None
        number = read_number(asked)
        device = find_device(number) if number is not None else None
        if device is None:
            raise forms.ValidationError(gettext("There is no such device."))
        return device


@for_people()
def lines(request: HttpRequest) -> HttpResponse:
    """Groups that are serial lines, and those that could be."""
    found = line_rows()
    rows = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    lines_there = sum(row.station is not None for row in found)
    return page(request, "analytics/setup_lines.html", {**HERE, "rows": rows, "lines": lines_there})


@require_http_methods(["GET", "POST"])
@for_people(User.Role.TECHNICIAN)
def change_line(request: HttpRequest, group_id: int) -> HttpResponse:
    """Say which station speaks for a group: its bottleneck or its last one."""
    group = get_group(group_id)
    present = line_of(group)
    form = StationForm(
        request.POST if request.method == "POST" else None,
        stations=stations_in(group),
        present=present,
        initial={"station": present.pk if present else ""},
    )
    if request.method == "POST" and form.is_valid():
        station = form.cleaned_data["station"]
        try:
            set_line(group=group, station=station)
        except DomainError as refusal:
            report(form, refusal, {"stationId": "station"})
        else:
            given = {"group": group.name, "station": station.name if station else ""}
            words = (
                gettext("%(station)s speaks for %(group)s.")
                if station
                else gettext("%(group)s is no serial line.")
            )
            messages.success(request, words % given)
            return redirect("lines")
    context = {**HERE, "group": group, "form": form}
    return page(request, "analytics/setup_line.html", context, status=422 if form.errors else 200)
