from django.contrib import admin, messages
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from factory.accounts.backoffice import ReadOnlyAdmin
from factory.errors import DomainError
from ota.models import Rollout, RolloutDevice
from ota.queries.rollouts import counts_by_wave, in_all
from ota.services.rollout_steps import cancel_rollout, pause_rollout, resume_rollout, retry_rollout
from ota.services.rollouts import start_rollout

COUNTED = ("planned", "deploying", "succeeded", "failed", "cancelled", "skipped")


@admin.register(Rollout)
class RolloutAdmin(ReadOnlyAdmin):
    """Rollouts are planned where one sees whom they reach; here they are watched, stopped and resumed."""

    list_display = ["name", "firmware", "status", "wave", "paused_because", "created_by", "created_at"]
    list_filter = ["status", "firmware__device_type"]
    list_select_related = ["firmware", "created_by"]
    search_fields = ["name", "firmware__version"]
    ordering = ["-pk"]
    actions = ["start", "pause", "resume", "cancel", "retry"]

    def get_readonly_fields(self, request, obj=None):
        return [*(field.name for field in Rollout._meta.fields), "progress"]

    def has_change_permission(self, request, obj=None) -> bool:
        return obj is None and super().has_change_permission(request, obj)

    @admin.display(description=_("wave"))
    def wave(self, rollout: Rollout) -> str:
        waves = len(rollout.waves) or len(rollout.wave_counts or ()) + 1
        return f"{rollout.current_wave} of {waves}"

    @admin.display(description=_("devices"))
    def progress(self, rollout: Rollout) -> str:
        counts = in_all(counts_by_wave([rollout.pk])[rollout.pk])
        return ", ".join(f"{number} {name}" for name in COUNTED if (number := getattr(counts, name)))

    @admin.action(description=_("Start"), permissions=["change"])
    def start(self, request, queryset):
        self._each(request, queryset, lambda rollout, at: start_rollout(rollout=rollout, at=at))

    @admin.action(description=_("Pause: begin no more updates"), permissions=["change"])
    def pause(self, request, queryset):
        reason = f"Paused by {request.user.name or request.user.email}."
        self._each(
            request, queryset, lambda rollout, at: pause_rollout(rollout=rollout, reason=reason, at=at)
        )

    @admin.action(description=_("Resume: what has failed until now was seen"), permissions=["change"])
    def resume(self, request, queryset):
        self._each(request, queryset, lambda rollout, at: resume_rollout(rollout=rollout, at=at))

    @admin.action(description=_("Cancel: take back what is not being installed"), permissions=["change"])
    def cancel(self, request, queryset):
        self._each(request, queryset, lambda rollout, at: cancel_rollout(rollout=rollout, at=at))

    @admin.action(description=_("Do it again for the devices that failed"), permissions=["change"])
    def retry(self, request, queryset):
        self._each(request, queryset, lambda rollout, at: retry_rollout(rollout=rollout, at=at))

    def _each(self, request, queryset, work) -> None:
        done = 0
        for rollout in queryset:
            try:
                work(rollout, timezone.now())
                done += 1
            except DomainError as refusal:
                self.message_user(request, f"{rollout}: {refusal.message}", messages.WARNING)
        if done:
            self.message_user(request, f"Done for {done} of {len(queryset)}.", messages.SUCCESS)


@admin.register(RolloutDevice)
class RolloutDeviceAdmin(ReadOnlyAdmin):
    """What became of each device."""

    list_display = ["device_name", "rollout", "wave", "status", "attempt", "reason", "updated_at"]
    list_filter = ["status"]
    list_select_related = ["rollout"]
    search_fields = ["device_name", "rollout__name"]
    raw_id_fields = ["device", "deployment"]
    ordering = ["rollout", "wave", "pk"]
    show_full_result_count = False

    def get_readonly_fields(self, request, obj=None):
        return [field.name for field in RolloutDevice._meta.fields]

    def has_change_permission(self, request, obj=None) -> bool:
        return False
