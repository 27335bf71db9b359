from django.utils import timezone
from rest_framework import serializers

from analytics.api.fields import Of, Within, one_of
from analytics.queries.oee_answers import week_before
from analytics.queries.states import ms
from analytics.queries.trends import devices_of, top_alerts, trend_of
from devices.queries import get_device
from factory.accounts.permissions import VIEWER
from factory.trpc.router import Router
from factory.trpc.serializers import MomentField, StrictInteger, StrictString, WireSerializer
from telemetry.buckets import CALENDAR

router = Router("analytics")


class TopFilter(Of):
    start_time = MomentField(required=False)
    end_time = MomentField(required=False)
    limit = StrictInteger(default=10, min_value=1, max_value=1000)


class TopRow(WireSerializer):
    alert_id = serializers.IntegerField()
    device_id = serializers.IntegerField(allow_null=True)
    name = serializers.CharField()
    type = serializers.CharField()
    metric = serializers.CharField(allow_null=True)
    severity = serializers.CharField()
    message = serializers.CharField()
    count = serializers.IntegerField()
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()


class TrendFilter(Within):
    metric = StrictString(max_length=63)
    interval_ms = StrictInteger(default=3_600_000, min_value=60_000, max_value=366 * 86_400_000)
    interval = serializers.ChoiceField(choices=CALENDAR, required=False)


class PointRow(WireSerializer):
    timestamp = serializers.IntegerField()
    avg = serializers.FloatField()
    min = serializers.FloatField()
    max = serializers.FloatField()
    count = serializers.IntegerField()


class Trend(WireSerializer):
    metric = serializers.CharField()
    points = PointRow(many=True)
    average = serializers.FloatField(allow_null=True)
    previous_average = serializers.FloatField(allow_null=True)
    change = serializers.FloatField(allow_null=True)
    slope_per_day = serializers.FloatField(allow_null=True)


@router.query("getTopAlerts", permission=VIEWER, input=TopFilter, output=TopRow, many=True)
def get_top_alerts(
    call,
    *,
    limit: int,
    start_time: int | None = None,
    end_time: int | None = None,
    device_id: int | str | None = None,
    group_id: int | None = None,
):
    """What opened most often, of a device, a group or the plant; unless said, of the last seven days."""
    now = timezone.now()
    one_of(device_id, group_id)
    return top_alerts(
        start=ms(week_before(now)) if start_time is None else start_time,
        end=ms(now) if end_time is None else end_time,
        limit=limit,
        device_id=None if device_id is None else get_device(device_id).pk,
        group_id=group_id,
    )


@router.query("getTrend", permission=VIEWER, input=TrendFilter, output=Trend)
def get_trend(
    call,
    *,
    metric: str,
    start_time: int,
    end_time: int,
    interval_ms: int,
    interval: str | None = None,
    device_id: int | str | None = None,
    group_id: int | None = None,
):
    """One metric of a device, a group or the plant over time, how it changed, and against the same time before."""
    one_of(device_id, group_id)
    own = None if device_id is None else get_device(device_id).pk
    return trend_of(
        metric=metric,
        start=start_time,
        end=end_time,
        interval_ms=interval_ms,
        interval=interval,
        device_ids=devices_of(device_id=own, group_id=group_id),
    )
