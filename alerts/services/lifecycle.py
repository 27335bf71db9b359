"""What the machines do to alerts: open them, make them worse or better, end them. Each step leaves an event row and is
broadcast. What people do is in `handling`, the end of a silence in `announcing`.

Steps are carried out many at once, in a constant number of statements: a thousand machines behind one switch fail
together, and all of it is judged in one transaction.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from alerts.models import Alert, AlertEvent, Shelf
from alerts.queries.alerts import live_item
from alerts.services.silencing import Quiet, why_quiet
from alerts.services.telling import tell_people
from factory.accounts.models import User
from factory.live.broadcast import broadcast_on_commit

ALERT_STREAM = "alert"
RANK = {Alert.Severity.INFO: 0, Alert.Severity.WARNING: 1, Alert.Severity.CRITICAL: 2}
ENDED = ["status", "open_key", "shelved_until", "resolved_at", "ended_at", "updated_at"]
MOST_ENDS = 4  # different ends that are written one by one
CHANGED = [
    "severity",
    "occurrences",
    "value",
    "threshold",
    "message",
    "silence",
    "shelved_until",
    "updated_at",
]


@dataclass(frozen=True, slots=True)
class Opening:
    """Something has gone wrong. An alert that is open under this key stays as it is."""

    open_key: str
    type: str
    severity: str
    message: str
    started_at: datetime
    device_id: int | None = None
    zone: str = ""
    metric: str = ""
    value: float | None = None
    threshold: float | None = None
    late: bool = False
    by: User | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """The same trouble has become worse or less bad; worse is news to people, unless it is silenced or late.

    Without an open alert a person has resolved it: it opens anew only after a value in range.
    """

    open_key: str
    severity: str
    value: float | None = None
    threshold: float | None = None
    message: str | None = None
    late: bool = False
    by: User | None = None


@dataclass(frozen=True, slots=True)
class Ending:
    """The trouble is over."""

    open_key: str
    ended_at: datetime
    note: str


Step = Opening | Change | Ending


def carry_out(steps: Sequence[Step], *, at: datetime) -> None:
    """Do these steps in their order; those of one kind that follow each other, about different things, at once."""
    for run in _runs(steps):
        if isinstance(run[0], Opening):
            open_alerts(run, at=at)  # type: ignore[arg-type]  # a run is of one kind
        elif isinstance(run[0], Change):
            change_alerts(run, at=at)  # type: ignore[arg-type]
        else:
            end_alerts(run, at=at)  # type: ignore[arg-type]


def _runs(steps: Iterable[Step]) -> Iterator[list[Step]]:
    run: list[Step] = []
    keys: set[str] = set()
    for step in steps:
        if run and (type(step) is not type(run[0]) or step.open_key in keys):
            yield run
            run, keys = [], set()
        run.append(step)
        keys.add(step.open_key)
    if run:
        yield run


def open_alert(*, at: datetime, **opening: Any) -> Alert:
    """Raise one alert (`Opening`); the open one with this key, if there is one, is returned as it is."""
    created = open_alerts([Opening(**opening)], at=at)
    return created[0] if created else Alert.objects.get(open_key=opening["open_key"])


@transaction.atomic
def open_alerts(openings: Sequence[Opening], *, at: datetime) -> list[Alert]:
    """Raise those that are not open yet, and return them."""
    present = set(
        Alert.objects.filter(open_key__in=[each.open_key for each in openings]).values_list(
            "open_key", flat=True
        )
    )
    openings = [each for each in openings if each.open_key not in present]
    if not openings:
        return []
    quiet = why_quiet({each.open_key: (each.device_id, each.zone) for each in openings}, at=at)
    alerts = _insert([_opened(each, quiet.get(each.open_key), at=at) for each in openings])
    by = {each.open_key: each.by for each in openings}
    events = record_events([(alert, AlertEvent.Kind.OPENED, by[alert.key], "") for alert in alerts], at=at)
    tell_people(events=[event for event in events if not event.alert.silence], at=at)
    return alerts


def _opened(opening: Opening, quiet: Quiet | None, *, at: datetime) -> Alert:
    silence = quiet.reason if quiet else Alert.Silence.LATE if opening.late else Alert.Silence.NONE
    return Alert(
        key=opening.open_key,
        open_key=opening.open_key,
        device_id=opening.device_id,
        zone=opening.zone,
        type=opening.type,
        severity=opening.severity,
        message=opening.message[:300],
        metric=opening.metric,
        value=opening.value,
        threshold=opening.threshold,
        started_at=opening.started_at,
        late=opening.late,
        silence=silence,
        shelved_until=quiet.until if quiet else None,
        created_at=at,
        updated_at=at,
    )


def _insert(alerts: list[Alert]) -> list[Alert]:
    """Those that this transaction has put in: another one may have been first with some of them."""
    if connection.features.can_return_rows_from_bulk_insert:
        try:
            with transaction.atomic():
                return Alert.objects.bulk_create(alerts)
        except IntegrityError:
            pass
    inserted = []
    for alert in alerts:
        try:
            with transaction.atomic():
                alert.pk = None
                alert.save(force_insert=True)
        except IntegrityError:
            if not Alert.objects.filter(open_key=alert.open_key).exists():
                raise
        else:
            inserted.append(alert)
    return inserted


def change_severity(*, at: datetime, **change: Any) -> None:
    """One `Change`."""
    change_alerts([Change(**change)], at=at)


@transaction.atomic
def change_alerts(changes: Sequence[Change], *, at: datetime) -> None:
    """Make open alerts worse or better."""
    open_ones = _held(each.open_key for each in changes)
    changes = [
        each
        for each in changes
        if each.open_key in open_ones and open_ones[each.open_key].severity != each.severity
    ]
    if not changes:
        return
    rising = {each.open_key for each in changes if _rises(each, open_ones[each.open_key])}
    places = {
        key: (open_ones[key].device_id, open_ones[key].zone) for key in rising if not open_ones[key].silence
    }
    quiet = why_quiet(places, at=at)
    records = []
    for change in changes:
        alert, rises = open_ones[change.open_key], change.open_key in rising
        _change(alert, change, quiet.get(change.open_key), rises=rises, at=at)
        records.append((alert, AlertEvent.Kind.ROSE if rises else AlertEvent.Kind.FELL, change.by, ""))
    Alert.objects.bulk_update([alert for alert, *_ in records], CHANGED)
    events = record_events(records, at=at)
    tell_people(
        events=[event for event in events if event.kind == AlertEvent.Kind.ROSE and not event.alert.silence],
        at=at,
    )


def _rises(change: Change, alert: Alert) -> bool:
    return RANK[Alert.Severity(change.severity)] > RANK[Alert.Severity(alert.severity)]


def _change(alert: Alert, change: Change, quiet: Quiet | None, *, rises: bool, at: datetime) -> None:
    alert.severity, alert.updated_at = change.severity, at
    if not rises:
        return  # the worst figures stay
    alert.occurrences += 1
    if _is_beyond(change, alert):
        alert.value, alert.threshold = change.value, change.threshold
        alert.message = change.message[:300] if change.message else alert.message
    if alert.silence:
        return
    if quiet is not None:
        alert.silence, alert.shelved_until = quiet.reason, quiet.until
    elif change.late:
        alert.silence = Alert.Silence.LATE  # told once the device has caught up, if it is still there


def _is_beyond(change: Change, alert: Alert) -> bool:
    """Not when the alert has been further out on the same side already."""
    if change.value is None:
        return alert.value is None
    if change.threshold is None or alert.value is None or alert.threshold is None:
        return True
    over = change.value > change.threshold
    if over != (alert.value > alert.threshold):
        return True
    return change.value > alert.value if over else change.value < alert.value


def resolve_by_itself(*, at: datetime, **ending: Any) -> bool:
    """One `Ending`; False when there was no open alert about it."""
    return bool(end_alerts([Ending(**ending)], at=at))


@transaction.atomic
def end_alerts(endings: Sequence[Ending], *, at: datetime) -> list[Alert]:
    """Resolve what is open of these, and return it."""
    open_ones = _held(each.open_key for each in endings)
    records = []
    for ending in endings:
        alert = open_ones.get(ending.open_key)
        if alert is not None:
            # Its clock, or a delay that ran out on ours, may be ahead.
            _end(alert, at=at, ended_at=max(ending.ended_at, alert.started_at))
            records.append((alert, AlertEvent.Kind.RESOLVED, None, ending.note))
    if not records:
        return []
    alerts = [alert for alert, *_ in records]
    _write_ends(alerts, at=at)
    _clear_shelves(alerts)
    events = record_events(records, at=at)
    tell_people(events=[event for event in events if not event.alert.silence], at=at)
    return alerts


def close(alerts: Sequence[Alert], *, at: datetime) -> None:
    """Take alerts that are held, and open, out of the open ones, by hand."""
    for alert in alerts:
        _end(alert, at=at, ended_at=alert.ended_at)
    _write_ends(alerts, at=at)
    _clear_shelves(alerts)


def _write_ends(alerts: Sequence[Alert], *, at: datetime) -> None:
    """Those that ended alike in one plain statement: a CASE for each column and row takes long for many."""
    by_end: defaultdict[datetime | None, list[int]] = defaultdict(list)
    for alert in alerts:
        by_end[alert.ended_at].append(alert.pk)
    if len(by_end) > MOST_ENDS:
        Alert.objects.bulk_update(alerts, ENDED)
        return
    for ended_at, ids in by_end.items():
        Alert.objects.filter(pk__in=ids).update(
            status=Alert.Status.RESOLVED,
            open_key=None,
            shelved_until=None,
            resolved_at=at,
            ended_at=ended_at,
            updated_at=at,
        )


def _end(alert: Alert, *, at: datetime, ended_at: datetime | None) -> None:
    alert.status, alert.open_key, alert.shelved_until = Alert.Status.RESOLVED, None, None
    alert.resolved_at = alert.updated_at = at
    alert.ended_at = ended_at


def _clear_shelves(alerts: Sequence[Alert]) -> None:
    """What was shelved for one occurrence is on no shelf when that is over."""
    if any(alert.silence == Alert.Silence.SHELVED for alert in alerts):
        Shelf.objects.filter(key__in=[alert.key for alert in alerts], once=True).delete()


def _held(open_keys: Iterable[str]) -> dict[str, Alert]:
    """The open alerts with these keys, held against whoever else would write them."""
    found = Alert.objects.select_for_update().filter(open_key__in=list(open_keys)).order_by("pk")
    return {alert.key: alert for alert in found}


def record_event(
    alert: Alert, kind: AlertEvent.Kind, *, at: datetime, by: User | None = None, note: str = ""
) -> AlertEvent:
    """Note one step of an alert's life and let dashboards know of it."""
    return record_events([(alert, kind, by, note)], at=at)[0]


def record_events(
    records: Sequence[tuple[Alert, AlertEvent.Kind, User | None, str]], *, at: datetime
) -> list[AlertEvent]:
    """Note a step of each of these alerts, (alert, kind, by whom, why), and let dashboards know."""
    events = [
        AlertEvent(
            alert=alert,
            kind=kind,
            severity=alert.severity,
            status=alert.status,
            value=alert.value,
            by=by,
            note=note[:500],
            at=at,
        )
        for alert, kind, by, note in records
    ]
    if connection.features.can_return_rows_from_bulk_insert:
        AlertEvent.objects.bulk_create(events)
    else:
        for event in events:
            event.save(force_insert=True)
    broadcast_on_commit(ALERT_STREAM, [live_item(event) for event in events])
    return events
