"""Claim codes: devices that register themselves."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from analytics.pages.devices import TYPES, report
from analytics.pages.doors import for_people, page, person
from devices.models import ClaimCode
from devices.services import MOST_USES, create_claim_code, revoke_claim_code
from factory.accounts.models import User
from factory.errors import DomainError

PER_PAGE = 50
DAY = 24  # hours
LIFETIMES = [
    (DAY, _("A day")),
    (7 * DAY, _("A week")),
    (30 * DAY, _("30 days")),
    (365 * DAY, _("A year")),
    (0, _("Until it is revoked")),
]
WIRE_NAMES = {
    "maxUses": "max_uses",
    "deviceIdPrefix": "device_id_prefix",
    "type": "device_type",
    "expiresAt": "hours",
}


class ClaimCodeForm(forms.Form):
    """Who may come by it, and what becomes of them."""

    label = forms.CharField(
        label=_("What it is for"),
        max_length=120,
        required=False,
        help_text=_("For example: pumps of hall 3."),
    )
    max_uses = forms.IntegerField(
        label=_("For how many devices"),
        min_value=1,
        max_value=MOST_USES,
        initial=1,
        help_text=_("1: for one device, once."),
    )
    hours = forms.TypedChoiceField(label=_("It is good for"), choices=LIFETIMES, coerce=int, initial=DAY)
    device_type = forms.ChoiceField(
        label=_("Type"), choices=[("", _("As the device says")), *TYPES], required=False
    )
    zone = forms.CharField(label=_("Zone"), max_length=64, required=False, help_text=_("Where they stand."))
    tags = forms.CharField(
        label=_("Tags"), max_length=1000, required=False, help_text=_("With a comma between them.")
    )
    device_id_prefix = forms.CharField(
        label=_("Device ids begin with"),
        max_length=64,
        required=False,
        help_text=_("Empty: any device id may come."),
    )

    def properties(self) -> dict[str, Any]:
        """As the service takes them, but the time."""
        given = {name: value for name, value in self.cleaned_data.items() if name != "hours"}
        return given | {"tags": [tag.strip() for tag in given["tags"].split(",") if tag.strip()]}


@require_http_methods(["GET", "POST"])
@for_people(User.Role.TECHNICIAN)
def claim_codes(request: HttpRequest) -> HttpResponse:
    """Every code by its last characters, and a form for one more; the code itself is shown once, with the answer."""
    form = ClaimCodeForm(request.POST or None)
    at = timezone.now()
    if request.method == "POST" and form.is_valid():
        hours = form.cleaned_data["hours"]
        try:
            code, text = create_claim_code(
                at=at,
                by=person(request),
                expires_at=at + timedelta(hours=hours) if hours else None,
                **form.properties(),
            )
        except DomainError as refusal:
            report(form, refusal, WIRE_NAMES)
        else:
            context = {
                "here": "devices",
                "tab": "claims",
                "code": code,
                "text": text,
                "url": request.build_absolute_uri("/api/trpc/devices.claim"),
                "example": f"{code.device_id_prefix or 'press-'}1",
            }
            return page(request, "analytics/claim_code.html", context)
    found = ClaimCode.objects.select_related("created_by").order_by("-pk")
    rows = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    for code in rows:
        code.usable = code.is_good(at) and code.uses < code.max_uses  # type: ignore[attr-defined]
    context = {
        "here": "devices",
        "tab": "claims",
        "form": form,
        "rows": rows,
        "now": at,
    }
    return page(request, "analytics/claim_codes.html", context, status=422 if form.errors else 200)


@require_POST
@for_people(User.Role.TECHNICIAN)
def revoke(request: HttpRequest, code_id: int) -> HttpResponse:
    """Nobody comes by it any more; those who came stay."""
    code = revoke_claim_code(code_id=code_id, at=timezone.now())
    messages.success(request, gettext("Revoked: %(code)s. Devices that came by it stay.") % {"code": code})
    return redirect("claim-codes")
