from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from alerts.models import Threshold
from alerts.queries.thresholds import ThresholdUnknown, get_threshold, thresholds_of
from alerts.services.thresholds import Scope, create_threshold, delete_threshold, edit_threshold
from analytics.pages.devices import report
from analytics.pages.doors import for_people, page, person
from analytics.queries.devices import measurements_of
from analytics.templatetags.plant import label
from devices.queries import get_device
from factory.accounts.models import User
from factory.errors import DomainError
from telemetry.metrics import METRIC_NAME
from telemetry.rules import metric_for

BOUNDS = ("min_value", "warning_min", "warning_max", "max_value")
PATIENCE = ("hysteresis", "hold_seconds", "clear_seconds", "count")
WIRE_NAMES = {
    "minValue": "min_value",
    "maxValue": "max_value",
    "warningMin": "warning_min",
    "warningMax": "warning_max",
}


class ThresholdForm(forms.Form):
    """The bounds of one metric. What may not be together, the service says."""

    metric = forms.CharField(
        label=_("Metric"), max_length=63, help_text=_("As the device names it, for example temperature.")
    )
    min_value = forms.FloatField(label=_("Critical below"), required=False)
    warning_min = forms.FloatField(label=_("Warning below"), required=False)
    warning_max = forms.FloatField(label=_("Warning above"), required=False)
    max_value = forms.FloatField(label=_("Critical above"), required=False)
    hysteresis = forms.FloatField(
        label=_("Back in range by"),
        min_value=0,
        initial=0,
        help_text=_("How far inside a bound ends the alert."),
    )
    hold_seconds = forms.IntegerField(
        label=_("Outside for"),
        min_value=0,
        max_value=86_400,
        initial=0,
        help_text=_("Before an alert is raised."),
    )
    clear_seconds = forms.IntegerField(
        label=_("Inside for"), min_value=0, max_value=86_400, initial=0, help_text=_("Before the alert ends.")
    )
    count = forms.IntegerField(
        label=_("Readings in a row"),
        min_value=1,
        max_value=1000,
        initial=1,
        help_text=_("Before an alert is raised."),
    )
    enabled = forms.BooleanField(label=_("Watch this metric"), required=False, initial=True)

    def __init__(self, *args: Any, threshold: Threshold | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if threshold is not None:
            del self.fields["metric"]
        metric = threshold.metric if threshold else str(self["metric"].value() or "")
        unit = metric_for(metric).unit
        for name, field in self.fields.items():
            field.widget.attrs.update({"step": "any"} if name in (*BOUNDS, "hysteresis") else {})
        self.units = {
            **dict.fromkeys((*BOUNDS, "hysteresis"), unit),
            "hold_seconds": "s",
            "clear_seconds": "s",
        }

    def clean_metric(self) -> str:
        metric = self.cleaned_data["metric"].strip()
        if not METRIC_NAME.match(metric):
            raise forms.ValidationError(
                gettext("A small letter first, then small letters, digits and _ only.")
            )
        return metric

    def _rows(self, names: tuple[str, ...]) -> list[tuple[forms.BoundField, str]]:
        return [(self[name], self.units.get(name, "")) for name in names]

    def bounds(self) -> list[tuple[forms.BoundField, str]]:
        return self._rows(BOUNDS)

    def patience(self) -> list[tuple[forms.BoundField, str]]:
        return self._rows(PATIENCE)


def _own_threshold(device_id: int, threshold_id: int) -> Threshold:
    threshold = get_threshold(threshold_id)
    if threshold.device_id != device_id:
        raise ThresholdUnknown(f"Device {device_id} has no threshold {threshold_id}.")
    return threshold


@require_http_methods(["GET", "POST"])
@for_people(User.Role.TECHNICIAN)
def threshold(request: HttpRequest, device_id: int, threshold_id: int | None = None) -> HttpResponse:
    """Say what is expected of a metric of this device, for the first time or anew."""
    device = get_device(device_id)
    present = _own_threshold(device_id, threshold_id) if threshold_id else None
    initial = (
        {n: getattr(present, n) for n in ThresholdForm.base_fields} if present else dict(request.GET.items())
    )
    form = ThresholdForm(request.POST or None, threshold=present, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            if present:
                edit_threshold(threshold=present, by=person(request), at=timezone.now(), **form.cleaned_data)
            else:
                present = create_threshold(
                    scope=Scope(device=device), by=person(request), at=timezone.now(), **form.cleaned_data
                )
        except DomainError as refusal:
            report(form, refusal, WIRE_NAMES)
        else:
            messages.success(
                request,
                gettext("Saved: what is expected of %(metric)s.") % {"metric": label(present.metric).lower()},
            )
            return redirect("device", device_id)
    context = {
        "here": "devices",
        "device": device,
        "threshold": present,
        "form": form,
        "metrics": [m.metric for m in measurements_of(device.pk, list(thresholds_of(device_id=device.pk)))],
    }
    return page(request, "analytics/threshold.html", context, status=422 if form.errors else 200)


@require_POST
@for_people(User.Role.TECHNICIAN)
def drop_threshold(request: HttpRequest, device_id: int, threshold_id: int) -> HttpResponse:
    """Expect nothing of this metric any more; an alert that it holds open is over."""
    present = _own_threshold(device_id, threshold_id)
    delete_threshold(threshold=present, by=person(request), at=timezone.now())
    messages.success(request, gettext("%(metric)s is no longer watched.") % {"metric": label(present.metric)})
    return redirect("device", device_id)
