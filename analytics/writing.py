"""Numbers and days as the reader's language writes them: a page, a plot and a report all write them with these.

The names and patterns of a language are looked up once: a plot writes thousands of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from django.utils import formats, translation
from django.utils.dates import MONTHS_3, WEEKDAYS_ABBR
from django.utils.functional import lazy
from django.utils.translation import pgettext

KEPT = "\u00a0"  # between a number and its unit, so that they stay on one line
_ASIDE = "\x00"


@dataclass(frozen=True, slots=True)
class _Language:
    decimal: str
    thousands: str
    months: tuple[str, ...]
    weekdays: tuple[str, ...]
    patterns: dict[str, str]


@cache
def _language(name: str) -> _Language:
    with translation.override(name):
        return _Language(
            decimal=formats.get_format("DECIMAL_SEPARATOR"),
            thousands=formats.get_format("THOUSAND_SEPARATOR"),
            months=tuple(str(MONTHS_3[number]).rstrip(".").title() for number in range(1, 13)),
            weekdays=tuple(str(WEEKDAYS_ABBR[number]).rstrip(".") for number in range(7)),
            patterns={
                "short": pgettext("a day", "%(day)d %(month)s"),
                "day": pgettext("a day", "%(day)d %(month)s %(year)d"),
                "weekday": pgettext("a day", "%(weekday)s %(day)d %(month)s"),
                "full": pgettext("a day", "%(weekday)s %(day)d %(month)s %(year)d"),
            },
        )


def _spoken() -> _Language:
    return _language(translation.get_language() or "en")


def is_english() -> bool:
    return (translation.get_language() or "en").startswith("en")


def written(text: str) -> str:
    """What Python wrote (`1,234.5`) as the reader's language does (`1.234,5`)."""
    language = _spoken()
    if language.decimal == "." and language.thousands == ",":
        return text
    aside = text.replace(",", _ASIDE).replace(".", language.decimal)
    return aside.replace(_ASIDE, language.thousands)


def number(value: float, decimals: int = 0) -> str:
    """Grouped, with fixed decimals: `1,234.5`."""
    return written(f"{value:,.{decimals}f}")


def short_number(value: float) -> str:
    """As few digits as it has: `0.28`."""
    return written(f"{value:,g}")


def share(value: float, decimals: int = 0) -> str:
    """A part of a whole in percent: `4 %`."""
    return percent(100 * value, decimals)


def percent(value: float, decimals: int = 0) -> str:
    """A number of percent with its sign, in every language with a space that does not break: `99.7 %`."""
    return f"{number(value, decimals)}{KEPT}%"


def month(at: date) -> str:
    return _spoken().months[at.month - 1]


def _day(at: date, pattern: str) -> str:
    language = _spoken()
    return language.patterns[pattern] % {
        "weekday": language.weekdays[at.weekday()],
        "day": at.day,
        "month": language.months[at.month - 1],
        "year": at.year,
    }


def short_day(at: date) -> str:
    """`3 Nov`."""
    return _day(at, "short")


def day(at: date) -> str:
    """`3 Nov 2026`."""
    return _day(at, "day")


def weekday(at: date) -> str:
    """`Tue 3 Nov`."""
    return _day(at, "weekday")


def full_day(at: date) -> str:
    """`Tue 3 Nov 2026`."""
    return _day(at, "full")


def clock(at: datetime) -> str:
    return f"{at:%H:%M}"


def minute(at: datetime) -> str:
    """`3 Nov 2026, 14:00`, in the zone that it is told in."""
    return f"{day(at)}, {clock(at)}"


def full_minute(at: datetime) -> str:
    """`Tue 3 Nov 2026, 14:00`."""
    return f"{full_day(at)}, {clock(at)}"


def later(write: Callable[..., str]) -> Callable[..., Any]:
    """The same, written only when it is read: in whatever language that is then."""
    return lazy(write, str)


number_later, share_later = later(number), later(share)
