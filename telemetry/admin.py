from django.contrib import admin

from factory.accounts.backoffice import ReadOnlyAdmin
from telemetry.models import ArchivedDay


@admin.register(ArchivedDay)
class ArchivedDayAdmin(ReadOnlyAdmin):
    list_display = ["day", "rows", "bytes", "archived_at", "dropped_at", "kept_until", "error"]
    list_filter = ["archived_at", "kept_until"]
    date_hierarchy = "day"
    ordering = ["-day"]
