"""The axes that plots over time share: round values at the left, round moments below, words above."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from analytics.plots.clock import Under, time_ticks
from analytics.plots.digits import digits_for
from analytics.plots.legend import Entry, legend_of
from analytics.plots.lettering import SMALL, width_of
from analytics.plots.scale import Scale
from analytics.plots.sheet import Sheet
from analytics.writing import written

NARROW_BELOW = 560  # CSS px from which names stand beside what they name
_UNDER = 22.0
_RIGHT = 12.0


@dataclass(frozen=True, slots=True)
class Bound:
    """A value to compare with, drawn as a dashed line."""

    value: float
    label: str


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a time and a value lie on the sheet."""

    left: float
    top: float
    right: float
    bottom: float
    scale: Scale
    start: datetime
    end: datetime

    def x(self, at: datetime) -> float:
        return self.left + (self.right - self.left) * ((at - self.start) / (self.end - self.start))

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * self.scale.share(value)


def time_frame(
    sheet: Sheet,
    *,
    scale: Scale,
    unit: str,
    start: datetime,
    end: datetime,
    zone: ZoneInfo,
    entries: Sequence[Entry] = (),
    over: float = 4,
    under: Under | None = None,
) -> Frame:
    """Draw the axes; `over` is the room in CSS px above the highest value, `under` as for `time_ticks`."""
    unit = scale.digits.unit(unit)
    legend = legend_of(entries, sheet.width, after=width_of(unit, SMALL))
    sheet.text("text", 0, 13, unit, size=SMALL, room=sheet.width)
    legend.draw(sheet, 0)
    labels = [scale.digits.bare(value) for value in scale.ticks]
    left = max(width_of(label, SMALL) for label in labels) + 8
    frame = Frame(
        left, legend.height + over + 6, sheet.width - _RIGHT, sheet.height - _UNDER, scale, start, end
    )
    for value, label in zip(scale.ticks, labels, strict=True):
        y = frame.y(value)
        sheet.line("axis" if value == 0 else "grid", left, y, frame.right, y)
        sheet.text("text", left - 8, y + 4, label, anchor="end", size=SMALL)
    draw_time(sheet, start, end, zone, left=frame.left, right=frame.right, y=frame.bottom, under=under)
    return frame


def draw_time(
    sheet: Sheet,
    start: datetime,
    end: datetime,
    zone: ZoneInfo,
    *,
    left: float,
    right: float,
    y: float,
    under: Under | None = None,
) -> None:
    """Round moments below `y`, none of them cut at the edge."""
    sheet.line("axis", left, y, right, y)
    for tick in time_ticks(start, end, zone, left=left, right=right, edge=sheet.width, under=under):
        sheet.line("axis", tick.x, y, tick.x, y + 4)
        sheet.text("text", tick.middle, y + 17, tick.label, anchor="middle", size=SMALL)


def draw_bounds(sheet: Sheet, frame: Frame, bounds: Sequence[Bound], unit: str) -> None:
    """Dashed lines with their words; one that lies beyond the axis is said at its edge with an arrow."""
    taken: list[_Box] = []
    for bound in sorted(bounds, key=lambda bound: -bound.value):
        share = frame.scale.share(bound.value)
        arrow = "↑ " if share > 1 else "↓ " if share < 0 else ""
        y = min(max(frame.y(bound.value), frame.top), frame.bottom)
        if not arrow:
            sheet.line("bound", frame.left, y, frame.right, y)
        words = f"{arrow}{bound.label} {bounded(bound.value)} {unit}".strip()
        room = frame.right - frame.left - 8
        box = _free(y, min(width_of(words, SMALL), room) + 6, taken, frame)
        taken.append(box)
        sheet.rect("ground", box.left, box.baseline - 10.5, box.right - box.left, 14, round_by=3)
        sheet.text("value", box.right - 3, box.baseline, words, anchor="end", size=SMALL, room=room)


@dataclass(frozen=True, slots=True)
class _Box:
    """Where words lie."""

    left: float
    right: float
    baseline: float

    def is_near(self, other: "_Box") -> bool:
        is_beside = self.right <= other.left or other.right <= self.left
        return not is_beside and abs(self.baseline - other.baseline) < 14


def _free(y: float, width: float, taken: Sequence[_Box], frame: Frame) -> _Box:
    """Where no other words are: over the line, under it, at its start, else as near as there is room."""
    steps = range(int((frame.bottom - frame.top) / 14))
    baselines = [y - 5, y + 13.5] + [y + way for step in steps for way in (-19 - 14 * step, 27.5 + 14 * step)]
    inside = [at for at in baselines if frame.top <= at - 8 and at + 3 <= frame.bottom] or baselines[:1]
    boxes = [
        _Box(left, left + width, baseline)
        for nearest in (inside[:2], inside[2:])
        for left in (frame.right - width, frame.left)
        for baseline in nearest
    ]
    return next((box for box in boxes if not any(map(box.is_near, taken))), boxes[0])


def bounded(value: float) -> str:
    """The value of a limit as somebody set it: `80`, `1,250.5`."""
    if value and not 1e-3 <= abs(value) < 1e9:
        return digits_for([value])(value)
    return written(f"{value:,.10g}".replace("-", "−"))
