from celery import shared_task


@shared_task
def forget_orphans(**_from_newer_senders) -> None:
    from telemetry import services  # noqa: PLC0415 -- leaf

    services.forget_orphans()


@shared_task
def expire_days(**_from_newer_senders) -> None:
    from django.utils import timezone  # noqa: PLC0415 -- leaf

    from telemetry.services import archive  # noqa: PLC0415 -- leaf

    archive.expire_days(at=timezone.now())


@shared_task
def roll_up_due(**_from_newer_senders) -> None:
    from telemetry.services import rollups  # noqa: PLC0415 -- leaf

    rollups.roll_up_due()
