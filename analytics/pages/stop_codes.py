"""Why machines stand: the codes that people give their stops."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from analytics.models import StopCode
from analytics.pages.devices import report
from analytics.pages.doors import for_people, page
from analytics.queries.code_pages import code_rows, get_code
from analytics.services.stops import set_stop_code
from factory.accounts.models import User
from factory.errors import DomainError

LOSS, FAILURE, PLANNED = "loss", "failure", "planned"
KINDS = [
    (LOSS, _("A loss: downtime, but no failure")),
    (FAILURE, _("A failure: downtime that counts for MTBF and MTTR")),
    (PLANNED, _("Planned: no planned busy time")),
]
HERE = {"here": "performance", "tab": "codes"}


class CodeForm(forms.Form):
    """A code and what it means. Once made, a code keeps its name; what it means may change."""

    label = forms.CharField(
        label=_("Label"), max_length=120, help_text=_("What people choose, for example: Tool change.")
    )
    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}),
        help_text=_("Short, for reports and programs: letters, digits and . _ - only. It never changes."),
    )
    kind = forms.ChoiceField(label=_("What it is"), choices=KINDS)
    active = forms.BooleanField(label=_("Offer it to people"), required=False, initial=True)

    def __init__(self, *args: Any, present: StopCode | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.present = present
        if present is not None:
            del self.fields["code"]
            self.fields["label"].help_text = ""

    def clean_code(self) -> str:
        code = self.cleaned_data["code"]
        if StopCode.objects.filter(pk=code).exists():
            raise forms.ValidationError(gettext("There is such a code already."))
        return code

    def meaning(self) -> dict[str, Any]:
        """As `set_stop_code` takes it."""
        given = self.cleaned_data
        return {
            "code": self.present.code if self.present else given["code"],
            "label": given["label"],
            "planned": given["kind"] == PLANNED,
            "failure": given["kind"] == FAILURE,
            "active": given["active"],
        }


def kind_of(code: StopCode) -> str:
    return PLANNED if code.planned else FAILURE if code.failure else LOSS


@require_http_methods(["GET", "POST"])
@for_people()
def codes(request: HttpRequest) -> HttpResponseBase:
    """All codes with how often each was used, and for technicians a form for one more."""
    return _add(request) if request.method == "POST" else _show(request, CodeForm())


def _show(request: HttpRequest, form: CodeForm) -> HttpResponse:
    context = {**HERE, "rows": code_rows(), "form": form}
    return page(request, "analytics/setup_codes.html", context, status=422 if form.errors else 200)


@for_people(User.Role.TECHNICIAN)
def _add(request: HttpRequest) -> HttpResponse:
    form = CodeForm(request.POST)
    if _is_saved(form):
        messages.success(request, gettext("Added: %(name)s.") % {"name": form.cleaned_data["label"]})
        return redirect("stop-codes")
    return _show(request, form)


def _is_saved(form: CodeForm) -> bool:
    if form.is_valid():
        try:
            set_stop_code(**form.meaning())
        except DomainError as refusal:
            report(form, refusal, {"failure": "kind"})
    return form.is_valid()


@require_http_methods(["GET", "POST"])
@for_people(User.Role.TECHNICIAN)
def change_code(request: HttpRequest, code: str) -> HttpResponse:
    """Another label, another meaning, for the past too; or offered to people no more."""
    present = get_code(code)
    initial = {"label": present.label, "kind": kind_of(present), "active": present.active}
    form = CodeForm(request.POST or None, present=present, initial=initial)
    if request.method == "POST" and _is_saved(form):
        messages.success(request, gettext("Saved: %(name)s.") % {"name": form.cleaned_data["label"]})
        return redirect("stop-codes")
    context = {**HERE, "code": present, "form": form}
    return page(request, "analytics/setup_code.html", context, status=422 if form.errors else 200)
