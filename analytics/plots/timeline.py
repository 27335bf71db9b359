"""What machines did: a band each, cut into states that tone and pattern tell apart."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy

from analytics.plots.clock import from_to, moment_of
from analytics.plots.frame import NARROW_BELOW, draw_time
from analytics.plots.hatching import falling, rising, upright
from analytics.plots.legend import SWATCH, SWATCH_HEIGHT, Entry, Sample, legend_of
from analytics.plots.lettering import SMALL, TEXT, width_of
from analytics.plots.sheet import Sheet, nothing, px

_BAND, _ROW, _UNDER = 18.0, 28.0, 24.0
_NAME = 17.0  # of a name over its band
_WIDEST_NAME = 0.24  # of the sheet
_NEAREST = 12  # CSS px between two shifts


class State(StrEnum):
    RUNNING = "running"
    STOPPED = "stopped"
    MICRO = "micro"
    PLANNED = "planned"
    UNKNOWN = "unknown"


WORDS = {
    State.RUNNING: gettext_lazy("running"),
    State.STOPPED: gettext_lazy("stopped"),
    State.MICRO: gettext_lazy("short stop"),
    State.PLANNED: gettext_lazy("planned standstill"),
    State.UNKNOWN: gettext_lazy("nothing known"),
}


@dataclass(frozen=True, slots=True)
class Span:
    start: datetime
    end: datetime
    state: State
    label: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A machine with its spans, in order of time and none over another."""

    name: str
    spans: Sequence[Span]


@dataclass(frozen=True, slots=True)
class Shift:
    start: datetime
    name: str


