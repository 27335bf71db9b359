from celery import shared_task
from django.utils import timezone

# Eight attempts take three quarters of an hour: then the link in a letter about a password would be over.
LETTER = {"acks_late": True, "ignore_result": True, "autoretry_for": (OSError,), "retry_backoff": 10}
ATTEMPTS = {"max_retries": 8, "retry_backoff_max": 1280}


@shared_task
def forget_old_audit_entries(**_from_newer_senders) -> None:
    from factory.accounts import audit  # noqa: PLC0415 -- leaf

    audit.forget_old_entries(at=timezone.now())


@shared_task(**LETTER, **ATTEMPTS)  # type: ignore[call-overload]
def send_reset_letter(*, email: str, language: str, **_from_newer_senders) -> None:
    from factory.accounts import resets  # noqa: PLC0415 -- leaf

    resets.send_reset_letter(email=email, language=language, at=timezone.now())


@shared_task(**LETTER, **ATTEMPTS)  # type: ignore[call-overload]
def send_access_letter(
    *, user_id: int, changed: str, at: str, about: str, email: str, **_from_newer_senders
) -> None:
    from factory.accounts import access_letters  # noqa: PLC0415 -- leaf

    access_letters.send_access_letter(user_id=user_id, changed=changed, at=at, about=about, email=email)


@shared_task(**LETTER, **ATTEMPTS)  # type: ignore[call-overload]
def send_invitation(*, invitation_id: int, **_from_newer_senders) -> None:
    from factory.accounts import invitations  # noqa: PLC0415 -- leaf

    invitations.send_invitation(invitation_id=invitation_id)
