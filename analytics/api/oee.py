from django.utils import timezone
from rest_framework import serializers

from analytics.api.fields import Of, Within, one_of
from analytics.queries.machines import machines_in
from analytics.queries.oee_answers import oee_breakdown, oee_metrics, week_before
from analytics.queries.reliability import reliability_rows
from analytics.queries.states import moment, ms
from analytics.queries.timeline import timeline_of
from devices.queries import get_device
from factory.accounts.permissions import VIEWER
from factory.trpc.router import Router
from factory.trpc.serializers import MomentField, WireSerializer

router = Router("analytics")


class OEEFilter(Of):
    start_time = MomentField(required=False)
    end_time = MomentField(required=False)


class Figures(WireSerializer):
    """The four in percent with one decimal, null where they cannot be known; times in seconds."""

    availability = serializers.FloatField(allow_null=True)
    performance = serializers.FloatField(allow_null=True)
    quality = serializers.FloatField(allow_null=True)
    oee = serializers.FloatField(allow_null=True)
    planned_seconds = serializers.FloatField()
    run_seconds = serializers.FloatField()
    ideal_seconds = serializers.FloatField()
    good_ideal_seconds = serializers.FloatField()
    unknown_seconds = serializers.FloatField()
    down_seconds = serializers.FloatField()
    stops = serializers.IntegerField()
    micro_stop_seconds = serializers.FloatField()
    micro_stops = serializers.IntegerField()
    planned_stop_seconds = serializers.FloatField()
    break_seconds = serializers.FloatField()
    total = serializers.FloatField()
    good = serializers.FloatField()
    flags = serializers.ListField(child=serializers.CharField())


class TrendRow(WireSerializer):
    date = serializers.CharField()
    oee = serializers.FloatField(allow_null=True)


class LossRow(WireSerializer):
    kind = serializers.CharField()
    code = serializers.CharField(allow_null=True)
    label = serializers.CharField()  # type: ignore[assignment]  # a field called label
    minutes = serializers.FloatField()


class OEEMetrics(Figures):
    trend = TrendRow(many=True)
    losses = LossRow(many=True)


class BreakdownFilter(Within):
    by = serializers.ChoiceField(choices=["machine", "line", "shift", "day", "week"])


class BreakdownRow(Figures):
    key = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a field called label


class StateRow(WireSerializer):
    device_id = serializers.IntegerField()
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    state = serializers.CharField()
    code = serializers.CharField(allow_null=True)
    micro = serializers.BooleanField()


class ReliabilityRow(WireSerializer):
    device_id = serializers.IntegerField()
    name = serializers.CharField()
    failures = serializers.IntegerField()
    mtbf_seconds = serializers.FloatField(allow_null=True)
    mttr_seconds = serializers.FloatField(allow_null=True)
    unclassified = serializers.IntegerField()
    basis = serializers.CharField()


@router.query("getOEEMetrics", permission=VIEWER, input=OEEFilter, output=OEEMetrics)
def get_oee_metrics(
    call,
    *,
    start_time: int | None = None,
    end_time: int | None = None,
    device_id: int | str | None = None,
    group_id: int | None = None,
):
    """Availability, performance, quality and OEE of a machine, a group or the plant; unless said, of seven days."""
    now = timezone.now()
    one_of(device_id, group_id)
    return oee_metrics(
        start=ms(week_before(now)) if start_time is None else start_time,
        end=ms(now) if end_time is None else end_time,
        now=ms(now),
        device_id=None if device_id is None else get_device(device_id).pk,
        group_id=group_id,
    )


@router.query("getOEEBreakdown", permission=VIEWER, input=BreakdownFilter, output=BreakdownRow, many=True)
def get_oee_breakdown(
    call,
    *,
    start_time: int,
    end_time: int,
    by: str,
    device_id: int | str | None = None,
    group_id: int | None = None,
):
    """The same figures of each machine, line, shift, day or week, each from its own sums."""
    one_of(device_id, group_id)
    return oee_breakdown(
        by=by,
        start=start_time,
        end=end_time,
        now=ms(timezone.now()),
        device_id=None if device_id is None else get_device(device_id).pk,
        group_id=group_id,
    )


@router.query("getStates", permission=VIEWER, input=Within, output=StateRow, many=True)
def get_states(
    call,
    *,
    start_time: int,
    end_time: int,
    device_id: int | str | None = None,
    group_id: int | None = None,
):
    """What machines did in [startTime, endTime), at most 32 days: running, stopped with its code, or unknown."""
    one_of(device_id, group_id)
    devices = machines_in(
        device_id=None if device_id is None else get_device(device_id).pk, group_id=group_id
    )
    rows = timeline_of(device_ids=devices, start=start_time, end=end_time, now=ms(timezone.now()))
    return [
        {
            "device_id": row.device_id,
            "start_time": moment(piece.start),
            "end_time": moment(piece.end),
            "state": piece.state,
            "code": piece.code,
            "micro": piece.is_micro,
        }
        for row in rows
        for piece in row.pieces
    ]


@router.query("getReliability", permission=VIEWER, input=Within, output=ReliabilityRow, many=True)
def get_reliability(
    call,
    *,
    start_time: int,
    end_time: int,
    device_id: int | str | None = None,
    group_id: int | None = None,
):
    """How long devices work between failures, and how long one lasts: by machines' stops, else by critical alerts."""
    one_of(device_id, group_id)
    return reliability_rows(
        start=start_time,
        end=end_time,
        now=ms(timezone.now()),
        device_id=None if device_id is None else get_device(device_id).pk,
        group_id=group_id,
    )
