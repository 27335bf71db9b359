"""The times a page may be about, on the plant's calendar: pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
LONGEST_DAYS = 366
EARLIEST = date(1971, 1, 1)

# key: (on a button, in a sentence)
PERIODS = {
    "today": ("Today", "today"),
    "yesterday": ("Yesterday", "yesterday"),
    "7d": ("7 days", "the last seven days"),
    "30d": ("30 days", "the last thirty days"),
    "month": ("This month", "this month"),
    "last-month": ("Last month", "last month"),
    "year": ("This year", "this year"),
}


@dataclass(frozen=True, slots=True)
class Period:
    """[start, end), ms; whole days of the plant. `key` is empty for days that somebody chose."""

    key: str
    words: str
    start: int
    end: int
    first: date
    last: date

    @property
    def asked(self) -> dict[str, str]:
        """As it stands in an address."""
        if self.key:
            return {"period": self.key}
        return {"from": self.first.isoformat(), "to": self.last.isoformat()}


def read_period(asked: Mapping[str, str], *, today: date, zone: ZoneInfo, default: str = "7d") -> Period:
    """The period of an address: a name, or `from` and `to`; what is none of both is the default."""
    first, last = _day(asked.get("from")), _day(asked.get("to"))
    if first is not None and (last is None or last >= first):
        last = min(last or max(today, first), first + timedelta(days=LONGEST_DAYS - 1))
        words = f"{first.day} {first:%b %Y}"
        if last != first:
            words += f" to {last.day} {last:%b %Y}"
        return _between("", words, first, last, zone)
    key = asked.get("period", "")
    return named_period(key if key in PERIODS else default, today=today, zone=zone)


def named_period(key: str, *, today: date, zone: ZoneInfo) -> Period:
    month = today.replace(day=1)
    days = {
        "today": (today, today),
        "yesterday": (today - DAY, today - DAY),
        "7d": (today - timedelta(days=6), today),
        "30d": (today - timedelta(days=29), today),
        "month": (month, _last_of_month(month)),
        "last-month": ((month - DAY).replace(day=1), month - DAY),
        "year": (today.replace(month=1, day=1), today.replace(month=12, day=31)),
    }
    first, last = days[key]
    return _between(key, PERIODS[key][1], first, last, zone)


def _last_of_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1) - DAY


def _between(key: str, words: str, first: date, last: date, zone: ZoneInfo) -> Period:
    return Period(key, words, _midnight(first, zone), _midnight(last + DAY, zone), first, last)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).astimezone(UTC).timestamp()) * 1000


def _day(text: str | None) -> date | None:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if EARLIEST <= found <= date(9000, 1, 1) else None
