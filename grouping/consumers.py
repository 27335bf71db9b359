from devices.watching import may_watch
from factory.live.channels import Channel, Stream
from grouping.queries.batches import find_batch_id
from grouping.services.batch_progress import BATCH_STREAM

progress = Stream(kind=BATCH_STREAM, message="batch_progress")

channels = [Channel("batch:<id>", progress, allows=may_watch, find=find_batch_id)]
