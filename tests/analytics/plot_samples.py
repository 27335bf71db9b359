"""Figures to draw: nothing, a little, a year of it, with names as plants give them, always the same ones."""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from math import pi, sin
from zoneinfo import ZoneInfo

from analytics.plots import bars, course, heatmap, levels, pareto, timeline, waterfall
from analytics.plots.clock import starts_of_days
from analytics.plots.drawing import Drawing
from analytics.plots.frame import Bound
from analytics.plots.severity import Severity
from analytics.plots.timeline import State

BERLIN = ZoneInfo("Europe/Berlin")
LONG_NAME = "DruckgussmaschinenentgratungsroboterzellensteuerungseinheitA"
NAMES = ["Fräse Süd", "Πρέσα 3", "Станок №4", "冲压机一号", LONG_NAME, 'Press <b>"1"</b> & Söhne']
AMOUNTS = ("none", "little", "year")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=BERLIN).astimezone(UTC)


def wobble(place: float, period: float = 7, depth: float = 0.4) -> float:
    """Around 1, up and down, and not twice the same."""
    return 1 + depth * sin(2 * pi * place / period) + 0.15 * sin(place * 12.9898) + 0.08 * sin(place * 78.233)


def hours_from(day: date, days: int) -> list[datetime]:
    start, end = midnight(day), midnight(day + timedelta(days=days))
    return [start + HOUR * place for place in range(round((end - start) / HOUR))]


def daily_bars(days: int, *, unit: str = "kWh", size: float = 420) -> bars.Bars:
    first = date(2025, 1, 1)
    starts = [at for _, at in starts_of_days(midnight(first), midnight(first + timedelta(days=days)), BERLIN)]
    made = [
        bars.Bar(
            start=start,
            end=end,
            value=None if 12 <= place % 90 < 16 else size * wobble(place),
            coverage=0.62 if place % 41 == 5 else 1.0,
        )
        for place, (start, end) in enumerate(pairwise(starts))
    ]
    before = [None if place % 60 == 7 else size * wobble(place + 3, 7.3) for place in range(days)]
    bounds = [Bound(size * 1.4, "budget"), Bound(size * 0.3, "base load")]
    return bars.Bars(made, unit, BERLIN, before, "2024", bounds)


def a_course(days: int, *, alerts: bool = True, every: timedelta = HOUR) -> course.Course:
    start = midnight(date(2025, 3, 28))
    end = midnight(date(2025, 3, 28) + timedelta(days=days))
    times = [start + every * place for place in range(round((end - start) / every) + 1)]

    def at(place: int, height: float, period: float) -> float | None:
        is_gap = 0.42 < place / len(times) < 0.5
        return None if is_gap else height * wobble(place, period, 0.2)

    temperature = [(time, at(place, 62, 24)) for place, time in enumerate(times)]
    band = [(time, value and (value - 4, value + 6)) for time, value in temperature]
    lines = [
        course.Line(NAMES[0], temperature, band),
        course.Line(NAMES[1], [(time, at(place + 9, 48, 31)) for place, time in enumerate(times)]),
        course.Line(NAMES[2], [(time, at(place + 2, 55, 17)) for place, time in enumerate(times)]),
        course.Line(NAMES[3], [(time, at(place, 41, 11)) for place, time in enumerate(times)]),
    ]
    lasts = (end - start) / 20
    spans = [
        course.Span(start + lasts * 2, start + lasts * 3, Severity.CRITICAL, "Temperature above 90 °C"),
        course.Span(start + lasts * 6, start + lasts * 8.2, Severity.WARNING, "Vibration"),
        course.Span(start + lasts * 13, start + lasts * 14, Severity.INFO, "Firmware"),
        course.Span(start + lasts * 17, start + lasts * 17, Severity.CRITICAL, "A moment"),
    ]
    limits = [Bound(80, "limit"), Bound(76, "warning"), Bound(30, "lower limit"), Bound(900, "far off")]
    return course.Course(lines, "°C", start, end, BERLIN, limits, spans if alerts else ())


def a_heatmap(first: date, days: int) -> heatmap.Heatmap:
    cells = [
        heatmap.Cell(at, None if 100 < place % 700 < 130 else 30 + 22 * wobble(place, 24, 1.1))
        for place, at in enumerate(hours_from(first, days))
    ]
    return heatmap.Heatmap(cells, "kW", BERLIN)


