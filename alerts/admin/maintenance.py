from datetime import datetime

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from alerts.admin.alerts import OnlyActedUpon
from alerts.admin.forms import Autocompleting
from alerts.models import MaintenanceWindow
from alerts.services.maintenance import end_maintenance, plan_maintenance
from alerts.windows import is_within
from alerts.words import some_of
from factory.accounts.backoffice import report
from factory.errors import DomainError
from factory.trpc.serializers import wire_name

DAYS = list(
    enumerate(("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), start=1)
)
PLANNED = [
    "name",
    "device",
    "group",
    "device_type",
    "zone",
    "starts_at",
    "ends_at",
    "days",
    "start_time",
    "end_time",
    "time_zone",
]
# As the service says it: as the wire does.
ON_THE_WIRE = {"startTime": "starts_at", "endTime": "ends_at", "start": "start_time", "end": "end_time"}


class WindowForm(forms.ModelForm):
    days = forms.TypedMultipleChoiceField(
        choices=DAYS,
        coerce=int,
        required=False,
        help_text="Of a window that comes every week; none for a single one.",
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = MaintenanceWindow
        fields = PLANNED

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if "time_zone" in self.fields:
            self.fields["time_zone"].required = False
            self.fields["time_zone"].initial = settings.TIME_ZONE

    def clean(self):
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            # The service knows what can be planned; it is asked, and what it did is undone.
            with transaction.atomic():
                self.plan(by=None, at=timezone.now())
                transaction.set_rollback(True)
        except DomainError as refusal:
            fields = refusal.fields or {"name": [refusal.message]}
            report(self, {wire_name(ON_THE_WIRE.get(name, name)): why for name, why in fields.items()})
        return cleaned

    def plan(self, *, by, at: datetime) -> MaintenanceWindow:
        return plan_maintenance(by=by, at=at, **{name: self.cleaned_data[name] for name in PLANNED})


@admin.register(MaintenanceWindow)
class MaintenanceWindowAdmin(Autocompleting, OnlyActedUpon):
    """Planned here; then it is only ended, so that nobody wonders why they were not told."""

    form = WindowForm
    list_display = ["name", "reaches", "starts_at", "ends_at", "weekly", "is_open", "created_by"]
    list_filter = ["starts_at", "device_type", "zone"]
    list_select_related = ["device", "group", "created_by"]
    search_fields = ["name", "zone", "device__external_id", "device__name", "group__name"]
    ordering = ["-starts_at", "-pk"]
    fields = PLANNED
    autocomplete_fields = ["device", "group"]
    actions = ["end"]

    def has_add_permission(self, request) -> bool:
        return request.user.is_staff

    def get_readonly_fields(self, request, obj=None):
        return [*PLANNED, "created_by", "created_at"] if obj else []

    def get_fields(self, request, obj=None):
        return [*PLANNED, "created_by", "created_at"] if obj else PLANNED

    @admin.display(description=_("reaches"))
    def reaches(self, window: MaintenanceWindow) -> str:
        if window.is_for_all:
            return "the whole plant"
        if window.group:
            return f"group {window.group}"
        return str(window.device or (f"every {window.device_type}" if window.device_type else window.zone))

    @admin.display(description=_("every week"))
    def weekly(self, window: MaintenanceWindow) -> str:
        if not window.days:
            return ""
        days = ", ".join(name[:3] for number, name in DAYS if number in window.days)
        return f"{days} {window.start_time:%H:%M} to {window.end_time:%H:%M} ({window.time_zone})"

    @admin.display(description=_("open now"), boolean=True)
    def is_open(self, window: MaintenanceWindow) -> bool:
        return is_within(window, timezone.now())

    def save_model(self, request, obj, form, change) -> None:
        obj.pk = form.plan(by=request.user, at=timezone.now()).pk

    @admin.action(description=_("End the selected windows now"), permissions=["change"])
    def end(self, request, queryset) -> None:
        refusals = []
        for window in queryset:
            try:
                end_maintenance(window=window, at=timezone.now())
            except DomainError as refusal:
                refusals.append(refusal.message)
        if done := len(queryset) - len(refusals):
            self.message_user(request, f"Windows ended: {done}.", messages.SUCCESS)
        if refusals:
            self.message_user(request, some_of(refusals), messages.WARNING)
