"""Our figures as plots, for pages and reports alike. Pure: everything that is drawn is given."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext, ngettext

from analytics.energy.course import Bucket, Course
from analytics.figure_words import loss_word, part_word, reason_word
from analytics.oee.spans import clipped, without
from analytics.oee.states import State
from analytics.oee.stops import Piece
from analytics.oee.timeline import Row
from analytics.plots import bars, course, heatmap, levels, pareto, timeline, waterfall
from analytics.plots.drawing import Drawing
from analytics.plots.frame import Bound
from analytics.writing import number, share, short_number

OEE_TARGET = 85.0  # what plants call world class
HOUR_MS = 3_600_000
MOST_QUARTERS_MS = 62 * 24 * HOUR_MS  # what a line can show apart
STATES = {
    State.RUNNING: timeline.State.RUNNING,
    State.STOPPED: timeline.State.STOPPED,
    State.UNKNOWN: timeline.State.UNKNOWN,
}


def moment(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


def energy_bars(
    buckets: Sequence[Bucket],
    zone: ZoneInfo,
    *,
    before: Sequence[Bucket] = (),
    before_label: str = "",
    caption: str = "",
) -> Drawing:
    """Energy by bucket, kWh, with the same time before it as an outline."""
    figure = bars.Bars(
        [bars.Bar(moment(one.start), moment(one.end), one.amount.kwh, one.coverage) for one in buckets],
        "kWh",
        zone,
        before=[one.amount.kwh for one in before],
        before_label=before_label or gettext("the time before"),
    )
    known = [one.amount.kwh for one in buckets if one.amount.kwh is not None]
    words = gettext("Energy: %(energy)s kWh in %(known)d of %(bars)d bars; the table has the numbers") % {
        "energy": number(sum(known), 1),
        "known": len(known),
        "bars": len(buckets),
    }
    return Drawing(lambda width: bars.draw(figure, width=width), words, caption)


def demand_course(
    energy: Course, start: int, end: int, zone: ZoneInfo, *, peak_kw: float | None, now: int
) -> Drawing:
    """The demand of each quarter of an hour that is over `now`, kW, with its peak; of months, that of each day."""
    points = [
        (moment(at), energy.kw(at) if at in energy.pieces and at + energy.step <= now else None)
        for at in range(start - start % energy.step, end, energy.step)
    ]
    is_by_day = end - start > MOST_QUARTERS_MS
    if is_by_day:
        points = _highest_of_days(points, zone)
    figure = course.Course(
        [course.Line(gettext("Highest of each day") if is_by_day else gettext("Demand"), points)],
        "kW",
        moment(start),
        moment(end),
        zone,
        limits=[] if peak_kw is None else [Bound(round(peak_kw, 1), gettext("peak"))],
    )
    words = (
        gettext("Demand by quarter of an hour: nothing known")
        if peak_kw is None
        else gettext("Demand by quarter of an hour: peak %(peak)s kW") % {"peak": number(peak_kw, 1)}
    )
    return Drawing(lambda width: course.draw(figure, width=width), words)


def _highest_of_days(
    points: Iterable[tuple[datetime, float | None]], zone: ZoneInfo
) -> list[tuple[datetime, float | None]]:
    days: dict[date, tuple[datetime, float | None]] = {}
    for at, kw in points:
        day = at.astimezone(zone).date()
        best = days.get(day)
        if best is None or (kw is not None and (best[1] is None or kw > best[1])):
            days[day] = (at, kw)
    return list(days.values())


def energy_heatmap(energy: Course, start: int, end: int, zone: ZoneInfo) -> Drawing:
    """Energy hour by hour, a row for each day."""
    hours: dict[int, float | None] = dict.fromkeys(range(start - start % HOUR_MS, end, HOUR_MS))
    for at, piece in energy.pieces.items():
        hour = at - at % HOUR_MS
        if hour in hours and piece.kwh is not None:
            hours[hour] = (hours[hour] or 0.0) + piece.kwh
    figure = heatmap.Heatmap([heatmap.Cell(moment(at), kwh) for at, kwh in hours.items()], "kWh", zone)
    known = [kwh for kwh in hours.values() if kwh is not None]
    words = (
        gettext("Energy by hour and day: at most %(energy)s kWh in an hour")
        % {"energy": number(max(known), 1)}
        if known
        else gettext("Energy by hour and day: nothing known")
    )
    return Drawing(lambda width: heatmap.draw(figure, width=width), words)


def oee_levels(figures: Mapping[str, float | None], *, target: float = OEE_TARGET) -> Drawing:
    """The four figures in percent, OEE with its target."""
    rows = [
        levels.Level("OEE", figures["oee"], target=target),
        levels.Level(gettext("Availability"), figures["availability"]),
        levels.Level(gettext("Performance"), figures["performance"]),
        levels.Level(gettext("Quality"), figures["quality"]),
    ]
    return _levels(rows)


def oee_by_part(rows: Iterable[Mapping], *, target: float = OEE_TARGET) -> Drawing:
    """OEE of each machine, line or shift."""
    return _levels([levels.Level(str(part_word(row)), row["oee"], target=target) for row in rows])


def _levels(rows: Sequence[levels.Level]) -> Drawing:
    words = ", ".join(
        f"{row.label} {gettext('not known') if row.value is None else f'{number(row.value, 1)} %'}"
        for row in rows
    )
    return Drawing(lambda width: levels.draw(rows, width=width), words)


def oee_trend(trend: Sequence[Mapping], zone: ZoneInfo, *, target: float = OEE_TARGET) -> Drawing:
    """OEE day by day, percent."""
    days = [datetime.fromisoformat(row["date"]).replace(tzinfo=zone) for row in trend]
    points = [
        (day.replace(hour=12).astimezone(UTC), row["oee"]) for day, row in zip(days, trend, strict=True)
    ]
    figure = course.Course(
        [course.Line("OEE", points)],
        "%",
        days[0].astimezone(UTC) if days else moment(0),
        (days[-1] + timedelta(days=1)).astimezone(UTC) if days else moment(1),
        zone,
        limits=[Bound(target, gettext("target"))],
        is_from_zero=True,
    )
    known = [value for _, value in points if value is not None]
    words = (
        gettext("OEE by day: from %(first)s %% to %(last)s %%")
        % {"first": number(known[0], 1), "last": number(known[-1], 1)}
        if known
        else gettext("OEE by day: nothing known")
    )
    return Drawing(lambda width: course.draw(figure, width=width), words)


def loss_steps(losses: Sequence[Mapping]) -> Drawing:
    """From the time of the shifts down to the good time, hours."""
    rows = [row for row in losses if row["kind"] != "good"]
    good = next((row["minutes"] for row in losses if row["kind"] == "good"), 0.0)
    total = good + sum(row["minutes"] for row in rows)
    figure = waterfall.Waterfall(
        gettext("Shifts"),
        total / 60,
        [waterfall.Step(str(loss_word(row)), -row["minutes"] / 60) for row in rows],
        gettext("Good time"),
        "h",
    )
    words = gettext("Losses: %(shifts)s h of shifts, %(good)s h of good time") % {
        "shifts": number(total / 60, 1),
        "good": number(good / 60, 1),
    }
    return Drawing(lambda width: waterfall.draw(figure, width=width), words)


def stop_pareto(rows: Sequence[Mapping]) -> Drawing:
    """For which reasons machines stood, hours."""
    figure = pareto.Pareto([pareto.Item(str(reason_word(row)), row["seconds"] / 3600) for row in rows], "h")
    words = (
        gettext("Reasons of stops: most of it %(reason)s, %(share)s")
        % {"reason": reason_word(rows[0]), "share": share(rows[0]["share"])}
        if rows
        else gettext("Reasons of stops: none")
    )
    return Drawing(lambda width: pareto.draw(figure, width=width), words)


def states_timeline(
    rows: Sequence[Row],
    start: int,
    end: int,
    zone: ZoneInfo,
    *,
    labels: Mapping[str, str],
    planned: frozenset[str],
) -> Drawing:
    """What each machine did, with the shifts where all have the same."""
    shifts = {tuple((one.start, one.name) for one in row.shifts) for row in rows}
    figure = timeline.Timeline(
        [timeline.Row(row.name, [*_spans(row, start, end, labels, planned)]) for row in rows],
        moment(start),
        moment(end),
        zone,
        shifts=[timeline.Shift(moment(at), name) for at, name in next(iter(shifts))]
        if len(shifts) == 1
        else (),
    )
    words = ngettext(
        "What %(count)d machine did; the list of stops has the numbers",
        "What %(count)d machines did; the list of stops has the numbers",
        len(rows),
    ) % {"count": len(rows)}
    return Drawing(lambda width: timeline.draw(figure, width=width), words)


def _spans(
    row: Row, start: int, end: int, labels: Mapping[str, str], planned: frozenset[str]
) -> Iterator[timeline.Span]:
    """What a machine did; in breaks and between shifts it may stand."""
    busy = [span for shift in row.shifts for span in shift.planned(start, end)]
    free = without([(start, end)], busy) if row.shifts else []
    for piece in row.pieces:
        idle = (
            clipped(free, piece.start, piece.end) if piece.state is State.STOPPED and not piece.code else []
        )
        parts = [
            *(
                _span(piece._replace(start=low, end=high), labels, planned)
                for low, high in without([(piece.start, piece.end)], idle)
            ),
            *(timeline.Span(moment(low), moment(high), timeline.State.PLANNED) for low, high in idle),
        ]
        yield from sorted(parts, key=lambda part: part.start)


def _span(piece: Piece, labels: Mapping[str, str], planned: frozenset[str]) -> timeline.Span:
    state = STATES[piece.state]
    if piece.is_micro:
        state = timeline.State.MICRO
    elif piece.code in planned:
        state = timeline.State.PLANNED
    label = labels.get(piece.code, piece.code) if piece.code else ""
    return timeline.Span(moment(piece.start), moment(piece.end), state, label)


def metric_course(
    points: Sequence[tuple[int, float, float, float]],
    *,
    label: str,
    unit: str,
    start: int,
    end: int,
    zone: ZoneInfo,
    limits: Sequence[tuple[str, float]] = (),
    spans: Sequence[course.Span] = (),
    join_ms: int,
) -> Drawing:
    """(ms, mean, lowest, highest) of a metric as a line in its band; broken where more than `join_ms` lies between."""
    line: list[tuple[datetime, float | None]] = []
    band: list[tuple[datetime, tuple[float, float] | None]] = []
    last: int | None = None
    for at, mean, low, high in points:
        if last is not None and at - last > join_ms:
            line.append((moment(last + join_ms // 2), None))
            band.append((moment(last + join_ms // 2), None))
        line.append((moment(at), mean))
        band.append((moment(at), (low, high)))
        last = at
    figure = course.Course(
        [course.Line(label, line, band)],
        unit,
        moment(start),
        moment(end),
        zone,
        limits=[Bound(value, name) for name, value in limits],
        spans=spans,
    )
    if not points:
        words = gettext("%(metric)s: nothing known") % {"metric": label}
    else:
        lows, highs = min(low for _, _, low, _ in points), max(high for _, _, _, high in points)
        words = gettext("%(metric)s: lowest %(low)s %(unit)s, highest %(high)s %(unit)s") % {
            "metric": label,
            "low": short_number(lows),
            "high": short_number(highs),
            "unit": unit,
        }
    return Drawing(lambda width: course.draw(figure, width=width), words)


def counted_bars(counts: Sequence[tuple[datetime, datetime, int]], zone: ZoneInfo, *, unit: str) -> Drawing:
    """How often something happened in each of some times."""
    figure = bars.Bars([bars.Bar(start, end, float(count)) for start, end, count in counts], unit, zone)
    total = sum(count for _, _, count in counts)
    return Drawing(
        lambda width: bars.draw(figure, width=width),
        gettext("%(count)s %(unit)s in all") % {"count": number(total), "unit": unit},
    )
