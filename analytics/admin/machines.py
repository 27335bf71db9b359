from django.contrib import admin
from django.forms import ModelForm
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from analytics.admin.common import AskedFirst, OnlyLookedAt, clock
from analytics.models import Line, MachineProfile, Product, ProductRun
from analytics.services.machines import drop_machine_profile, set_line
from analytics.templatetags.making import cycle, pace, runs
from devices.models import Device
from factory.accounts.backoffice import RoomAdmin


def _page_of(device_id: int) -> SafeString:
    return format_html('<a href="{}">Set up</a>', reverse("machine-setup", args=[device_id]))


@admin.register(MachineProfile)
class MachineProfileAdmin(OnlyLookedAt):
    """Set up on the machine's page, where one sees what it means; here they are looked at and forgotten."""

    list_display = ["device", "holds_from", "cycle", "counts", "runs", "set_up"]
    list_filter = ["running_by", "device__zone"]
    list_select_related = ["device"]
    search_fields = ["device__external_id", "device__name", "total_metric"]
    ordering = ["device__name", "device", "-valid_from"]
    actions = ["forget"]

    def get_readonly_fields(self, request, obj=None):
        shown = [field.name for field in MachineProfile._meta.fields if field.name != "valid_from"]
        return ["holds_from", *shown, "set_up"]

    def get_fields(self, request, obj=None):
        return self.get_readonly_fields(request, obj)

    @admin.display(description=_("holds from"), ordering="valid_from")
    def holds_from(self, profile: MachineProfile) -> str:
        return clock(profile.valid_from) if profile.valid_from else "since ever"

    @admin.display(description=_("ideal cycle"), ordering="ideal_cycle_seconds")
    def cycle(self, profile: MachineProfile) -> str:
        return f"{cycle(profile.ideal_cycle_seconds)}, {pace(profile.ideal_cycle_seconds)}"

    @admin.display(description=_("counts"))
    def counts(self, profile: MachineProfile) -> str:
        parts = {"": profile.total_metric, "good: ": profile.good_metric, "rejects: ": profile.reject_metric}
        return ", ".join(f"{what}{metric}" for what, metric in parts.items() if metric)

    @admin.display(description=_("runs when"))
    def runs(self, profile: MachineProfile) -> str:
        return runs(profile)

    @admin.display(description="")
    def set_up(self, profile: MachineProfile) -> SafeString:
        return _page_of(profile.device_id)

    @admin.action(description=_("These devices are no machines any more"), permissions=["change"])
    def forget(self, request, queryset) -> None:
        devices = Device.objects.filter(pk__in=list(queryset.values_list("device_id", flat=True)))
        self.each(
            request, devices, lambda device: drop_machine_profile(device=device), "No machines any more"
        )


@admin.register(Product)
class ProductAdmin(OnlyLookedAt):
    list_display = ["name", "device", "ideal_cycle_seconds", "set_up"]
    list_filter = ["device__zone"]
    list_select_related = ["device"]
    search_fields = ["name", "device__external_id", "device__name"]
    ordering = ["name", "pk"]

    @admin.display(description="")
    def set_up(self, product: Product) -> SafeString:
        return _page_of(product.device_id)


@admin.register(ProductRun)
class ProductRunAdmin(OnlyLookedAt):
    """What machines made from when on."""

    list_display = ["device", "begins", "product"]
    list_filter = ["device__zone"]
    list_select_related = ["device", "product"]
    search_fields = ["device__external_id", "device__name", "product__name"]
    ordering = ["-pk"]
    exclude = ["start"]

    def get_readonly_fields(self, request, obj=None):
        return ["device", "begins", "product"]

    @admin.display(description=_("from"), ordering="start")
    def begins(self, run: ProductRun) -> str:
        return clock(run.start)


class LineForm(AskedFirst, ModelForm):
    on_the_wire = {"stationId": "station"}

    class Meta:
        model = Line
        fields = ["group", "station"]

    def save_by_service(self) -> Line:
        group = self.instance.group if self.instance.pk else self.cleaned_data["group"]
        line = set_line(group=group, station=self.cleaned_data["station"])
        assert line is not None  # it has a station
        return line


@admin.register(Line)
class LineAdmin(RoomAdmin):
    """Groups for which one station speaks."""

    form = LineForm
    list_display = ["group", "station"]
    list_select_related = ["group", "station"]
    list_filter = ["group__type"]
    search_fields = ["group__name", "station__external_id", "station__name"]
    ordering = ["group__name"]
    raw_id_fields = ["group", "station"]

    def get_readonly_fields(self, request, obj=None):
        return ["group"] if obj else []

    def save_model(self, request, obj, form, change) -> None:
        obj.pk = form.save_by_service().pk

    def delete_model(self, request, obj) -> None:
        set_line(group=obj.group, station=None)

    def delete_queryset(self, request, queryset) -> None:
        for line in queryset:
            set_line(group=line.group, station=None)
