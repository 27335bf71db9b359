from alerts.queries.alerts import events_between, newest_event
from alerts.services.lifecycle import ALERT_STREAM
from devices.watching import device_key, may_watch
from factory.live.channels import Channel, Stream

alerts = Stream(kind=ALERT_STREAM, message="alert", refill=events_between, newest=newest_event)

channels = [
    Channel("alerts", alerts, allows=may_watch),
    Channel("alerts:all", alerts, allows=may_watch),
    Channel("device:<id>:alert", alerts, allows=may_watch, find=device_key),
]
