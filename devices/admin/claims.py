from django.contrib import admin, messages
from django.forms import ModelForm
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from devices import services
from devices.models import Claim, ClaimCode
from factory.accounts.backoffice import ReadOnlyAdmin, RoomAdmin, report

SAID = ["label", "max_uses", "expires_at", "device_type", "zone", "tags", "device_id_prefix"]


class ClaimCodeForm(ModelForm):
    class Meta:
        model = ClaimCode
        fields = SAID

    def clean(self):
        cleaned = super().clean() or {}
        if "tags" in cleaned and cleaned["tags"] is None:  # an emptied box
            cleaned["tags"] = []
        wanted = ClaimCode(**{name: cleaned[name] for name in SAID if name in cleaned})
        problems = services.why_no_claim_code(wanted, at=timezone.now())
        report(self, {field: [reason] for field, reason in problems.items()})
        return cleaned


@admin.register(ClaimCode)
class ClaimCodeAdmin(RoomAdmin):
    """Made and revoked; what a code says never changes."""

    form = ClaimCodeForm
    list_display = [
        "__str__",
        "hint",
        "uses",
        "max_uses",
        "expires_at",
        "revoked_at",
        "created_by",
        "last_used_at",
    ]
    list_select_related = ["created_by"]
    search_fields = ["label", "hint"]
    ordering = ["-pk"]
    actions = ["revoke"]

    def get_fields(self, request, obj=None):
        kept = ["hint", "uses", "last_used_at", "revoked_at", "created_by", "created_at"]
        return [*SAID, *(kept if obj else [])]

    def get_readonly_fields(self, request, obj=None):
        return self.get_fields(request, obj) if obj else []

    def has_change_permission(self, request, obj=None) -> bool:
        return obj is None and super().has_change_permission(request)

    def has_delete_permission(self, request, obj=None) -> bool:
        return False  # it says by which code devices came

    def save_model(self, request, obj, form, change) -> None:
        values = {name: form.cleaned_data[name] for name in SAID}
        code, text = services.create_claim_code(at=timezone.now(), by=request.user, **values)
        obj.pk = code.pk
        self.message_user(request, f"Claim code, shown only this once: {text}", messages.SUCCESS)

    @admin.action(description=_("Revoke selected claim codes"), permissions=["change"])
    def revoke(self, request, queryset) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        for code_id in ids:
            services.revoke_claim_code(code_id=code_id, at=timezone.now())
        self.message_user(request, f"Claim codes revoked: {len(ids)}.", messages.SUCCESS)


@admin.register(Claim)
class ClaimAdmin(ReadOnlyAdmin):
    """Which devices came by which code."""

    list_display = ["device", "code", "at"]
    list_select_related = ["device", "code"]
    search_fields = ["device__external_id", "code__label", "code__hint"]
    ordering = ["-pk"]

    def has_change_permission(self, request, obj=None) -> bool:
        return False
