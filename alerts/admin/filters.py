"""By what thresholds are narrowed. A type, a group and a zone find what was set for their devices too."""

from django.contrib.admin import SimpleListFilter
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from alerts.queries.thresholds import without_effect
from devices.models import Device
from grouping.models import Group
from grouping.queries import GroupUnknown, devices_within


class ScopeFilter(SimpleListFilter):
    title = _("what it reaches")
    parameter_name = "scope"

    def lookups(self, request, model_admin):
        return [("device", _("One device")), ("group", _("A group")), ("device_type", _("A type of device"))]

    def queryset(self, request, queryset):
        if self.value() in {"device", "group", "device_type"}:
            return queryset.filter(**{f"{self.value()}__isnull": False})
        return queryset


class EffectFilter(SimpleListFilter):
    title = _("effect")
    parameter_name = "effect"

    def lookups(self, request, model_admin):
        return [("none", _("Without effect"))]

    def queryset(self, request, queryset):
        return without_effect(queryset) if self.value() == "none" else queryset


class TypeFilter(SimpleListFilter):
    title = _("type of device")
    parameter_name = "type"

    def lookups(self, request, model_admin):
        return Device.Type.choices

    def queryset(self, request, queryset):
        if self.value():
            return queryset.filter(Q(device_type=self.value()) | Q(device__type=self.value()))
        return queryset


class GroupFilter(SimpleListFilter):
    title = _("group")
    parameter_name = "in_group"

    def lookups(self, request, model_admin):
        return list(Group.objects.order_by("name").values_list("pk", "name"))

    def queryset(self, request, queryset):
        group_id = self.value()
        if not group_id:
            return queryset
        try:
            members = devices_within(group_id=int(group_id))
        except (ValueError, GroupUnknown):
            return queryset.none()
        return queryset.filter(Q(group_id=int(group_id)) | Q(device_id__in=members))


class ZoneFilter(SimpleListFilter):
    title = _("zone")
    parameter_name = "zone"

    def lookups(self, request, model_admin):
        zones = Device.objects.exclude(zone="").order_by("zone").values_list("zone", flat=True).distinct()
        return [(zone, zone) for zone in zones]

    def queryset(self, request, queryset):
        return queryset.filter(device__zone=self.value()) if self.value() else queryset
