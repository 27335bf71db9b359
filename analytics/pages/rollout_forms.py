"""What is asked before a rollout: which version, for whom, and how it goes on."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise, lazy
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from analytics import writing
from analytics.pages.maintenance import DAYS
from analytics.queries.device_list import group_names
from analytics.words import said
from devices.filtering import FilterRefused, parse_filter
from devices.models import Device
from ota.models import Firmware
from ota.queries.firmware import firmware_matching
from ota.services.rollouts import Pace, Target

MOST_DEVICES = 1000  # named one by one
WIRE_NAMES = {
    "waveCounts": "waves",
    "successThreshold": "success_threshold",
    "failureThreshold": "failure_threshold",
    "maxParallel": "max_parallel",
    "healthSeconds": "health_minutes",
    "window.days": "days",
    "window.start": "turn_starts",
    "window.end": "turn_ends",
    "continuous": "is_continuous",
}


def _with_most(words: str | Promise) -> str:
    return str(words) % {"most": writing.number(MOST_DEVICES)}


at_most = lazy(_with_most, str)


class VersionChoice(forms.ModelChoiceField):
    def label_from_instance(self, firmware: Any) -> str:
        told = {"version": firmware.version, "type": said(firmware.get_device_type_display().lower())}
        if firmware.is_stable:
            return gettext("%(version)s for %(type)ss") % told
        return gettext("%(version)s for %(type)ss, not stable") % told


class WhoForm(forms.Form):
    """The first step. Whom it is for is said in exactly one way."""

    firmware = VersionChoice(
        label=_("Version"), queryset=Firmware.objects.none(), empty_label=_("Choose a version …")
    )
    group = forms.TypedChoiceField(label=_("A group"), coerce=int, required=False, empty_value=None)
    filter = forms.CharField(
        label=_("Or a filter"),
        required=False,
        max_length=2000,
        widget=forms.TextInput({"class": "code-input", "spellcheck": "false", "autocapitalize": "off"}),
        help_text=_("For example: zone = Hall-3 and firmware < 2.1"),
    )
    devices = forms.CharField(
        label=_("Or devices one by one"),
        required=False,
        widget=forms.Textarea({"rows": 2, "class": "code-input", "spellcheck": "false"}),
        help_text=at_most(
            _("Their device ids, with commas, spaces or lines between them; at most %(most)s.")
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["firmware"].queryset = firmware_matching()  # type: ignore[attr-defined]
        self.fields["group"].choices = [("", _("Choose a group …")), *group_names()]  # type: ignore[attr-defined]

    def clean_filter(self) -> str:
        text = self.cleaned_data["filter"].strip()
        try:
            if text:
                parse_filter(text)
        except FilterRefused as refused:
            raise ValidationError(refused.reason[:1].upper() + refused.reason[1:]) from None
        return text

    def clean_devices(self) -> list[int]:
        names = list(dict.fromkeys(filter(None, re.split(r"[\s,;]+", self.cleaned_data["devices"]))))
        if len(names) > MOST_DEVICES:
            raise ValidationError(at_most(_("At most %(most)s. Use a group or a filter.")))
        known = dict(Device.objects.filter(external_id__in=names).values_list("external_id", "pk"))
        if unknown := [name for name in names if name not in known]:
            raise ValidationError(gettext("There is no device %(ids)s.") % {"ids": ", ".join(unknown[:5])})
        return sorted(known.values())

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        named = [name for name in ("group", "filter", "devices") if given.get(name)]
        if len(named) != 1 and not any(name in self.errors for name in ("group", "filter", "devices")):
            raise ValidationError(
                gettext("Say whom it is for: a group, a filter or devices, one of the three.")
            )
        return given

    def target(self) -> Target:
        given = self.cleaned_data
        return Target(
            device_ids=given["devices"] or None, group_id=given["group"], filter=given["filter"] or None
        )


class PaceForm(forms.Form):
    """The second step: how it goes on, and what makes it stop."""

    name = forms.CharField(
        label=_("Name"), max_length=120, help_text=_("What people call it, for example: spring update.")
    )
    waves_in = forms.ChoiceField(
        label=_("Waves"),
        choices=[
            ("percent", _("Percent of all, together")),
            ("count", _("Devices in each of the first waves")),
        ],
    )
    waves = forms.CharField(
        label=_("How large"),
        max_length=300,
        help_text=_(
            "In percent the last one is 100: 5, 25, 100. In devices all others are one more wave: 10, 100."
        ),
    )
    success_threshold = forms.IntegerField(
        label=_("Must succeed"), min_value=0, max_value=100, help_text=_("Percent of a wave, else it pauses.")
    )
    failure_threshold = forms.IntegerField(
        label=_("May fail"), min_value=0, max_value=100, help_text=_("Percent of a wave; past it, it pauses.")
    )
    max_parallel = forms.IntegerField(
        label=_("At a time"),
        min_value=1,
        required=False,
        help_text=_("Devices. Empty: a wave begins as a whole."),
    )
    health_minutes = forms.IntegerField(
        label=_("Watch each wave for"),
        min_value=0,
        max_value=30 * 1440,
        help_text=_("Minutes, for alerts of the updated devices. 0: not at all."),
    )
    days = forms.TypedMultipleChoiceField(
        label=_("Begins only on"),
        choices=DAYS,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None: at any time."),
    )
    turn_starts = forms.TimeField(
        label=pgettext_lazy("time", "From"), required=False, widget=forms.TimeInput({"type": "time"}, "%H:%M")
    )
    turn_ends = forms.TimeField(
        label=pgettext_lazy("time", "To"),
        required=False,
        widget=forms.TimeInput({"type": "time"}, "%H:%M"),
        help_text=_("Before the start: on the next day."),
    )
    is_continuous = forms.BooleanField(
        label=_("Devices that match later join the last wave (it never ends by itself)"), required=False
    )

    USUAL = {
        "waves_in": "percent",
        "waves": "5, 25, 100",
        "success_threshold": 90,
        "failure_threshold": 5,
        "health_minutes": 10,
    }

    def clean_waves(self) -> list[int]:
        parts = [part for part in re.split(r"[\s,;%]+", self.cleaned_data["waves"]) if part]
        if not parts or not all(part.isascii() and part.isdecimal() and len(part) < 8 for part in parts):
            raise ValidationError(gettext("Whole numbers with commas between them, for example 5, 25, 100."))
        return [int(part) for part in parts]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        parts = [bool(given.get(name)) for name in ("days",)]
        parts += [given.get(name) is not None for name in ("turn_starts", "turn_ends")]
        if any(parts) and not all(parts) and not {"turn_starts", "turn_ends", "days"} & set(self.errors):
            self.add_error("days", gettext("Days, a start and an end belong together."))
        return given

    def pace(self) -> Pace:
        given = self.cleaned_data
        is_percent = given["waves_in"] == "percent"
        window = None
        if given["days"]:
            start, end = given["turn_starts"], given["turn_ends"]
            window = {"days": given["days"], "start": f"{start:%H:%M}", "end": f"{end:%H:%M}"}
        return Pace(
            waves=given["waves"] if is_percent else None,
            wave_counts=None if is_percent else given["waves"],
            success_threshold=given["success_threshold"],
            failure_threshold=given["failure_threshold"],
            max_parallel=given["max_parallel"],
            window=window,
            health_seconds=given["health_minutes"] * 60,
        )
