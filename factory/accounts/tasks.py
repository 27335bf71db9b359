from celery import shared_task
from django.utils import timezone


@shared_task
def forget_old_audit_entries(**_from_newer_senders) -> None:
    from factory.accounts import audit  # noqa: PLC0415 -- leaf

    audit.forget_old_entries(at=timezone.now())
