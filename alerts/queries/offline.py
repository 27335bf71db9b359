from django.db.models import Exists, OuterRef, QuerySet

from alerts.models import OfflineWatch
from devices.models import Presence


def _same_silence() -> Exists:
    """Whether the device of a watch is missed still, and has not been back meanwhile."""
    missed = Presence.objects.missed().filter(pk=OuterRef("pk"))
    return Exists(missed.filter(since=OuterRef("since")))  # type: ignore[misc]  # `missed` annotates it


def watches_that_stand() -> QuerySet[OfflineWatch]:
    """Watches of devices that have been silent ever since."""
    return OfflineWatch.objects.filter(_same_silence()).order_by("pk")


def watches_that_are_over() -> QuerySet[OfflineWatch]:
    """Watches of devices that are not silent any more, or are so anew."""
    return OfflineWatch.objects.filter(~_same_silence()).order_by("pk")
