"""The times a page may be about, on the plant's calendar: pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from analytics import writing

DAY = timedelta(days=1)
LONGEST_DAYS = 366
EARLIEST = date(1971, 1, 1)

# key: (on a button, in a sentence about it, in a sentence about what was then)
PERIODS = {
    "today": (_("Today"), _("today"), pgettext_lazy("when", "today")),
    "yesterday": (_("Yesterday"), _("yesterday"), pgettext_lazy("when", "yesterday")),
    "7d": (_("7 days"), _("the last seven days"), _("in the last seven days")),
    "30d": (_("30 days"), _("the last thirty days"), _("in the last thirty days")),
    "month": (_("This month"), _("this month"), pgettext_lazy("when", "this month")),
    "last-month": (_("Last month"), _("last month"), pgettext_lazy("when", "last month")),
    "year": (_("This year"), _("this year"), pgettext_lazy("when", "this year")),
}


@dataclass(frozen=True, slots=True)
class Period:
    """[start, end), ms; whole days of the plant. `key` is empty for days that somebody chose.

    `words` name it (`the last seven days`), `when` says that something was then (`in the last seven days`).
    """

    key: str
    words: str
    when: str
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
        days = {"start": writing.day(first), "end": writing.day(last)}
        if last == first:
            words, when = days["start"], pgettext("when", "%(start)s") % days
        else:
            words, when = (
                gettext("%(start)s to %(end)s") % days,
                pgettext("when", "%(start)s to %(end)s") % days,
            )
        return _between("", words, when, first, last, zone)
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
    _label, words, when = PERIODS[key]
    return _between(key, str(words), str(when), first, last, zone)


def time_before(start: int, end: int, *, zone: ZoneInfo) -> int:
    """When the time began with which [start, end), ms, is compared; it ends with `start`.

    Of whole months of the plant as many months before, of other whole days as many days, else the same length.
    """
    first, last = _midnight_day(start, zone), _midnight_day(end, zone)
    if first is None or last is None:
        return start - (end - start)
    months = _month(last) - _month(first)
    if first.day == last.day == 1 and months > 0:
        return _midnight(_first_of(_month(first) - months), zone)
    return _midnight(first - (last - first), zone)


def moment_before(at: int, *, start: int, before: int, zone: ZoneInfo, by_months: bool = False) -> int:
    """What a moment of the time that begins at `start` is held against in the one that began at `before`.

    It is the same clock time as many days later or, `by_months`, as many months; where these times do not begin with
    a day, the same length later.
    """
    first, earlier = _midnight_day(start, zone), _midnight_day(before, zone)
    if first is None or earlier is None:
        return before + at - start
    here = datetime.fromtimestamp(at / 1000, zone)
    if by_months and first.day == earlier.day == here.day == 1:
        there = _first_of(_month(here.date()) - _month(first) + _month(earlier))
    else:
        there = here.date() - (first - earlier)
    return int(datetime.combine(there, here.time(), zone).astimezone(UTC).timestamp()) * 1000


def _month(day: date) -> int:
    """Months since the year 0."""
    return day.year * 12 + day.month - 1


def _first_of(month: int) -> date:
    return date(month // 12, month % 12 + 1, 1)


def _midnight_day(at: int, zone: ZoneInfo) -> date | None:
    """The day of the plant that begins at a moment; None for another moment."""
    day = datetime.fromtimestamp(at / 1000, zone).date()
    return day if _midnight(day, zone) == at else None


def _last_of_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1) - DAY


def _between(key: str, words: str, when: str, first: date, last: date, zone: ZoneInfo) -> Period:
    return Period(key, words, when, _midnight(first, zone), _midnight(last + DAY, zone), first, last)


def _midnight(day: date, zone: ZoneInfo) -> int:
    return int(datetime.combine(day, time(), zone).astimezone(UTC).timestamp()) * 1000


def _day(text: str | None) -> date | None:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if EARLIEST <= found <= date(9000, 1, 1) else None
