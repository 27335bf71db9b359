"""Every kind of plot, with nothing, with little and with a year of figures, wide, narrow and printed."""

from datetime import date, timedelta
from functools import cache
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.plots import bars, course, heatmap, levels, pareto, spark, timeline, waterfall
from analytics.plots.drawing import NARROW, PRINT, WIDE, Drawing
from analytics.plots.frame import Bound
from analytics.plots.looks import LOOKS
from analytics.plots.severity import Severity
from analytics.plots.sheet import NOTHING
from analytics.plots.timeline import State
from analytics.templatetags.plots import plot, printed_plot
from analytics.templatetags.plots import spark as spark_tag
from tests.analytics.plot_reading import SVG, Plot, read
from tests.analytics.plot_samples import (
    AMOUNTS,
    BERLIN,
    DAY,
    HOUR,
    LEVELS,
    LONG_NAME,
    NAMES,
    a_course,
    a_heatmap,
    a_pareto,
    a_timeline,
    a_waterfall,
    daily_bars,
    drawings,
    midnight,
)

KINDS = tuple(drawings("none"))
START = midnight(date(2025, 11, 3))
WIDTHS = (NARROW, PRINT, WIDE)


def near(number: float, other: float) -> bool:
    return abs(number - other) <= 0.02


@cache
def sample(amount: str, kind: str, width: float) -> Plot:
    return read(drawings(amount)[kind].at(width))


def daily(*values: float | None, unit: str = "kWh", **others) -> bars.Bars:
    made = [bars.Bar(START + DAY * place, START + DAY * (place + 1), one) for place, one in enumerate(values)]
    return bars.Bars(made, unit, BERLIN, **others)


# All of them


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("amount", AMOUNTS)
def test_words_are_neither_cut_nor_over_each_other(amount, kind, width):
    found = sample(amount, kind, width)

    across, down = found.size
    words = found.words()
    assert across == width
    assert [one.text for one in words if one.left < -0.5 or one.right > across + 0.5] == []
    assert [one.text for one in words if one.baseline - 0.75 * one.size < -1 or one.baseline > down - 2] == []
    assert [(a.text, b.text) for a, b in combinations(words, 2) if a.is_over(b)] == []
    assert {one.size for one in words} <= {11.5, 12.5, 13.0}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("amount", AMOUNTS)
def test_marks_stay_on_the_sheet(amount, kind, width):
    found = sample(amount, kind, width)

    across, down = found.size
    assert [(x, y) for x, y in found.extent() if not (-1 <= x <= across + 1 and -6 <= y <= down + 1)] == []


@given(
    st.lists(st.tuples(st.floats(-100, 300), st.sampled_from(["", "limit", LONG_NAME])), max_size=6),
    st.integers(320, 900),
)
def test_words_of_many_bounds_find_room(bounds, width):
    figure = daily(40.0, 80.0, bounds=[Bound(value, label) for value, label in bounds])

    found = read(bars.draw(figure, width=width))

    words = found.words()
    assert [(a.text, b.text) for a, b in combinations(words, 2) if a.is_over(b)] == []
    assert [one.text for one in words if one.left < -0.5 or one.right > width + 0.5] == []


@given(
    st.lists(
        st.tuples(st.none() | st.floats(-1e6, 1e6), st.none() | st.floats(-1e3, 1e3)), min_size=1, max_size=5
    ),
    st.integers(320, 900),
)
def test_words_of_absurd_levels_find_room(pairs, width):
    found = read(levels.draw([levels.Level(LONG_NAME, *pair) for pair in pairs], width=width))

    words = found.words()
    assert [(a.text, b.text) for a, b in combinations(words, 2) if a.is_over(b)] == []
    assert [one.text for one in words if one.left < -0.5 or one.right > width + 0.5] == []


