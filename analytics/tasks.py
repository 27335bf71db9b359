from celery import shared_task
from django.utils import timezone


@shared_task
def follow_machines(**_from_newer_senders) -> None:
    from analytics.services import following  # noqa: PLC0415 -- leaf

    following.follow_machines(now=int(timezone.now().timestamp() * 1000))


@shared_task
def keep_results(**_from_newer_senders) -> None:
    from analytics.services import results  # noqa: PLC0415 -- leaf

    results.keep_results(now=int(timezone.now().timestamp() * 1000))


@shared_task
def sum_up_energy(**_from_newer_senders) -> None:
    from analytics.services import demand, meters  # noqa: PLC0415 -- leaf

    meters.find_meters()
    demand.fill_demand(now=int(timezone.now().timestamp() * 1000))
