"""A device's tokens: shown once, replaced with or without overlap, ended."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from analytics.pages.doors import for_people, page
from analytics.pages.first_reading import connecting
from devices.models import Device
from devices.queries import get_device
from devices.services import add_token as give_token
from devices.services import revoke_credential, rotate_token
from factory.accounts.models import User
from factory.errors import DomainError

HOUR, DAY = 3600, 86_400
OVERLAPS = [
    (0, _("At once")),
    (HOUR, _("In an hour")),
    (DAY, _("In a day")),
    (7 * DAY, _("In a week")),
    (30 * DAY, _("In 30 days")),
]
LIFETIMES = [
    (0, _("Until it is ended")),
    (HOUR, _("An hour")),
    (DAY, _("A day")),
    (7 * DAY, _("A week")),
    (90 * DAY, _("90 days")),
]


def _choice(label: Any, choices: Any, help_text: Any = "") -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label=label, choices=choices, coerce=int, required=False, empty_value=None, help_text=help_text
    )


class RotationForm(forms.Form):
    overlap = _choice(
        _("The present tokens end"), OVERLAPS, _("Later: the device can be given the new one meanwhile.")
    )


class TokenForm(forms.Form):
    label = forms.CharField(
        label=_("Label"),
        max_length=64,
        required=False,
        help_text=_("What it is for, for example a test bench."),
    )
    lifetime = _choice(_("It is good for"), LIFETIMES)


@require_http_methods(["GET", "POST"])
@for_people(User.Role.TECHNICIAN)
def device_token(request: HttpRequest, device_id: int) -> HttpResponse:
    """Ask, then replace the device's token; the new one is shown once, with the answer."""
    device = get_device(device_id)
    form = RotationForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            token = rotate_token(
                device=device,
                at=timezone.now(),
                overlap=timedelta(seconds=form.cleaned_data["overlap"] or 0),
            )
        except DomainError as refusal:
            form.add_error(None, refusal.message)
        else:
            return token_page(request, device, token, "rotated")
    context = {"here": "devices", "device": device, "form": form}
    return page(request, "analytics/rotate_token.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@for_people(User.Role.TECHNICIAN)
def add_token(request: HttpRequest, device_id: int) -> HttpResponse:
    """One more token beside those there are; shown once, with the answer."""
    device = get_device(device_id)
    form = TokenForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        seconds = form.cleaned_data["lifetime"]
        try:
            token = give_token(
                device=device,
                at=timezone.now(),
                lifetime=timedelta(seconds=seconds) if seconds else None,
                label=form.cleaned_data["label"],
            )
        except DomainError as refusal:
            form.add_error(None, refusal.message)
        else:
            return token_page(request, device, token, "more")
    context = {"here": "devices", "device": device, "form": form}
    return page(request, "analytics/add_token.html", context, status=422 if form.errors else 200)


@require_POST
@for_people(User.Role.TECHNICIAN)
def revoke_token(request: HttpRequest, device_id: int, credential_id: int) -> HttpResponse:
    """End one token now; whoever is connected by it is disconnected."""
    device = get_device(device_id)
    try:
        revoke_credential(device=device, credential_id=credential_id, at=timezone.now())
    except DomainError as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, gettext("The token has ended."))
    return HttpResponseRedirect(f"{reverse('device', args=[device_id])}?tab=credentials")


def token_page(request: HttpRequest, device: Device, token: str, done: str) -> HttpResponse:
    """A token, the only time that it is shown."""
    context = {"here": "devices", "token": token, "done": done, **connecting(request, device, token)}
    return page(request, "analytics/token.html", context)
