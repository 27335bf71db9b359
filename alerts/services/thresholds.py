"""Writing thresholds. Each write is noted with who did it, and begins a new edition of the rules.

A device's own thresholds are written under its telemetry lock, so that its conditions follow at once. Where
many devices are reached, those that are not at rest follow in the next turn of the worker, or with their
next reading.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext

from alerts import tasks
from alerts.models import Threshold, ThresholdChange
from alerts.queries.thresholds import get_threshold, thresholds_at
from alerts.rulebook import begin_edition
from alerts.scopes import DEFAULTS, FIELDS, Scope, place_of, problems_of, scope_of, values_of
from alerts.services.judging import judge_without_readings
from devices.models import Device
from devices.queries import get_device, get_device_ids
from factory.accounts.models import User
from factory.accounts.noting import note_change
from factory.errors import Conflict, InvalidInput
from factory.queueing import enqueue_on_commit
from grouping.models import Group
from grouping.queries import GroupUnknown, get_group
from grouping.services import lock_groups
from telemetry.services import lock_devices

AT_ONCE = 500  # rows in one statement

Differences = dict[str, tuple[Any, Any]]  # {field: (before, after)}


class ThresholdTaken(Conflict):
    """There is a threshold for this metric in the same scope."""


def _refuse_implausible(threshold: Threshold, *, at: str = "") -> None:
    problems = problems_of(threshold)
    if problems:
        fields = {f"{at}{name}": [reason] for name, reason in problems.items()}
        first = next(iter(fields))
        raise InvalidInput(f"{first}: {fields[first][0]}", fields=fields)


@transaction.atomic
def create_threshold(
    *, scope: Scope, metric: str, at: datetime, by: User | None = None, **values: Any
) -> Threshold:
    """Watch one more metric of a device, a group or a type; in force with the next reading."""
    hold([scope])
    threshold = _create(scope, metric, values, by=by, at=at)
    _follow([threshold], at=at)
    return threshold


@transaction.atomic
def edit_threshold(
    *, threshold: Threshold, at: datetime, by: User | None = None, **changes: Any
) -> Threshold:
    """Change a threshold; its open alerts stay, and the next reading is judged by the new bounds."""
    threshold = _locked(threshold)
    if _edit(threshold, changes, by=by, at=at):
        _follow([threshold], at=at)
    return threshold


@transaction.atomic
def delete_threshold(*, threshold: Threshold, at: datetime, by: User | None = None) -> None:
    """Stop watching; alerts that no other threshold keeps open are over."""
    threshold = _locked(threshold)
    _delete(threshold, by=by, at=at)
    _follow([threshold], at=at)


@transaction.atomic
def replace_thresholds(
    *, device: Device, wanted: Sequence[dict[str, Any]], at: datetime, by: User | None = None
) -> None:
    """Afterwards the device has exactly these; one with the same metric keeps its id and its open alert."""
    scope = Scope(device=device)
    hold([scope])
    present = {threshold.metric: threshold for threshold in Threshold.objects.filter(device=device)}
    metrics = [values["metric"] for values in wanted]
    touched = []
    for place, values in enumerate(wanted):
        metric, path = values["metric"], f"thresholds.{place}."
        if metric in metrics[:place]:
            raise InvalidInput.at(f"{path}metric", gettext("occurs twice"))
        meant = {field: values.get(field, DEFAULTS[field]) for field in FIELDS}
        if metric not in present:
            touched.append(_create(scope, metric, meant, by=by, at=at, path=path))
        elif _edit(present[metric], meant, by=by, at=at, path=path):
            touched.append(present[metric])
    for metric, threshold in present.items():
        if metric not in metrics:
            _delete(threshold, by=by, at=at)
            touched.append(threshold)
    _follow(touched, at=at)


@transaction.atomic
def drop_thresholds_of_group(*, group: Group, at: datetime) -> None:
    """A group is about to go; what it expected goes with it, noted like any other deletion."""
    for threshold in Threshold.objects.select_related("group").filter(group=group):
        _delete(threshold, by=None, at=at)


@transaction.atomic
def delete_thresholds(*, thresholds: Sequence[Threshold], at: datetime, by: User | None = None) -> None:
    """Stop watching all of these; those that are gone already are not missed."""
    hold(scope_of(threshold) for threshold in thresholds)
    present = Threshold.objects.in_bulk([threshold.pk for threshold in thresholds])
    going = [threshold for threshold in thresholds if threshold.pk in present]
    kind = ThresholdChange.Kind.DELETED
    notes = [_change(each, kind, values_of(present[each.pk]), {}, by=by, at=at) for each in going]
    ThresholdChange.objects.bulk_create(notes, batch_size=AT_ONCE)
    for start in range(0, len(going), AT_ONCE):
        Threshold.objects.filter(pk__in=[each.pk for each in going[start : start + AT_ONCE]]).delete()
    _follow(going, at=at)


@transaction.atomic
def put_thresholds(
    *, wanted: Sequence[tuple[Scope, str, dict[str, Any]]], at: datetime, by: User | None = None
) -> tuple[int, int]:
    """Have these expectations in these scopes: (scope, metric, values); all of them, or none.

    What is there for the metric already takes the named values over and keeps the others. Returns (made, changed).
    Readings of all these devices wait for it, so many rows go into one statement.
    """
    hold([scope for scope, _, _ in wanted])
    places = [scope.place(metric) for scope, metric, _ in wanted]
    present = thresholds_at(places, lock=True)
    made: list[Threshold] = []
    changed: list[tuple[Threshold, Differences]] = []
    for number, (scope, metric, values) in enumerate(wanted):
        threshold = present.get(places[number])
        if threshold is None:
            threshold = Threshold(**scope.columns(), metric=metric, **{**DEFAULTS, **values})
            _refuse_implausible(threshold, at=f"{number}.")
            made.append(threshold)
        elif differences := _take_over(threshold, values, path=f"{number}."):
            threshold.device, threshold.group = scope.device, scope.group  # for the words of the note
            changed.append((threshold, differences))
    if len(set(places)) < len(places):
        raise InvalidInput(gettext("A metric occurs twice in the same scope."))
    _save_made(made)
    _save_changed(changed, at=at)
    saved = thresholds_at([place_of(each) for each in made])
    for threshold in made:
        threshold.pk = saved[place_of(threshold)].pk  # not every database tells it when many rows are written
    new, other = ThresholdChange.Kind.CREATED, ThresholdChange.Kind.CHANGED
    notes = [_change(each, new, {}, values_of(each), by=by, at=at) for each in made]
    notes += [_change(each, other, *_sides(differing), by=by, at=at) for each, differing in changed]
    ThresholdChange.objects.bulk_create(notes, batch_size=AT_ONCE)
    _follow([*made, *(threshold for threshold, _ in changed)], at=at)
    return len(made), len(changed)


def _save_made(made: Sequence[Threshold]) -> None:
    # What they are for may have gone meanwhile.
    get_device_ids(sorted({threshold.device_id for threshold in made if threshold.device_id}))
    for group_id in sorted({threshold.group_id for threshold in made if threshold.group_id}):
        get_group(group_id)
    try:
        with transaction.atomic():
            Threshold.objects.bulk_create(made, batch_size=AT_ONCE)
    except IntegrityError:
        raise ThresholdTaken(
            gettext("Somebody else made one of these in the same moment. Look again.")
        ) from None


def _save_changed(changed: Iterable[tuple[Threshold, Differences]], *, at: datetime) -> None:
    """Those that change alike in one statement."""
    alike: dict[tuple[tuple[str, Any], ...], list[int]] = {}
    for threshold, differences in changed:
        alike.setdefault(tuple(_sides(differences)[1].items()), []).append(threshold.pk)
    for values, ids in alike.items():
        for start in range(0, len(ids), AT_ONCE):
            rows = Threshold.objects.filter(pk__in=ids[start : start + AT_ONCE])
            rows.update(**dict(values), updated_at=at)


def _create(
    scope: Scope, metric: str, values: dict[str, Any], *, by: User | None, at: datetime, path: str = ""
) -> Threshold:
    threshold = Threshold(**scope.columns(), metric=metric, **values)
    _refuse_implausible(threshold, at=path)
    if scope.device is not None:
        get_device(scope.device.pk)  # it may have gone meanwhile
    try:
        with transaction.atomic():
            threshold.save(force_insert=True)
    except IntegrityError:
        if not Threshold.objects.filter(**scope.columns(), metric=metric).exists():
            raise
        raise ThresholdTaken(
            gettext("metric: %(metric)s has a threshold already") % {"metric": metric},
            fields={"metric": [gettext("has a threshold already")]},
        ) from None
    _change(threshold, ThresholdChange.Kind.CREATED, {}, values_of(threshold), by=by, at=at).save()
    return threshold


def _edit(
    threshold: Threshold, changes: dict[str, Any], *, by: User | None, at: datetime, path: str = ""
) -> bool:
    """False when nothing differs."""
    differences = _take_over(threshold, changes, path=path)
    if not differences:
        return False
    threshold.save(update_fields=[*differences, "updated_at"])
    _change(threshold, ThresholdChange.Kind.CHANGED, *_sides(differences), by=by, at=at).save()
    return True


def _take_over(threshold: Threshold, changes: dict[str, Any], *, path: str) -> Differences:
    before = values_of(threshold)
    for field in changes.keys() & set(FIELDS):
        setattr(threshold, field, changes[field])
    _refuse_implausible(threshold, at=path)
    after = values_of(threshold)
    return {field: (before[field], after[field]) for field in FIELDS if before[field] != after[field]}


def _sides(differences: Differences) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was, and what is."""
    before = {field: old for field, (old, _) in differences.items()}
    return before, {field: new for field, (_, new) in differences.items()}


