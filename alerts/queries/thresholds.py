from collections.abc import Collection, Iterable, Sequence

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext

from alerts.models import Threshold, ThresholdChange
from alerts.rulebook import AT_ONCE, resolve
from alerts.scopes import Place, place_of
from devices.models import Device
from devices.queries import count_some
from factory.errors import NotFound
from grouping.models import Group, Membership


class ThresholdUnknown(NotFound):
    """There is no such threshold."""


def thresholds_of(*, device_id: int) -> QuerySet[Threshold]:
    """The thresholds that are a device's own, by metric."""
    return Threshold.objects.filter(device_id=device_id).order_by("metric")


def thresholds_in_force(*, device_id: int) -> list[Threshold]:
    """The thresholds a device is judged by, its own or wider ones, by metric."""
    ids = [rule.id for rule in resolve([device_id])[device_id].values()]
    rows = Threshold.objects.select_related("device", "group").filter(pk__in=ids)
    return list(rows.order_by("metric"))


def thresholds_in_force_at(*, device_ids: Sequence[int]) -> dict[tuple[int, str], Threshold]:
    """The thresholds in force, by device and metric."""
    rules = resolve(device_ids)
    wanted = {rule.id for by_metric in rules.values() for rule in by_metric.values()}
    rows = Threshold.objects.in_bulk(wanted)
    return {
        (device_id, metric): rows[rule.id]
        for device_id, by_metric in rules.items()
        for metric, rule in by_metric.items()
        if rule.id in rows
    }


def thresholds_matching(
    *, group_id: int | None = None, device_type: str | None = None, metric: str | None = None
) -> QuerySet[Threshold]:
    """Thresholds of every scope, narrowed by what is given; the newest first."""
    wanted = {"group_id": group_id, "device_type": device_type, "metric": metric}
    found = Threshold.objects.select_related("device", "group").order_by("-pk")
    return found.filter(**{name: value for name, value in wanted.items() if value is not None})


def thresholds_at(places: Collection[Place], *, lock: bool = False) -> dict[Place, Threshold]:
    """Those of these places where there is a threshold, with it; held until the transaction ends with `lock`."""
    wanted, metrics = set(places), sorted({metric for *_, metric in places})
    found: dict[Place, Threshold] = {}
    for number, column in enumerate(("device_id", "group_id", "device_type")):
        scopes = sorted({place[number] for place in wanted if place[number] is not None})  # type: ignore[type-var]
        for start in range(0, len(scopes), AT_ONCE):
            here = {f"{column}__in": scopes[start : start + AT_ONCE]}
            rows = Threshold.objects.filter(**here, metric__in=metrics).order_by("pk")
            for threshold in rows.select_for_update() if lock else rows:
                if place_of(threshold) in wanted:
                    found[place_of(threshold)] = threshold
    return found


def threshold_changes(*, threshold_id: int | None = None) -> QuerySet[ThresholdChange]:
    """What was changed, by whom; the newest first."""
    found = ThresholdChange.objects.select_related("by").order_by("-pk")
    return found.filter(threshold_id=threshold_id) if threshold_id is not None else found


def get_threshold(threshold_id: int) -> Threshold:
    """One threshold; refuses when there is none."""
    threshold = Threshold.objects.select_related("device", "group").filter(pk=threshold_id).first()
    if threshold is None:
        raise ThresholdUnknown(gettext("There is no threshold %(id)s.") % {"id": threshold_id})
    return threshold


def count_thresholds(device_ids: Iterable[int]) -> int:
    """How many thresholds these devices have of their own, as far as is counted."""
    return count_some(Threshold.objects.filter(device_id__in=list(device_ids)))


def without_effect(thresholds: QuerySet[Threshold]) -> QuerySet[Threshold]:
    """Those that are in force and can never speak: they say nothing, or there is nobody whom they reach."""
    says_nothing = Q(min_value=None, max_value=None, warning_min=None, warning_max=None)
    in_group = Membership.objects.filter(
        Q(group=OuterRef("group")) | Q(group__parent=OuterRef("group")), device__deactivated_at=None
    )
    of_type = Device.objects.in_service().filter(type=OuterRef("device_type"))
    # Groups inside groups inside this one are not looked into: one that has any counts as reaching somebody.
    deeper = Group.objects.filter(parent__parent=OuterRef("group"))
    reaches_nobody = (
        Q(device__deactivated_at__isnull=False)
        | (Q(group__isnull=False) & ~Exists(in_group) & ~Exists(deeper))
        | (Q(device_type__isnull=False) & ~Exists(of_type))
    )
    return thresholds.filter(says_nothing | reaches_nobody, enabled=True)
