from celery import shared_task
from django.utils import timezone


@shared_task
def sweep_firmware_files(**_from_newer_senders) -> None:
    from ota.services.sweeping import sweep_orphans  # noqa: PLC0415 -- leaf

    sweep_orphans(at=timezone.now())


@shared_task
def look_after_updates(**_from_newer_senders) -> None:
    from ota.services.deadlines import enforce_deadlines  # noqa: PLC0415 -- leaf
    from ota.services.offering import wake_forgotten  # noqa: PLC0415 -- leaf

    enforce_deadlines(at=timezone.now())
    wake_forgotten(at=timezone.now())


@shared_task
def advance_rollouts(**_from_newer_senders) -> None:
    from ota.services import advancing  # noqa: PLC0415 -- leaf

    advancing.advance_rollouts(at=timezone.now())


@shared_task
def advance_rollout(*, rollout_id: int, **_from_newer_senders) -> None:
    from ota.services import advancing  # noqa: PLC0415 -- leaf

    advancing.advance_rollout(rollout_id=rollout_id, at=timezone.now())


@shared_task
def take_in_newcomers(**_from_newer_senders) -> None:
    from ota.services import advancing  # noqa: PLC0415 -- leaf

    advancing.take_in_newcomers(at=timezone.now())


@shared_task
def tell_rollout_status(*, rollout_id: int, **_from_newer_senders) -> None:
    from ota.services import rollout_news  # noqa: PLC0415 -- leaf

    rollout_news.tell_in_turn(rollout_id=rollout_id, at=timezone.now())