def a_timeline(days: int = 1, *, every: timedelta = timedelta(minutes=47)) -> timeline.Timeline:
    start, end = midnight(date(2025, 10, 25)), midnight(date(2025, 10, 25) + timedelta(days=days))
    states = [State.RUNNING, State.MICRO, State.RUNNING, State.STOPPED, State.RUNNING, State.PLANNED]
    words = {State.STOPPED: "Werkzeugbruch", State.PLANNED: "Wartung", State.RUNNING: "Auftrag 4711"}
    rows = []
    for number, name in enumerate(NAMES):
        spans, at, place = [], start, number
        while at < end:
            state = State.UNKNOWN if place % 11 == 10 else states[place % len(states)]
            lasts = every * wobble(place, 5, 0.7) * (0.2 if state is State.MICRO else 1.6)
            until = min(end, at + max(lasts, timedelta(minutes=1)))
            spans.append(timeline.Span(at, until, state, words.get(state, "")))
            at, place = until, place + 1
        rows.append(timeline.Row(name, spans))
    shifts = []
    for _, at in starts_of_days(start, end - DAY, BERLIN):
        for hour, name in ((6, "Frühschicht"), (14, "Spätschicht"), (22, "Nachtschicht")):
            shifts.append(timeline.Shift(at + HOUR * hour, name))
    return timeline.Timeline(rows, start, end, BERLIN, shifts)


def a_waterfall() -> waterfall.Waterfall:
    steps = [
        waterfall.Step("Planned standstill", -24.5),
        waterfall.Step("Breakdowns " + LONG_NAME, -13.25),
        waterfall.Step("Rüsten", -9.5),
        waterfall.Step("Short stops", -3.1),
        waterfall.Step("Made up on Saturday", 6),
        waterfall.Step("Slow cycles", -7.75),
        waterfall.Step("Ausschuss", -0.08),
    ]
    return waterfall.Waterfall("Planned time", 168, steps, "Good time", "h")


def a_pareto(count: int = 40) -> pareto.Pareto:
    names = [*NAMES, *(f"Reason {number}" for number in range(7, 999))]
    return pareto.Pareto([pareto.Item(names[place], 130 / (place + 1) ** 1.1) for place in range(count)], "h")


LEVELS = [
    levels.Level("OEE", 64.2, 75, (60, 85)),
    levels.Level("Availability", 91.3, 90, (85, 95)),
    levels.Level("Performance of " + LONG_NAME, 112.75, 95),
    levels.Level("Quality", None, 99),
    levels.Level("Scrap", 0.0),
]


@cache
def drawings(amount: str) -> dict[str, Drawing]:
    """One of each kind with `none`, `little` or a `year` of figures."""
    start = midnight(date(2025, 1, 1))
    if amount == "none":
        figures: dict[str, Drawing] = {
            "bars": _of(bars, bars.Bars([], "kWh", BERLIN)),
            "course": _of(course, course.Course([], "°C", start, start + DAY, BERLIN)),
            "heatmap": _of(heatmap, heatmap.Heatmap([], "kW", BERLIN)),
            "timeline": _of(timeline, timeline.Timeline([], start, start + DAY, BERLIN)),
            "waterfall": _of(waterfall, waterfall.Waterfall("Planned time", 0, [], "Good time", "h")),
            "pareto": _of(pareto, pareto.Pareto([], "h")),
            "levels": _of(levels, []),
        }
        return figures
    if amount == "little":
        return {
            "bars": _of(bars, daily_bars(9)),
            "course": _of(course, a_course(3)),
            "heatmap": _of(heatmap, a_heatmap(date(2025, 10, 24), 7)),
            "timeline": _of(timeline, a_timeline()),
            "waterfall": _of(waterfall, a_waterfall()),
            "pareto": _of(pareto, a_pareto(6)),
            "levels": _of(levels, LEVELS),
        }
    return {
        "bars": _of(bars, daily_bars(365)),
        "course": _of(course, a_course(365, every=DAY)),
        "heatmap": _of(heatmap, a_heatmap(date(2025, 1, 1), 365)),
        "timeline": _of(timeline, a_timeline(365, every=timedelta(hours=2))),
        "waterfall": _of(waterfall, a_waterfall()),
        "pareto": _of(pareto, a_pareto(400)),
        "levels": _of(levels, LEVELS),
    }


def _of(kind, figure) -> Drawing:
    name = kind.__name__.rpartition(".")[2]
    return Drawing(lambda width: kind.draw(figure, width=width), f"A plot: {name}", f"A caption of {name}.")
