"""Hours across, days down: when something is high, day after day."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.safestring import SafeString
from django.utils.translation import gettext

from analytics import writing
from analytics.plots.clock import from_to, moment_of
from analytics.plots.digits import Digits, digits_for
from analytics.plots.hatching import rising
from analytics.plots.legend import SWATCH_HEIGHT
from analytics.plots.lettering import SMALL, width_of
from analytics.plots.looks import HEAT
from analytics.plots.scale import Scale, scale_for
from analytics.plots.sheet import Sheet, nothing, px

_TALL, _LOWEST, _HIGHEST = 430.0, 2.0, 17.0  # all rows together, and one of them, in CSS px
_CELLS_FROM = 6.0  # lower rows are named as a whole: nobody can point at one of their hours
_HEAD, _FOOT = 20.0, 34.0
_LEVELS = len(HEAT)


@dataclass(frozen=True, slots=True)
class Cell:
    """One real hour; None where nothing is known."""

    start: datetime
    value: float | None


@dataclass(frozen=True, slots=True)
class Heatmap:
    """Hours in order of time. An hour that the clock skips has no cell, one that comes twice has two."""

    cells: Sequence[Cell]
    unit: str
    zone: ZoneInfo


def draw(figure: Heatmap, *, width: float) -> SafeString:
    """A row per day; the darker the higher, in steps whose bounds stand below."""
    known = [cell.value for cell in figure.cells if cell.value is not None]
    if not known:
        return nothing(width)
    scale = scale_for(min(known), max(known), most=_LEVELS)
    days = _by_day(figure)
    row = min(_HIGHEST, max(_LOWEST, _TALL / len(days)))
    left = max(width_of(_day_word(day), SMALL) for day in days) + 10
    sheet = Sheet(width, _HEAD + row * len(days) + _FOOT)
    _draw_heads(sheet, left)
    _draw_days(sheet, days, row)
    _draw_cells(sheet, figure, days, scale, left, row)
    _draw_scale(sheet, scale, figure.unit, has_unknown=len(known) < len(figure.cells))
    return sheet.svg()


Days = dict[date, dict[int, list[Cell]]]


def _by_day(figure: Heatmap) -> Days:
    """Every day from the first to the last, with its cells by the hour of the clock."""
    found: Days = {}
    for cell in figure.cells:
        local = cell.start.astimezone(figure.zone)
        found.setdefault(local.date(), defaultdict(list))[local.hour].append(cell)
    first, last = min(found), max(found)
    count = (last - first).days + 1
    return {day: found.get(day, {}) for day in (first + timedelta(days=place) for place in range(count))}


def _column(sheet: Sheet, left: float) -> float:
    return (sheet.width - left - 1) / 24


def _draw_heads(sheet: Sheet, left: float) -> None:
    column = _column(sheet, left)
    every = next((step for step in (1, 2, 3) if column * step > width_of("00", SMALL) + 8), 6)
    for hour in range(0, 24, every):
        sheet.text("text", left + column * hour, _HEAD - 7, f"{hour:02d}", size=SMALL)


def _draw_days(sheet: Sheet, days: Days, row: float) -> None:
    """As many days as have room for their names: all, Mondays, or the first of each month."""
    wanted = [day for day in days if row >= 13 or (row * 7 >= 13 and not day.weekday()) or day.day == 1]
    if row < 13 <= row * 7:
        wanted = [day for day in wanted if not day.weekday()]
    for place, day in enumerate(days):
        if day in wanted:
            y = _HEAD + row * place + min(row, 13) / 2 + 4
            sheet.text("text", 0, min(max(y, _HEAD + 8), sheet.height - _FOOT), _day_word(day), size=SMALL)


def _day_word(day: date) -> str:
    return writing.weekday(day)


def _draw_cells(sheet: Sheet, figure: Heatmap, days: Days, scale: Scale, left: float, row: float) -> None:
    digits = digits_for([cell.value for cell in figure.cells if cell.value is not None])
    column, gap = _column(sheet, left), (1.0 if row >= _CELLS_FROM else 0.0)
    levels: dict[int, list[tuple[float, float, float, Cell]]] = defaultdict(list)
    hatches = ""
    for place, hours in enumerate(days.values()):
        y = _HEAD + row * place
        for hour, cells in hours.items():
            wide = column / len(cells)  # an hour that comes twice shares its column
            for half, cell in enumerate(cells):
                x = left + column * hour + wide * half
                if cell.value is None:
                    hatches += rising(x, y, wide - gap, row - gap, 5)
                else:
                    levels[_level(scale, cell.value)].append((x, y, wide - gap, cell))
    for level, places in sorted(levels.items()):
        if not gap:
            sheet.path(f"heat-{level}", _joined(places, row))
            continue
        with sheet.group(f"heat-{level}") as bunch:
            for x, y, wide, cell in places:
                bunch.rect(x, y, wide, row - gap, title=_cell_title(figure, cell, digits))
    sheet.path("unknown", hatches)
    for place, (day, hours) in enumerate(days.items()):
        y = _HEAD + row * place
        if not gap:
            title = _row_title(day, hours, digits, figure.unit)
            sheet.rect("nothing", left, y, column * 24, row, title=title)
            continue
        for hour, cells in hours.items():
            if all(cell.value is None for cell in cells):
                title = f"{moment_of(cells[0].start, figure.zone)}: {gettext('nothing known')}"
                sheet.rect("nothing", left + column * hour, y, column, row, title=title)


def _joined(places: list[tuple[float, float, float, Cell]], row: float) -> str:
    """One path over all cells of a level, those side by side as one: a year has thousands of them."""
    joined: list[tuple[float, float, float]] = []
    for x, y, wide, _ in sorted(places, key=lambda place: place[1::-1]):
        if joined and joined[-1][1] == y and abs(joined[-1][0] + joined[-1][2] - x) < 0.01:
            joined[-1] = (joined[-1][0], y, joined[-1][2] + wide)
        else:
            joined.append((x, y, wide))
    return "".join(f"M{px(x)} {px(y)}h{px(wide)}v{px(row)}h{px(-wide)}z" for x, y, wide in joined)


def _level(scale: Scale, value: float) -> int:
    """Which of the steps between two round figures, spread over all the tones there are."""
    steps = len(scale.ticks) - 1
    step = min(steps - 1, max(0, int(scale.share(value) * steps)))
    return round(step * (_LEVELS - 1) / max(1, steps - 1))


def _cell_title(figure: Heatmap, cell: Cell, digits: Digits) -> str:
    value = f"{digits(cell.value or 0)} {figure.unit}"
    return f"{moment_of(cell.start, figure.zone)}: {value}"


def _row_title(day: date, hours: dict[int, list[Cell]], digits: Digits, unit: str) -> str:
    values = [cell.value for cells in hours.values() for cell in cells if cell.value is not None]
    if not values:
        return f"{writing.full_day(day)}: {gettext('nothing known')}"
    return f"{writing.full_day(day)}: {from_to(digits(min(values)), digits(max(values)))} {unit}"


def _draw_scale(sheet: Sheet, scale: Scale, unit: str, *, has_unknown: bool) -> None:
    """The tones with the figures between them, and what the hatch means."""
    y = sheet.height - 28
    labels = [scale.digits.bare(tick) for tick in scale.ticks]
    labels[-1] += f" {scale.digits.unit(unit)}"
    nothing_known = gettext("nothing known")
    unknown = width_of(nothing_known, SMALL) + 40 if has_unknown else 0
    room = sheet.width - unknown - width_of(labels[-1], SMALL)
    wide = min(56.0, room / len(labels))
    is_dense = max(map(width_of, labels[:-1])) + 6 > wide
    for place, tick in enumerate(scale.ticks[:-1]):
        middle = (tick + scale.ticks[place + 1]) / 2
        sheet.rect(f"heat-{_level(scale, middle)}", wide * place, y, wide - 1, SWATCH_HEIGHT)
    for place, label in enumerate(labels):
        if is_dense and place not in (0, len(labels) - 1):
            continue
        sheet.text("text", wide * place, y + 24, label, size=SMALL)
    if has_unknown:
        left = sheet.width - unknown + 16
        sheet.path("unknown", rising(left, y, 16, SWATCH_HEIGHT, 5))
        sheet.text("text", left + 22, y + 9, nothing_known, size=SMALL)
