"""What is asked of people who set thresholds: one at a time, or many at once."""

from copy import copy

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
)

from alerts.models import Threshold
from alerts.scopes import FIELDS, Scope, problems_of
from alerts.threshold_csv import LARGEST
from devices.models import Device
from factory.accounts.backoffice import report
from grouping.models import Group

BOUNDS = ("min_value", "warning_min", "warning_max", "max_value")
SCOPES = ("device", "group", "device_type")
LONGEST_KEY = 19  # digits


class _Known:
    """What was sent in is shown again only if it can be a key: Django looks it up, and anything else would be a 500."""

    def optgroups(self, name, value, attr=None):
        keys = [key for key in value if str(key).isdecimal() and len(str(key)) < LONGEST_KEY]
        return super().optgroups(name, keys, attr)  # type: ignore[misc]


class OneOf(_Known, AutocompleteSelect):
    pass


class SeveralOf(_Known, AutocompleteSelectMultiple):
    pass


class Autocompleting:
    """An admin whose `autocomplete_fields` take whatever is sent in."""

    def formfield_for_foreignkey(self, db_field, request, **kwargs):
        if db_field.name in self.autocomplete_fields:  # type: ignore[attr-defined]
            kwargs["widget"] = OneOf(db_field, self.admin_site)  # type: ignore[attr-defined]
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]


class ThresholdForm(forms.ModelForm):
    class Meta:
        model = Threshold
        fields = [*SCOPES, "metric", *FIELDS]

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        # Others change it while the form is open; only what a person has changed is a change.
        if self.instance.pk:
            for name in FIELDS:
                self.fields[name].show_hidden_initial = True

    def clean(self):
        cleaned = super().clean() or {}
        named = [name for name in SCOPES if cleaned.get(name)]
        if not self.instance.pk and len(named) != 1 and not self.errors.keys() & set(SCOPES):
            self.add_error(named[-1] if named else "device", "Name exactly one device, group or type.")
        # As it would be: what the form does not ask for, or could not read, stays as it is.
        threshold = copy(self.instance)
        for name, value in cleaned.items():
            setattr(threshold, name, value)
        problems = problems_of(threshold)
        report(self, {field: [reason] for field, reason in problems.items()})
        return cleaned


def _bound(label: str) -> forms.FloatField:
    return forms.FloatField(
        label=label, required=False, widget=UnfoldAdminDecimalFieldWidget(attrs={"step": "any"})
    )


def _whole(label: str, *, low: int, high: int, help_text: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label,
        min_value=low,
        max_value=high,
        required=False,
        help_text=help_text,
        widget=UnfoldAdminIntegerFieldWidget,
    )


class EditManyForm(forms.Form):
    """What to set in all of them; what is left empty stays as it is in each."""

    min_value = _bound("Min value")
    warning_min = _bound("Warning min")
    warning_max = _bound("Warning max")
    max_value = _bound("Max value")
    without = forms.MultipleChoiceField(
        label="Take away",
        choices=[(name, name.replace("_", " ").capitalize()) for name in BOUNDS],
        required=False,
        help_text="Bounds that none of them is to have any more.",
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )
    hysteresis = _bound("Hysteresis")
    hold_seconds = _whole("Hold seconds", low=0, high=86_400, help_text="How long a breach must last.")
    clear_seconds = _whole("Clear seconds", low=0, high=86_400, help_text="How long the return must last.")
    count = _whole("Count", low=1, high=1000, help_text="How many readings in a row must breach.")
    enabled = forms.ChoiceField(
        choices=[("", "Leave as it is"), ("yes", "Yes"), ("no", "No")],
        required=False,
        widget=UnfoldAdminSelectWidget,
    )

    def clean(self) -> dict:
        cleaned = super().clean() or {}
        for name in cleaned.get("without", []):
            if cleaned.get(name) is not None:
                self.add_error(name, "is to be taken away: either give a value or tick it below.")
        if not self.errors and not self.values():
            raise ValidationError("Nothing to set: fill in at least one field.")
        return cleaned

    def values(self) -> dict:
        """{field: value} of what is to be set."""
        cleaned = self.cleaned_data
        given = {
            name: cleaned[name] for name in FIELDS if name in cleaned and cleaned[name] not in (None, "")
        }
        if "enabled" in given:
            given["enabled"] = given["enabled"] == "yes"
        return {**given, **dict.fromkeys(cleaned.get("without", []))}


class _Several(forms.ModelMultipleChoiceField):
    def clean(self, value):
        for key in value or ():
            if len(key) >= LONGEST_KEY:
                raise ValidationError(self.error_messages["invalid_choice"], params={"value": key})
        return super().clean(value)


def _several(model: type[Device] | type[Group], kind: str) -> forms.ModelMultipleChoiceField:
    return _Several(
        queryset=model.objects.all(),
        required=False,
        widget=SeveralOf(Threshold._meta.get_field(kind), admin.site),
    )


class CopyForm(forms.Form):
    """Where to copy the thresholds to."""

    devices = _several(Device, "device")
    groups = _several(Group, "group")
    types = forms.MultipleChoiceField(
        label="Types of device",
        choices=Device.Type.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    def clean(self) -> dict:
        cleaned = super().clean() or {}
        if not self.errors and not any(cleaned.values()):
            raise ValidationError("Choose at least one device, group or type.")
        return cleaned

    def scopes(self) -> list[Scope]:
        chosen = self.cleaned_data
        return [
            *(Scope(device=device) for device in chosen["devices"]),
            *(Scope(group=group) for group in chosen["groups"]),
            *(Scope(device_type=device_type) for device_type in chosen["types"]),
        ]


class ImportForm(forms.Form):
    file = forms.FileField(
        label="CSV file",
        help_text=f"UTF-8, at most {LARGEST // 1024 // 1024} MB. The export shows which columns there are.",
        widget=UnfoldAdminFileFieldWidget,
    )
