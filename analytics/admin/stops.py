from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.utils.translation import gettext_lazy as _

from analytics.admin.common import AskedFirst, OnlyLookedAt, clock
from analytics.models import ShiftResult, StateInterval, StopCode, StopReason
from analytics.services.stops import remove_stop, set_stop_code
from factory.accounts.backoffice import RoomAdmin

MEANING = ["label", "planned", "failure", "active"]


class StopCodeForm(AskedFirst, ModelForm):
    class Meta:
        model = StopCode
        fields = ["code", *MEANING]

    def save_by_service(self) -> StopCode:
        meaning = {name: self.cleaned_data[name] for name in MEANING}
        return set_stop_code(code=self.instance.pk or self.cleaned_data["code"], **meaning)


@admin.register(StopCode)
class StopCodeAdmin(RoomAdmin):
    """Made and changed; what has a code keeps it, so none is deleted. One that is not active is offered no more."""

    form = StopCodeForm
    list_display = ["label", "code", "planned", "failure", "active"]
    list_filter = ["planned", "failure", "active"]
    search_fields = ["code", "label"]
    ordering = ["label", "code"]
    actions = ["offer", "withdraw"]

    def get_readonly_fields(self, request, obj=None):
        return ["code"] if obj else []

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def save_model(self, request, obj, form, change) -> None:
        obj.pk = form.save_by_service().pk

    @admin.action(description=_("Offer the selected codes to people"), permissions=["change"])
    def offer(self, request, queryset) -> None:
        self._switch(request, queryset, active=True)

    @admin.action(description=_("Offer the selected codes no more"), permissions=["change"])
    def withdraw(self, request, queryset) -> None:
        self._switch(request, queryset, active=False)

    def _switch(self, request, queryset, *, active: bool) -> None:
        codes = list(queryset.exclude(active=active))
        for code in codes:
            set_stop_code(
                code=code.code, label=code.label, planned=code.planned, failure=code.failure, active=active
            )
        self.message_user(request, f"{'Offered' if active else 'Not offered any more'}: {len(codes)}.")


class Timed:
    """Times of the clock instead of milliseconds."""

    @admin.display(description=_("from"), ordering="start")
    def starts(self, row: Any) -> str:
        return clock(row.start)

    @admin.display(description=_("to"), ordering="end")
    def ends(self, row: Any) -> str:
        return clock(row.end)


@admin.register(StateInterval)
class StateIntervalAdmin(Timed, OnlyLookedAt):
    """What machines did: derived from what they report, or added by people. Only the latter can be taken back."""

    list_display = ["device", "state", "starts", "ends", "is_added", "code", "note", "by"]
    list_filter = ["state", "is_added", "code", "device__zone"]
    list_select_related = ["device", "code", "by"]
    search_fields = ["device__external_id", "device__name", "note"]
    ordering = ["-pk"]
    actions = ["take_back"]

    def get_readonly_fields(self, request, obj=None):
        return ["device", "state", "starts", "ends", "is_added", "code", "note", "by"]

    def get_fields(self, request, obj=None):
        return self.get_readonly_fields(request, obj)

    @admin.action(description=_("Take back the selected stops that people added"), permissions=["change"])
    def take_back(self, request, queryset) -> None:
        self.each(request, queryset, lambda stop: remove_stop(stop_id=stop.pk), "Stops taken back")


@admin.register(StopReason)
class StopReasonAdmin(Timed, OnlyLookedAt):
    """What people said of stops that machines told of."""

    list_display = ["device", "starts", "ends", "code", "note", "by", "at"]
    list_filter = ["code", "at", "device__zone"]
    list_select_related = ["device", "code", "by"]
    search_fields = ["device__external_id", "device__name", "note"]
    ordering = ["-pk"]

    def get_readonly_fields(self, request, obj=None):
        return ["device", "starts", "ends", "code", "note", "by", "at"]

    def get_fields(self, request, obj=None):
        return self.get_readonly_fields(request, obj)


@admin.register(ShiftResult)
class ShiftResultAdmin(Timed, OnlyLookedAt):
    """What shifts came to, as far as it is kept: a copy of what would be worked out anew."""

    list_display = ["device", "starts", "ends", "planned", "ran", "down", "unknown", "total", "good", "flags"]
    list_filter = ["device__zone"]
    list_select_related = ["device"]
    search_fields = ["device__external_id", "device__name"]
    ordering = ["-start"]

    @admin.display(description=_("planned min"), ordering="planned_ms")
    def planned(self, result: ShiftResult) -> float:
        return _minutes(result.planned_ms)

    @admin.display(description=_("run min"), ordering="run_ms")
    def ran(self, result: ShiftResult) -> float:
        return _minutes(result.run_ms)

    @admin.display(description=_("down min"), ordering="down_ms")
    def down(self, result: ShiftResult) -> float:
        return _minutes(result.down_ms)

    @admin.display(description=_("unknown min"), ordering="unknown_ms")
    def unknown(self, result: ShiftResult) -> float:
        return _minutes(result.unknown_ms)


def _minutes(ms: int) -> float:
    return round(ms / 60_000, 1)
