from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from devices.models import Configuration, ConfigurationVersion
from devices.twin import difference, told
from factory.accounts.backoffice import ReadOnlyAdmin


class Looked(ReadOnlyAdmin):
    """Looked at only: what is desired is said on the device's page, or by `devices.setConfig`."""

    list_select_related = ["device"]
    search_fields = ["device__external_id", "device__name"]

    def has_change_permission(self, request, obj=None) -> bool:
        return False


@admin.register(Configuration)
class ConfigurationAdmin(Looked):
    list_display = [
        "device",
        "in_sync",
        "version",
        "reported_version",
        "desired_at",
        "reported_at",
        "drifted_at",
    ]
    list_filter = ["in_sync", ("drifted_at", admin.EmptyFieldListFilter)]
    ordering = ["pk"]
    fields = [
        "device",
        "in_sync",
        "differs",
        "version",
        "desired",
        "desired_at",
        "reported_version",
        "reported",
        "reported_at",
        "drifted_at",
    ]

    def get_readonly_fields(self, request, obj=None):
        return self.fields

    @admin.display(description=_("difference"))
    def differs(self, twin: Configuration) -> str:
        gaps = difference(twin.desired, twin.reported)
        return "\n".join(told([gap]) for gap in gaps) or "none"


@admin.register(ConfigurationVersion)
class ConfigurationVersionAdmin(Looked):
    list_display = ["device", "version", "by", "at"]
    list_select_related = ["device", "by"]
    ordering = ["-pk"]
