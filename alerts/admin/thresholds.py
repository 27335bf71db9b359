from urllib.parse import urlencode

from django.contrib import admin
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from alerts.admin.filters import EffectFilter, GroupFilter, ScopeFilter, TypeFilter, ZoneFilter
from alerts.admin.forms import BOUNDS, SCOPES, Autocompleting, ThresholdForm
from alerts.admin.many import ManyAtOnce
from alerts.models import Threshold
from alerts.queries.thresholds import threshold_changes
from alerts.scopes import FIELDS, scope_of
from alerts.services import thresholds as services
from alerts.threshold_csv import plain
from alerts.words import change_in_words, metric_with_unit, patience

HISTORY = 50  # changes on a threshold's own page


def _number(name: str):
    @admin.display(description=_(name.replace("_", " ")), ordering=name)
    def column(threshold: Threshold) -> str:
        return plain(getattr(threshold, name))

    return column


@admin.register(Threshold)
class ThresholdAdmin(Autocompleting, ManyAtOnce):
    form = ThresholdForm
    list_display = [
        "reaches",
        "measured",
        *map(_number, BOUNDS),
        "waits",
        "enabled",
        "changed",
    ]
    list_filter = [EffectFilter, ScopeFilter, TypeFilter, GroupFilter, ZoneFilter, "metric", "enabled"]
    list_select_related = ["device", "group"]
    search_fields = ["device__external_id", "device__name", "group__name", "device_type", "metric"]
    ordering = ["-pk"]
    autocomplete_fields = ["device", "group"]
    readonly_fields = ["reaches", "measured", "updated_at"]
    change_form_outer_after_template = "admin/alerts/threshold/history.html"

    @admin.display(description=_("reaches"))
    def reaches(self, threshold: Threshold) -> str:
        return threshold.scope

    @admin.display(description=_("metric"), ordering="metric")
    def measured(self, threshold: Threshold) -> str:
        return metric_with_unit(threshold.metric)

    @admin.display(description=_("waits"))
    def waits(self, threshold: Threshold) -> str:
        return patience(threshold)

    @admin.display(description=_("changed"), ordering="updated_at")
    def changed(self, threshold: Threshold):
        return threshold.updated_at

    def get_fieldsets(self, request, obj=None):
        what = ["reaches", "measured", "updated_at"] if obj else [*SCOPES, "metric"]
        others = [name for name in FIELDS if name not in BOUNDS]
        return [
            (None, {"fields": what}),
            ("Bounds", {"fields": BOUNDS}),
            ("Patience", {"fields": others}),
        ]

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        changes = []
        if object_id and object_id.isdecimal():
            changes = [
                {"change": change, "words": change_in_words(change)}
                for change in threshold_changes(threshold_id=int(object_id))[:HISTORY]
            ]
        extra_context = {**(extra_context or {}), "changes": changes}
        return super().changeform_view(request, object_id, form_url, extra_context)

    def history_view(self, request, object_id, extra_context=None):
        """Django's own log knows neither files nor the API."""
        changes = reverse("admin:alerts_thresholdchange_changelist")
        return redirect(f"{changes}?{urlencode({'threshold_id': object_id})}")

    def save_model(self, request, obj, form, change) -> None:
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data}
            services.edit_threshold(threshold=obj, by=request.user, at=timezone.now(), **changes)
            return
        values = {field: getattr(obj, field) for field in FIELDS}
        obj.pk = services.create_threshold(
            scope=scope_of(obj), metric=obj.metric, by=request.user, at=timezone.now(), **values
        ).pk

    def delete_model(self, request, obj) -> None:
        services.delete_threshold(threshold=obj, by=request.user, at=timezone.now())

    def delete_queryset(self, request, queryset) -> None:
        thresholds = list(queryset.select_related("device", "group"))
        services.delete_thresholds(thresholds=thresholds, by=request.user, at=timezone.now())