@dataclass(frozen=True, slots=True)
class Timeline:
    rows: Sequence[Row]
    start: datetime
    end: datetime
    zone: ZoneInfo
    shifts: Sequence[Shift] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the bands begin and end, in CSS px, and how time runs between."""

    left: float
    right: float
    start: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        return self.left + (self.right - self.left) * ((at - self.start) / (self.end - self.start))


def draw(figure: Timeline, *, width: float) -> SafeString:
    """Bands over one time axis; the names stand at the left, or above where there is no room."""
    present = {span.state for row in figure.rows for span in row.spans if _is_seen(span, figure)}
    if not present or figure.end <= figure.start:
        return nothing(width)
    is_narrow = width < NARROW_BELOW
    widest = max(width_of(row.name) for row in figure.rows) + 12
    left = 0.0 if is_narrow else min(widest, _WIDEST_NAME * width)
    place = _Place(left, width - 14, figure.start, figure.end)
    legend = legend_of(
        [Entry(str(WORDS[state]), _sample(state)) for state in State if state in present], width
    )
    top = legend.height + 6 + (20 if figure.shifts else 0)
    row_height = _ROW + (_NAME - 4 if is_narrow else 0)
    sheet = Sheet(width, top + row_height * len(figure.rows) + _UNDER)
    legend.draw(sheet, 0)
    tops = [top + row_height * number + (_NAME if is_narrow else 0) for number in range(len(figure.rows))]
    for row, y in zip(figure.rows, tops, strict=True):
        if is_narrow:
            sheet.text("value", 0, y - 6, row.name, room=width)
        else:
            sheet.text("value", 0, y + _BAND / 2 + 4.5, row.name, room=left - 12)
        _draw_row(sheet, place, row, figure, y)
    bottom = top + row_height * len(figure.rows) - 4
    _draw_shifts(sheet, place, figure, top - 14, tops)
    draw_time(sheet, figure.start, figure.end, figure.zone, left=left, right=place.right, y=bottom)
    return sheet.svg()


def _is_seen(span: Span, figure: Timeline) -> bool:
    return span.end > figure.start and span.start < figure.end


def _draw_row(sheet: Sheet, place: _Place, row: Row, figure: Timeline, y: float) -> None:
    spans = [span for span in row.spans if _is_seen(span, figure)]
    if not spans:
        sheet.rect("frame", place.left + 0.5, y + 0.5, place.right - place.left - 1, _BAND - 1)
    is_rough = len(spans) > place.right - place.left
    for span in _mostly(spans, place) if is_rough else spans:
        left, right = place.x(max(span.start, figure.start)), place.x(min(span.end, figure.end))
        words = f"{WORDS[span.state]}: {span.label}" if span.label else str(WORDS[span.state])
        words = gettext("mostly %(state)s") % {"state": words} if is_rough else words
        times = from_to(moment_of(span.start, figure.zone), moment_of(span.end, figure.zone))
        title = f"{row.name}: {words}, {times}"
        draw_state(sheet, span.state, left, y, max(0.75, right - left), _BAND, title)
        if span.label and width_of(span.label, SMALL) + 10 <= right - left:
            _draw_label(sheet, span, left + 5, y + _BAND / 2 + 4)


def _draw_label(sheet: Sheet, span: Span, x: float, baseline: float) -> None:
    if span.state not in (State.RUNNING, State.STOPPED):  # on a pattern, words need a ground
        sheet.rect("ground", x - 3, baseline - 10.5, width_of(span.label, SMALL) + 6, 14, round_by=3)
    look = "inverse" if span.state is State.STOPPED else "value"
    sheet.text(look, x, baseline, span.label, size=SMALL)


def _mostly(spans: Sequence[Span], place: _Place) -> list[Span]:
    """One span per CSS px, in the state that lasted longest there: more could not be told apart."""
    shares: dict[int, dict[State, float]] = defaultdict(lambda: defaultdict(float))
    for span in spans:
        left, right = max(place.left, place.x(span.start)), min(place.right, place.x(span.end))
        for column in range(int(left), int(right) + 1):
            shares[column][span.state] += max(0.0, min(right, column + 1) - max(left, column))
    lasts = (place.end - place.start) / (place.right - place.left)
    found: list[Span] = []
    for column, states in sorted(shares.items()):
        state = max(states, key=lambda one: states[one])
        start = place.start + lasts * (max(column, place.left) - place.left)
        end = place.start + lasts * (min(column + 1, place.right) - place.left)
        if end <= start:
            continue
        if found and found[-1].state is state and found[-1].end == start:
            found[-1] = Span(found[-1].start, end, state)
        else:
            found.append(Span(start, end, state))
    return found


def _draw_shifts(sheet: Sheet, place: _Place, figure: Timeline, top: float, bands: Sequence[float]) -> None:
    """Thin lines through the bands, with the names of the shifts as far as they have room."""
    shifts = sorted(figure.shifts, key=lambda shift: shift.start)
    shifts = [shift for shift in shifts if figure.start <= shift.start <= figure.end]
    if len(shifts) * _NEAREST > place.right - place.left:
        return  # so near each other they would be another hatch
    for number, shift in enumerate(shifts, 1):
        x = place.x(shift.start)
        end = shifts[number].start if number < len(shifts) else figure.end
        lines = [(top, top + 12), *((y - 3, y + _BAND + 3) for y in bands)]
        sheet.path("moment", "".join(f"M{px(x)} {px(begin)}V{px(until)}" for begin, until in lines))
        room = place.x(end) - x - 8
        if room >= min(width_of(shift.name, SMALL), 3 * TEXT):
            sheet.text("text", x + 4, top + 9, shift.name, size=SMALL, room=room)


def draw_state(
    sheet: Sheet, state: State, x: float, y: float, width: float, height: float, title: str = ""
) -> None:
    """Running is a middle grey, stopped dark, short stops upright lines, planned and unknown two hatches."""
    if state is State.UNKNOWN:
        sheet.path("unknown", falling(x, y, width, height, 6))
        sheet.rect("frame", x, y + 0.5, width, height - 1)
        sheet.rect("nothing", x, y, width, height, title=title)
        return
    sheet.rect(state.value, x, y, width, height, title=title)
    if state is State.PLANNED:
        sheet.path("planned-hatch", rising(x, y, width, height, 7))
    elif state is State.MICRO:
        sheet.path("micro-hatch", upright(x, y, width, height, 4))


def _sample(state: State) -> Sample:
    def sample(sheet: Sheet, x: float, y: float) -> None:
        draw_state(sheet, state, x, y, SWATCH, SWATCH_HEIGHT)

    return sample
