from celery import shared_task
from django.utils import timezone


@shared_task
def send_delivery(*, delivery_id: int, **_from_newer_senders) -> None:
    from alerts.services import delivering  # noqa: PLC0415 -- leaf

    delivering.send_delivery(delivery_id=delivery_id, at=timezone.now())


@shared_task
def sweep_deliveries(**_from_newer_senders) -> None:
    from alerts.services import sweeping  # noqa: PLC0415 -- leaf

    sweeping.send_due(at=timezone.now())


@shared_task
def page_waiting_late_alerts(**_from_newer_senders) -> None:
    from alerts.services import announcing  # noqa: PLC0415 -- leaf

    announcing.page_waiting_late_alerts(at=timezone.now())


@shared_task
def judge_what_is_due(**_from_newer_senders) -> None:
    from alerts.services import judging  # noqa: PLC0415 -- leaf

    judging.judge_what_is_due(at=timezone.now())


@shared_task
def end_silences(**_from_newer_senders) -> None:
    from alerts.services import announcing  # noqa: PLC0415 -- leaf

    announcing.end_silences(at=timezone.now())


@shared_task
def watch_silence(**_from_newer_senders) -> None:
    from alerts.services import offline  # noqa: PLC0415 -- leaf

    offline.watch_silence(at=timezone.now())


@shared_task
def forget_old_deliveries(**_from_newer_senders) -> None:
    from alerts.services import forgetting  # noqa: PLC0415 -- leaf

    forgetting.forget_old_deliveries(at=timezone.now())
