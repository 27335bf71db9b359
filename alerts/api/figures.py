from rest_framework import serializers

from alerts.api.alerts import AlertRow, router
from alerts.queries.figures import alarm_figures
from factory.accounts.permissions import VIEWER
from factory.trpc.serializers import StrictDateTime, StrictInteger, WireSerializer


class FigureRange(WireSerializer):
    start_time = StrictDateTime(source="start")
    end_time = StrictDateTime(source="end")
    operators = StrictInteger(default=1, min_value=1, max_value=1000)


class OffenderRow(WireSerializer):
    key = serializers.CharField()
    alert = AlertRow()
    activations = serializers.IntegerField()
    share = serializers.FloatField()
    most_in_a_minute = serializers.IntegerField()


class BarRow(WireSerializer):
    start = serializers.DateTimeField()
    activations = serializers.IntegerField()


class FiguresRow(WireSerializer):
    start_time = serializers.DateTimeField(source="start")
    end_time = serializers.DateTimeField(source="end")
    operators = serializers.IntegerField()
    activations = serializers.IntegerField()
    per_operator_day = serializers.FloatField()
    busiest_at = serializers.DateTimeField(allow_null=True)
    busiest = serializers.IntegerField()
    flood_share = serializers.FloatField()
    stale = serializers.IntegerField()
    stale_alerts = AlertRow(many=True)
    chattering = serializers.IntegerField()
    chatterers = OffenderRow(many=True)
    worst = OffenderRow(many=True)
    worst_share = serializers.FloatField()
    severities = serializers.DictField(child=serializers.IntegerField())
    acknowledged = serializers.IntegerField()
    mean_seconds_to_acknowledge = serializers.FloatField(allow_null=True)
    resolved = serializers.IntegerField()
    mean_seconds_to_resolve = serializers.FloatField(allow_null=True)
    course = BarRow(many=True)


@router.query("getFigures", permission=VIEWER, input=FigureRange, output=FiguresRow)
def get_figures(call, *, start, end, operators: int):
    """How the alarm system does over a period, by ISA-18.2: load, floods, stale, chattering, the worst ten."""
    return alarm_figures(start=start, end=end, operators=operators)
