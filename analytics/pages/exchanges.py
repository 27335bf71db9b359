"""Counters that were exchanged for others: noted, listed, taken back."""

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from analytics.pages.devices import report
from analytics.pages.doors import for_people, page, person
from analytics.pages.exact_moment import ExactMoment
from analytics.pages.meters import DeviceField, metric_field, number_field
from analytics.queries.meter_pages import counters_of, exchanges_noted
from analytics.queries.states import ms
from devices.queries import find_device
from factory.accounts.models import User
from factory.errors import DomainError
from telemetry.services import forget_exchange, note_exchange

PER_PAGE = 50
HERE = {"here": "performance", "tab": "exchanges"}
WIRE_NAMES = {"oldValue": "old_value", "newValue": "new_value", "timestamp": "moment"}


class ExchangeForm(forms.Form):
    """A counter that was exchanged for another one."""

    device = DeviceField(label=_("Device id"), help_text=_("As the device calls itself."))
    metric = metric_field(_("Counter"), "counters", help_text=_("The metric that it counts with."))
    moment = ExactMoment(label=_("When"))
    old_value = number_field(_("The old one showed last"))
    new_value = number_field(_("The new one begins with"), initial=0)
    note = forms.CharField(label=_("Note"), max_length=300, required=False)


@require_http_methods(["GET", "POST"])
@for_people()
def exchanges(request: HttpRequest) -> HttpResponseBase:
    """The exchanges of counters that were noted, and for technicians a form for one more."""
    if request.method == "POST":
        return _note(request)
    at = timezone.localtime().replace(second=0, microsecond=0)
    asked = {name: request.GET.get(name, "") for name in ("device", "metric")}
    return _show(request, ExchangeForm(initial={"moment": at, **asked}))


def _show(request: HttpRequest, form: ExchangeForm) -> HttpResponse:
    device = find_device(str(form["device"].value() or ""))
    context = {
        **HERE,
        "form": form,
        "rows": Paginator(exchanges_noted(), PER_PAGE).get_page(request.GET.get("page")),
        "counters": counters_of(device.pk) if device else [],
    }
    return page(request, "analytics/setup_exchanges.html", context, status=422 if form.errors else 200)


@for_people(User.Role.TECHNICIAN)
def _note(request: HttpRequest) -> HttpResponse:
    form = ExchangeForm(request.POST)
    if form.is_valid():
        given = dict(form.cleaned_data)
        try:
            noted = note_exchange(at=ms(given.pop("moment")), by=person(request), now=timezone.now(), **given)
        except DomainError as refusal:
            report(form, refusal, WIRE_NAMES)
        else:
            messages.success(
                request,
                gettext("Noted: %(metric)s of %(device)s was exchanged.")
                % {"metric": noted.metric, "device": noted.device.name},
            )
            return redirect("exchanges")
    return _show(request, form)


@require_POST
@for_people(User.Role.TECHNICIAN)
def take_back_exchange(request: HttpRequest, exchange_id: int) -> HttpResponse:
    """It was noted by mistake: what was counted over that moment is counted anew."""
    try:
        forget_exchange(exchange_id=exchange_id)
    except DomainError as refusal:
        messages.warning(request, refusal.message)
    else:
        messages.success(request, gettext("Taken back. What was counted over that moment is counted anew."))
    return redirect("exchanges")
