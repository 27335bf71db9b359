from django.db.models import QuerySet

from analytics.models import StopCode


def stop_codes(*, active: bool = False) -> QuerySet[StopCode]:
    """All codes in order of their labels, or those that are offered to people."""
    found = StopCode.objects.order_by("label", "code")
    return found.filter(active=True) if active else found
