"""A report as what it says, whatever it is made into: a page, a PDF or a table. Pure.

Tables hold values as they are; `shown` writes them for people, and the CSV takes them as they are. Words are written
when they are read, since a page speaks the reader's language and the CSV English.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from analytics import writing
from analytics.plots.drawing import Drawing

Words = str | Promise
NOTHING = _("Nothing in this time.")


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    NUMBER = "number"
    PERCENT = "percent"  # as a number of percent
    SHARE = "share"  # 0..1, shown in percent
    MOMENT = "moment"
    DAY = "day"
    DURATION = "duration"  # seconds


@dataclass(frozen=True, slots=True)
class Column:
    label: Words
    kind: Kind = Kind.TEXT
    unit: str = ""
    decimals: int = 0

    @property
    def is_number(self) -> bool:
        return self.kind in (Kind.NUMBER, Kind.PERCENT, Kind.SHARE, Kind.DURATION)


@dataclass(frozen=True, slots=True)
class Table:
    title: Words
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    note: Words = ""
    empty: Words = NOTHING
    printed: int = 500  # rows that people see, 0 where a figure says the same; the CSV has all of them


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure with its unit, and a line of what it rests on."""

    label: Words
    value: Any
    kind: Kind = Kind.NUMBER
    unit: str = ""
    decimals: int = 0
    note: Words = ""


@dataclass(frozen=True, slots=True)
class Tiles:
    tiles: Sequence[Tile]


@dataclass(frozen=True, slots=True)
class Figure:
    title: Words
    drawing: Drawing


@dataclass(frozen=True, slots=True)
class Notes:
    """What is to be known beside the numbers."""

    lines: Sequence[Words]


Block = Table | Tiles | Figure | Notes


@dataclass
class Section:
    title: Words
    blocks: list[Block] = field(default_factory=list)


@dataclass
class Document:
    """`facts` are (label, value) pairs for the head of the first page."""

    title: Words
    subtitle: Words
    zone: ZoneInfo
    made_at: datetime
    facts: Sequence[tuple[Words, Words]]
    sections: list[Section] = field(default_factory=list)


def shown(value: Any, kind: Kind, *, zone: ZoneInfo, decimals: int = 0) -> str:
    """A value as people read it; a dash where there is none."""
    if value is None or value == "":
        return "–"
    if kind is Kind.MOMENT:
        return writing.minute(value.astimezone(zone))
    if kind is Kind.DAY:
        return writing.full_day(_day_of(value, zone))
    if kind is Kind.DURATION:
        return duration(value)
    if kind is Kind.SHARE:
        return writing.share(value, decimals)
    if kind is Kind.PERCENT:
        return writing.percent(value, decimals)
    return writing.number(value, decimals) if kind is Kind.NUMBER else str(value)


def _day_of(value: datetime | date | str, zone: ZoneInfo) -> date:
    if isinstance(value, datetime):
        return value.astimezone(zone).date()
    return value if isinstance(value, date) else date.fromisoformat(value)


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 05 min`, `12 d 4 h`."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02} min"
    days, hours = divmod(hours, 24)
    return f"{writing.number(days)} d {hours} h"


FLAG_WORDS: dict[str, Words] = {
    "counter_exchanged": _(
        "A meter was exchanged in this time; both meters count, as a technician noted it."
    ),
    "counter_reset": _("A counter fell and was counted from 0 again."),
    "counter_rolled_over": _("A counter passed the end of its scale and was counted on."),
    "ideal_cycle_wrong": _(
        "Performance is above 100 %: the ideal cycle time is too long, or pieces were counted in"
        " breaks, planned stops or unknown time."
    ),
    "more_good_than_made": _("More good pieces were counted than were made: look at the counters."),
    "more_rejects_than_made": _("More rejects were counted than pieces: look at the counters."),
    "no_counts": _("The piece counter told nothing in some of this time."),
    "no_profile": _("No machine is set up here."),
    "no_shifts": _("Nobody has given some machines shifts: all time counts as planned."),
    "nothing_planned": _("No machine was to work in this time."),
    "quality_not_measured": _("Rejects are not counted on some machines: every piece counts as good."),
    "rounded_to_quarters": _("Counts of archived time begin and end on whole quarters of an hour."),
    "rule_changed": _(
        "A metric's rule was changed; what is older still follows the rule before, until it is rebuilt."
    ),
    "unknown_time": _(
        "In some planned time nobody knows what machines did; it is neither running nor stopped."
    ),
}


def flag_notes(flags: Sequence[str]) -> list[Words]:
    return [FLAG_WORDS.get(flag, flag) for flag in flags]
