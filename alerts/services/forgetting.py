"""The log of what was sent does not grow for ever."""

from datetime import datetime, timedelta

from alerts.models import Attempt, Delivery

KEPT = timedelta(days=30)
FAILED_KEPT = timedelta(days=90)
AT_ONCE = 1_000


def forget_old_deliveries(*, at: datetime) -> int:
    """Delete deliveries that nobody will ask about any more, with their attempts; returns how many."""
    done = {"status__in": [Delivery.Status.SENT, Delivery.Status.SKIPPED], "created_at__lt": at - KEPT}
    failed = {"status": Delivery.Status.FAILED, "created_at__lt": at - FAILED_KEPT}
    return _forget(done) + _forget(failed)


def _forget(which: dict) -> int:
    forgotten = 0
    while ids := list(Delivery.objects.filter(**which).order_by("pk").values_list("pk", flat=True)[:AT_ONCE]):
        # In small steps: one long statement would hold up those who send.
        Attempt.objects.filter(delivery_id__in=ids).delete()
        forgotten += Delivery.objects.filter(pk__in=ids).delete()[1].get("alerts.Delivery", 0)
    return forgotten
