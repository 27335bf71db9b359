"""Waves of a rollout: who is in which, and whether it goes on. No ORM.

docs/rollouts.md is the description for people.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

from django.utils.translation import gettext

from alerts.windows import is_within
from factory.errors import InvalidInput

MOST_WAVES = 50
MOST_DEVICES = 1_000_000  # in a wave that is given as a number
LONGEST_HEALTH = 30 * 86_400
DAYS = range(1, 8)
WINDOW_PARTS = {"days", "start", "end"}


# Who is in which wave


def check_waves(percents: Any, counts: Any) -> None:
    """Refuse waves that nobody could go through."""
    if (percents is None) == (counts is None):
        raise InvalidInput.at(
            "waves", gettext("name either the percents of the waves, or their sizes (waveCounts)")
        )
    if percents is not None:
        _check_percents(percents)
    else:
        _check_counts(counts)


def _check_percents(percents: Any) -> None:
    if not _are_whole(percents, 1, 100):
        raise InvalidInput.at(
            "waves",
            gettext("must be 1 to %(most)s percents, whole numbers from 1 to 100") % {"most": MOST_WAVES},
        )
    if any(later <= earlier for earlier, later in pairwise(percents)):
        raise InvalidInput.at("waves", gettext("must ascend: each percent says how far the wave reaches"))
    if percents[-1] != 100:
        raise InvalidInput.at("waves", gettext("the last wave must reach 100"))


def _check_counts(counts: Any) -> None:
    if not _are_whole(counts, 1, MOST_DEVICES):
        raise InvalidInput.at(
            "waveCounts",
            gettext("must be 1 to %(most)s numbers of devices, each at least 1") % {"most": MOST_WAVES},
        )


def _are_whole(values: Any, low: int, high: int) -> bool:
    return (
        isinstance(values, list | tuple)
        and 1 <= len(values) <= MOST_WAVES
        and all(type(value) is int and low <= value <= high for value in values)
    )


def wave_sizes(total: int, *, percents: Sequence[int] = (), counts: Sequence[int] | None = None) -> list[int]:
    """How many devices each wave has; they add up to all of them.

    A percent says how far the waves reach together, rounded up so that the first one is never empty. A count is a
    wave's own size; what is left is one more wave, maybe empty.
    """
    if counts is None:
        reached = [-(-total * percent // 100) for percent in percents]
    else:
        reached = []
        for count in counts:
            reached.append(min(total, count + (reached[-1] if reached else 0)))
        reached.append(total)
    return [end - start for start, end in pairwise([0, *reached])]


def spread(devices: Iterable[tuple[int, str]]) -> list[int]:
    """The order in which (device, zone) have their turn: always the same, and every zone evenly spread over it.

    So a wave is a sample of the whole plant, and never one whole line.
    """
    zones: defaultdict[str, list[int]] = defaultdict(list)
    for device_id, zone in sorted(devices):
        zones[zone].append(device_id)
    turns = [
        (Fraction(2 * place + 1, 2 * len(ids)), zone, device_id)
        for zone, ids in zones.items()
        for place, device_id in enumerate(ids)
    ]
    return [device_id for _, _, device_id in sorted(turns)]


def wave_of_each(order: Sequence[int], sizes: Sequence[int]) -> dict[int, int]:
    """{device: its wave, counted from 1}."""
    turns = iter(order)
    return {next(turns): wave for wave, size in enumerate(sizes, start=1) for _ in range(size)}


# When something may be begun


@dataclass(slots=True)
class _Weekly:
    days: list[int]
    start_time: time | None
    end_time: time | None
    time_zone: str
    starts_at: datetime
    ends_at: datetime | None = None


def checked_window(window: Any) -> dict[str, Any] | None:
    """A maintenance window as it is kept; refuses one that would never be open."""
    if window is None:
        return None
    if not isinstance(window, dict) or set(window) != WINDOW_PARTS:
        raise InvalidInput.at("window", gettext("must be {days, start, end}"))
    days = window["days"]
    if not isinstance(days, list) or not days or any(type(day) is not int or day not in DAYS for day in days):
        raise InvalidInput.at("window.days", gettext("must name days from 1 (Monday) to 7 (Sunday)"))
    clocks = {name: _clock(f"window.{name}", window[name]) for name in ("start", "end")}
    return {"days": sorted(set(days)), **clocks}


def _clock(field: str, text: Any) -> str:
    try:
        return datetime.strptime(text, "%H:%M").strftime("%H:%M")
    except (TypeError, ValueError):
        raise InvalidInput.at(field, gettext("must be a time of day as 22:00")) from None


def is_open(window: dict[str, Any] | None, *, time_zone: str, at: datetime) -> bool:
    """Whether updates may be begun at this moment. Without a window they always may."""
    if window is None:
        return True
    start, end = time.fromisoformat(window["start"]), time.fromisoformat(window["end"])
    # The turn that is open now began a day ago at most; that the window has been there for ever is all it says.
    weekly = _Weekly(window["days"], start, end, time_zone, starts_at=at - timedelta(days=8))
    return is_within(weekly, at)


# Whether it goes on


@dataclass(frozen=True, slots=True)
class WaveCounts:
    """How many devices of a wave are where. Always adds up to all of them."""

    planned: int = 0
    deploying: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    skipped: int = 0
    forgiven: int = (
        0  # of those that failed or were cancelled: from before somebody had it go on all the same
    )
    forgiven_failed: int = 0  # of those, the failed ones

    @property
    def total(self) -> int:
        return self.unfinished + self.finished

    @property
    def unfinished(self) -> int:
        return self.planned + self.deploying

    @property
    def finished(self) -> int:
        return self.succeeded + self.failed + self.cancelled + self.skipped

    @property
    def progress(self) -> int:
        """In percent, rounded down: 100 is all of them."""
        return 100 * self.finished // self.total if self.total else 100

    @property
    def counting(self) -> int:
        """What a share of the wave is a share of."""
        return self.total - self.skipped - self.forgiven

    @property
    def failures(self) -> int:
        return self.failed - self.forgiven_failed

    @property
    def can_succeed(self) -> int:
        """How many have succeeded, or may yet."""
        return self.succeeded + self.unfinished

    def __add__(self, other: "WaveCounts") -> "WaveCounts":
        return WaveCounts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Demands:
    """What is asked of every wave, in percent of its devices."""

    success_threshold: int  # so many must succeed
    failure_threshold: int  # and no more than so many may fail
    health_seconds: int = 0  # for which the last devices of a wave are watched before the next one begins
    stays_open: bool = False  # devices may still join the last wave


@dataclass(frozen=True, slots=True)
class Deploy:
    """There are devices whose turn it is."""


@dataclass(frozen=True, slots=True)
class Wait:
    """All have had their turn, and not all have an outcome."""


@dataclass(frozen=True, slots=True)
class Watch:
    """All have an outcome: it is seen how the updated ones do."""


@dataclass(frozen=True, slots=True)
class NextWave:
    """This wave has gone well."""


@dataclass(frozen=True, slots=True)
class Complete:
    """All waves have gone well."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody has to look at it first."""

    reason: str