@pytest.mark.parametrize("kind", KINDS)
def test_where_there_is_nothing_a_frame_says_so(kind):
    found = sample("none", kind, WIDE)

    assert found.texts() == [NOTHING]
    assert len(found.boxes("frame")) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_marks_bring_their_printed_look_and_no_style_of_their_own(kind):
    for amount in AMOUNTS:
        root = sample(amount, kind, WIDE).root
        dressed = [element for element in root.iter() if element.get("class", "").startswith("p-")]
        assert len(dressed) > 1
        for element in dressed:
            look = LOOKS[element.get("class", "").removeprefix("p-")]
            assert {name: element.get(name) for name in look} == look
        assert not [element for element in root.iter() if element.get("style") or element.get("id")]
        assert not [element for element in root.iter() if element.tag in (f"{SVG}style", f"{SVG}defs")]


def test_names_are_never_markup():
    name = '</text></svg><script>alert("x")</script>'
    figures = [
        pareto.draw(pareto.Pareto([pareto.Item(name, 3)], name), width=WIDE),
        levels.draw([levels.Level(name, 50, 60)], width=WIDE),
        waterfall.draw(waterfall.Waterfall(name, 3, [waterfall.Step(name, -1)], name, name), width=NARROW),
        bars.draw(daily(3.0, unit=name, bounds=[Bound(2, name)], before=[2], before_label=name), width=WIDE),
        timeline.draw(
            timeline.Timeline(
                [timeline.Row(name, [timeline.Span(START, START + DAY, State.PLANNED, name)])],
                START,
                START + DAY,
                BERLIN,
                [timeline.Shift(START, name)],
            ),
            width=WIDE,
        ),
    ]

    for svg in figures:
        assert "<script" not in svg
        assert name in [*read(svg).texts(), *read(svg).titles()]


# Bars


@given(
    st.lists(st.none() | st.floats(-1e12, 1e12, allow_subnormal=False), min_size=1, max_size=60),
    st.sampled_from(WIDTHS),
)
def test_bars_are_as_long_as_their_values(values, width):
    found = read(bars.draw(daily(*values), width=width))

    known = [value for value in values if value is not None]
    if not known:
        assert found.texts() == [NOTHING]
        return
    boxes = found.boxes("bar")
    across, down = found.size
    reach = max(abs(value) for value in known) or 1.0
    tallest = max(height for _, _, _, height in boxes)
    assert len(boxes) == len(known)
    for value, (x, y, wide, height) in zip(known, boxes, strict=True):
        assert abs(height - tallest * abs(value) / reach) <= 0.03
        assert 0 <= x <= x + wide <= across
        assert 0 <= y <= y + height <= down
    lefts = [x for x, _, _, _ in boxes]
    assert lefts == sorted(lefts)


@given(st.floats(-1e12, 1e12, allow_subnormal=False), st.integers(1, 5))
def test_equal_values_are_drawn_equal(value, count):
    found = read(bars.draw(daily(*[value] * count), width=WIDE))

    assert len({(y, height) for _, y, _, height in found.boxes("bar")}) == 1


def test_what_is_below_nothing_hangs_from_the_line():
    found = read(bars.draw(daily(40.0, -20.0), width=WIDE))

    (_, above, _, tall), (_, below, _, short) = found.boxes("bar")
    assert near(above + tall, below)
    assert near(tall, 2 * short)


def test_a_gap_is_hatched_and_not_a_bar_of_nothing():
    found = read(bars.draw(daily(40.0, None, None, 0.0, None), width=WIDE))

    assert len(found.boxes("bar")) == 2
    assert len(found.boxes("nothing")) == 2  # two runs of bars that are not known
    assert [title for title in found.titles() if "nothing known" in title] == [
        "Tue 4 Nov 2025 to Wed 5 Nov 2025: nothing known",
        "Fri 7 Nov 2025: nothing known",
    ]
    assert "nothing known" in found.texts()
    assert len(found.points("unknown")) > 20


