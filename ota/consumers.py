from django.utils import timezone
from rest_framework import serializers

from devices.identity import is_device
from devices.watching import OfDevices, device_key, may_watch
from factory.accounts.permissions import VIEWER
from factory.live.channels import Channel, Errand, Handler, Stream
from factory.live.story import Memory, microseconds, tell
from factory.trpc.news import NewsSerializer, NewsTime
from factory.trpc.router import Router
from ota.models import Deployment
from ota.queries.deployments import deployments_after, event_id, news_of
from ota.queries.rollouts import find_rollout_id
from ota.services.hearing import hear_update_status
from ota.services.news import OFFERS_SHARDS, OFFERS_STREAM, OTA_STREAM
from ota.services.rollout_news import ROLLOUT_STREAM
from ota.sockets import OfferVisit
from ota.words import read_word

updates = Stream(kind=OTA_STREAM, message="ota_status")
progress = Stream(kind=ROLLOUT_STREAM, message="rollout_status")

everything = Channel("ota", updates, allows=may_watch)
of_a_device = Channel("device:<id>:ota", updates, allows=may_watch, find=device_key)

channels = [
    everything,
    of_a_device,
    Channel("rollout:<id>", progress, allows=may_watch, find=find_rollout_id),
]

router = Router("ota")
memory = Memory(
    after=deployments_after,
    mark=lambda number, data: event_id(number, data["deploymentId"]),
    newest=lambda: event_id(microseconds(timezone.now()), 0),
)


class DeploymentNews(NewsSerializer):
    deployment_id = serializers.IntegerField()
    device_id = serializers.IntegerField()
    rollout_id = serializers.IntegerField(allow_null=True)
    firmware_version_id = serializers.IntegerField()
    version = serializers.CharField()
    status = serializers.ChoiceField(Deployment.Status.choices)
    progress = serializers.IntegerField()
    error_message = serializers.CharField(allow_null=True)
    attempts = serializers.IntegerField()
    timestamp = NewsTime()


@router.subscription("onDeployment", permission=VIEWER, input=OfDevices, output=DeploymentNews)
def on_deployment(call, *, last_event_id=None, **devices):
    """How deployments stand whenever one moves, of the devices named or of all; after `lastEventId` as they are now."""
    names = OfDevices.names(**devices)
    channel = everything if names is None else of_a_device
    return tell(channel, memory, call.identity, names=names or (), after=last_event_id)


def visit_of(listener) -> OfferVisit | None:
    """New versions are offered to devices."""
    return OfferVisit(listener.principal.device_id) if is_device(listener) else None


errands = [Errand(OFFERS_STREAM, visit=visit_of, shards=OFFERS_SHARDS)]


def take_ota_status(listener, message) -> tuple[str, dict]:
    """A device says over its socket how far its update is: as `ota.updateStatus`, or the same under `data`."""
    body = message["data"] if isinstance(message.get("data"), dict) and "id" not in message else message
    at = timezone.now()
    word = read_word(body, device_id=listener.principal.device_id)
    return "ota_status", news_of(hear_update_status(word=word, at=at), at=at)


handlers = [Handler("ota_status", allows=is_device, run=take_ota_status)]
