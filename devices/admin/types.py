from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from devices import services
from devices.models import SilenceRule, TypeDefaults
from devices.patience import patience_by_type
from factory.accounts.backoffice import RoomAdmin, report

VALUES: dict[str, Any] = {"metrics": [], "tags": [], "metadata": {}, "configuration": {}}
WIRE_NAMES = {"config": "configuration"}


class TypeDefaultsForm(ModelForm):
    class Meta:
        model = TypeDefaults
        fields = ["type", *VALUES]

    def clean(self):
        cleaned = super().clean() or {}
        for name, empty in VALUES.items():
            if name in cleaned and cleaned[name] is None:  # an emptied box
                cleaned[name] = empty
        problems = services.why_no_defaults(**{name: cleaned[name] for name in VALUES if name in cleaned})
        report(self, {WIRE_NAMES.get(field, field): [reason] for field, reason in problems.items()})
        return cleaned


@admin.register(TypeDefaults)
class TypeDefaultsAdmin(RoomAdmin):
    """What new devices of a type start with, and beside it how long they may be silent."""

    form = TypeDefaultsForm
    list_display = ["type", "metrics", "tags", "silence"]
    ordering = ["type"]

    def get_fields(self, request, obj=None):
        return ["type", *VALUES, *(["silence_rule"] if obj else [])]

    def get_readonly_fields(self, request, obj=None):
        return ["type", "silence_rule"] if obj else []

    @admin.display(description=_("silence"))
    def silence(self, defaults: TypeDefaults) -> str:
        found = patience_by_type()[defaults.type]
        return f"offline after {found.silent_seconds} s, told {found.tolerance_seconds} s later, {found.severity}"

    @admin.display(description=_("silence"))
    def silence_rule(self, defaults: TypeDefaults) -> SafeString:
        """With the page where it is changed."""
        rule = SilenceRule.objects.filter(type=defaults.type).values_list("pk", flat=True).first()
        page = "admin:devices_silencerule"
        url = reverse(f"{page}_change", args=[rule]) if rule else reverse(f"{page}_add")
        return format_html('<a href="{}">{}</a>', url, self.silence(defaults))

    def save_model(self, request, obj, form, change) -> None:
        values = {name: form.cleaned_data[name] for name in VALUES}
        obj.pk = services.set_type_defaults(type=obj.type, **values).pk
