from datetime import timedelta

from django.contrib import admin, messages
from django.db.models import Q
from django.forms import ModelForm
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from devices import services
from devices.models import Credential, Device, RefusedMessage, SilenceRule
from devices.queries import MOST_COUNTED, what_goes
from factory.accounts.backoffice import ReadOnlyAdmin, RoomAdmin, report


class DeviceForm(ModelForm):
    class Meta:
        model = Device
        fields = ["external_id", "name", "type", *sorted(services.EDITABLE - {"name", "type"})]

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        # It moves by itself while the form is open; only what a person has changed is a change.
        self.fields["status"].show_hidden_initial = True

    def clean(self):
        cleaned = super().clean() or {}
        for name, empty in (("tags", []), ("metadata", {})):
            if name in cleaned and cleaned[name] is None:  # an emptied box
                cleaned[name] = empty
        shapes = {"tags": [], "metadata": {}, **cleaned}
        problems = services.why_misshapen(tags=shapes["tags"], metadata=shapes["metadata"])
        report(self, {field: [reason] for field, reason in problems.items()})
        return cleaned


class InService(admin.SimpleListFilter):
    title = _("in service")
    parameter_name = "service"

    def lookups(self, request, model_admin):
        return [("yes", "In service"), ("no", "Out of service")]

    def queryset(self, request, queryset):
        if self.value() is None:
            return queryset
        return queryset.filter(deactivated_at__isnull=self.value() == "yes")


class InSync(admin.SimpleListFilter):
    title = _("configuration")
    parameter_name = "in_sync"

    def lookups(self, request, model_admin):
        return [("yes", _("As desired")), ("no", _("Different"))]

    def queryset(self, request, queryset):
        if self.value() is None:
            return queryset
        return queryset.filter(configuration__in_sync=self.value() == "yes")


class Ending(admin.SimpleListFilter):
    title = _("validity")
    parameter_name = "ends"

    def lookups(self, request, model_admin):
        return [("valid", _("Valid")), ("soon", _("Ends within a day")), ("over", _("Ended"))]

    def queryset(self, request, queryset):
        now = timezone.now()
        valid = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now))
        wanted = {
            "valid": valid,
            # Those that were meant to last: one for an hour ends because it should.
            "soon": Q(
                created_at__lt=now - timedelta(days=2),
                revoked_at=None,
                expires_at__gt=now,
                expires_at__lte=now + timedelta(days=1),
            ),
            "over": ~valid,
        }
        chosen = wanted.get(self.value() or "")
        return queryset if chosen is None else queryset.filter(chosen)


def in_words(count: int) -> str:
    return f"more than {MOST_COUNTED:,}" if count > MOST_COUNTED else f"{count:,}"


