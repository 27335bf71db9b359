from devices.services import STATUS_STREAM
from devices.watching import device_key, may_watch
from factory.live.channels import Channel, Stream

status = Stream(kind=STATUS_STREAM, message="device_status")

channels = [
    Channel("devices", status, allows=may_watch),
    Channel("device:<id>:status", status, allows=may_watch, find=device_key),
]
