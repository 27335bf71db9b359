from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.forms import ModelForm
from django.utils import timezone
from unfold.admin import ModelAdmin, TabularInline

from alerts.models import Alert, AlertEvent, Delivery, Threshold
from alerts.services import lifecycle
from alerts.services import thresholds as services
from factory.errors import DomainError


class ThresholdForm(ModelForm):
    class Meta:
        model = Threshold
        fields = ["device", "metric", *services.FIELDS]

    def clean(self):
        cleaned = super().clean() or {}
        problems = services.problems_of(Threshold(**{**services.DEFAULTS, **cleaned}))
        if problems:
            names = {
                "minValue": "min_value",
                "maxValue": "max_value",
                "warningMin": "warning_min",
                "warningMax": "warning_max",
            }
            raise ValidationError({names.get(field, field): reason for field, reason in problems.items()})
        return cleaned


@admin.register(Threshold)
class ThresholdAdmin(ModelAdmin):
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
        for threshold in queryset:
            services.delete_threshold(threshold=threshold, at=timezone.now())


class EventInline(TabularInline):
    model = AlertEvent
    fields = readonly_fields = ["at", "kind", "severity", "status", "value", "by", "note"]
    extra = 0
    can_delete = False
    ordering = ["pk"]

    def has_add_permission(self, request, obj=None) -> bool:
        return False


class ReadOnlyAdmin(ModelAdmin):
    """Shown, searched and acted upon, but never typed into."""

    show_full_result_count = False

    def has_add_permission(self, request) -> bool:
        return False

    def has_delete_permission(self, request, obj=None) -> bool:
        return False

    def get_readonly_fields(self, request, obj=None):
        return [field.name for field in self.model._meta.fields]


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
