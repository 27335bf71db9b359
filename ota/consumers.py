from django.utils import timezone

from devices.identity import is_device
from devices.watching import device_key, may_watch
from factory.live.channels import Channel, Errand, Handler, Stream
from ota.queries.rollouts import find_rollout_id
from ota.services.hearing import hear_update_status
from ota.services.news import OFFERS_SHARDS, OFFERS_STREAM, OTA_STREAM, news_of
from ota.services.rollout_news import ROLLOUT_STREAM
from ota.sockets import OfferVisit
from ota.words import read_word

updates = Stream(kind=OTA_STREAM, message="ota_status")
progress = Stream(kind=ROLLOUT_STREAM, message="rollout_status")

channels = [
    Channel("ota", updates, allows=may_watch),
    Channel("device:<id>:ota", updates, allows=may_watch, find=device_key),
    Channel("rollout:<id>", progress, allows=may_watch, find=find_rollout_id),
]


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
