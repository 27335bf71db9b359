from urllib.parse import urlencode

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from analytics.admin.common import OnlyLookedAt
from analytics.models import Calendar, Shift
from analytics.services.calendars import Target, drop_shifts
from analytics.templatetags.making import days, from_when


class ShiftInline(TabularInline):
    model = Shift
    fields = readonly_fields = ["name", "on_days", "begins", "ends", "breaks_told"]
    extra = 0
    hide_title = True
    can_delete = False

    def has_add_permission(self, request, obj=None) -> bool:
        return False

    @admin.display(description=_("begins on"))
    def on_days(self, shift: Shift) -> str:
        return days(shift.days)

    @admin.display(description=_("from"))
    def begins(self, shift: Shift) -> str:
        return f"{shift.start_time:%H:%M}"

    @admin.display(description=_("to"))
    def ends(self, shift: Shift) -> str:
        return f"{shift.end_time:%H:%M}"

    @admin.display(description=_("breaks"))
    def breaks_told(self, shift: Shift) -> str:
        return ", ".join(f"{start}–{end}" for start, end in shift.breaks)


@admin.register(Calendar)
class CalendarAdmin(OnlyLookedAt):
    """Planned on the page of the shifts, with a preview; here they are looked at and deleted."""

    list_display = ["whose", "holds", "time_zone", "shifts_told", "updated_at", "set_up"]
    list_filter = ["time_zone", "valid_from"]
    list_select_related = ["device", "group"]
    search_fields = ["device__external_id", "device__name", "group__name"]
    ordering = ["target", "-valid_from"]
    inlines = [ShiftInline]
    actions = ["drop"]

    def get_queryset(self, request):
        return super().get_queryset(request).prefetch_related("shifts")

    def get_readonly_fields(self, request, obj=None):
        return ["whose", "holds", "time_zone", "holidays_told", "updated_at", "set_up"]

    def get_fields(self, request, obj=None):
        return self.get_readonly_fields(request, obj)

    @admin.display(description=_("whose"), ordering="target")
    def whose(self, calendar: Calendar) -> str:
        return str(calendar.device or calendar.group or "the plant")

    @admin.display(description=_("holds"), ordering="valid_from")
    def holds(self, calendar: Calendar) -> str:
        return from_when(calendar)

    @admin.display(description=_("holidays"))
    def holidays_told(self, calendar: Calendar) -> str:
        return ", ".join(calendar.holidays)

    @admin.display(description=_("shifts"))
    def shifts_told(self, calendar: Calendar) -> str:
        told = [f"{one.name} {one.start_time:%H:%M}–{one.end_time:%H:%M}" for one in calendar.shifts.all()]
        return ", ".join(told) or "none"

    @admin.display(description="")
    def set_up(self, calendar: Calendar) -> SafeString:
        target = {"device": calendar.device_id, "group": calendar.group_id}
        query = urlencode({name: pk for name, pk in target.items() if pk})
        return format_html('<a href="{}?{}">Plan</a>', reverse("edit-shifts"), query)

    @admin.action(
        description=_("Delete all shifts of the plant, groups or devices selected"), permissions=["change"]
    )
    def drop(self, request, queryset) -> None:
        targets = {Target(calendar.device, calendar.group) for calendar in queryset}
        ordered = sorted(targets, key=lambda target: target.name)
        self.each(request, ordered, lambda target: drop_shifts(target=target), "Have no shifts of their own")
