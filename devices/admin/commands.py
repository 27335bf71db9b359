from django.contrib import admin
from django.forms import ModelForm

from devices import services
from devices.models import Command, CommandType
from factory.accounts.backoffice import ReadOnlyAdmin, RoomAdmin, report

FIELDS = ["name", "device_type", "label", "description", "schema", "ttl_seconds", "enabled"]


class CommandTypeForm(ModelForm):
    class Meta:
        model = CommandType
        fields = FIELDS

    def clean(self):
        cleaned = super().clean() or {}
        if "schema" in cleaned:
            cleaned["schema"] = cleaned["schema"] if cleaned["schema"] is not None else {}  # an emptied box
            tried = CommandType(name="trial", schema=cleaned["schema"])
            problems = services.why_unusable(tried)
            # The place within the schema is told beside its box.
            told = {"schema": [f"{place}: {reason}" for place, (reason, *_) in problems.items()]}
            report(self, told if problems else {})
        return cleaned


@admin.register(CommandType)
class CommandTypeAdmin(RoomAdmin):
    form = CommandTypeForm
    list_display = ["name", "device_type", "label", "ttl_seconds", "enabled"]
    list_filter = ["device_type", "enabled"]
    search_fields = ["name", "label"]
    ordering = ["name", "device_type"]
    fields = FIELDS

    def get_readonly_fields(self, request, obj=None):
        return ["name", "device_type"] if obj else []

    def save_model(self, request, obj, form, change) -> None:
        changes = {field: getattr(obj, field) for field in FIELDS if field not in ("name", "device_type")}
        kept = services.set_command_type(name=obj.name, device_type=obj.device_type, **changes)
        obj.pk = kept.pk

    def delete_model(self, request, obj) -> None:
        services.delete_command_type(name=obj.name, device_type=obj.device_type)

    def delete_queryset(self, request, queryset) -> None:
        for type_ in queryset:
            services.delete_command_type(name=type_.name, device_type=type_.device_type)


@admin.register(Command)
class CommandAdmin(ReadOnlyAdmin):
    list_display = ["id", "device", "name", "status", "attempts", "created_by", "created_at", "expires_at"]
    list_select_related = ["device", "created_by"]
    list_filter = ["status", "device__type"]
    search_fields = ["device__external_id", "name"]
    ordering = ["-id"]

    def has_change_permission(self, request, obj=None) -> bool:
        return False
