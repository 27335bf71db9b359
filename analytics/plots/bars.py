"""Energy, or anything that adds up, per stretch of time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.safestring import SafeString
from django.utils.translation import gettext

from analytics.plots.clock import Under, span_of
from analytics.plots.digits import Digits, digits_for, percent
from analytics.plots.frame import NARROW_BELOW, Bound, Frame, draw_bounds, time_frame
from analytics.plots.hatching import falling, rising
from analytics.plots.legend import SWATCH, SWATCH_HEIGHT, Entry
from analytics.plots.scale import scale_for
from analytics.plots.sheet import Sheet, nothing, px

WHOLE = 0.995  # a share from which a bar counts as measured in full
_WIDE_HEIGHT, _NARROW_HEIGHT = 250, 230
_OUTLINED_FROM = 6  # CSS px
_NAMED_WHOLE = timedelta(hours=20)


@dataclass(frozen=True, slots=True)
class Bar:
    """What was used from `start` to `end`; None where nothing is known, `coverage` 0 to 1 where part of it is."""

    start: datetime
    end: datetime
    value: float | None
    coverage: float = 1.0


@dataclass(frozen=True, slots=True)
class Bars:
    """Up to 400 bars in order of time; `before` has the values of an earlier period, place by place."""

    bars: Sequence[Bar]
    unit: str
    zone: ZoneInfo
    before: Sequence[float | None] = ()
    before_label: str = ""
    bounds: Sequence[Bound] = ()


def draw(figure: Bars, *, width: float) -> SafeString:
    """Columns on a time axis, as wide as their stretch of time is long."""
    values = [bar.value for bar in figure.bars if bar.value is not None]
    if not values:
        return nothing(width)
    earlier = [value for value in figure.before[: len(figure.bars)] if value is not None]
    everything = [*values, *earlier, *_near(figure.bounds, [*values, *earlier])]
    scale = scale_for(min(everything), max(everything), most=5, is_from_zero=True)
    sheet = Sheet(width, _NARROW_HEIGHT if width < NARROW_BELOW else _WIDE_HEIGHT)
    start, end = figure.bars[0].start, figure.bars[-1].end
    frame = time_frame(
        sheet,
        scale=scale,
        unit=figure.unit,
        start=start,
        end=end,
        zone=figure.zone,
        entries=_entries(figure),
        under=_middle(figure.bars),
    )
    _draw_unknown(sheet, frame, figure)
    digits = digits_for([*values, *earlier])
    stripes = "".join(_draw_bar(sheet, frame, figure, place, digits) for place in range(len(figure.bars)))
    sheet.path("stripe", stripes)
    _draw_before(sheet, frame, figure)
    if scale.low < 0:
        sheet.line("axis", frame.left, frame.y(0), frame.right, frame.y(0))
    draw_bounds(sheet, frame, figure.bounds, figure.unit)
    return sheet.svg()


def _middle(bars: Sequence[Bar]) -> Under | None:
    """Days, weeks and months are named below their middle; hours where they begin."""
    if bars[0].end - bars[0].start < _NAMED_WHOLE:
        return None
    middles = {bar.start: bar.start + (bar.end - bar.start) / 2 for bar in bars}
    last = bars[-1].end
    return lambda at: middles.get(at, at if at < last else None)


def _near(bounds: Sequence[Bound], values: list[float]) -> list[float]:
    """The bounds that do not flatten the bars when the axis reaches them."""
    low, high = min(0.0, *values), max(0.0, *values)
    reach = (high - low) or 1.0
    return [bound.value for bound in bounds if low - 0.5 * reach <= bound.value <= high + 0.5 * reach]


def _sides(frame: Frame, bar: Bar) -> tuple[float, float]:
    """(x, width), with a gap to the next one where there is room for it."""
    left, right = frame.x(bar.start), frame.x(bar.end)
    gap = min(4.0, 0.22 * (right - left))
    return left + gap / 2, max(0.6, right - left - gap)


def _draw_bar(sheet: Sheet, frame: Frame, figure: Bars, place: int, digits: Digits) -> str:
    """One bar; returns the stripes that it needs because it is known in part only."""
    bar = figure.bars[place]
    if bar.value is None:
        return ""
    x, width = _sides(frame, bar)
    y, base = frame.y(max(bar.value, 0)), frame.y(min(bar.value, 0))
    title = f"{span_of(bar.start, bar.end, figure.zone)}: {digits(bar.value)} {figure.unit}"
    before = figure.before[place] if place < len(figure.before) else None
    if before is not None:
        title += f"; {_before(figure)}: {digits(before)} {figure.unit}"
    if bar.coverage >= WHOLE:
        sheet.rect("bar", x, y, width, base - y, title=title)
        return ""
    title += "; " + gettext("%(share)s of the time measured") % {"share": percent(bar.coverage)}
    sheet.rect("pale", x, y, width, base - y, title=title)
    if width >= _OUTLINED_FROM:
        sheet.rect("edge", x + 0.5, y + 0.5, width - 1, max(0.0, base - y - 1))
    return falling(x, y, width, base - y, 5)


def _draw_before(sheet: Sheet, frame: Frame, figure: Bars) -> None:
    course, is_joined = "", False
    for bar, value in zip(figure.bars, figure.before, strict=False):
        if value is None:
            is_joined = False
            continue
        x, width = _sides(frame, bar)
        y, base = frame.y(value), px(frame.y(0))
        if width >= _OUTLINED_FROM:
            course += f"M{px(x)} {base}V{px(y)}H{px(x + width)}V{base}"
        else:  # thin bars have one outline together
            course += f"V{px(y)}" if is_joined else f"M{px(frame.x(bar.start))} {px(y)}"
            course += f"H{px(frame.x(bar.end))}"
            is_joined = True
    sheet.path("ghost", course)


def _draw_unknown(sheet: Sheet, frame: Frame, figure: Bars) -> None:
    """One hatch over each run of bars of which nothing is known."""
    run: list[Bar] = []
    for bar in [*figure.bars, None]:
        if bar is not None and bar.value is None:
            run.append(bar)
        elif run:
            x, right = frame.x(run[0].start), frame.x(run[-1].end)
            sheet.path("unknown", rising(x, frame.top, right - x, frame.bottom - frame.top))
            title = f"{span_of(run[0].start, run[-1].end, figure.zone)}: {gettext('nothing known')}"
            sheet.rect("nothing", x, frame.top, right - x, frame.bottom - frame.top, title=title)
            run = []


def _before(figure: Bars) -> str:
    return figure.before_label or gettext("the period before")


def _entries(figure: Bars) -> list[Entry]:
    entries = []
    if any(value is not None for value in figure.before):
        entries.append(Entry(_before(figure), _ghost_sample))
    if any(bar.value is not None and bar.coverage < WHOLE for bar in figure.bars):
        entries.append(Entry(gettext("measured in part"), _part_sample))
    if any(bar.value is None for bar in figure.bars):
        entries.append(Entry(gettext("nothing known"), _unknown_sample))
    return entries


def _ghost_sample(sheet: Sheet, x: float, y: float) -> None:
    base = px(y + SWATCH_HEIGHT)
    sheet.path("ghost", f"M{px(x + 2)} {base}V{px(y)}H{px(x + SWATCH - 2)}V{base}")


def _part_sample(sheet: Sheet, x: float, y: float) -> None:
    sheet.rect("pale", x, y, SWATCH, SWATCH_HEIGHT)
    sheet.path("stripe", falling(x, y, SWATCH, SWATCH_HEIGHT, 5))


def _unknown_sample(sheet: Sheet, x: float, y: float) -> None:
    sheet.path("unknown", rising(x, y, SWATCH, SWATCH_HEIGHT, 5))
