"""How much a person may upload: a file, and a day."""

import logging
from datetime import UTC, datetime

from django.conf import settings
from django.db.models import F
from django.utils.translation import gettext

from factory.accounts.models import User
from factory.errors import DomainError
from ota.models import UploadedToday

logger = logging.getLogger(__name__)
MB = 1024 * 1024


class UploadTooLarge(DomainError):
    """More than may be uploaded, in one file or on one day."""

    code = "PAYLOAD_TOO_LARGE"


def check_file_size(size: int) -> None:
    if size > settings.UPLOAD_FILE_MB * MB:
        why = gettext("A file may have %(most)s MB.") % {"most": settings.UPLOAD_FILE_MB}
        raise UploadTooLarge(why, fields={"file": [why]})


def count_upload(*, by: User, size: int, at: datetime) -> None:
    """Take `size` off what this person may still upload today (UTC); two at once cannot take the same rest."""
    day = at.astimezone(UTC).date()
    UploadedToday.objects.get_or_create(user=by, day=day)
    room = UploadedToday.objects.filter(user=by, day=day, bytes__lte=settings.UPLOAD_DAY_MB * MB - size)
    if not room.update(bytes=F("bytes") + size):
        why = gettext("You may upload %(most)s MB a day.") % {"most": settings.UPLOAD_DAY_MB}
        logger.warning("firmware.quota_reached", extra={"user_id": by.pk, "bytes": size})
        raise UploadTooLarge(why, fields={"file": [why]})


def give_back(*, by: User, size: int, at: datetime) -> None:
    """What was not kept was not uploaded."""
    day = at.astimezone(UTC).date()
    UploadedToday.objects.filter(user=by, day=day, bytes__gte=size).update(bytes=F("bytes") - size)
