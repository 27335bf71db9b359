from rest_framework import serializers

from alerts.models import Alert
from alerts.queries.alerts import events_after, events_between, newest_event
from alerts.services.lifecycle import ALERT_STREAM
from devices.watching import OfDevices, device_key, may_watch
from factory.accounts.permissions import VIEWER
from factory.live.channels import Channel, Stream
from factory.live.story import Memory, tell
from factory.trpc.news import NewsSerializer, NewsTime
from factory.trpc.router import Router

alerts = Stream(kind=ALERT_STREAM, message="alert", refill=events_between, newest=newest_event)
everything = Channel("alerts", alerts, allows=may_watch)
of_a_device = Channel("device:<id>:alert", alerts, allows=may_watch, find=device_key)

channels = [everything, Channel("alerts:all", alerts, allows=may_watch), of_a_device]

router = Router("alerts")
memory = Memory(
    after=events_after,
    mark=lambda number, data: str(number),
    newest=lambda: str(newest_event()),
    dense=True,
)


class AlertNews(NewsSerializer):
    alert_id = serializers.IntegerField()
    device_id = serializers.IntegerField(allow_null=True)
    type = serializers.ChoiceField(Alert.Type.choices)
    severity = serializers.ChoiceField(Alert.Severity.choices)
    status = serializers.ChoiceField(Alert.Status.choices)
    metric = serializers.CharField(allow_null=True)
    value = serializers.FloatField(allow_null=True)
    message = serializers.CharField()
    timestamp = NewsTime()
    seq = serializers.IntegerField()


@router.subscription("onAlert", permission=VIEWER, input=OfDevices, output=AlertNews)
def on_alert(call, *, last_event_id=None, **devices):
    """Each step of alerts as it happens, of the devices named or of all; after `lastEventId` none is left out."""
    names = OfDevices.names(**devices)
    channel = everything if names is None else of_a_device
    return tell(channel, memory, call.identity, names=names or (), after=last_event_id)