def test_what_was_measured_in_part_is_striped():
    whole = bars.Bar(START, START + DAY, 10.0)
    part = bars.Bar(START + DAY, START + 2 * DAY, 20.0, coverage=0.625)

    found = read(bars.draw(bars.Bars([whole, part], "kWh", BERLIN), width=WIDE))

    assert (len(found.boxes("bar")), len(found.boxes("pale"))) == (1, 2)  # one is the legend's sample
    x, y, wide, high = found.boxes("pale")[1]
    stripes = [point for point in found.points("stripe") if point[0] >= x]
    assert stripes
    assert all(x <= across <= x + wide and y <= down <= y + high for across, down in stripes)
    assert found.titles()[-1] == "Tue 4 Nov 2025: 20 kWh; 62 % of the time measured"
    assert "measured in part" in found.texts()


@pytest.mark.parametrize("count", [3, 400])
def test_the_period_before_is_an_outline_at_its_own_height(count):
    before = [50.0 if place % 2 else None for place in range(count)]

    found = read(bars.draw(daily(*[100.0] * count, before=before, before_label="2024"), width=WIDE))

    _, top, _, high = found.boxes("bar")[0]
    outline = "".join(mark.get("d", "") for mark in found.marks("ghost")[1:])
    assert found.texts().count("2024") == 1
    if count == 3:
        assert outline.count("V") == 2
        assert f"V{top + high / 2:.2f}".rstrip("0").rstrip(".") in outline
    else:  # too thin to be outlined one by one
        assert (outline.count("M"), outline.count("H"), outline.count("V")) == (200, 200, 0)
    assert found.titles()[1] == "Tue 4 Nov 2025: 100 kWh; 2024: 50 kWh"


def test_a_bound_is_a_dashed_line_at_its_value_with_its_words():
    found = read(bars.draw(daily(40.0, 80.0, bounds=[Bound(60, "budget"), Bound(9000, "limit")]), width=WIDE))

    (line,) = found.marks("bound")
    _, top, _, high = found.boxes("bar")[1]
    assert line.get("stroke-dasharray") == "6 4"
    assert near(float(line.get("y1", "")), top + high * 0.25)
    assert {"budget 60 kWh", "↑ limit 9,000 kWh"} <= set(found.texts())


def test_a_bar_is_as_wide_as_its_time_is_long():
    short, long = midnight(date(2025, 2, 1)), midnight(date(2025, 3, 1))
    months = [bars.Bar(short, long, 1.0), bars.Bar(long, midnight(date(2025, 4, 1)), 1.0)]

    (_, _, february, _), (_, _, march, _) = read(
        bars.draw(bars.Bars(months, "kWh", BERLIN), width=WIDE)
    ).boxes("bar")

    hours = 31 * 24 - 1  # the clock went forward
    assert abs((march + 4) / (february + 4) - hours / (28 * 24)) < 1e-3


def test_days_are_named_below_their_bars_and_hours_where_they_begin():
    days = read(bars.draw(daily(1.0, 2.0, 3.0), width=WIDE))
    made = [bars.Bar(START + HOUR * place, START + HOUR * (place + 1), 1.0) for place in range(3)]
    hours = read(bars.draw(bars.Bars(made, "kWh", BERLIN), width=WIDE))

    def middles(found, *labels: str) -> list[float]:
        return [(one.left + one.right) / 2 for one in found.words() if one.text in labels]

    for middle, (x, _, wide, _) in zip(
        middles(days, "3 Nov", "4 Nov", "5 Nov"), days.boxes("bar"), strict=True
    ):
        assert near(middle, x + wide / 2)
    assert "6 Nov" not in days.texts()
    (one, two), boxes = middles(hours, "01:00", "02:00"), hours.boxes("bar")
    assert near(one, boxes[1][0] - 2)
    assert near(two, boxes[2][0] - 2)


def test_four_hundred_bars_stay_apart_and_few_words_stand_below():
    found = read(bars.draw(daily(*map(float, range(400))), width=NARROW))

    boxes = found.boxes("bar")
    assert len(boxes) == 400
    assert all(left[0] + left[2] <= right[0] + 0.02 for left, right in pairwise(boxes))


