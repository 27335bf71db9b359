"""Devices that go out of service, come back, or go for good: what is asked before, and what is said after."""

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from analytics.pages.confirming import must_type, typed_number
from analytics.pages.doors import for_people, page, person
from analytics.pages.tokens import token_page
from analytics.selection import pack, unpack
from analytics.templatetags.plant import grouped
from devices.models import Device
from devices.queries import get_device, what_goes
from devices.services import deactivate_devices, delete_devices, reactivate_device
from factory.accounts.models import User
from factory.errors import DomainError

NAMED = 10


def ask_to_deactivate(
    request: HttpRequest, device_ids: Sequence[int], *, problem: str = "", status: int = 200
) -> HttpResponse:
    """Name who would go out of service, and what that means."""
    devices = Device.objects.in_service().filter(pk__in=device_ids).order_by("name", "pk")
    there = sorted(devices.values_list("pk", flat=True))
    context = {
        "here": "devices",
        "count": len(there),
        "named": list(devices[:NAMED]),
        "more": max(0, len(there) - NAMED),
        "packed": pack(there),
        "must_type": must_type(len(there)),
        "problem": problem,
        "back_to": reverse("device", args=[there[0]]) if len(there) == 1 else reverse("devices"),
    }
    return page(request, "analytics/deactivate.html", context, status=status)


@require_POST
@for_people(User.Role.TECHNICIAN)
def deactivate(request: HttpRequest) -> HttpResponse:
    """Take devices out of service; asks first, unless it has been asked."""
    device_ids = unpack(request.POST.get("devices", ""))
    if not device_ids:
        messages.warning(request, gettext("No device was chosen."))
        return redirect("devices")
    if not request.POST.get("sure"):
        return ask_to_deactivate(request, device_ids)
    if problem := typed_number(request, len(device_ids)):
        return ask_to_deactivate(request, device_ids, problem=problem, status=422)
    try:
        deactivate_devices(device_ids=device_ids, at=timezone.now(), by=person(request))
    except DomainError as refusal:
        messages.warning(request, refusal.message)
    else:
        count = len(device_ids)
        messages.success(
            request,
            ngettext(
                "%(count)s device out of service. Their history stays.",
                "%(count)s devices out of service. Their history stays.",
                count,
            )
            % {"count": grouped(count)},
        )
    if len(device_ids) == 1:
        return redirect("device", device_ids[0])
    return HttpResponseRedirect(f"{reverse('devices')}?deactivated=1")


@require_POST
@for_people(User.Role.TECHNICIAN)
def reactivate(request: HttpRequest, device_id: int) -> HttpResponse:
    """Back into service, with a new token, which is shown this once."""
    device = get_device(device_id)
    try:
        token = reactivate_device(device=device, at=timezone.now())
    except DomainError as refusal:
        messages.warning(request, refusal.message)
        return redirect("device", device_id)
    return token_page(request, device, token, "back")


@require_http_methods(["GET", "POST"])
@for_people(User.Role.ADMIN)
def delete_device(request: HttpRequest, device_id: int) -> HttpResponse:
    """Say what goes with a device; when its name was typed, all of it goes."""
    device = get_device(device_id)
    problem = ""
    if request.method == "POST":
        if request.POST.get("confirm", "").strip() == device.external_id:
            delete_devices(devices=[device])
            messages.success(request, gettext("Deleted: %(name)s.") % {"name": device.name})
            return redirect("devices")
        problem = gettext("Type %(id)s here.") % {"id": device.external_id}
    context = {
        "here": "devices",
        "device": device,
        "goes": [(name, count) for name, count in what_goes([device_id]).items() if count],
        "problem": problem,
    }
    return page(request, "analytics/delete_device.html", context, status=422 if problem else 200)
