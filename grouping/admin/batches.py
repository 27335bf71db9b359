from collections.abc import Callable

from django.contrib import admin, messages
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from factory.accounts.backoffice import ReadOnlyAdmin
from factory.errors import DomainError
from grouping import services
from grouping.models import BatchItem, BatchOperation
from grouping.queries import counts_of

FAILURES_SHOWN = 100


class FailureInline(TabularInline):
    """The devices that failed, the first hundred; the batch's own page shows all."""

    model = BatchItem
    verbose_name_plural = "failed devices"
    fields = readonly_fields = ["device_name", "attempt", "error", "updated_at"]
    extra = 0
    hide_title = True
    can_delete = False

    def get_queryset(self, request):
        # Only those on the page: a slice could not be narrowed to it any more.
        failed = super().get_queryset(request).filter(status=BatchItem.Status.FAILED)
        batch_id = request.resolver_match.kwargs.get("object_id")
        first = failed.filter(batch_id=batch_id).order_by("pk").values_list("pk", flat=True)
        return failed.filter(pk__in=list(first[:FAILURES_SHOWN])).order_by("pk")

    def has_add_permission(self, request, obj=None) -> bool:
        return False


@admin.register(BatchOperation)
class BatchAdmin(ReadOnlyAdmin):
    list_display = ["id", "operation", "group", "status", "progress", "standing", "created_by", "created_at"]
    list_filter = ["status", "operation", ("group", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["group", "created_by"]
    search_fields = ["group__name", "idempotency_key"]
    ordering = ["-pk"]
    exclude = ["request_digest"]
    inlines = [FailureInline]
    actions = ["cancel", "retry_failed"]

    def has_change_permission(self, request, obj=None) -> bool:
        """There are actions in the list, and nothing to save on the page of one."""
        return obj is None and super().has_change_permission(request)

    def get_changelist_instance(self, request):
        shown = super().get_changelist_instance(request)
        counts = counts_of([batch.pk for batch in shown.result_list])
        for batch in shown.result_list:
            batch.counts = counts[batch.pk]
        return shown

    def get_object(self, request, object_id, from_field=None):
        batch = super().get_object(request, object_id, from_field)
        if batch is not None:
            batch.counts = counts_of([batch.pk])[batch.pk]
        return batch

    def get_readonly_fields(self, request, obj=None):
        return [*super().get_readonly_fields(request, obj), "progress", "standing"]

    @admin.display(description=_("progress"))
    def progress(self, batch) -> str:
        return f"{batch.counts.progress} %"

    @admin.display(description=_("devices"))
    def standing(self, batch) -> str:
        counts = batch.counts
        told = {
            "succeeded": counts.succeeded,
            "failed": counts.failed,
            "cancelled": counts.cancelled,
            "waiting": counts.waiting,
            "to do": counts.pending + counts.working,
        }
        return f"{batch.total}: " + ", ".join(f"{number} {word}" for word, number in told.items() if number)

    @admin.action(description=_("Cancel selected batch operations"), permissions=["change"])
    def cancel(self, request, queryset) -> None:
        self._each(request, queryset, services.cancel_batch, "cancelled")

    @admin.action(description=_("Do it again for the failed devices"), permissions=["change"])
    def retry_failed(self, request, queryset) -> None:
        self._each(request, queryset, services.retry_failed, "begun again")

    def _each(self, request, queryset, service: Callable[..., BatchOperation], done_what: str) -> None:
        done = 0
        for batch in queryset.order_by("pk"):
            try:
                service(batch=batch, at=timezone.now(), by=request.user)
            except DomainError as refusal:
                self.message_user(request, refusal.message, messages.WARNING)
            else:
                done += 1
        if done:
            self.message_user(request, f"Batch operations {done_what}: {done}.", messages.SUCCESS)