# Courses


def test_a_line_breaks_where_nothing_is_known():
    values = [1.0, 2.0, None, 3.0, None, 4.0, 5.0, 6.0]
    line = course.Line("Fräse", [(START + HOUR * place, value) for place, value in enumerate(values)])

    found = read(course.draw(course.Course([line], "°C", START, START + 8 * HOUR, BERLIN), width=WIDE))

    drawn = found.marks("line-1")[1].get("d", "")
    assert (drawn.count("M"), drawn.count("L")) == (2, 3)
    assert len(found.marks("point-1")) == 1  # a value alone is a dot


def test_lines_are_told_apart_without_colour():
    dashes = [LOOKS[f"line-{place}"].get("stroke-dasharray") for place in range(1, 5)]

    assert len(set(dashes)) == 4
    found = sample("little", "course", WIDE)
    assert [len(found.marks(f"line-{place}")) for place in range(1, 5)] == [2] * 4  # and one in the legend


def test_a_band_lies_around_its_line():
    found = read(course.draw(a_course(3, alerts=False), width=WIDE))

    line = dict(found.points("line-1"))
    band: dict[float, list[float]] = {}
    for x, y in found.points("spread"):
        band.setdefault(x, []).append(y)
    both = sorted(set(line) & set(band))
    assert len(both) > 50
    assert all(min(band[x]) < line[x] < max(band[x]) for x in both)


def test_a_year_of_minutes_is_drawn_in_a_few_thousand_points():
    points = [(START + timedelta(minutes=place), float(place % 97)) for place in range(0, 525_600, 5)]
    line = course.Line("Power", points)

    svg = course.draw(course.Course([line], "kW", START, START + 365 * DAY, BERLIN), width=WIDE)

    found = read(svg)
    heights = {y for _, y in found.points("line-1")}
    assert len(found.points("line-1")) < 4 * WIDE + 10
    assert len(heights) > 2
    assert len(svg) < 100_000


def test_limits_stand_at_their_values_and_far_ones_at_the_edge():
    found = sample("little", "course", WIDE)

    heights = [float(line.get("y1", "")) for line in found.marks("bound")]
    assert len(heights) == 3
    assert heights == sorted(heights)
    assert {"limit 80 °C", "warning 76 °C", "lower limit 30 °C", "↑ far off 900 °C"} <= set(found.texts())


@pytest.mark.parametrize("severity", Severity)
def test_an_alert_is_shaded_hatched_and_marked_by_shape(severity):
    line = course.Line("", [(START, 1.0), (START + DAY, 2.0)])
    span = course.Span(START + 6 * HOUR, START + 12 * HOUR, severity, "Too hot")

    figure = course.Course([line], "°C", START, START + DAY, BERLIN, spans=[span])
    found = read(course.draw(figure, width=WIDE))

    ((x, _, wide, _),) = found.boxes(f"{severity.value}-tint")
    left, right = float(found.marks("axis")[-1].get("x1", "")), WIDE - 12
    axis = min(float(mark.get("x1", "")) for mark in found.marks("grid"))
    assert near(x, axis + (right - axis) / 4)
    assert near(wide, (right - axis) / 4)
    assert len(found.points(f"{severity.value}-hatch")) > 4
    assert len(found.marks(f"{severity.value}-mark")) == 2  # over the shade and in the legend
    assert found.titles()[0] == f"{severity.value}: Too hot, Mon 3 Nov 2025, 06:00 to 12:00"
    assert left <= right


def test_alerts_of_another_time_are_not_drawn_and_long_ones_are_cut():
    line = course.Line("", [(START, 1.0), (START + DAY, 2.0)])
    spans = [
        course.Span(START - 2 * DAY, START - DAY, Severity.WARNING),
        course.Span(START + 2 * DAY, START + 3 * DAY, Severity.WARNING),
        course.Span(START - DAY, START + 2 * DAY, Severity.CRITICAL),
    ]

    figure = course.Course([line], "°C", START, START + DAY, BERLIN, spans=spans)
    found = read(course.draw(figure, width=WIDE))

    assert found.boxes("warning-tint") == []
    ((x, _, wide, _),) = found.boxes("critical-tint")
    assert near(x + wide, WIDE - 12)


