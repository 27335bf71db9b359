from celery import shared_task


@shared_task
def forget_orphans(**_from_newer_senders) -> None:
    from telemetry import services  # noqa: PLC0415 -- leaf

    services.forget_orphans()
