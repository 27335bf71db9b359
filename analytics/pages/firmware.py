"""Versions of firmware: the list, one of them, a new one, taking one back; and putting one device on a version."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise, lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from analytics.pages.devices import report
from analytics.pages.doors import for_people, page, person
from analytics.queries.firmware_pages import deployments_to, outcomes_of, versions_told
from analytics.queries.rollout_pages import told_of
from analytics.templatetags.fleet import firmware_words
from analytics.words import said
from devices.models import Device
from devices.queries import get_device
from factory.accounts.models import User
from factory.errors import DomainError
from ota.models import Deployment
from ota.queries.deployments import deployments_matching
from ota.queries.firmware import firmware_matching, get_firmware
from ota.queries.rollouts import rollouts_matching
from ota.services.accepting import LONGEST_NOTES
from ota.services.deployments import cancel_deployment, deploy, retry_deployment, roll_back
from ota.services.firmware import LONGEST_REASON, upload_firmware, withdraw_firmware

PER_PAGE = 50
ROLLOUTS_SHOWN = 10
WIRE_NAMES = {"deviceType": "device_type", "releaseNotes": "release_notes", "isStable": "is_stable"}


def _with_size(words: str | Promise) -> str:
    return str(words) % {"size": settings.UPLOAD_FILE_MB}


at_most = lazy(_with_size, str)


class UploadForm(forms.Form):
    """A version and its file; what is right of it, the service knows."""

    file = forms.FileField(
        label=_("File"),
        error_messages={"required": _("Choose a file.")},
        help_text=at_most(_("At most %(size)s MB.")),
    )
    version = forms.CharField(
        label=_("Version"), max_length=64, help_text=_("Semantic: 2.10.0 or 2.10.0-rc.1.")
    )
    device_type = forms.ChoiceField(
        label=_("Type of device"),
        choices=lambda: [(value, said(str(name))) for value, name in Device.Type.choices],
    )
    hardware = forms.CharField(
        label=_("Hardware"),
        required=False,
        help_text=_("The boards it runs on, with commas between them; none: all of the type."),
    )
    release_notes = forms.CharField(
        label=_("Release notes"),
        required=False,
        max_length=LONGEST_NOTES,
        widget=forms.Textarea({"rows": 6}),
        help_text=_("Markdown. What is new, and what to look at."),
    )
    manifest = forms.CharField(
        label=_("Manifest"),
        required=False,
        max_length=10_000,
        strip=False,
        widget=forms.Textarea({"rows": 3, "class": "code-input", "spellcheck": "false"}),
        help_text=_("Where the file is signed: what sign_firmware wrote to FILE.manifest.json."),
    )
    signature = forms.CharField(
        label=_("Signature"), required=False, max_length=200, help_text=_("What it wrote to FILE.sig.")
    )
    is_stable = forms.BooleanField(label=_("Stable: tried, and meant for the whole plant"), required=False)

    def clean_hardware(self) -> list[str]:
        return [name.strip() for name in self.cleaned_data["hardware"].split(",") if name.strip()]

    def clean_manifest(self) -> str:
        return self.cleaned_data["manifest"].strip()


@for_people()
def firmware_list(request: HttpRequest) -> HttpResponse:
    """Every version, type by type, the newest first."""
    asked = request.GET.get("type", "")
    type_ = asked if asked in Device.Type.values else ""
    found = firmware_matching(device_type=type_ or None, include_withdrawn=True)
    rows = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "here": "firmware",
        "tab": "versions",
        "rows": rows,
        "versions": versions_told(list(rows)),
        "type": type_,
        "types": Device.Type.choices,
    }
    return page(request, "analytics/firmware.html", context)


@require_http_methods(["GET", "POST"])
@for_people(User.Role.TECHNICIAN)
def upload(request: HttpRequest) -> HttpResponse:
    """Add a version."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            firmware = upload_firmware(**form.cleaned_data, by=person(request), at=timezone.now())
        except DomainError as refusal:
            report(form, refusal, WIRE_NAMES)
        else:
            messages.success(
                request,
                gettext("Version %(firmware)s is here. No device gets it before you say so.")
                % {"firmware": firmware_words(firmware)},
            )
            return redirect("firmware-version", firmware.pk)
    context = {"here": "firmware", "form": form}
    return page(request, "analytics/firmware_upload.html", context, status=422 if form.errors else 200)


@for_people()
def firmware_detail(request: HttpRequest, firmware_id: int) -> HttpResponse:
    """One version: what is new in it, who runs it, how its updates went."""
    return _detail(request, firmware_id)


