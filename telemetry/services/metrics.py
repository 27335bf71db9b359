from typing import Any

from django.db import transaction
from django.utils.translation import gettext

from factory.errors import InvalidInput
from telemetry.door import LARGEST
from telemetry.metrics import BY_KEY, LONGEST_GAP_SECONDS, METRIC_NAME, NO_METRIC_NAME, Metric
from telemetry.models import MetricRule, Quarter, State
from telemetry.rules import metric_for, rules
from telemetry.services.rollups import count_anew

# What changes how intervals between samples are counted.
COUNTED_BY = ("kind", "integration", "max_gap_seconds", "rollover")


@transaction.atomic
def declare_metric(*, key: str, **properties: Any) -> Metric:
    """Say what a metric is called, measured in and how it is integrated; what is left out stays as it is.

    It applies to what is computed from then on; `manage.py rebuild_rollups` computes the rest anew.
    """
    _refuse_bad_key(key)
    MetricRule.objects.select_for_update().filter(key=key).first()  # one declaration after the other
    before = metric_for(key)
    names = {field.name for field in MetricRule._meta.fields} - {"key", "rebuild_due"}
    values = {name: getattr(before, name) for name in names} | {
        name: value for name, value in properties.items() if name in names
    }
    _refuse_invalid(values)
    moved = any(values[name] != getattr(before, name) for name in COUNTED_BY)
    due = before.rebuild_due or (moved and _is_rolled_up(key))
    rule, _ = MetricRule.objects.update_or_create(key=key, defaults={**values, "rebuild_due": due})
    transaction.on_commit(rules.forget)
    return Metric(key=rule.key, rebuild_due=due, **values)


def _is_rolled_up(key: str) -> bool:
    """Asked of the devices that measure it: without them every rollup there is would be looked at."""
    return Quarter.objects.filter(device_id__in=_measuring(key), metric=key).exists()


def _measuring(key: str) -> list[int]:
    return list(State.objects.filter(latest__has_key=key).values_list("device_id", flat=True))


def _refuse_bad_key(key: str) -> None:
    if not METRIC_NAME.match(key):
        raise InvalidInput.at("key", gettext(NO_METRIC_NAME))


def _refuse_invalid(values: dict[str, Any]) -> None:
    if not 0 < values["max_gap_seconds"] <= LONGEST_GAP_SECONDS:
        raise InvalidInput.at(
            "maxGapSeconds", gettext("must be from 1 to %(most)s") % {"most": LONGEST_GAP_SECONDS}
        )
    low, high = values["plausible_min"], values["plausible_max"]
    if low is not None and high is not None and low > high:
        raise InvalidInput.at("plausibleMax", gettext("must not be below plausibleMin"))
    if values["rollover"] is not None:
        if values["kind"] != MetricRule.Kind.COUNTER:
            raise InvalidInput.at("rollover", gettext("is for counters only"))
        if not 0 < values["rollover"] <= LARGEST:
            raise InvalidInput.at("rollover", gettext("must be above 0, and at most 1e300"))


def note_rebuilt(*, keys: list[str]) -> None:
    """These metrics' rollups follow their rules again."""
    MetricRule.objects.filter(key__in=keys).update(rebuild_due=False)
    rules.forget()


@transaction.atomic
def make_counter(*, key: str, device_id: int) -> None:
    """A device counts by this metric: where nobody declared it yet, it is declared as a counter, and what the device
    reported is counted so. Refuses one that was declared to be something else."""
    if metric_for(key).is_counter:
        return
    if key in BY_KEY or MetricRule.objects.filter(key=key).exists():
        raise InvalidInput(gettext("%(key)s is declared as a gauge, not as a counter") % {"key": key})
    others = [pk for pk in _measuring(key) if pk != device_id]
    declare_metric(key=key, kind=MetricRule.Kind.COUNTER)
    if not Quarter.objects.filter(device_id__in=others, metric=key).exists():
        MetricRule.objects.filter(key=key).update(rebuild_due=False)
    rules.forget()
    count_anew(device_id=device_id)
