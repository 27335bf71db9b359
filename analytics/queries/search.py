"""Finding anything of the plant by a few letters: each kind is asked once, and only for what is shown of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from alerts.models import Alert
from alerts.queries.alerts import alerts_matching
from analytics.models import Report
from analytics.queries.alerts import SEVERITY_RANK
from devices.models import Device
from grouping.models import Group
from ota.models import Firmware

MOST_LETTERS = 120
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of each kind, and of which of them there is more."""

    devices: Sequence[Device] = ()
    groups: Sequence[Group] = ()
    alerts: Sequence[Alert] = ()
    firmware: Sequence[Firmware] = ()
    reports: Sequence[Report] = ()
    more: frozenset[str] = field(default_factory=frozenset)


def cleaned(text: str) -> str:
    """What was typed, without what nobody can see, and not longer than any name."""
    visible = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * MOST_LETTERS])
    return " ".join(visible.split())[:MOST_LETTERS].strip()


def found_by(text: str, *, limit: int) -> Found:
    """At most so many of each kind; names that begin with the text come first. One letter finds beginnings only."""
    if not text:
        return Found()
    kinds: dict[str, QuerySet] = {
        "devices": _devices(text),
        "groups": _named(Group.objects.all(), text, "name"),
        "alerts": _alerts(text),
        "firmware": _named(Firmware.objects.all(), text, "version").order_by("begins", "-sequence", "pk"),
        "reports": _named(Report.objects.all(), text, "title").order_by("begins", "-pk"),
    }
    rows = {kind: list(found[: limit + 1]) for kind, found in kinds.items()}
    more = frozenset(kind for kind, found in rows.items() if len(found) > limit)
    return Found(**{kind: found[:limit] for kind, found in rows.items()}, more=more)


def _beginning(*columns: str, text: str) -> Case:
    begins = Q()
    for column in columns:
        begins |= Q(**{f"{column}__istartswith": text})
    return Case(When(begins, then=Value(0)), default=Value(1), output_field=IntegerField())


def _named(rows: QuerySet, text: str, column: str) -> QuerySet:
    within = "istartswith" if len(text) == 1 else "icontains"
    found = rows.filter(**{f"{column}__{within}": text}).annotate(begins=_beginning(column, text=text))
    return found.order_by("begins", column, "pk")


def _devices(text: str) -> QuerySet[Device]:
    columns = ("name", "external_id") if len(text) == 1 else ("name", "external_id", "location", "zone")
    within = "istartswith" if len(text) == 1 else "icontains"
    fits = Q()
    for column in columns:
        fits |= Q(**{f"{column}__{within}": text})
    found = Device.objects.in_service().with_presence().filter(fits)
    return found.annotate(begins=_beginning("name", "external_id", text=text)).order_by(
        "begins", "name", "pk"
    )


def _alerts(text: str) -> QuerySet[Alert]:
    """Open ones by their words, the worst first; and any one by its number."""
    number = text.removeprefix("#")
    asked = number.isdecimal() and number.isascii() and int(number) <= LARGEST_ID
    rows = Alert.objects.select_related("device").annotate(rank=SEVERITY_RANK)
    if len(text) == 1 and not asked:
        return rows.none()
    by_words = alerts_matching(search=text).open().order_by().values("pk")
    fits = Q(pk__in=by_words) | Q(pk=int(number)) if asked else Q(pk__in=by_words)
    return rows.filter(fits).order_by("rank", "-pk")
