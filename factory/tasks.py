from celery import shared_task


@shared_task
def be_heard(**_from_newer_senders) -> None:
    from factory.health import note_heartbeat  # noqa: PLC0415 -- leaf

    note_heartbeat()


@shared_task
def seal_what_is_older(**_from_newer_senders) -> None:
    from factory.resealing import reseal  # noqa: PLC0415 -- leaf

    reseal()
