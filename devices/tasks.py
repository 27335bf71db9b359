import uuid

from celery import shared_task
from django.utils import timezone


@shared_task
def notice_silent_devices(**_from_newer_senders) -> None:
    from devices import services  # noqa: PLC0415 -- leaf

    services.notice_silent_devices(at=timezone.now())


@shared_task
def forget_old_statuses(**_from_newer_senders) -> None:
    from devices import services  # noqa: PLC0415 -- leaf

    services.forget_old_statuses(at=timezone.now())


@shared_task
def notice_drift(**_from_newer_senders) -> None:
    from devices import services  # noqa: PLC0415 -- leaf

    services.notice_drift(at=timezone.now())


@shared_task
def look_after_commands(**_from_newer_senders) -> None:
    from devices import services  # noqa: PLC0415 -- leaf

    services.expire_commands(at=timezone.now())
    services.wake_forgotten(at=timezone.now())


@shared_task
def work_on_import(*, import_id: int, **_from_newer_senders) -> None:
    from devices.services import importing  # noqa: PLC0415 -- leaf

    importing.work_on_import(import_id=import_id, claim=uuid.uuid4().hex, clock=timezone.now)


@shared_task
def sweep_imports(**_from_newer_senders) -> None:
    from devices.services import imports  # noqa: PLC0415 -- leaf

    imports.sweep_imports(at=timezone.now())
