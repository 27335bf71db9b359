from celery import shared_task
from django.utils import timezone


@shared_task
def send_delivery(*, delivery_id: int, **_from_newer_senders) -> None:
    from alerts.services import delivering  # noqa: PLC0415 -- leaf

    delivering.send_delivery(delivery_id=delivery_id, at=timezone.now())


@shared_task
def sweep_deliveries(**_from_newer_senders) -> None:
    from alerts.services import delivering  # noqa: PLC0415 -- leaf

    delivering.send_due(at=timezone.now())


@shared_task
def page_waiting_late_alerts(**_from_newer_senders) -> None:
    from alerts.services import lifecycle  # noqa: PLC0415 -- leaf

    lifecycle.page_waiting_late_alerts(at=timezone.now())
