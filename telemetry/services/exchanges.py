"""Counters that were exchanged for others: what a technician noted counts, also after the fact."""

from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from devices.models import Device
from factory.accounts.models import User
from factory.errors import Conflict, InvalidInput, NotFound
from telemetry import mark_sql, rollup_sql, sql
from telemetry.door import LARGEST
from telemetry.fold import ALWAYS, QUARTER_MS, quarter_of
from telemetry.models import MeterExchange
from telemetry.retention import raw_begins
from telemetry.rules import metric_for


class ExchangeUnknown(NotFound):
    """There is no such exchange."""


class ExchangeNoted(Conflict):
    """An exchange at this very moment is noted already."""


@transaction.atomic
def note_exchange(
    *,
    device: Device,
    metric: str,
    at: int,
    old_value: float,
    new_value: float,
    by: User | None,
    now: datetime,
    note: str = "",
) -> MeterExchange:
    """Say that a counter was exchanged: up to `at` (ms) the old one counts up to `old_value`, then the new one
    from `new_value`. What was counted over that moment is counted anew."""
    if not metric_for(metric).is_counter:
        raise InvalidInput.at(
            "metric", gettext("%(metric)s is not declared as a counter") % {"metric": metric}
        )
    for field, value in (("oldValue", old_value), ("newValue", new_value)):
        if abs(value) > LARGEST:
            raise InvalidInput.at(field, gettext("must be at most 1e300"))
    if at > int(now.timestamp() * 1000) + settings.READINGS_FUTURE_SECONDS * 1000:
        raise InvalidInput.at("timestamp", gettext("is in the future"))
    _refuse_archived(at)
    sql.lock_states([device.pk])
    try:
        with transaction.atomic():
            exchange = MeterExchange.objects.create(
                device=device,
                metric=metric,
                at=at,
                old_value=old_value,
                new_value=new_value,
                note=note,
                noted_by=by,
                noted_at=now,
            )
    except IntegrityError:
        raise ExchangeNoted(
            gettext("An exchange of %(metric)s at this moment is noted already.") % {"metric": metric}
        ) from None
    _mark_around(device.pk, metric, at)
    return exchange


@transaction.atomic
def forget_exchange(*, exchange_id: int) -> None:
    """It was noted by mistake: what was counted over that moment is counted anew."""
    exchange = MeterExchange.objects.filter(pk=exchange_id).first()
    if exchange is None:
        raise ExchangeUnknown(gettext("There is no exchange %(id)s.") % {"id": exchange_id})
    _refuse_archived(exchange.at)
    sql.lock_states([exchange.device_id])
    exchange.delete()
    _mark_around(exchange.device_id, exchange.metric, exchange.at)


def _refuse_archived(at: int) -> None:
    begins = raw_begins()
    if begins is not None and at < begins:
        raise InvalidInput.at(
            "timestamp", gettext("the readings of this time are archived and cannot be counted anew")
        )


def _mark_around(device_id: int, metric: str, at: int) -> None:
    """Mark the quarters between the samples before and after this moment; its device is locked."""
    begins = raw_begins() or -ALWAYS
    before = sql.neighbour(device_id, metric, at, before=True) or rollup_sql.last_sample(
        device_id, metric, before=begins
    )
    after = sql.neighbour(device_id, metric, at, before=False)
    if before is None or after is None:
        return  # nothing was counted over it yet
    if after[0] == at:  # which may be the old counter's last
        after = sql.neighbour(device_id, metric, at + 1, before=False) or after
    first, last = quarter_of(max(before[0], begins)), quarter_of(after[0])
    mark_sql.mark_dirty((device_id, bucket) for bucket in range(first, last + 1, QUARTER_MS))