Decision = Deploy | Wait | Watch | NextWave | Complete | Pause


def decide(
    waves: Sequence[WaveCounts],
    *,
    demands: Demands,
    is_last: bool,
    done_at: datetime | None,
    unhealthy: int,
    at: datetime,
) -> Decision:
    """What to do next. `waves` are those that have begun, the current one last; `unhealthy` is how many of its
    updated devices have had alerts since; `done_at` is since when all of it has been over, as far as we knew.
    """
    for number, wave in enumerate(waves, start=1):
        if reason := _why_not_on(wave, number, demands):
            return Pause(reason)
    current = waves[-1]
    if demands.health_seconds and _exceeds(unhealthy, current.counting, demands.failure_threshold):
        return Pause(
            f"Wave {len(waves)}: {_share(unhealthy, current.counting)} have had alerts since their update, "
            f"{demands.failure_threshold} % are allowed."
        )
    if any(wave.planned for wave in waves):
        return Deploy()
    if any(wave.deploying for wave in waves):
        return Wait()
    if current.succeeded and not _was_watched(done_at, demands.health_seconds, at):
        return Watch()
    if not is_last:
        return NextWave()
    return Watch() if demands.stays_open else Complete()


def _why_not_on(wave: WaveCounts, number: int, demands: Demands) -> str:
    if _exceeds(wave.failures, wave.counting, demands.failure_threshold):
        share = _share(wave.failures, wave.counting)
        return f"Wave {number}: {share} failed, {demands.failure_threshold} % are allowed."
    # Also before all have had their turn: what cannot be reached any more is not waited for.
    if wave.can_succeed * 100 < demands.success_threshold * wave.counting:
        share = _share(wave.can_succeed, wave.counting)
        return (
            f"Wave {number}: no more than {share} can succeed, {demands.success_threshold} % are asked for."
        )
    return ""


def _exceeds(part: int, whole: int, percent: int) -> bool:
    return part * 100 > percent * whole


def _share(part: int, whole: int) -> str:
    percent = f" ({part * 100 / whole:.1f} %)" if whole else ""
    return f"{part} of {whole} {'device' if whole == 1 else 'devices'}{percent}"


def _was_watched(done_at: datetime | None, seconds: int, at: datetime) -> bool:
    return not seconds or (done_at is not None and at >= done_at + timedelta(seconds=seconds))