def test_severities_have_shapes_and_hatches_of_their_own():
    found = sample("little", "course", WIDE)

    shapes = {found.marks(f"{severity.value}-mark")[0].tag for severity in Severity}
    assert shapes == {f"{SVG}rect", f"{SVG}path", f"{SVG}circle"}


@given(st.floats(-1e12, 1e12, allow_subnormal=False), st.integers(1, 4))
def test_equal_values_are_a_level_line(value, count):
    points = [(START + HOUR * place, value) for place in range(count)]

    figure = course.Course([course.Line("", points)], "°C", START, START + DAY, BERLIN)
    found = read(course.draw(figure, width=NARROW))

    heights = {y for _, y in found.points("line-1")} | {
        float(mark.get("cy", "")) for mark in found.marks("point-1")
    }
    assert len(heights) == 1


# Heatmaps


@pytest.mark.parametrize(
    ("day", "hours", "at_two"), [((2025, 3, 30), 23, 0), ((2025, 10, 26), 25, 2), ((2025, 11, 3), 24, 1)]
)
def test_every_real_hour_has_its_cell_in_its_column(day, hours, at_two):
    first = midnight(date(*day))
    cells = [heatmap.Cell(first + HOUR * place, float(place % 7)) for place in range(hours)]

    found = read(heatmap.draw(heatmap.Heatmap(cells, "kW", BERLIN), width=WIDE))

    boxes = [box for place in range(8) for box in found.boxes(f"heat-{place}") if box[1] < 40]
    heads = {words.text: words.left for words in found.words() if words.baseline < 20}
    assert len(boxes) == hours
    assert len([x for x, _, _, _ in boxes if heads["02"] - 0.1 <= x < heads["03"] - 0.1]) == at_two


def test_the_higher_the_darker_in_grey_too():
    cells = [heatmap.Cell(START + HOUR * place, float(place)) for place in range(24)]

    found = read(heatmap.draw(heatmap.Heatmap(cells, "kW", BERLIN), width=WIDE))

    tones = {}
    for place in range(8):
        colour = LOOKS[f"heat-{place}"]["fill"]
        red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
        for x, y, _, _ in found.boxes(f"heat-{place}"):
            if y < 40:
                tones[x] = 0.299 * red + 0.587 * green + 0.114 * blue
    in_order = [tones[x] for x in sorted(tones)]
    assert len(in_order) == 24
    assert in_order == sorted(in_order, reverse=True)
    assert len(set(in_order)) >= 5


def test_the_scale_says_its_figures_and_what_is_not_known():
    found = read(heatmap.draw(a_heatmap(date(2025, 10, 24), 7), width=WIDE))

    assert {"20", "30", "80", "90 kW", "nothing known"} <= set(found.texts())
    assert [title for title in found.titles() if title == "Tue 28 Oct 2025, 05:00: nothing known"]


def test_a_year_of_hours_has_a_row_for_each_day_and_says_its_range():
    found = read(heatmap.draw(a_heatmap(date(2025, 1, 1), 365), width=WIDE))

    assert len(found.boxes("nothing")) == 365
    assert [title for title in found.titles() if title.startswith("Tue 1 Jul 2025: ")]
    assert found.size[1] < 800


# Timelines


def spans(*lasting: tuple[float, State]) -> list[timeline.Span]:
    made, at = [], START
    for hours, state in lasting:
        made.append(timeline.Span(at, at + HOUR * hours, state, state.value))
        at += HOUR * hours
    return made


