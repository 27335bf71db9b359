"""How the energy of devices is measured, and what a kWh costs."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from analytics.pages.devices import report
from analytics.pages.doors import for_people, page, person
from analytics.pages.maintenance import LocalMoment
from analytics.queries.meter_pages import MeterSetup, exchanges_noted, meter_page, metered, meters_shown
from analytics.queries.meters import energy_price
from analytics.queries.states import ms
from analytics.services.meters import set_energy_meter, set_energy_price
from analytics.templatetags.plant import moment
from devices.models import Device
from devices.queries import find_device, get_device
from factory.accounts.models import User
from factory.errors import DomainError

PER_PAGE = 50
HERE = {"here": "performance", "tab": "meters"}
FOUND, CHOSEN = "found", "chosen"
WIRE_NAMES = {
    "counterMetric": "counter_metric",
    "powerMetric": "power_metric",
    "measuredBy": "measured_by",
    "perKwh": "per_kwh",
}


class DeviceField(forms.CharField):
    """A device by the id that it calls itself."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput({"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"})
        super().__init__(max_length=64, widget=widget, **options)

    def clean(self, value: Any) -> Device | None:
        asked = super().clean(value)
        if not asked:
            return None
        device = find_device(asked)
        if device is None:
            raise forms.ValidationError(gettext("There is no such device."))
        return device


def metric_field(label: Any, listed: str, **options: Any) -> forms.CharField:
    attributes = {"list": listed, "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
    return forms.CharField(label=label, max_length=63, widget=forms.TextInput(attributes), **options)


def number_field(label: Any, **options: Any) -> forms.FloatField:
    return forms.FloatField(
        label=label, widget=forms.NumberInput({"step": "any", "inputmode": "decimal"}), **options
    )


class MeterForm(forms.Form):
    """By which metrics the energy of a device is told. What fits, the service says."""

    told = forms.ChoiceField(
        label=_("Its energy is told by"),
        choices=[
            (FOUND, _("What it reports: its counter, else its power")),
            (CHOSEN, _("The metrics named here")),
        ],
    )
    counter_metric = metric_field(_("Energy counter"), "counters", required=False)
    power_metric = metric_field(_("Power"), "powers", required=False)
    counter_since = LocalMoment(
        label=_("The counter tells since"),
        required=False,
        help_text=_(
            "Empty: always. Before this moment the power tells. It is taken to the next quarter of an hour."
        ),
    )
    measured_by = DeviceField(
        label=_("Measured as well by"),
        required=False,
        help_text=_(
            "Device id of the meter that has this device behind it. Together only that meter counts."
        ),
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if given.get("told") == CHOSEN and not (given.get("counter_metric") or given.get("power_metric")):
            self.add_error("counter_metric", gettext("Name a counter, a power, or both."))
        return given

    def properties(self) -> dict[str, Any]:
        """As `set_energy_meter` takes them; only what was chosen counts."""
        given = self.cleaned_data
        if given["told"] == FOUND:
            return {"measured_by": given["measured_by"]}
        since = given["counter_since"]
        return {
            "counter_metric": given["counter_metric"],
            "power_metric": given["power_metric"],
            "counter_since": ms(since) if since else None,
            "measured_by": given["measured_by"],
        }


class PriceForm(forms.Form):
    per_kwh = number_field(_("A kWh costs"), required=False, help_text=_("Empty: nobody says."))
    currency = forms.CharField(
        label=_("Currency"),
        max_length=3,
        required=False,
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
        help_text=_("Three letters, for example EUR."),
    )

    def clean_currency(self) -> str:
        return self.cleaned_data["currency"].upper()


@for_people()
def meters(request: HttpRequest) -> HttpResponse:
    """By which metric each device's energy is told, and what a kWh costs."""
    return _show(request, PriceForm(initial=_price()))


def _show(request: HttpRequest, price_form: PriceForm) -> HttpResponse:
    search = request.GET.get("search", "").strip()[:120]
    asked = request.GET.get("named", "").strip()
    problem = ""
    if asked:
        device = find_device(asked)
        if device:
            return redirect("meter", device.pk)
        problem = gettext("There is no such device.")
    rows = Paginator(metered(search), PER_PAGE).get_page(request.GET.get("page"))
    context = {
        **HERE,
        "search": search,
        "rows": rows,
        "meters": meters_shown(rows),
        "price": energy_price(),
        "price_form": price_form,
        "may_price": person(request).has_rank_of(User.Role.ADMIN),
        "asked": asked,
        "problem": problem,
    }
    status = 422 if problem or price_form.errors else 200
    return page(request, "analytics/setup_meters.html", context, status=status)


def _price() -> dict[str, Any]:
    price = energy_price()
    return {"per_kwh": price.per_kwh, "currency": price.currency}


@require_POST
@for_people(User.Role.ADMIN)
def set_price(request: HttpRequest) -> HttpResponse:
    """What a kWh costs, in every figure from now on."""
    form = PriceForm(request.POST)
    if form.is_valid():
        try:
            set_energy_price(**form.cleaned_data)
        except DomainError as refusal:
            report(form, refusal, WIRE_NAMES)
        else:
            messages.success(request, gettext("Saved: what a kWh costs."))
            return redirect("meters")
    return _show(request, form)


@require_http_methods(["GET", "POST"])
@for_people()
def meter(request: HttpRequest, device_id: int) -> HttpResponseBase:
    """One device as a meter: read by everybody, changed by technicians."""
    setup = meter_page(get_device(device_id))
    if request.method == "POST":
        return _save_meter(request, setup)
    return _meter_page(request, setup, MeterForm(initial=_initial_of(setup)))


@for_people(User.Role.TECHNICIAN)
def _save_meter(request: HttpRequest, setup: MeterSetup) -> HttpResponse:
    form = MeterForm(request.POST)
    if form.is_valid():
        try:
            set_energy_meter(device=setup.device, **form.properties())
        except DomainError as refusal:
            report(form, refusal, WIRE_NAMES)
        else:
            messages.success(
                request, gettext("Saved: how the energy of %(name)s is told.") % {"name": setup.device.name}
            )
            return redirect("meters")
    return _meter_page(request, setup, form)


def _meter_page(request: HttpRequest, setup: MeterSetup, form: MeterForm) -> HttpResponse:
    context = {
        **HERE,
        "setup": setup,
        "device": setup.device,
        "form": form,
        "exchanges": list(exchanges_noted(device=setup.device)[:PER_PAGE]),
    }
    return page(request, "analytics/setup_meter.html", context, status=422 if form.errors else 200)


def _initial_of(setup: MeterSetup) -> dict[str, Any]:
    return {
        "told": CHOSEN if setup.is_chosen else FOUND,
        "counter_metric": setup.counter,
        "power_metric": setup.power,
        "counter_since": moment(setup.counter_since),
        "measured_by": setup.measured_by.external_id if setup.measured_by else "",
    }
