"""Places for downloads: at most so many at a time over all processes, and nothing to clean up after a crash."""

import random
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext

from factory.errors import Unavailable
from ota.models import DownloadSlot

LEASE = timedelta(seconds=90)  # how long a place stays taken when its process died
PER_DEVICE = 2  # one that came back may begin before its old connection is known to be dead
TRIES = 20
COME_BACK_SECONDS = 15


class DownloadsBusy(Unavailable):
    """Every place is taken."""

    def __init__(self) -> None:
        super().__init__(gettext("Too many downloads at once. Try again."), retry_after=COME_BACK_SECONDS)


@dataclass(frozen=True, slots=True)
class Place:
    number: int
    holder: str


def take_place(*, device_id: int | None, at: datetime) -> Place:
    """A place of one's own until it is given back, or not kept for a while."""
    holder = secrets.token_hex(16)
    free = Q(until=None) | Q(until__lte=at)
    for _ in range(TRIES):
        taken = DownloadSlot.objects.filter(until__gt=at, number__lte=settings.OTA_PARALLEL_DOWNLOADS)
        holders = dict(taken.values_list("number", "device_id"))
        numbers = [n for n in range(1, settings.OTA_PARALLEL_DOWNLOADS + 1) if n not in holders]
        if not numbers or (device_id is not None and list(holders.values()).count(device_id) >= PER_DEVICE):
            break
        number = random.choice(numbers)  # who asks at the same moment tries another one
        DownloadSlot.objects.bulk_create([DownloadSlot(number=number)], ignore_conflicts=True)
        slot = DownloadSlot.objects.filter(free, number=number)
        if slot.update(holder=holder, device_id=device_id, until=at + LEASE):
            return Place(number, holder)
    raise DownloadsBusy


def keep_place(*, place: Place, at: datetime) -> bool:
    """Stay for another while; False: it was given to somebody else."""
    mine = DownloadSlot.objects.filter(number=place.number, holder=place.holder)
    return bool(mine.update(until=at + LEASE))


def leave_place(*, place: Place) -> None:
    mine = DownloadSlot.objects.filter(number=place.number, holder=place.holder)
    mine.update(holder="", device_id=None, until=None)