def test_a_state_lasts_as_long_as_it_is_wide():
    rows = [timeline.Row("Press", spans((6, State.RUNNING), (2, State.STOPPED), (4, State.PLANNED)))]

    found = read(timeline.draw(timeline.Timeline(rows, START, START + DAY / 2, BERLIN), width=WIDE))

    widths = {state: found.boxes(state)[-1][2] for state in ("running", "stopped", "planned")}
    assert near(widths["running"], 3 * widths["stopped"])
    assert near(widths["planned"], 2 * widths["stopped"])
    assert found.texts()[3:8] == ["Press", "running", "stopped", "planned", "3 Nov"]


def test_states_are_told_apart_without_colour():
    rows = [timeline.Row("Press", spans(*((2, state) for state in State)))]

    found = read(timeline.draw(timeline.Timeline(rows, START, START + 10 * HOUR, BERLIN), width=WIDE))

    def tone(look: str) -> float:
        return sum(int(LOOKS[look]["fill"][at : at + 2], 16) for at in (1, 3, 5)) / 3

    assert abs(tone("running") - tone("stopped")) > 60
    assert {look: len(found.marks(look)) for look in ("planned-hatch", "micro-hatch", "unknown")} == {
        "planned-hatch": 2,
        "micro-hatch": 2,
        "unknown": 2,
    }
    assert found.texts()[:5] == ["running", "stopped", "short stop", "planned standstill", "nothing known"]


def test_what_lies_beyond_the_time_is_cut_or_left_out():
    made = [timeline.Span(START - DAY, START + HOUR, State.RUNNING), *spans((0.5, State.STOPPED))]
    made.append(timeline.Span(START + 30 * HOUR, START + 31 * HOUR, State.PLANNED))

    found = read(
        timeline.draw(
            timeline.Timeline([timeline.Row("Press", made)], START, START + DAY, BERLIN), width=WIDE
        )
    )

    assert found.boxes("running")[1][0] >= 0
    assert found.boxes("planned") == []


def test_a_machine_without_any_state_has_an_empty_frame():
    rows = [timeline.Row("Press 1", spans((24, State.RUNNING))), timeline.Row("Press 2", [])]

    found = read(timeline.draw(timeline.Timeline(rows, START, START + DAY, BERLIN), width=WIDE))

    ((x, y, wide, _),) = found.boxes("frame")
    full = found.boxes("running")[-1]
    assert near(x - 0.5, full[0])
    assert near(wide + 1, full[2])
    assert y > full[1] + full[3]


def test_a_year_of_states_is_drawn_as_what_lasted_longest():
    always = [
        timeline.Span(START + HOUR * at, START + HOUR * (at + 0.9), State.RUNNING) for at in range(8760)
    ]
    stops = [timeline.Span(one.end, one.end + HOUR * 0.1, State.STOPPED) for one in always]
    rows = [timeline.Row("Press", sorted([*always, *stops], key=lambda span: span.start))]

    svg = timeline.draw(timeline.Timeline(rows, START, START + 365 * DAY, BERLIN), width=WIDE)

    found = read(svg)
    assert len(found.boxes("running")) == 2  # the legend's and one for the whole year
    assert [title.split(",")[0] for title in found.titles()] == ["Press: mostly running"]
    assert len(svg) < 10_000


def test_shifts_are_thin_lines_with_names():
    found = sample("little", "timeline", WIDE)

    assert len(found.marks("moment")) == 3
    assert [text for text in found.texts() if "schicht" in text] == ["Frühschicht", "Spätschicht"]


def test_narrow_sheets_have_the_names_above_the_bands():
    found = sample("little", "timeline", NARROW)

    names = [words for words in found.words() if words.text in NAMES]
    assert len(names) == 5
    assert {words.left for words in names} == {0.0}
    assert min(x for x, y, _, _ in found.boxes("running") if y > 60) == 0.0


# Waterfalls


