from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from alerts.models import ThresholdChange
from alerts.words import change_in_words
from factory.accounts.backoffice import ReadOnlyAdmin


@admin.register(ThresholdChange)
class ThresholdChangeAdmin(ReadOnlyAdmin):
    """Who changed what is expected, and when."""

    list_display = ["at", "by", "kind", "metric", "scope", "what"]
    list_filter = ["at", "kind", "metric", ("by", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["by"]
    search_fields = ["scope", "metric", "by__email", "by__name"]
    ordering = ["-pk"]
    fields = ["at", "by", "kind", "metric", "scope", "threshold_id", "what"]

    def get_readonly_fields(self, request, obj=None):
        return self.fields

    def has_change_permission(self, request, obj=None) -> bool:
        return False

    @admin.display(description=_("what"))
    def what(self, change: ThresholdChange) -> str:
        return ", ".join(change_in_words(change))
