"""What is asked of people who upload, withdraw and deploy firmware in the admin."""

import re

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from devices.models import Device
from grouping.models import Group
from ota.services.accepting import LONGEST_NOTES
from ota.services.firmware import LONGEST_REASON

MOST_DEVICES = 1000  # named one by one


class UploadForm(forms.Form):
    file = forms.FileField(widget=UnfoldAdminFileFieldWidget)
    version = forms.CharField(
        max_length=64, widget=UnfoldAdminTextInputWidget, help_text="Semantic: 2.10.0 or 2.10.0-rc.1."
    )
    device_type = forms.ChoiceField(choices=Device.Type.choices, widget=UnfoldAdminSelectWidget)
    hardware = forms.CharField(
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="The boards it runs on, separated by commas; none: all of the type.",
    )
    is_stable = forms.BooleanField(required=False, widget=UnfoldBooleanSwitchWidget)
    release_notes = forms.CharField(
        required=False, max_length=LONGEST_NOTES, widget=UnfoldAdminTextareaWidget, help_text="Markdown."
    )
    manifest = forms.CharField(
        required=False,
        max_length=10_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="What sign_firmware wrote to FILE.manifest.json, where the file is signed.",
    )
    signature = forms.CharField(
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text="What it wrote to FILE.sig.",
    )

    def clean_hardware(self) -> list[str]:
        return [name.strip() for name in self.cleaned_data["hardware"].split(",") if name.strip()]


class WithdrawForm(forms.Form):
    because = forms.CharField(
        label="Reason",
        max_length=LONGEST_REASON,
        widget=UnfoldAdminTextInputWidget,
        help_text="Updates to it that are still safe to stop are cancelled.",
    )


class DeployForm(forms.Form):
    devices = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=f"Device ids, as the devices call themselves, at most {MOST_DEVICES}; by commas, spaces or lines.",
    )
    group = forms.ModelChoiceField(
        queryset=Group.objects.order_by("name", "pk"), required=False, widget=UnfoldAdminSelectWidget
    )

    def clean_devices(self) -> list[int]:
        names = list(dict.fromkeys(re.split(r"[\s,;]+", self.cleaned_data["devices"].strip())))
        names = [name for name in names if name]
        if len(names) > MOST_DEVICES:
            raise ValidationError(f"At most {MOST_DEVICES}. Use a group, or a rollout.")
        known = dict(Device.objects.filter(external_id__in=names).values_list("external_id", "pk"))
        if unknown := [name for name in names if name not in known]:
            raise ValidationError(f"No such device: {', '.join(unknown[:5])}.")
        return sorted(known.values())

    def clean(self):
        cleaned = super().clean() or {}
        if not self.errors and bool(cleaned.get("devices")) == bool(cleaned.get("group")):
            raise ValidationError("Name either devices or a group.")
        return cleaned