@given(
    st.floats(0, 1e6),
    st.lists(st.floats(-1e6, 1e6).filter(lambda value: abs(value) > 1), min_size=1, max_size=9),
)
@settings(max_examples=60)
def test_every_step_begins_where_the_one_before_ended(total, steps):
    figure = waterfall.Waterfall("Planned", total, [waterfall.Step("x", one) for one in steps], "Good", "h")

    found = read(waterfall.draw(figure, width=WIDE))

    heights = [total]
    for step in steps:
        heights.append(heights[-1] + step)
    zero = float(found.marks("axis")[-1].get("x1", ""))
    reach = max(0.0, *heights) - min(0.0, *heights)
    left = min(x for x, _, _, _ in [*found.boxes("bar"), *found.boxes("good"), *found.boxes("edge")])
    right = max(
        x + wide for x, _, wide, _ in [*found.boxes("bar"), *found.boxes("good"), *found.boxes("edge")]
    )
    scale = (right - left) / reach
    assert len(found.boxes("edge")) == len(steps)
    for (x, _, wide, _), (begin, end) in zip(found.boxes("edge"), pairwise(heights), strict=True):
        low, high = sorted((zero + begin * scale, zero + end * scale))
        assert abs(x - low) < 1.1
        assert abs(max(wide, 1) - max(high - low, 1)) < 1.1


def test_losses_have_a_sign_a_unit_and_a_share():
    found = read(waterfall.draw(a_waterfall(), width=WIDE))

    texts = found.texts()
    assert texts[:3] == ["Planned time", "168.0 h", "100 %"]
    assert texts[3:6] == ["Planned standstill", "−24.5 h", "15 %"]
    assert texts[15:18] == ["Made up on Saturday", "+6.0 h", "3.6 %"]
    assert texts[-3:] == ["Good time", "115.8 h", "69 %"]


def test_a_narrow_sheet_joins_the_figures():
    texts = read(waterfall.draw(a_waterfall(), width=NARROW)).texts()

    assert texts[2:4] == ["Planned standstill", "−24.5 h · 15 %"]


def test_without_a_total_there_are_no_shares():
    figure = waterfall.Waterfall("Planned", 0, [waterfall.Step("Added", 5)], "Good", "h")

    texts = read(waterfall.draw(figure, width=WIDE)).texts()

    assert texts == ["Planned", "0 h", "Added", "+5 h", "Good", "5 h"]


# Paretos


def test_the_largest_come_first_and_add_up():
    figure = pareto.Pareto([pareto.Item("b", 3), pareto.Item("a", 6), pareto.Item("c", 1)], "h")

    found = read(pareto.draw(figure, width=WIDE))

    assert found.texts() == [
        *("value", "share", "added up"),
        *("a", "6 h", "60 %", "Σ 60 %"),
        *("b", "3 h", "30 %", "Σ 90 %"),
        *("c", "1 h", "10 %", "Σ 100 %"),
        "100 %",
    ]
    widths = [wide for _, _, wide, _ in found.boxes("bar")]
    assert near(widths[1] / widths[0], 0.5)
    dots = [float(dot.get("cx", "")) for dot in found.marks("dot")]
    left = found.boxes("bar")[0][0]
    assert [round((x - left) / widths[0], 2) for x in dots] == [0.6, 0.9, 1.0]


def test_the_many_small_ones_are_put_together_and_striped():
    found = read(pareto.draw(a_pareto(400), width=WIDE))

    assert "388 others" in found.texts()
    assert (len(found.boxes("bar")), len(found.boxes("pale"))) == (12, 1)
    assert found.texts()[-2] == "Σ 100 %"


def test_one_more_than_fits_is_shown_as_itself():
    found = read(pareto.draw(a_pareto(13), width=WIDE))

    assert "Reason 13" in found.texts()
    assert found.boxes("pale") == []


def test_a_long_name_is_cut_with_all_of_it_to_be_pointed_at():
    found = read(pareto.draw(a_pareto(6), width=WIDE))

    assert LONG_NAME not in found.texts()
    assert any(LONG_NAME.startswith(text[:-1]) and text.endswith("…") for text in found.texts())
    assert LONG_NAME in found.titles()


