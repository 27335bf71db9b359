"""A report as what it says, whatever it is made into: a page, a PDF or a table. Pure.

Tables hold values as they are; `shown` writes them for people, and the CSV takes them as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from analytics.plots.drawing import Drawing


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
    label: str
    kind: Kind = Kind.TEXT
    unit: str = ""
    decimals: int = 0

    @property
    def is_number(self) -> bool:
        return self.kind in (Kind.NUMBER, Kind.PERCENT, Kind.SHARE, Kind.DURATION)


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Any]]
    note: str = ""
    empty: str = "Nothing in this time."
    printed: int = 500  # rows that people see, 0 where a figure says the same; the CSV has all of them


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure with its unit, and a line of what it rests on."""

    label: str
    value: Any
    kind: Kind = Kind.NUMBER
    unit: str = ""
    decimals: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Tiles:
    tiles: Sequence[Tile]


@dataclass(frozen=True, slots=True)
class Figure:
    title: str
    drawing: Drawing


@dataclass(frozen=True, slots=True)
class Notes:
    """What is to be known beside the numbers."""

    lines: Sequence[str]


Block = Table | Tiles | Figure | Notes


@dataclass
class Section:
    title: str
    blocks: list[Block] = field(default_factory=list)


@dataclass
class Document:
    """`facts` are (label, value) pairs for the head of the first page."""

    title: str
    subtitle: str
    zone: ZoneInfo
    made_at: datetime
    facts: Sequence[tuple[str, str]]
    sections: list[Section] = field(default_factory=list)


def shown(value: Any, kind: Kind, *, zone: ZoneInfo, decimals: int = 0) -> str:
    """A value as people read it; a dash where there is none."""
    if value is None or value == "":
        return "–"
    if kind is Kind.MOMENT:
        local = value.astimezone(zone)
        return f"{local.day} {local:%b %Y, %H:%M}"
    if kind is Kind.DAY:
        day = _day_of(value, zone)
        return f"{day:%a} {day.day} {day:%b %Y}"
    if kind is Kind.DURATION:
        return duration(value)
    if kind is Kind.SHARE:
        return f"{100 * value:,.{decimals}f} %"
    if kind is Kind.PERCENT:
        return f"{value:,.{decimals}f} %"
    return f"{value:,.{decimals}f}" if kind is Kind.NUMBER else str(value)


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
    return f"{days:,} d {hours} h"


FLAG_WORDS = {
    "counter_exchanged": "A meter was exchanged in this time; both meters count, as a technician noted it.",
    "counter_reset": "A counter fell and was counted from 0 again.",
    "counter_rolled_over": "A counter passed the end of its scale and was counted on.",
    "ideal_cycle_wrong": "Performance is above 100 %: the ideal cycle time is too long, or pieces were counted in"
    " breaks, planned stops or unknown time.",
    "more_good_than_made": "More good pieces were counted than were made: look at the counters.",
    "more_rejects_than_made": "More rejects were counted than pieces: look at the counters.",
    "no_counts": "The piece counter told nothing in some of this time.",
    "no_profile": "No machine is set up here.",
    "no_shifts": "Nobody has given some machines shifts: all time counts as planned.",
    "nothing_planned": "No machine was to work in this time.",
    "quality_not_measured": "Rejects are not counted on some machines: every piece counts as good.",
    "rounded_to_quarters": "Counts of archived time begin and end on whole quarters of an hour.",
    "rule_changed": "A metric's rule was changed; what is older still follows the rule before, until it is rebuilt.",
    "unknown_time": "In some planned time nobody knows what machines did; it is neither running nor stopped.",
}


def flag_notes(flags: Sequence[str]) -> list[str]:
    return [FLAG_WORDS.get(flag, flag) for flag in flags]
