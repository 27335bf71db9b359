"""What people have one device do: a command, another configuration."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from analytics.pages.configuration_form import ConfigurationForm
from analytics.pages.device import command_form, show_tab
from analytics.pages.doors import for_people, person
from analytics.queries.device_tabs import commands_for, twin_of
from analytics.twin_rows import pretty
from devices.queries import get_device
from devices.services import Order, send_commands, set_desired
from factory.accounts.models import User
from factory.errors import Conflict, DomainError


def _to_tab(device_id: int, tab: str) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('device', args=[device_id])}?tab={tab}")


@require_POST
@for_people(User.Role.OPERATOR)
def send_command(request: HttpRequest, device_id: int) -> HttpResponse:
    """Have the device do something; where it is away, when it is back."""
    device = get_device(device_id)
    known = commands_for(device_type=device.type)
    asked = request.POST.get("send", "")
    form = command_form(known, asked, request.POST)
    if form is None:
        messages.warning(request, "There is no such command.")
        return _to_tab(device_id, "commands")
    if form.is_valid():
        name = form.cleaned_data["name"]
        try:
            order = Order(
                device_id=device.pk,
                name=name,
                parameters=form.given(),
                ttl_seconds=form.cleaned_data["ttl"],
                request_key=_request_key(request),
            )
            command, *_ = send_commands(orders=[order], at=timezone.now(), by=person(request))
        except DomainError as refusal:
            form.refuse(refusal)
        else:
            when = "now" if command.push_at else "when it is back"
            messages.success(request, f"{name}: {device.name} gets it {when}.")
            return _to_tab(device_id, "commands")
    return show_tab(request, device, "commands", status=422, form=form, send=asked)


def _request_key(request: HttpRequest) -> str | None:
    """Made when the form was opened: pressed twice, it is one command."""
    key = request.POST.get("key", "")
    return f"page:{person(request).pk}:{key[:64]}" if key else None


@require_POST
@for_people(User.Role.OPERATOR)
def configure(request: HttpRequest, device_id: int) -> HttpResponse:
    """Say how the device is to be set up; whoever was first is shown, not overwritten."""
    device = get_device(device_id)
    form = ConfigurationForm(request.POST)
    status = 422
    changed: dict = {}
    if form.is_valid():
        version = form.cleaned_data["version"]
        try:
            configuration = set_desired(
                device=device,
                desired=form.cleaned_data["desired"],
                expected_version=version,
                at=timezone.now(),
                by=person(request),
            )
        except Conflict as refusal:
            status = 409
            twin = twin_of(device_id=device_id)
            form = ConfigurationForm({"desired": request.POST["desired"], "version": twin.version})
            form.is_valid()
            changed = {"conflict": refusal.message, "theirs": pretty(twin.desired), "opened_at": version}
        except DomainError as refusal:
            form.add_error("desired", next(iter(refusal.fields.values()), [refusal.message]))
        else:
            messages.success(
                request, f"Version {configuration.version} is what is wanted of {device.name} now."
            )
            return _to_tab(device_id, "configuration")
    return show_tab(request, device, "configuration", status=status, form=form, **changed)