@admin.register(Device)
class DeviceAdmin(RoomAdmin):
    form = DeviceForm
    list_display = [
        "external_id",
        "name",
        "type",
        "status",
        "zone",
        "firmware_version",
        "last_seen",
        "in_sync",
    ]
    list_display_links = ["external_id", "name"]
    list_filter = ["status", "type", InService, InSync, "zone", "firmware_version"]
    list_select_related = ["presence", "configuration"]
    search_fields = ["external_id", "name", "location", "zone"]
    ordering = ["name", "pk"]
    show_full_result_count = False
    fields = [
        "external_id",
        "name",
        "type",
        "status",
        "location",
        "zone",
        "firmware_version",
        "tags",
        "metadata",
        "created_at",
        "updated_at",
        "deactivated_at",
    ]
    readonly_fields = ["created_at", "updated_at", "deactivated_at"]
    actions = ["give_new_token", "take_out_of_service", "put_back_into_service"]

    @admin.display(description=_("last seen"), ordering="presence__last_seen_at")
    def last_seen(self, device: Device):
        return device.last_seen_at

    @admin.display(description=_("configured as desired"), boolean=True)
    def in_sync(self, device: Device) -> bool | None:
        twin = getattr(device, "configuration", None)
        return twin.in_sync if twin is not None else None

    def get_readonly_fields(self, request, obj=None):
        return [*self.readonly_fields, *(["external_id"] if obj else [])]

    def save_model(self, request, obj, form, change) -> None:
        values = {name: getattr(obj, name) for name in form.changed_data}
        if change:
            services.edit_device(device=obj, at=timezone.now(), **values)
            return
        values = {name: getattr(obj, name) for name in services.EDITABLE if name not in {"name", "type"}}
        device, token = services.register_device(
            external_id=obj.external_id, name=obj.name, type=obj.type, at=timezone.now(), **values
        )
        obj.pk = device.pk
        self._show_token(request, device, token)

    def get_deleted_objects(self, objs, request):
        """What goes is counted: Django would load every alert and command to name them all."""
        ids = [device.pk for device in objs]
        goes = {kind: in_words(count) for kind, count in what_goes(ids).items()}
        return [str(device) for device in objs], {"devices": len(ids), **goes}, set(), []

    def delete_model(self, request, obj) -> None:
        services.delete_devices(devices=[obj])

    def delete_queryset(self, request, queryset) -> None:
        services.delete_devices(devices=queryset)

    @admin.action(description=_("Give a new token (the old one ends now)"), permissions=["change"])
    def give_new_token(self, request, queryset) -> None:
        if queryset.count() > 1:
            self.message_user(request, "Select one device: its token is shown only once.", messages.WARNING)
            return
        for device in queryset:
            self._show_token(request, device, services.rotate_token(device=device, at=timezone.now()))

    @admin.action(description=_("Take out of service (history stays, tokens end)"), permissions=["change"])
    def take_out_of_service(self, request, queryset) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        went = services.deactivate_devices(device_ids=ids, at=timezone.now(), by=request.user)
        self.message_user(request, f"Out of service: {len(went)} of {len(ids)} devices.", messages.SUCCESS)

    @admin.action(description=_("Put back into service (with a new token)"), permissions=["change"])
    def put_back_into_service(self, request, queryset) -> None:
        if queryset.count() > 1:
            self.message_user(request, "Select one device: its token is shown only once.", messages.WARNING)
            return
        for device in queryset:
            self._show_token(request, device, services.reactivate_device(device=device, at=timezone.now()))

    def _show_token(self, request, device: Device, token: str) -> None:
        self.message_user(
            request, f"Token of {device.external_id}, shown only this once: {token}", messages.SUCCESS
        )


@admin.register(SilenceRule)
class SilenceRuleAdmin(RoomAdmin):
    list_display = ["type", "silent_seconds", "tolerance_seconds", "severity"]
    fields = ["type", "silent_seconds", "tolerance_seconds", "severity"]

    def get_readonly_fields(self, request, obj=None):
        return ["type"] if obj else []

    def save_model(self, request, obj, form, change) -> None:
        values = {name: getattr(obj, name) for name in ("silent_seconds", "tolerance_seconds", "severity")}
        services.set_silence_rule(type=obj.type, **values)
        obj.pk = SilenceRule.objects.get(type=obj.type).pk

    def delete_model(self, request, obj) -> None:
        services.forget_silence_rule(type=obj.type)

    def delete_queryset(self, request, queryset) -> None:
        for rule in queryset:
            services.forget_silence_rule(type=rule.type)


@admin.register(Credential)
class CredentialAdmin(ReadOnlyAdmin):
    list_display = ["id", "device", "label", "created_at", "expires_at", "revoked_at"]
    list_select_related = ["device"]
    list_filter = [Ending]
    search_fields = ["device__external_id", "label"]
    ordering = ["-pk"]
    exclude = ["token_hash", "broker_verifier"]
    actions = ["revoke"]

    @admin.action(description=_("End selected tokens now"), permissions=["change"])
    def revoke(self, request, queryset) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        for credential_id in ids:
            services.revoke_credential(credential_id=credential_id, at=timezone.now())
        self.message_user(request, f"Tokens ended: {len(ids)}.", messages.SUCCESS)


@admin.register(RefusedMessage)
class RefusedMessageAdmin(ReadOnlyAdmin):
    list_display = ["id", "at", "device", "topic", "reason"]
    list_select_related = ["device"]
    list_filter = ["topic"]
    search_fields = ["device__external_id", "reason"]
    ordering = ["-id"]

    def has_change_permission(self, request, obj=None) -> bool:
        return False