def _delete(threshold: Threshold, *, by: User | None, at: datetime) -> None:
    _change(threshold, ThresholdChange.Kind.DELETED, values_of(threshold), {}, by=by, at=at).save()
    Threshold.objects.filter(pk=threshold.pk).delete()


def _change(
    threshold: Threshold,
    kind: ThresholdChange.Kind,
    before: dict[str, Any],
    after: dict[str, Any],
    *,
    by: User | None,
    at: datetime,
) -> ThresholdChange:
    note_change(
        "alerts.threshold", threshold.pk, f"{threshold.scope} {threshold.metric}", before=before, after=after
    )
    return ThresholdChange(
        threshold_id=threshold.pk,
        scope=threshold.scope[:190],
        metric=threshold.metric,
        kind=kind,
        before=before,
        after=after,
        by=by,
        at=at,
    )


def hold(scopes: Iterable[Scope]) -> None:
    """Hold back changes of the groups and the judging of the devices that are named, before anything else."""
    scopes = list(scopes)
    groups = {scope.group.pk for scope in scopes if scope.group is not None}
    gone = groups - lock_groups().keys() if groups else set()
    if gone:
        raise GroupUnknown(gettext("There is no group %(id)s.") % {"id": min(gone)})
    lock_devices(device_ids=sorted({scope.device.pk for scope in scopes if scope.device is not None}))


def _locked(threshold: Threshold) -> Threshold:
    """The threshold as it is now, held against other writers of it; refuses when it is gone."""
    hold([scope_of(threshold)])
    Threshold.objects.select_for_update().filter(pk=threshold.pk).first()
    return get_threshold(threshold.pk)


def _follow(touched: Sequence[Threshold], *, at: datetime) -> None:
    """Let what is not at rest follow the rules as they are now. Last, for everybody waits for the edition."""
    if not touched:
        return
    begin_edition()
    devices = {threshold.device_id for threshold in touched if threshold.device_id}
    if devices:
        judge_without_readings(device_ids=devices, at=at)
    if any(threshold.device_id is None for threshold in touched):
        enqueue_on_commit(tasks.judge_what_is_due)
