from django.contrib import admin
from django.forms import FloatField, ModelForm, SplitDateTimeField
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminSplitDateTimeWidget

from analytics.admin.common import AskedFirst, clock
from analytics.models import EnergyMeter, EnergyPrice
from analytics.queries.states import moment, ms
from analytics.services.meters import set_energy_meter, set_energy_price
from factory.accounts.backoffice import RoomAdmin

SAID = ["counter_metric", "power_metric", "since", "measured_by"]


class MeterForm(AskedFirst, ModelForm):
    on_the_wire = {
        "counterMetric": "counter_metric",
        "powerMetric": "power_metric",
        "measuredBy": "measured_by",
    }

    since = SplitDateTimeField(
        label="Counter since",
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget,
        help_text="From the next whole quarter of an hour on; empty: always. Before that the power tells.",
    )

    class Meta:
        model = EnergyMeter
        fields = ["device", "counter_metric", "power_metric", "measured_by"]
        help_texts = {
            "counter_metric": "Without a counter and a power it is found by what the device reports.",
            "measured_by": "The meter that measures this device as well: together only that one counts.",
        }

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.is_chosen:
            self.initial["counter_metric"] = (
                ""  # what was found stands in the list, and is not chosen by saving
            )
        elif self.instance.counter_since is not None:
            self.fields["since"].initial = moment(self.instance.counter_since)

    def save_by_service(self) -> EnergyMeter:
        given = self.cleaned_data
        return set_energy_meter(
            device=self.instance.device if self.instance.pk else given["device"],
            counter_metric=given["counter_metric"],
            power_metric=given["power_metric"],
            counter_since=ms(given["since"]) if given["since"] else None,
            measured_by=given["measured_by"],
        )


@admin.register(EnergyMeter)
class EnergyMeterAdmin(RoomAdmin):
    """By which metrics devices tell their energy: found by what they report, or chosen."""

    form = MeterForm
    list_display = ["device", "counter_metric", "counter_from", "power_metric", "measured_by", "is_chosen"]
    list_filter = ["is_chosen", "counter_metric", "device__zone"]
    list_select_related = ["device", "measured_by"]
    search_fields = ["device__external_id", "device__name"]
    ordering = ["device__name", "device"]
    raw_id_fields = ["device", "measured_by"]

    def get_fields(self, request, obj=None):
        return ["device", *SAID, *(["begins", "is_chosen"] if obj else [])]

    def get_readonly_fields(self, request, obj=None):
        return ["device", "begins", "is_chosen"] if obj else []

    def has_delete_permission(self, request, obj=None) -> bool:
        return False  # it knows since when the device tells its energy

    @admin.display(description=_("counter since"), ordering="counter_since")
    def counter_from(self, meter: EnergyMeter) -> str:
        return clock(meter.counter_since) or ("always" if meter.counter_metric else "")

    @admin.display(description=_("tells its energy since"))
    def begins(self, meter: EnergyMeter) -> str:
        return clock(meter.begins_at) or "not known yet"

    def save_model(self, request, obj, form, change) -> None:
        obj.pk = form.save_by_service().pk


class PriceForm(AskedFirst, ModelForm):
    on_the_wire = {"perKwh": "per_kwh"}

    per_kwh = FloatField(
        label="Per kWh", required=False, widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"})
    )

    class Meta:
        model = EnergyPrice
        fields = ["per_kwh", "currency"]

    def save_by_service(self) -> EnergyPrice:
        return set_energy_price(**self.cleaned_data)


@admin.register(EnergyPrice)
class EnergyPriceAdmin(RoomAdmin):
    """There is one, for figures of all times: another one takes its place."""

    form = PriceForm
    list_display = ["__str__", "per_kwh", "currency"]

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def save_model(self, request, obj, form, change) -> None:
        obj.pk = form.save_by_service().pk
