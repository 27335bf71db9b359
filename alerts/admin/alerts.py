from collections.abc import Callable

from django.contrib import admin, messages
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from alerts.models import Alert, AlertEvent, Shelf
from alerts.services import handling
from alerts.words import some_of
from factory.accounts.backoffice import ReadOnlyAdmin


class OnlyActedUpon(ReadOnlyAdmin):
    """There are actions in the list, and nothing to save on the page of one."""

    def has_change_permission(self, request, obj=None) -> bool:
        return obj is None and super().has_change_permission(request)


class EventInline(TabularInline):
    model = AlertEvent
    fields = readonly_fields = ["at", "kind", "severity", "status", "value", "by", "note"]
    extra = 0
    hide_title = True
    can_delete = False
    ordering = ["pk"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("by")

    def has_add_permission(self, request, obj=None) -> bool:
        return False


@admin.register(Alert)
class AlertAdmin(OnlyActedUpon):
    list_display = [
        "id",
        "severity",
        "status",
        "device",
        "message",
        "started_at",
        "acknowledged_by",
        "silence",
    ]
    list_filter = ["status", "severity", "type", "silence", "late", "device__zone"]
    list_select_related = ["device", "acknowledged_by"]
    search_fields = ["message", "device__external_id", "device__name"]
    ordering = ["-pk"]
    exclude = ["open_key"]
    inlines = [EventInline]
    actions = ["acknowledge", "resolve", "unshelve"]

    @admin.action(description=_("Acknowledge selected alerts"), permissions=["change"])
    def acknowledge(self, request, queryset) -> None:
        self._each(request, queryset, handling.acknowledge_alert, "acknowledged")

    @admin.action(description=_("Resolve selected alerts"), permissions=["change"])
    def resolve(self, request, queryset) -> None:
        self._each(request, queryset, handling.resolve_alert, "resolved")

    @admin.action(description=_("Take selected alerts off the shelf"), permissions=["change"])
    def unshelve(self, request, queryset) -> None:
        self._each(request, queryset, handling.unshelve_alert, "taken off the shelf")

    def _each(self, request, queryset, service: Callable[..., Alert], done_what: str) -> None:
        done, refusals = handling.each_alert(
            alert_ids=list(queryset.values_list("pk", flat=True)),
            do=lambda alert: service(alert=alert, by=request.user, at=timezone.now()),
        )
        if done:
            self.message_user(request, f"Alerts {done_what}: {done}.", messages.SUCCESS)
        if refusals:
            self.message_user(request, some_of(refusals), messages.WARNING)


@admin.register(Shelf)
class ShelfAdmin(OnlyActedUpon):
    list_display = ["key", "until", "once", "reason", "by", "at"]
    list_filter = ["once", "until"]
    list_select_related = ["by"]
    search_fields = ["key", "reason"]
    ordering = ["until"]
