"""What the status of devices was since when: written down with each change, and told to dashboards."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from django.db.models import Max, OuterRef, Subquery

from devices.models import StatusChange
from devices.queries import status_news
from factory.live.broadcast import broadcast_on_commit

STATUS_STREAM = "status"
KEEP = timedelta(days=400)
AT_ONCE = 1000


def note_status(
    *, device_ids: Iterable[int], status: str, at: datetime, since: Mapping[int, datetime] | None = None
) -> None:
    """These devices have another status now, or had it already `since`; the caller has changed it, and holds them."""
    ids = list(device_ids)
    # As exact as readings are: who is heard in the millisecond of its registration was not heard before it.
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    began = dict.fromkeys(ids, at) | _not_before_the_last(since) if since else dict.fromkeys(ids, at)
    changes = (StatusChange(device_id=pk, status=status, at=began[pk]) for pk in ids)
    written = StatusChange.objects.bulk_create(changes, batch_size=AT_ONCE)
    tell_status(device_ids=ids, status=status, at=at, numbers={each.device_id: each.pk for each in written})


def _not_before_the_last(since: Mapping[int, datetime]) -> dict[int, datetime]:
    """A device that was called online after it was last heard cannot have gone before that."""
    rows = StatusChange.objects.filter(device_id__in=since).order_by().values_list("device_id")
    last = dict(rows.annotate(last=Max("at")))
    return {pk: max(moment, last.get(pk, moment)) for pk, moment in since.items()}


def tell_status(
    *, device_ids: Iterable[int], status: str, at: datetime, numbers: Mapping[int, int | None] | None = None
) -> None:
    """Tell dashboards, after the commit, what the devices' status is now; `numbers` are those of the changes."""
    known = numbers or {}
    broadcast_on_commit(
        STATUS_STREAM, [(pk, status_news(pk, status, at=at), known.get(pk) or 0) for pk in device_ids]
    )


def forget_old_statuses(*, at: datetime) -> int:
    """Remove changes of more than a year ago; the one that still says what a device is stays. Returns how many."""
    newest = StatusChange.objects.filter(device=OuterRef("device")).order_by("-at", "-pk").values("pk")[:1]
    old = StatusChange.objects.filter(at__lt=at - KEEP).annotate(newest=Subquery(newest))
    forgotten = 0
    after = 0
    while rows := list(old.filter(pk__gt=after).order_by("pk").values_list("pk", "newest")[:AT_ONCE]):
        after = rows[-1][0]
        gone = [pk for pk, kept in rows if pk != kept]
        StatusChange.objects.filter(pk__in=gone).delete()
        forgotten += len(gone)
    return forgotten
