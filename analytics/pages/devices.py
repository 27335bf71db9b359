from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from analytics.pages.doors import for_people, page
from analytics.pages.tokens import token_page
from devices.models import Device
from devices.services import register_device
from factory.accounts.models import User
from factory.errors import DomainError

TYPES = [
    (Device.Type.SENSOR, _("Sensor")),
    (Device.Type.ACTUATOR, _("Actuator")),
    (Device.Type.CONTROLLER, _("Controller")),
    (Device.Type.GATEWAY, _("Gateway")),
]


class DeviceForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=120, help_text=_("What people call it, for example Press 3.")
    )
    external_id = forms.CharField(
        label=_("Device id"),
        max_length=64,
        help_text=_("What the device calls itself. Letters, digits and . _ : - only; it never changes."),
    )
    type = forms.ChoiceField(label=_("Type"), choices=TYPES)
    zone = forms.CharField(
        label=_("Zone"), max_length=64, required=False, help_text=_("The hall or line it stands in.")
    )


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
            return token_page(request, device, token, "added")
    status = 422 if form.errors else 200
    return page(request, "analytics/new_device.html", {"here": "devices", "form": form}, status=status)


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
