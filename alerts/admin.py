from copy import copy

from django.contrib import admin, messages
from django.forms import ModelForm
from django.utils import timezone
from unfold.admin import TabularInline

from alerts.models import Alert, AlertEvent, Delivery, Threshold
from alerts.services import lifecycle
from alerts.services import thresholds as services
from factory.accounts.backoffice import ReadOnlyAdmin, RoomAdmin, report
from factory.errors import DomainError


class ThresholdForm(ModelForm):
    class Meta:
        model = Threshold
        fields = ["device", "metric", *services.FIELDS]

    def clean(self):
        cleaned = super().clean() or {}
        # As it would be: what the form does not ask for, or could not read, stays as it is.
        threshold = copy(self.instance)
        for name, value in cleaned.items():
            setattr(threshold, name, value)
        problems = services.problems_of(threshold)
        report(self, {field: [reason] for field, reason in problems.items()})
        return cleaned


@admin.register(Threshold)
class ThresholdAdmin(RoomAdmin):
    form = ThresholdForm
    list_display = ["device", "metric", "min_value", "warning_min", "warning_max", "max_value", "enabled"]
    list_filter = ["enabled", "metric", "device__zone"]
    list_select_related = ["device"]
    search_fields = ["device__external_id", "device__name", "metric"]
    autocomplete_fields = ["device"]

    def get_readonly_fields(self, request, obj=None):
        return ["device", "metric"] if obj else []

    def save_model(self, request, obj, form, change) -> None:
        if change:
            changes = {name: getattr(obj, name) for name in form.changed_data}
            services.edit_threshold(threshold=obj, at=timezone.now(), **changes)
            return
        values = {field: getattr(obj, field) for field in services.FIELDS}
        obj.pk = services.create_threshold(device=obj.device, metric=obj.metric, **values).pk

    def delete_model(self, request, obj) -> None:
        services.delete_threshold(threshold=obj, at=timezone.now())

    def delete_queryset(self, request, queryset) -> None:
        for threshold in queryset.order_by("device_id"):  # they are locked in this order
            services.delete_threshold(threshold=threshold, at=timezone.now())


class EventInline(TabularInline):
    model = AlertEvent
    fields = readonly_fields = ["at", "kind", "severity", "status", "value", "by", "note"]
    extra = 0
    can_delete = False
    ordering = ["pk"]

    def has_add_permission(self, request, obj=None) -> bool:
        return False


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    list_display = ["id", "severity", "status", "device", "message", "started_at", "acknowledged_by"]
    list_filter = ["status", "severity", "type"]
    list_select_related = ["device", "acknowledged_by"]
    search_fields = ["message", "device__external_id", "device__name"]
    inlines = [EventInline]
    actions = ["acknowledge", "resolve"]

    @admin.action(description="Acknowledge selected alerts", permissions=["change"])
    def acknowledge(self, request, queryset) -> None:
        self._each(request, queryset, lifecycle.acknowledge_alert)

    @admin.action(description="Resolve selected alerts", permissions=["change"])
    def resolve(self, request, queryset) -> None:
        self._each(request, queryset, lifecycle.resolve_alert)

    def _each(self, request, queryset, service) -> None:
        for alert in queryset:
            try:
                service(alert=alert, by=request.user, at=timezone.now())
            except DomainError as refusal:
                self.message_user(request, refusal.message, messages.WARNING)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ["id", "recipient", "status", "attempts", "due_at", "sent_at", "error"]
    list_filter = ["status"]
    search_fields = ["recipient", "error"]
