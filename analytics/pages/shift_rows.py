"""The rows of a shift calendar as they stand in its form, and what its buttons do to them. Without a database."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import time, timedelta
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from analytics.models import Calendar
from analytics.oee.shifts import minutes_of
from analytics.pages.rows import rows_sent, step_asked
from analytics.services.calendars import BREAKS_LIMIT, SHIFTS_LIMIT

WORKDAYS = ("1", "2", "3", "4", "5")
USUAL_NAMES = (_("Early"), _("Late"), _("Night"))
USUAL_START, USUAL_HOURS, USUAL_BREAK_AFTER, USUAL_BREAK = 6 * 60, 8, 4, 30


@dataclass(frozen=True)
class Row:
    """A shift as it stands in the form: all as text, also what cannot be meant."""

    name: str = ""
    days: tuple[str, ...] = WORKDAYS
    start: str = ""
    end: str = ""
    breaks: tuple[tuple[str, str], ...] = ()


def first() -> Row:
    """What is proposed where nobody has shifts yet."""
    return Row(str(USUAL_NAMES[0]), start="06:00", end="14:00")


def rows_in(data: QueryDict) -> list[Row]:
    """The rows that were sent, as far as there may be any; one too many is refused by the service."""
    return [
        _row_in(data, f"shift-{place}") for place in range(rows_sent(data, "shifts", most=SHIFTS_LIMIT + 1))
    ]


def _row_in(data: QueryDict, prefix: str) -> Row:
    breaks = range(rows_sent(data, f"{prefix}-breaks", most=BREAKS_LIMIT + 1))
    return Row(
        data.get(f"{prefix}-name", ""),
        tuple(data.getlist(f"{prefix}-days")),
        data.get(f"{prefix}-start", ""),
        data.get(f"{prefix}-end", ""),
        tuple(
            (data.get(f"{prefix}-break-{number}-start", ""), data.get(f"{prefix}-break-{number}-end", ""))
            for number in breaks
        ),
    )


def rows_of(calendar: Calendar) -> list[Row]:
    return [
        Row(
            shift.name,
            tuple(str(day) for day in shift.days),
            f"{shift.start_time:%H:%M}",
            f"{shift.end_time:%H:%M}",
            tuple((start, end) for start, end in shift.breaks),
        )
        for shift in calendar.shifts.all()
    ]


def sent(rows: Sequence[Row], head: dict[str, Any]) -> QueryDict:
    """As a browser sends it."""
    data = QueryDict(mutable=True)
    data.update({name: str(value) for name, value in head.items()})
    data["shifts"] = str(len(rows))
    for place, row in enumerate(rows):
        prefix = f"shift-{place}"
        data.update({f"{prefix}-name": row.name, f"{prefix}-start": row.start, f"{prefix}-end": row.end})
        data.setlist(f"{prefix}-days", list(row.days))
        data[f"{prefix}-breaks"] = str(len(row.breaks))
        for number, (start, end) in enumerate(row.breaks):
            data.update({f"{prefix}-break-{number}-start": start, f"{prefix}-break-{number}-end": end})
    return data


def with_step(rows: Sequence[Row], do: str) -> tuple[list[Row], str] | None:
    """The rows after a button was pressed, and what the keyboard is left on; None where it adds or takes none away."""
    step, numbers = step_asked(do)
    found = list(rows)
    match step, numbers:
        case "add-shift", []:
            found.append(_proposed(found))
            return found, f"shift-{len(found) - 1}-name"
        case "remove-shift", [place] if place < len(found):
            del found[place]
            return found, "add-shift"
        case "add-break", [place] if place < len(found):
            row = found[place]
            found[place] = replace(row, breaks=(*row.breaks, _proposed_break(row)))
            return found, f"shift-{place}-break-{len(row.breaks)}-start"
        case "remove-break", [place, number] if place < len(found):
            row = found[place]
            found[place] = replace(row, breaks=row.breaks[:number] + row.breaks[number + 1 :])
            return found, f"add-break-{place}"
    return None


def _proposed(rows: Sequence[Row]) -> Row:
    """The next shift as it usually is: after the last one, for eight hours."""
    taken = {row.name for row in rows}
    free = (name for name in map(str, USUAL_NAMES) if name not in taken)
    name = next(free, "") or gettext("Shift %(number)d") % {"number": len(rows) + 1}
    ended = _minutes(rows[-1].end) if rows else None
    start = USUAL_START if ended is None else ended
    days = rows[-1].days if rows else WORKDAYS
    return Row(name, days, _clock(start), _clock(start + USUAL_HOURS * 60))


def _proposed_break(row: Row) -> tuple[str, str]:
    """Half an hour after four hours, or after the last break's end."""
    begins = _minutes(row.start)
    if begins is None or row.breaks:
        return "", ""
    start = begins + USUAL_BREAK_AFTER * 60
    return _clock(start), _clock(start + USUAL_BREAK)


def _minutes(clock: str) -> int | None:
    try:
        return minutes_of(time.fromisoformat(clock))
    except ValueError:
        return None


def _clock(minutes: int) -> str:
    hours, minutes = divmod(timedelta(minutes=minutes).seconds // 60, 60)
    return f"{hours:02}:{minutes:02}"
