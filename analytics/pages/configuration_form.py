from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from analytics.pages.command_forms import JsonObjectField


class ConfigurationForm(forms.Form):
    """How a device is wanted, with the version that the form was opened at."""

    desired = JsonObjectField(
        label=_("Desired"), required=False, max_length=65_536, help_text=_("One JSON object, all of it.")
    )
    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["desired"].widget.attrs["rows"] = 16
