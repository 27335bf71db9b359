from functools import partial

from django.utils import timezone
from rest_framework import serializers

from devices.watching import may_watch
from factory.accounts.permissions import VIEWER
from factory.live.channels import Channel, Stream
from factory.live.story import Memory, microseconds, tell
from factory.trpc.news import NewsSerializer, NewsTime
from factory.trpc.router import Router
from factory.trpc.serializers import StrictInteger, StrictString, WireSerializer
from grouping.models import BatchOperation
from grouping.queries.batches import ends_after, find_batch_id, get_batch, is_over, progress_now
from grouping.services.batch_progress import BATCH_STREAM

progress = Stream(kind=BATCH_STREAM, message="batch_progress")
of_a_batch = Channel("batch:<id>", progress, allows=may_watch, find=find_batch_id)

channels = [of_a_batch]

router = Router("groups")
memory = Memory(
    after=ends_after,
    mark=lambda number, data: str(number),
    newest=lambda: str(microseconds(timezone.now())),
)


class OfABatch(WireSerializer):
    id = StrictInteger(min_value=1, max_value=2**63 - 1)
    last_event_id = StrictString(required=False, allow_null=True, max_length=100)


class ProgressNews(NewsSerializer):
    batch_id = serializers.IntegerField()
    status = serializers.ChoiceField(BatchOperation.Status.choices)
    progress = serializers.IntegerField()
    total = serializers.IntegerField()
    pending = serializers.IntegerField()
    waiting = serializers.IntegerField()
    succeeded = serializers.IntegerField()
    failed = serializers.IntegerField()
    cancelled = serializers.IntegerField()
    timestamp = NewsTime()


@router.subscription("onBatchProgress", permission=VIEWER, input=OfABatch, output=ProgressNews)
def on_batch_progress(call, *, id, last_event_id=None):
    """How a batch stands: now, whenever that changes, and at its end, which is the end of the subscription too."""
    get_batch(id)
    # After a break as well, how it stands is all there is to say: the last id is taken, and not needed.
    return tell(
        of_a_batch, memory, call.identity, names=[str(id)], greet=partial(_greet, id), is_last=is_over
    )


def _greet(id):
    return [progress_now(id, at=timezone.now())]
