"""How values went over time: lines, their bands, limits, and when alerts were open."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.safestring import SafeString
from django.utils.translation import gettext

from analytics.plots.clock import span_of
from analytics.plots.frame import NARROW_BELOW, Bound, Frame, draw_bounds, time_frame
from analytics.plots.legend import SWATCH, SWATCH_HEIGHT, Entry, Sample
from analytics.plots.scale import scale_for
from analytics.plots.severity import Severity, draw_mark, draw_shade, word_of
from analytics.plots.sheet import Sheet, nothing, px
from analytics.plots.thinning import Point, runs, thinned

MOST_LINES = 4
_WIDE_HEIGHT, _NARROW_HEIGHT = 280, 240
_OVER = 18  # CSS px above the highest value, for the marks of alerts


@dataclass(frozen=True, slots=True)
class Line:
    """Values in order of time, None where the line breaks; `band` has the lowest and highest around them."""

    label: str
    points: Sequence[tuple[datetime, float | None]]
    band: Sequence[tuple[datetime, tuple[float, float] | None]] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """A time that is shaded, such as that of an alert."""

    start: datetime
    end: datetime
    severity: Severity
    label: str = ""


@dataclass(frozen=True, slots=True)
class Course:
    """Up to four lines from `start` to `end`."""

    lines: Sequence[Line]
    unit: str
    start: datetime
    end: datetime
    zone: ZoneInfo
    limits: Sequence[Bound] = ()
    spans: Sequence[Span] = ()
    is_from_zero: bool = False  # of shares of a whole: a fall of three points is none of half


def draw(figure: Course, *, width: float) -> SafeString:
    """Lines on a time axis; the axis holds the limits too, unless they lie so far off that nothing else shows."""
    lines = [_within(line, figure.start, figure.end) for line in figure.lines[:MOST_LINES]]
    values = _values(lines)
    if not values or figure.end <= figure.start:
        return nothing(width)
    low, high = min(values), max(values)
    reach = max(high - low, 0.1 * max(abs(low), abs(high)))
    near = [bound.value for bound in figure.limits if low - reach <= bound.value <= high + reach]
    scale = scale_for(min([low, *near]), max([high, *near]), most=5, is_from_zero=figure.is_from_zero)
    sheet = Sheet(width, _NARROW_HEIGHT if width < NARROW_BELOW else _WIDE_HEIGHT)
    frame = time_frame(
        sheet,
        scale=scale,
        unit=figure.unit,
        start=figure.start,
        end=figure.end,
        zone=figure.zone,
        entries=_entries(lines, figure.spans),
        over=_OVER if figure.spans else 4,
    )
    _draw_spans(sheet, frame, figure)
    for place, line in reversed([*enumerate(lines, 1)]):  # the first one lies on top
        _draw_line(sheet, frame, line, place)
    draw_bounds(sheet, frame, figure.limits, figure.unit)
    return sheet.svg()


def _within(line: Line, start: datetime, end: datetime) -> Line:
    points = [(at, value) for at, value in line.points if start <= at <= end]
    return Line(line.label, points, [(at, pair) for at, pair in line.band if start <= at <= end])


def _values(lines: Sequence[Line]) -> list[float]:
    values = [value for line in lines for _, value in line.points if value is not None]
    return values + [value for line in lines for _, pair in line.band if pair for value in pair]


def _draw_spans(sheet: Sheet, frame: Frame, figure: Course) -> None:
    for span in figure.spans:
        if span.end < figure.start or span.start > figure.end:
            continue
        left = frame.x(max(span.start, figure.start))
        right = frame.x(min(span.end, figure.end))
        words = f"{word_of(span.severity)}: {span.label}" if span.label else word_of(span.severity)
        title = f"{words}, {span_of(span.start, span.end, figure.zone)}"
        top = frame.top - _OVER + 4
        draw_shade(sheet, span.severity, left, top, max(2.0, right - left), frame.bottom - top, title)
        draw_mark(sheet, span.severity, max(left, 6) + min(6, (right - left) / 2), top - 1)


def _draw_line(sheet: Sheet, frame: Frame, line: Line, place: int) -> None:
    lows = runs((frame.x(at), pair and frame.y(pair[0])) for at, pair in line.band)
    highs = runs((frame.x(at), pair and frame.y(pair[1])) for at, pair in line.band)
    for low, high in zip(lows, highs, strict=True):
        sheet.path("spread", _through([*thinned(high), *reversed(thinned(low))]) + "Z")
    dots: list[Point] = []
    course = ""
    for run in runs((frame.x(at), None if value is None else frame.y(value)) for at, value in line.points):
        course += _through(thinned(run)) if len(run) > 1 else ""
        dots += run if len(run) == 1 else []
    sheet.path(f"line-{place}", course, title=line.label)
    for x, y in dots:
        sheet.dot(f"point-{place}", x, y, 2.2, title=line.label)


def _through(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{px(x)} {px(y)}" for x, y in points)


def _entries(lines: Sequence[Line], spans: Sequence[Span]) -> list[Entry]:
    entries = [Entry(line.label, _line_sample(place)) for place, line in enumerate(lines, 1) if line.label]
    if any(pair for line in lines for _, pair in line.band):
        entries.append(Entry(gettext("lowest to highest"), _spread_sample))
    present = {span.severity for span in spans}
    entries += [Entry(word_of(one), _severity_sample(one)) for one in Severity if one in present]
    return entries


def _line_sample(place: int) -> Sample:
    def sample(sheet: Sheet, x: float, y: float) -> None:
        middle = px(y + SWATCH_HEIGHT / 2)
        sheet.path(f"line-{place}", f"M{px(x)} {middle}H{px(x + SWATCH)}")

    return sample


def _severity_sample(severity: Severity) -> Sample:
    def sample(sheet: Sheet, x: float, y: float) -> None:
        draw_mark(sheet, severity, x + SWATCH / 2, y + SWATCH_HEIGHT / 2)

    return sample


def _spread_sample(sheet: Sheet, x: float, y: float) -> None:
    sheet.rect("spread", x, y, SWATCH, SWATCH_HEIGHT)