@pytest.mark.parametrize("values", [(1e12, 1e-9), (-5, -3), (4, -2), (7,), (2, 2, 2)])
def test_odd_values_have_bars_within_the_sheet(values):
    items = [pareto.Item(f"Reason {place}", value) for place, value in enumerate(values)]

    found = read(pareto.draw(pareto.Pareto(items, "h"), width=WIDE))

    assert len(found.boxes("bar")) == len(values)
    assert all(0 <= x <= x + wide <= WIDE for x, _, wide, _ in found.boxes("bar"))


# Levels and sparks


@given(st.floats(0, 100), st.sampled_from([NARROW, WIDE]))
def test_a_level_is_as_long_as_its_share(value, width):
    found = read(levels.draw([levels.Level("OEE", value, 75)], width=width))

    ((left, _, rail, _),) = found.boxes("rail")
    filled = sum(wide for _, _, wide, _ in found.boxes("bar"))
    ((mark, _, _, _),) = found.boxes("target")
    assert abs(filled - rail * value / 100) < 0.02
    assert abs(mark + 1 - left - rail * 0.75) < 0.02


def test_levels_say_what_is_above_what_is_unknown_and_what_falls_short():
    found = read(levels.draw(LEVELS, width=WIDE))

    texts = found.texts()
    assert [text for text in texts if "%" in text or text == "–"] == [
        *("64.2 %", "below target 75 %"),
        *("91.3 %", "target 90 %"),
        *("112.8 %", "target 95 %"),
        *("–", "target 99 %"),
        "0.0 %",
    ]
    assert len(found.boxes("frame")) == 1  # the unknown one
    assert len(found.boxes("rail")) == 4
    assert len([mark for mark in found.marks("target") if mark.tag == f"{SVG}path"]) == 1  # an arrow
    assert (
        max(x + wide for x, _, wide, _ in found.boxes("bar"))
        <= found.boxes("rail")[2][0] + found.boxes("rail")[2][2]
    )


@given(st.lists(st.none() | st.floats(-1e12, 1e12), max_size=400))
def test_a_spark_stays_in_its_line(values):
    found = read(spark.draw(values))

    assert found.size == (120, 28)
    assert all(0 <= x <= 120 and 0 <= y <= 28 for x, y in found.extent())
    known = [value for value in values if value is not None]
    assert bool(found.marks("bound")) == (not known)


def test_a_spark_breaks_and_ends_with_a_dot():
    found = read(spark.draw([1, 2, None, 4, 3]))

    assert [mark.get("d", "").count("M") for mark in found.marks("line-1")] == [2]
    (dot,) = found.marks("point-1")
    assert (dot.get("cx"), dot.get("cy")) == ("117", "10.33")


# On a page and in print


def test_a_plot_is_there_twice_with_one_name_each():
    drawing = Drawing(lambda width: spark.draw([width]), 'Energy of "Press" <3>', "From <b>Monday</b>")

    html = plot(drawing)

    label = 'role="img" aria-label="Energy of &quot;Press&quot; &lt;3&gt;"'
    assert html.count(label) == 2
    assert [html.count(f'<div class="{name}"') for name in ("plot-wide", "plot-narrow")] == [1, 1]
    assert html.count("<svg") == 2
    assert "<figcaption>From &lt;b&gt;Monday&lt;/b&gt;</figcaption></figure>" in html
    assert "style=" not in html


def test_a_printed_plot_is_there_once_and_a_spark_has_a_name():
    drawing = Drawing(lambda width: spark.draw([width]), "Energy")

    assert printed_plot(drawing).count("<svg") == 1
    assert spark_tag([1.0, 2.0], "a week").startswith(
        '<span class="spark" role="img" aria-label="a week"><svg'
    )


def test_a_year_of_bars_is_quickly_drawn_and_not_heavy():
    assert len(bars.draw(daily_bars(365), width=WIDE)) < 80_000
    assert len(timeline.draw(a_timeline(7), width=WIDE)) < 400_000
