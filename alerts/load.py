"""How heavy the alarms weigh on people, by ISA-18.2 and IEC 62682: pure.

An activation is an alert that opened. A flood is more than ten of them in one of the clock's ten minutes;
a thing chatters that opens three times or more within one minute.
"""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

FLOOD_WINDOW = timedelta(minutes=10)
FLOOD_ABOVE = 10
CHATTER_WINDOW = timedelta(minutes=1)
CHATTER_FROM = 3
HOURLY_UP_TO = timedelta(hours=48)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Activation = tuple[datetime, str, str]  # when, of what (`Alert.key`), how severe


@dataclass
class Load:
    """What the activations of a period come to."""

    activations: int = 0
    severities: Counter[str] = field(default_factory=Counter)
    keys: Counter[str] = field(default_factory=Counter)
    windows: Counter[datetime] = field(default_factory=Counter)  # per ten minutes, by their beginning
    most_in_a_minute: Counter[str] = field(default_factory=Counter)  # by key

    @property
    def busiest(self) -> tuple[datetime, int] | None:
        """The ten minutes with the most activations; of several, the first."""
        return min(self.windows.items(), key=lambda item: (-item[1], item[0]), default=None)

    @property
    def chattering(self) -> list[tuple[str, int]]:
        """(key, most within a minute) of what chatters, the worst first."""
        found = [(key, most) for key, most in self.most_in_a_minute.items() if most >= CHATTER_FROM]
        return sorted(found, key=lambda item: (-item[1], item[0]))

    def worst(self, count: int) -> list[tuple[str, int]]:
        """(key, activations) of what opened most often."""
        return sorted(self.keys.items(), key=lambda item: (-item[1], item[0]))[:count]

    def flood_time(self, start: datetime, end: datetime) -> timedelta:
        """How much of the period was flood."""
        floods = (at for at, count in self.windows.items() if count > FLOOD_ABOVE)
        parts = (min(at + FLOOD_WINDOW, end) - max(at, start) for at in floods)
        return sum(parts, timedelta())


def load_of(activations: Iterable[Activation]) -> Load:
    """Counts up activations, which come in order of time."""
    load = Load()
    recent: dict[str, deque[datetime]] = {}
    for at, key, severity in activations:
        load.activations += 1
        load.severities[severity] += 1
        load.keys[key] += 1
        load.windows[at - (at - EPOCH) % FLOOD_WINDOW] += 1
        minute = recent.setdefault(key, deque())
        minute.append(at)
        while minute[0] <= at - CHATTER_WINDOW:
            minute.popleft()
        load.most_in_a_minute[key] = max(load.most_in_a_minute[key], len(minute))
    return load


def bars_between(start: datetime, end: datetime, zone: tzinfo) -> list[datetime]:
    """Where the hours, or over more than two days the days, of a period begin; the first one with the period."""
    local = start.astimezone(zone)
    if end - start <= HOURLY_UP_TO:
        first = local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
        edges = [first + timedelta(hours=n) for n in range((end - first) // timedelta(hours=1) + 1)]
    else:
        days = (end.astimezone(zone).date() - local.date()).days
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        edges = [(midnight + timedelta(days=n)).replace(tzinfo=zone).astimezone(UTC) for n in range(days + 1)]
    return [start, *(edge for edge in edges if start < edge < end)]
