from django.utils import timezone
from rest_framework import serializers

from alerts.queries.alerts import alert_stats
from analytics.queries.groups import group_figures
from devices.queries import device_stats
from factory.accounts.permissions import VIEWER
from factory.trpc.router import Router
from factory.trpc.serializers import StrictInteger, WireSerializer

router = Router("analytics")
groups = Router("groups")  # what clients ask of groups and several rooms have to answer


class DeviceCounts(WireSerializer):
    total = serializers.IntegerField()
    online = serializers.IntegerField()
    offline = serializers.IntegerField()
    maintenance = serializers.IntegerField()
    error = serializers.IntegerField()
    by_type = serializers.DictField(child=serializers.IntegerField(), source="byType")


class AlertCounts(WireSerializer):
    total = serializers.IntegerField()
    active = serializers.IntegerField()
    acknowledged = serializers.IntegerField()
    resolved = serializers.IntegerField()
    critical = serializers.IntegerField()
    warning = serializers.IntegerField()
    info = serializers.IntegerField()


class Overview(WireSerializer):
    devices = DeviceCounts()
    alerts = AlertCounts()


class ByGroup(WireSerializer):
    group_id = StrictInteger(min_value=1)


class GroupAnalytics(WireSerializer):
    group_id = serializers.IntegerField()
    total_devices = serializers.IntegerField(source="devices")
    online_devices = serializers.IntegerField(source="statuses.online")
    offline_devices = serializers.IntegerField(source="statuses.offline")
    error_devices = serializers.IntegerField(source="statuses.error")
    maintenance_devices = serializers.IntegerField(source="statuses.maintenance")
    average_temperature = serializers.FloatField(source="averages.temperature", allow_null=True)
    average_humidity = serializers.FloatField(source="averages.humidity", allow_null=True)
    average_power = serializers.FloatField(source="averages.power", allow_null=True)
    critical_alerts = serializers.IntegerField(source="alerts.critical")
    warning_alerts = serializers.IntegerField(source="alerts.warning")
    info_alerts = serializers.IntegerField(source="alerts.info")
    last_updated = serializers.DateTimeField(source="at")


@router.query("getOverview", permission=VIEWER, output=Overview)
def get_overview(call):
    """Devices by status and alerts by status and severity: what `devices.getStats` and `alerts.getStats` say."""
    return {"devices": device_stats(), "alerts": alert_stats()}


@groups.query("getAnalytics", permission=VIEWER, input=ByGroup, output=GroupAnalytics)
def get_analytics(call, *, group_id: int):
    """How the devices of a group are doing, nested groups included: statuses, mean newest values, active alerts."""
    return group_figures(group_id=group_id, at=timezone.now())
