from django.contrib import admin, messages
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from factory.accounts.backoffice import ReadOnlyAdmin, RoomAdmin
from ota.models import Deployment, DeploymentEvent, UpdateRule
from ota.services import deployments as services


class UnderWay(admin.SimpleListFilter):
    title = _("under way")
    parameter_name = "under_way"

    def lookups(self, request, model_admin):
        return [("yes", _("Under way")), ("no", _("Over"))]

    def queryset(self, request, queryset):
        if self.value() == "yes":
            return queryset.filter(status__in=Deployment.ACTIVE)
        return queryset.exclude(status__in=Deployment.ACTIVE) if self.value() == "no" else queryset


class EventInline(admin.TabularInline):
    model = DeploymentEvent
    fields = ("at", "status", "by", "said")
    readonly_fields = ("at", "status", "by", "said")
    ordering = ["pk"]
    extra = 0
    can_delete = False

    def has_add_permission(self, request, obj=None) -> bool:
        return False

    def has_change_permission(self, request, obj=None) -> bool:
        return False


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin):
    list_display = [
        "id",
        "device",
        "firmware",
        "status",
        "progress",
        "attempts",
        "rollout",
        "created_at",
        "completed_at",
    ]
    list_select_related = ["device", "firmware", "rollout"]
    list_filter = [UnderWay, "status", "firmware__device_type", ("rollout", admin.RelatedOnlyFieldListFilter)]
    raw_id_fields = ["device", "firmware", "rollout"]
    search_fields = ["device__external_id", "device__name", "firmware__version"]
    ordering = ["-id"]
    exclude = ["active_key"]
    inlines = [EventInline]
    actions = ["cancel", "try_again"]

    @admin.action(description=_("Cancel where that is safe"), permissions=["change"])
    def cancel(self, request, queryset):
        ids = list(queryset.values_list("pk", flat=True))
        cancelled = services.cancel_many(deployment_ids=ids, at=timezone.now(), by=request.user)
        self.message_user(request, f"{len(cancelled)} of {len(ids)} are cancelled.")

    @admin.action(description=_("Try again"), permissions=["change"])
    def try_again(self, request, queryset):
        ids = list(queryset.values_list("pk", flat=True))
        told = services.retry_many(deployment_ids=ids, at=timezone.now(), by=request.user)
        for each in told.values():
            if isinstance(each, str):
                self.message_user(request, each, messages.WARNING)
        begun = sum(isinstance(each, Deployment) for each in told.values())
        self.message_user(request, f"{begun} of {len(ids)} are tried again.")


@admin.register(UpdateRule)
class UpdateRuleAdmin(RoomAdmin):
    list_display = [
        "type",
        "pending_seconds",
        "downloading_seconds",
        "installing_seconds",
        "health_seconds",
        "max_attempts",
    ]
    fields = list_display

    def get_readonly_fields(self, request, obj=None):
        return ["type"] if obj else []
