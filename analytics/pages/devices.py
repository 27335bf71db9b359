import json
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from analytics.charts import course_of
from analytics.pages.doors import for_people, page
from analytics.queries.devices import device_page, marked
from devices.models import Device
from devices.queries import devices_matching, get_device
from devices.services import register_device, rotate_token
from factory.accounts.models import User
from factory.errors import DomainError

PER_PAGE = 50
RANGES = {
    "15m": ("15 min", "15 minutes", timedelta(minutes=15)),
    "1h": ("1 hour", "hour", timedelta(hours=1)),
    "24h": ("24 hours", "24 hours", timedelta(days=1)),
    "7d": ("7 days", "7 days", timedelta(days=7)),
    "30d": ("30 days", "30 days", timedelta(days=30)),
    "1y": ("1 year", "year", timedelta(days=365)),
}


@for_people()
def device_list(request: HttpRequest) -> HttpResponse:
    """Every device, by name; search and filters stand in the address."""
    status, search = request.GET.get("status", ""), request.GET.get("search", "").strip()[:120]
    zone = request.GET.get("zone")
    found = devices_matching(
        status=status if status in Device.Status.values else None, zone=zone, search=search or None
    )
    rows = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "here": "devices",
        "rows": rows,
        "devices": marked(list(rows)),
        "status": status,
        "search": search,
        "zone": zone,
        "statuses": [("", "Any status"), *Device.Status.choices],
        "filtered": bool(status or search or zone is not None),
    }
    return page(request, "analytics/devices.html", context)


@for_people()
def device_detail(request: HttpRequest, device_id: int) -> HttpResponse:
    """One device: how it is, what it measures, what is expected of it, what went wrong."""
    span = request.GET.get("range", "")
    span = span if span in RANGES else "1h"
    _, words, length = RANGES[span]
    at = timezone.now()
    shown = device_page(
        device=get_device(device_id), metric=request.GET.get("metric", ""), span=length, at=at
    )
    context = {
        "here": "devices",
        "shown": shown,
        "device": shown.device,
        "range": span,
        "range_words": words,
        "ranges": [(key, label) for key, (label, _, _) in RANGES.items()],
        "course": shown.chosen
        and course_of(
            device_id=device_id,
            metric=shown.chosen.metric,
            metrics=len(shown.measurements),
            threshold=shown.chosen.threshold,
            alerts=shown.spans,
            span=length,
        ),
        "csv_url": _csv_url(
            shown.device, at - length, at + timedelta(days=1)
        ),  # and what comes while one looks
    }
    return page(request, "analytics/device.html", context)


def _csv_url(device: Device, start: datetime, end: datetime) -> str:
    asked = {
        "deviceId": device.pk,
        "startTime": int(start.timestamp() * 1000),
        "endTime": int(end.timestamp() * 1000),
        "timeZone": settings.PLANT_TIME_ZONE,
    }
    return f"/api/trpc/readings.exportCsv?{urlencode({'input': json.dumps(asked)})}"


class DeviceForm(forms.Form):
    name = forms.CharField(max_length=120, help_text="What people call it, for example Press 3.")
    external_id = forms.CharField(
        label="Device id",
        max_length=64,
        help_text="What the device calls itself. Letters, digits and . _ : - only; it never changes.",
    )
    type = forms.ChoiceField(choices=Device.Type.choices)
    zone = forms.CharField(max_length=64, required=False, help_text="The hall or line it stands in.")


WIRE_NAMES = {"deviceId": "external_id"}


@require_http_methods(["GET", "POST"])
@for_people(User.Role.TECHNICIAN)
def new_device(request: HttpRequest) -> HttpResponse:
    """Add a device; its token is shown once, with the answer."""
    form = DeviceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            device, token = register_device(**form.cleaned_data, at=timezone.now())
        except DomainError as refusal:
            report(form, refusal, WIRE_NAMES)
        else:
            return _token_page(request, device, token, "added")
    status = 422 if form.errors else 200
    return page(request, "analytics/new_device.html", {"here": "devices", "form": form}, status=status)


@require_http_methods(["GET", "POST"])
@for_people(User.Role.TECHNICIAN)
def device_token(request: HttpRequest, device_id: int) -> HttpResponse:
    """Ask, then replace the device's token; the new one is shown once, with the answer."""
    device = get_device(device_id)
    if request.method == "POST":
        return _token_page(request, device, rotate_token(device=device, at=timezone.now()), "rotated")
    return page(request, "analytics/rotate_token.html", {"here": "devices", "device": device})


def _token_page(request: HttpRequest, device: Device, token: str, done: str) -> HttpResponse:
    url = request.build_absolute_uri("/api/trpc/readings.create")
    context = {"here": "devices", "device": device, "token": token, "url": url, "done": done}
    return page(request, "analytics/token.html", context)


def report(form: forms.Form, refusal: DomainError, names: dict[str, str]) -> None:
    """Show a service's refusal at the fields it speaks of, in the words of the form."""
    for wire, reasons in refusal.fields.items():
        name = names.get(wire, wire)
        form.add_error(name if name in form.fields else None, [_in_words(r, form, names) for r in reasons])
    if not refusal.fields:
        form.add_error(None, refusal.message)


def _in_words(reason: str, form: forms.Form, names: dict[str, str]) -> str:
    for wire, name in names.items():
        if name in form.fields:
            reason = reason.replace(wire, f"“{form[name].label}”")
    return reason[:1].upper() + reason[1:]
