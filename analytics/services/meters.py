"""How the energy of devices is measured: found by what they report, or said by people; and what a kWh costs."""

import logging
from collections.abc import Iterable, Mapping

from django.conf import settings
from django.db import connection, transaction
from django.utils.translation import gettext

from analytics.energy.meters import COUNTED, INTEGRATED, counter_among, power_among
from analytics.models import EnergyMeter, EnergyPrice
from analytics.queries.meters import rules_by_key
from devices.models import Device
from factory.errors import InvalidInput
from telemetry.buckets import day_of
from telemetry.fold import QUARTER_MS
from telemetry.queries import first_quarters, latest_values
from telemetry.rules import metric_for

logger = logging.getLogger(__name__)
AT_ONCE = 500


@transaction.atomic
def set_energy_meter(
    *,
    device: Device,
    counter_metric: str = "",
    power_metric: str = "",
    counter_since: int | None = None,
    measured_by: Device | None = None,
) -> EnergyMeter:
    """Say by which metrics a device's energy is told: by the counter from `counter_since` (ms; None: always) on, before
    that by the power. `measured_by` is the meter that measures it as well; in sums only that one counts."""
    if counter_metric and not (metric_for(counter_metric).is_counter and _unit(counter_metric) in COUNTED):
        raise InvalidInput.at(
            "counterMetric",
            gettext("must be declared as a counter in %(names)s") % {"names": ", ".join(COUNTED)},
        )
    if power_metric and (metric_for(power_metric).is_counter or _unit(power_metric) not in INTEGRATED):
        raise InvalidInput.at(
            "powerMetric",
            gettext("must be declared as a gauge in %(names)s") % {"names": ", ".join(INTEGRATED)},
        )
    if counter_since is not None and counter_since % QUARTER_MS:
        counter_since += QUARTER_MS - counter_since % QUARTER_MS
    _refuse_circle(device, measured_by)
    is_chosen = bool(counter_metric or power_metric)
    told = {
        "counter_metric": counter_metric,
        "power_metric": power_metric,
        "counter_since": counter_since,
        "is_chosen": is_chosen,
    }
    if not is_chosen and EnergyMeter.objects.filter(device=device, is_chosen=False).exists():
        told = {}  # what was found, and since when, stays as it is
    meter, _ = EnergyMeter.objects.update_or_create(
        device=device, defaults={**told, "measured_by": measured_by}
    )
    return meter


def _unit(metric: str) -> str:
    return metric_for(metric).unit


def _refuse_circle(device: Device, measured_by: Device | None) -> None:
    above = measured_by.pk if measured_by else None
    seen: set[int] = set()
    while above is not None and above not in seen:
        if above == device.pk:
            raise InvalidInput.at(
                "measuredBy", gettext("%(device)s would measure itself") % {"device": device.name}
            )
        seen.add(above)
        row = EnergyMeter.objects.filter(pk=above).values_list("measured_by", flat=True)
        above = row.first()


@transaction.atomic
def set_energy_price(*, per_kwh: float | None, currency: str) -> EnergyPrice:
    """What a kWh costs, in every figure from now on, for the past too; None: nobody says."""
    if per_kwh is not None and not 0 <= per_kwh <= 1000:
        raise InvalidInput.at("perKwh", gettext("must be from 0 to 1000"))
    if per_kwh is not None and not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise InvalidInput.at("currency", gettext("must be three letters such as EUR"))
    price, _ = EnergyPrice.objects.update_or_create(pk=1, defaults={"per_kwh": per_kwh, "currency": currency})
    return price


def find_meters() -> int:
    """Write down since when devices tell their energy, and by what; returns of how many that is news.

    A counter that was not there from the beginning counts from its first whole quarter of an hour on.
    """
    known = {row.pk: row for row in EnergyMeter.objects.all()}
    ids = list(Device.objects.order_by("pk").values_list("pk", flat=True))
    rules = rules_by_key()
    news = 0
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        wanted: dict[int, tuple[str, str]] = {}
        for device_id, names in latest_values(device_ids=part).items():
            counter, power = counter_among(names, rules), power_among(names, rules)
            if (counter or power) and _is_news(known.get(device_id), counter):
                wanted[device_id] = (counter, power)
        news += _write(wanted, known)
    return news


def begin_earlier(*, redone: Mapping[int, Iterable[tuple[int, int]]]) -> None:
    """Something of before their first day came from these devices: {device: spans}, ms."""
    for row in EnergyMeter.objects.filter(pk__in=list(redone)).exclude(begins_at=None):
        day = day_of(min(start for start, _ in redone[row.pk]), settings.PLANT_TIME_ZONE)
        EnergyMeter.objects.filter(pk=row.pk, begins_at__gt=day).update(begins_at=day)


def _is_news(row: EnergyMeter | None, counter: str) -> bool:
    if row is None or row.begins_at is None:
        return True
    return bool(counter) and not row.is_chosen and not row.counter_metric


def _write(wanted: dict[int, tuple[str, str]], known: dict[int, EnergyMeter]) -> int:
    metrics = {(device_id, metric) for device_id, pair in wanted.items() for metric in pair if metric}
    firsts = first_quarters(metrics)
    rows = []
    for device_id, (counter, power) in wanted.items():
        row = known.get(device_id) or EnergyMeter(device_id=device_id)
        times = [firsts[device_id, metric] for metric in (counter, power) if (device_id, metric) in firsts]
        if not times:
            continue  # nothing is rolled up yet: the next turn knows
        if not row.is_chosen and counter and not row.counter_metric and (device_id, counter) in firsts:
            row.counter_metric = counter
            was_there = firsts[device_id, counter] <= min(times) + QUARTER_MS
            row.counter_since = None if was_there else firsts[device_id, counter] + QUARTER_MS
        row.begins_at = day_of(min(times), settings.PLANT_TIME_ZONE)
        rows.append(row)
    _upsert(rows)
    return len(rows)


@transaction.atomic
def _upsert(rows: Iterable[EnergyMeter]) -> None:
    EnergyMeter.objects.bulk_create(
        rows,
        update_conflicts=True,
        update_fields=["counter_metric", "counter_since", "begins_at"],
        unique_fields=_unique_fields(),
    )


def _unique_fields() -> list[str] | None:
    return ["device"] if connection.features.supports_update_conflicts_with_target else None
