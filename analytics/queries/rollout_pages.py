"""Rollouts as their pages show them: in a sentence, wave by wave, device by device."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.utils.translation import gettext, gettext_lazy

from analytics import writing
from analytics.queries.batch_pages import Segment
from factory.said import retold
from ota.models import Rollout, RolloutDevice
from ota.queries.rollouts import LEFT_OUT, counts_by_wave, in_all, places_of
from ota.waves import WaveCounts

Place = RolloutDevice.Status
Status = Rollout.Status
# In the order of the bar: what is over stands first.
STATES = (Place.SUCCEEDED, Place.FAILED, Place.CANCELLED, Place.SKIPPED, Place.DEPLOYING, Place.PLANNED)
WORDS: dict[str, Any] = {
    Place.PLANNED: gettext_lazy("Not begun"),
    Place.DEPLOYING: gettext_lazy("Being updated"),
    Place.SUCCEEDED: gettext_lazy("Updated"),
    Place.FAILED: gettext_lazy("Failed"),
    Place.SKIPPED: gettext_lazy("Left out"),
    Place.CANCELLED: gettext_lazy("Cancelled"),
}
MARKS: dict[str, str] = {
    Place.FAILED: "warning",
    Place.PLANNED: "offline",
    Place.SKIPPED: "maintenance",
    Place.CANCELLED: "maintenance",
}


@dataclass(frozen=True, slots=True)
class State(Segment):
    """A part of a bar, with its name for people."""

    @property
    def words(self) -> str:
        return str(WORDS[self.status])


@dataclass(frozen=True, slots=True)
class Bar:
    """How the devices of a wave stand, or of all of them."""

    counts: WaveCounts
    number: int = 0

    @property
    def segments(self) -> list[State]:
        total, start, found = self.counts.total or 1, 0.0, []
        for status in STATES:
            count = getattr(self.counts, status)
            width = 100 * count / total
            found.append(State(status.value, count, round(start, 3), round(width, 3)))
            start += width
        return found


@dataclass(frozen=True, slots=True)
class Told:
    """A rollout with how its devices stand."""

    rollout: Rollout
    by_wave: dict[int, WaveCounts]

    @property
    def bar(self) -> Bar:
        """Those that take part."""
        return Bar(in_all({wave: counts for wave, counts in self.by_wave.items() if wave != LEFT_OUT}))

    @property
    def waves(self) -> list[Bar]:
        return [Bar(counts, wave) for wave, counts in self.by_wave.items() if wave != LEFT_OUT]

    @property
    def left_out(self) -> int:
        """How many could not take part when it began."""
        return self.by_wave[LEFT_OUT].total if LEFT_OUT in self.by_wave else 0

    @property
    def wave_count(self) -> int:
        return len(self.rollout.waves) or len(self.rollout.wave_counts or ()) + 1

    @property
    def is_moving(self) -> bool:
        return self.rollout.status == Status.RUNNING or bool(self.bar.counts.deploying)

    @property
    def sentence(self) -> str:
        """The answer first: why it is paused, else how far it is."""
        rollout, counts = self.rollout, self.bar.counts
        numbers = {
            "unfinished": writing.number(counts.unfinished),
            "failed": writing.number(counts.failed),
            "total": writing.number(counts.total),
        }
        if rollout.status == Status.PAUSED:
            because = retold(rollout.paused_because) or gettext("Nobody said why.")
            return gettext("paused. %(because)s") % {"because": because}
        if rollout.status == Status.DRAFT:
            return gettext("not started")
        if rollout.status == Status.RUNNING:
            where = {"wave": rollout.current_wave, "waves": self.wave_count, "updated": _updated(counts)}
            return gettext("wave %(wave)s of %(waves)s, %(updated)s") % where
        if rollout.status == Status.CANCELLED:
            if rollout.completed_at is None and counts.unfinished:
                return gettext("cancelled, %(unfinished)s still on their way") % numbers
            return gettext("cancelled, %(updated)s") % {"updated": _updated(counts)}
        if counts.failed:
            return gettext("over, %(failed)s of %(total)s failed") % numbers
        return gettext("over, %(updated)s") % {"updated": _updated(counts)}


def _updated(counts: WaveCounts) -> str:
    return gettext("%(count)s of %(total)s updated") % {
        "count": writing.number(counts.succeeded),
        "total": writing.number(counts.total),
    }


def told_of(rollouts: Sequence[Rollout]) -> list[Told]:
    """These rollouts, counted in one query."""
    waves = counts_by_wave([rollout.pk for rollout in rollouts])
    return [Told(rollout, waves[rollout.pk]) for rollout in rollouts]


@dataclass(frozen=True, slots=True)
class Row:
    """A device of a rollout in words."""

    place: RolloutDevice

    @property
    def words(self) -> str:
        return str(WORDS[self.place.status])

    @property
    def mark(self) -> str:
        return MARKS.get(self.place.status, "normal")

    @property
    def why(self) -> str:
        """Why it failed or is left out, or how far it is."""
        place, update = self.place, self.place.deployment
        if place.reason or place.status != Place.DEPLOYING or update is None:
            return place.reason or "–"
        percent = f", {writing.percent(update.progress)}" if update.progress else ""
        return f"{update.get_status_display()}{percent}"


def rows_told(places: Iterable[RolloutDevice]) -> list[Row]:
    return [Row(place) for place in places]


def tiles_of(*, rollout_id: int, limit: int) -> list[tuple[str, str, str]]:
    """(device, state, in words) of those that take part, in the order of their turns: a map of how it goes."""
    rows = RolloutDevice.objects.filter(rollout_id=rollout_id, wave__gt=LEFT_OUT).order_by("wave", "pk")
    found = rows.values_list("device_name", "status")[:limit]
    return [(name, status, str(WORDS[status])) for name, status in found]


# What somebody looks for first.
TROUBLE_FIRST = Case(
    When(status=Place.FAILED, then=Value(0)),
    When(status=Place.DEPLOYING, then=Value(1)),
    When(status=Place.PLANNED, then=Value(2)),
    When(status=Place.SUCCEEDED, then=Value(3)),
    default=Value(4),
    output_field=IntegerField(),
)


def places_to_look_at(
    *, rollout_id: int, status: str = "", wave: int | None = None
) -> QuerySet[RolloutDevice, RolloutDevice]:
    """What becomes of each device, the failed first."""
    found = places_of(rollout_id, status=status or None, wave=wave)
    return found if status else found.order_by(TROUBLE_FIRST, "wave", "pk")
