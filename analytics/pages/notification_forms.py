"""Where one wants to hear of alerts, as a form; what cannot be meant, the services say."""

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from alerts.models import Alert, AlertEvent, NotificationConfig
from alerts.outbox.recipients import shown
from analytics.pages.devices import report
from analytics.queries.alerts import known_groups
from devices.models import Device
from devices.queries import DeviceUnknown
from factory.errors import DomainError

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

DAY, WEEK = 24 * 60, 7 * 24 * 60  # minutes
DAYS = [(number, WEEKDAYS_ABBR[number - 1]) for number in range(1, 8)]
TYPES = [("email", _("E-mail")), ("sms", _("SMS")), ("push", _("Push or chat")), ("webhook", _("Webhook"))]
EVENTS = [
    (AlertEvent.Kind.OPENED.value, _("It opens")),
    (AlertEvent.Kind.ROSE.value, _("It becomes worse")),
    (AlertEvent.Kind.ANNOUNCED.value, _("It is still there after being silent")),
    (AlertEvent.Kind.ACKNOWLEDGED.value, _("Somebody acknowledges it")),
    (AlertEvent.Kind.RESOLVED.value, _("It is over")),
]
WIRE_NAMES = {"groupFilter": "groups", "deviceFilter": "devices"}


def _boxes(
    label: "StrOrPromise", choices: list, help_text: "StrOrPromise" = "", **options: Any
) -> forms.TypedMultipleChoiceField:
    return forms.TypedMultipleChoiceField(
        label=label,
        choices=choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=help_text,
        **options,
    )


def _time(label: "StrOrPromise") -> forms.TimeField:
    return forms.TimeField(label=label, required=False, widget=forms.TimeInput({"type": "time"}, "%H:%M"))


def _minutes(label: "StrOrPromise", most: int, help_text: "StrOrPromise") -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=1, max_value=most, required=False, help_text=help_text)


class ConfigForm(forms.Form):
    """With a `config`, it is changed; its address is never shown again whole, and stays where none is given."""

    type = forms.ChoiceField(label=_("How"), choices=TYPES)
    recipient = forms.CharField(
        label=_("Where to"),
        max_length=1000,
        help_text=_(
            "An e-mail address; for SMS, push and chat an Apprise URL such as ntfys://host/topic;"
            " for a webhook its https address."
        ),
    )
    plant = forms.BooleanField(label=_("For the plant itself, not for me"), required=False)
    enabled = forms.BooleanField(label=_("Switched on"), required=False, initial=True)
    severities = _boxes(
        _("Which alerts"),
        list(reversed(Alert.Severity.choices)),
        _("None ticked: all."),
    )
    events = _boxes(_("When"), EVENTS, _("None ticked: the first three."))
    devices = forms.CharField(
        label=_("Of these devices only"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea({"rows": 2}),
        help_text=_("Device ids, with a space or a comma between them. Empty: of all."),
    )
    groups = _boxes(_("Of these groups only"), [], _("With devices as well, either is enough."), coerce=int)
    quiet_start = _time(_("Quiet from"))
    quiet_end = _time(_("Quiet to"))
    quiet_days = _boxes(_("On"), DAYS, _("The day on which they start. None ticked: every day."), coerce=int)
    except_critical = forms.BooleanField(label=_("Critical alerts come through"), required=False)
    throttle_minutes = _minutes(
        _("At most one message in"),
        DAY,
        _("What comes meanwhile goes out together. Empty: each at once."),
    )
    escalate_after_minutes = _minutes(
        _("Only if nobody has seen it after"), WEEK, _("For those who step in. Empty: at once.")
    )

    def __init__(self, *args: Any, config: NotificationConfig | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.config = config
        self.fields["groups"].choices = known_groups()  # type: ignore[attr-defined]
        if config is None:
            return
        del self.fields["type"], self.fields["plant"]
        if config.from_environment:
            del self.fields["recipient"]
        else:
            self.fields["recipient"].required = False
            self.fields["recipient"].help_text = gettext(
                "Now %(address)s. Leave it empty to keep that; it is not shown again whole."
            ) % {"address": shown(config)}

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        start, end = given.get("quiet_start"), given.get("quiet_end")
        if (start is None) is not (end is None) and not {"quiet_start", "quiet_end"} & self.errors.keys():
            self.add_error(
                "quiet_start" if start is None else "quiet_end",
                gettext("Quiet hours have a start and an end."),
            )
        if start is not None and start == end:
            self.add_error("quiet_end", gettext("Must not be the start."))
        return given

    def properties(self) -> dict[str, Any]:
        """As the services take them; an empty filter is none."""
        given = self.cleaned_data
        wanted = {
            "enabled": given["enabled"],
            "severity_filter": given["severities"] or None,
            "event_filter": given["events"] or None,
            "device_filter": re.findall(r"[^\s,;]+", given["devices"]) or None,
            "group_filter": given["groups"] or None,
            "quiet_hours": self._quiet_hours(),
            "throttle_minutes": given["throttle_minutes"],
            "escalate_after_minutes": given["escalate_after_minutes"],
        }
        if self.config is None:
            return wanted | {name: given[name] for name in ("type", "recipient", "plant")}
        return wanted | ({"recipient": given["recipient"]} if given.get("recipient") else {})

    def _quiet_hours(self) -> dict[str, Any] | None:
        given = self.cleaned_data
        if given["quiet_start"] is None:
            return None
        hours: dict[str, Any] = {
            "start": f"{given['quiet_start']:%H:%M}",
            "end": f"{given['quiet_end']:%H:%M}",
        }
        if given["quiet_days"]:
            hours["days"] = sorted(given["quiet_days"])
        if given["except_critical"]:
            hours["exceptCritical"] = True
        return hours

    def refuse(self, refusal: DomainError) -> None:
        """Show what a service says at the field it speaks of."""
        if isinstance(refusal, DeviceUnknown):
            self.add_error("devices", refusal.message)
        else:
            report(self, refusal, WIRE_NAMES)


def initial_of(config: NotificationConfig) -> dict[str, Any]:
    """What the form of a config shows at first."""
    hours = config.quiet_hours or {}
    names = Device.objects.filter(pk__in=config.device_filter or []).order_by("external_id")
    return {
        "enabled": config.enabled,
        "severities": config.severity_filter or [],
        "events": config.event_filter or [],
        "devices": " ".join(names.values_list("external_id", flat=True)),
        "groups": config.group_filter or [],
        "quiet_start": hours.get("start"),
        "quiet_end": hours.get("end"),
        "quiet_days": hours.get("days", []),
        "except_critical": hours.get("exceptCritical", False),
        "throttle_minutes": config.throttle_minutes,
        "escalate_after_minutes": config.escalate_after_minutes,
    }