def _detail(
    request: HttpRequest, firmware_id: int, *, status: int = 200, problem: str = "", because: str = ""
) -> HttpResponse:
    firmware = get_firmware(firmware_id)
    [version] = versions_told([firmware])
    rollouts = list(rollouts_matching(firmware_id=firmware.pk)[:ROLLOUTS_SHOWN])
    context = {
        "here": "firmware",
        "firmware": firmware,
        "version": version,
        "outcomes": outcomes_of(firmware_id=firmware.pk),
        "rollouts": told_of(rollouts),
        "rows": Paginator(deployments_to(firmware_id=firmware.pk), PER_PAGE).get_page(
            request.GET.get("page")
        ),
        "problem": problem,
        "because": because,
    }
    return page(request, "analytics/firmware_version.html", context, status=status)


@require_POST
@for_people(User.Role.TECHNICIAN)
def withdraw(request: HttpRequest, firmware_id: int) -> HttpResponse:
    """Offer it to nobody any more; says why."""
    firmware, because = get_firmware(firmware_id), request.POST.get("because", "")
    try:
        withdraw_firmware(firmware=firmware, because=because, by=person(request), at=timezone.now())
    except DomainError as refusal:
        problem = " ".join(refusal.fields.get("because", [refusal.message]))
        return _detail(
            request, firmware_id, status=422, problem=problem, because=because[: LONGEST_REASON + 1]
        )
    messages.success(
        request,
        gettext("Version %(firmware)s is withdrawn: no device gets it any more.")
        % {"firmware": firmware_words(firmware)},
    )
    return redirect("firmware-version", firmware_id)


# One device


def _to_tab(device_id: int) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('device', args=[device_id])}?tab=firmware")


def _answer(request: HttpRequest, device_id: int, do: Callable[[], Any], done: str) -> HttpResponse:
    try:
        do()
    except DomainError as refusal:
        reasons = [reason for each in refusal.fields.values() for reason in each]
        messages.warning(request, " ".join(reasons) or refusal.message)
    else:
        messages.success(request, done)
    return _to_tab(device_id)


@require_POST
@for_people(User.Role.TECHNICIAN)
def deploy_to_device(request: HttpRequest, device_id: int) -> HttpResponse:
    """Put this one device on another version."""
    device, asked = get_device(device_id), request.POST.get("firmware", "")
    if not (asked.isascii() and asked.isdecimal() and len(asked) < 19):
        messages.warning(request, gettext("Choose a version."))
        return _to_tab(device_id)
    firmware = get_firmware(int(asked))
    done = gettext("%(name)s gets %(version)s as soon as it is there.") % {
        "name": device.name,
        "version": firmware.version,
    }
    return _answer(
        request,
        device_id,
        lambda: deploy(device=device, firmware=firmware, at=timezone.now(), by=person(request)),
        done,
    )


def _deployment(device_id: int, deployment_id: int) -> Deployment:
    found = deployments_matching(device_id=device_id).filter(pk=deployment_id).first()
    if found is None:
        raise Http404(f"There is no deployment {deployment_id}.")
    return found


@require_POST
@for_people(User.Role.TECHNICIAN)
def cancel_update(request: HttpRequest, device_id: int, deployment_id: int) -> HttpResponse:
    """Have the device stay with what it runs."""
    one = _deployment(device_id, deployment_id)
    return _answer(
        request,
        device_id,
        lambda: cancel_deployment(deployment=one, at=timezone.now(), by=person(request)),
        gettext("Cancelled. %(name)s stays with what it runs.") % {"name": one.device.name},
    )


@require_POST
@for_people(User.Role.TECHNICIAN)
def retry_update(request: HttpRequest, device_id: int, deployment_id: int) -> HttpResponse:
    """Once more, as its next attempt."""
    one = _deployment(device_id, deployment_id)
    return _answer(
        request,
        device_id,
        lambda: retry_deployment(deployment=one, at=timezone.now(), by=person(request)),
        gettext("%(version)s is tried once more.") % {"version": one.firmware.version},
    )


@require_POST
@for_people(User.Role.TECHNICIAN)
def undo_update(request: HttpRequest, device_id: int, deployment_id: int) -> HttpResponse:
    """Put on again what ran before."""
    one = _deployment(device_id, deployment_id)
    return _answer(
        request,
        device_id,
        lambda: roll_back(deployment=one, at=timezone.now(), by=person(request)),
        gettext("%(name)s goes back to %(version)s.")
        % {"name": one.device.name, "version": one.previous_version},
    )
