"""What every plot stands on: round figures, round moments, widths of words, and what is escaped."""

import re
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from math import isclose, log10
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.plots.clock import day_of, span_of, starts_of_days, time_ticks
from analytics.plots.digits import Digits, digits_for, percent
from analytics.plots.hatching import falling, level, rising, upright
from analytics.plots.lettering import SMALL, shortened, width_of
from analytics.plots.looks import LOOKS
from analytics.plots.scale import scale_for
from analytics.plots.sheet import Sheet, px
from analytics.plots.thinning import runs, thinned
from tests.analytics.plot_reading import read
from tests.analytics.plot_samples import BERLIN, LONG_NAME, midnight

STYLES = Path(__file__).resolve().parents[2] / "factory" / "static" / "factory"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
values = st.floats(-1e15, 1e15, allow_subnormal=False) | st.floats(-1e-9, 1e-9, allow_subnormal=False)

# Round figures


@given(values, values, st.integers(2, 9), st.booleans())
def test_an_axis_holds_its_values_on_few_round_figures(one, other, most, is_from_zero):
    low, high = sorted((one, other))

    scale = scale_for(low, high, most=most, is_from_zero=is_from_zero)

    steps = {b - a for a, b in pairwise(scale.ticks)}
    step = min(steps)
    assert 2 <= len(scale.ticks) <= most + 1
    assert max(steps) - step <= 1e-9 * max(abs(scale.low), abs(scale.high))
    assert any(isclose(step / 10 ** round(log10(step / lead)), lead, rel_tol=1e-6) for lead in (1, 2, 5))
    assert scale.low <= low + 1e-9 * step
    assert scale.high >= high - 1e-9 * step
    assert not is_from_zero or scale.low <= 0 <= scale.high
    assert (scale.low, scale.high) == (scale.ticks[0], scale.ticks[-1])


@given(values, values)
def test_no_two_figures_on_an_axis_read_the_same(one, other):
    scale = scale_for(*sorted((one, other)))

    labels = [scale.digits.bare(tick) for tick in scale.ticks]

    assert len(set(labels)) == len(labels)
    assert all(len(label) < 14 for label in labels)


def test_figures_on_an_axis_are_as_people_write_them():
    def labels(low: float, high: float) -> tuple[list[str], str]:
        scale = scale_for(low, high)
        return [scale.digits.bare(tick) for tick in scale.ticks], scale.digits.unit("kWh")

    assert labels(0, 1) == (["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"], "kWh")
    assert labels(-3, 4000) == (["−1,000", "0", "1,000", "2,000", "3,000", "4,000"], "kWh")
    assert labels(0, 1e12) == (["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"], "10¹² kWh")
    assert labels(0, 3e-7) == (["0", "50", "100", "150", "200", "250", "300"], "10⁻⁹ kWh")
    assert labels(0, 0) == (["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"], "kWh")
    assert labels(50, 50) == (["44", "46", "48", "50", "52", "54", "56"], "kWh")


@pytest.mark.parametrize(
    ("known", "written"),
    [
        ([3.0, 12.0], ["3", "12"]),
        ([0.5, 0.123], ["0.50", "0.12"]),
        ([130.0, 8.35], ["130.0", "8.3"]),
        ([12345.6, -0.2], ["12,346", "0"]),
        ([2.5e9, 1e8], ["2.50×10⁹", "0.10×10⁹"]),
        ([-4e-6, 0.0], ["−4.00×10⁻⁶", "0"]),
        ([0.0], ["0"]),
    ],
)
def test_values_of_a_plot_have_the_same_decimals(known, written):
    digits = digits_for(known)

    assert [digits(value) for value in known] == written


def test_a_share_is_written_with_tenths_where_they_matter():
    assert [percent(share) for share in (0, 0.0004, 0.083, 0.0996, 0.42, 1, -0.05, 12.5)] == [
        "0 %",
        "under 0.1 %",
        "8.3 %",
        "10 %",
        "42 %",
        "100 %",
        "−5.0 %",
        "1,250 %",
    ]
    assert Digits(1)(-0.04) == "0.0"


# Round moments


def test_a_day_of_23_hours_lacks_an_hour_and_one_of_25_has_it_twice():
    def hours(day: date) -> list[str]:
        start, end = midnight(day), midnight(day + DAY)
        return [tick.label for tick in time_ticks(start, end, BERLIN, right=2000)]

    assert hours(date(2025, 3, 30))[:4] == ["30 Mar", "01:00", "03:00", "04:00"]
    assert hours(date(2025, 10, 26))[:5] == ["26 Oct", "01:00", "02:00", "02:00", "03:00"]
    assert (len(hours(date(2025, 3, 30))), len(hours(date(2025, 10, 26)))) == (24, 26)


def test_moments_get_coarser_as_the_time_gets_longer():
    start = midnight(date(2025, 11, 3))

    def labels(lasts: timedelta, width: float = 800) -> list[str]:
        return [tick.label for tick in time_ticks(start, start + lasts, BERLIN, right=width)]

    assert labels(HOUR)[:3] == ["3 Nov", "00:05", "00:10"]
    assert labels(DAY, 300) == ["3 Nov", "06:00", "12:00", "18:00", "4 Nov"]
    assert labels(7 * DAY, 500) == [f"{day} Nov" for day in range(3, 11)]
    assert labels(40 * DAY) == ["3 Nov", "10 Nov", "17 Nov", "24 Nov", "1 Dec", "8 Dec"]
    assert labels(365 * DAY)[:3] == ["Dec", "2026", "Feb"]
    assert labels(20 * 365 * DAY, 300)[:3] == ["2030", "2035", "2040"]


def test_a_year_is_said_where_it_begins():
    assert [day_of(midnight(day), BERLIN) for day in (date(2025, 12, 31), date(2026, 1, 1))] == [
        "31 Dec",
        "1 Jan 2026",
    ]


def test_a_day_begins_where_the_clock_jumps_over_midnight():
    zone = ZoneInfo("America/Sao_Paulo")
    noon = datetime(2017, 10, 14, 12, tzinfo=zone)

    days = list(starts_of_days(noon, noon + 2 * DAY, zone))

    assert [(day.day, at.astimezone(zone).hour) for day, at in days] == [(15, 1), (16, 0)]


zones = st.sampled_from(["Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC"])
starts = st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@given(
    starts,
    st.timedeltas(timedelta(minutes=20), timedelta(days=4000)),
    zones,
    st.integers(120, 1200),
    st.booleans(),
)
def test_labels_of_moments_never_touch_nor_leave_the_sheet(start, lasts, zone, width, has_margin):
    end, left = start + lasts, 40 if has_margin else 0

    ticks = time_ticks(start, end, ZoneInfo(zone), left=left, right=left + width, edge=left + width + 12)

    assert ticks
    assert all(start <= tick.at <= end and left <= tick.x <= left + width for tick in ticks)
    sides = [
        (tick.middle - half, tick.middle + half)
        for tick in ticks
        for half in [width_of(tick.label, SMALL) / 2]
    ]
    assert sides[0][0] >= 0
    assert sides[-1][1] <= left + width + 12
    assert all(one[1] < other[0] for one, other in pairwise(sides))


def test_spans_are_told_as_days_where_they_are_days():
    day = midnight(date(2025, 11, 3))

    assert span_of(day, day + DAY, BERLIN) == "Mon 3 Nov 2025"
    assert span_of(day, day + 7 * DAY, BERLIN) == "Mon 3 Nov 2025 to Sun 9 Nov 2025"
    assert span_of(day + 14 * HOUR, day + 15 * HOUR, BERLIN) == "Mon 3 Nov 2025, 14:00 to 15:00"
    assert span_of(day, day + 25 * HOUR, BERLIN) == "Mon 3 Nov 2025, 00:00 to Tue 4 Nov 2025, 01:00"


# Widths of words


@given(st.text(max_size=80), st.floats(0, 400))
def test_shortened_words_fit_and_begin_as_the_whole(words, room):
    short = shortened(words, room)

    assert width_of(short) <= room or short == ""
    assert short == words or short == "" or words.startswith(short.removesuffix("…"))


def test_long_words_end_in_an_ellipsis():
    assert shortened(LONG_NAME, 100) == "Druckgussmas…"
    assert shortened("冲压机一号", 40) == "冲压…"
    assert shortened("Press 3", 100) == "Press 3"
    assert shortened("Press 3", 3) == ""


# Lines


@given(st.lists(st.none() | st.integers(-999, 999), min_size=20, max_size=90), st.floats(0.01, 1))
def test_a_thinned_line_keeps_its_ends_and_its_extremes(heights, step):
    points = [(place * step, height) for place, height in enumerate(heights)]

    for run in runs(points):
        kept = thinned(run)
        columns = {x // 1 for x, _ in run}
        assert (kept[0], kept[-1]) == (run[0], run[-1])
        assert {min(y for _, y in kept), max(y for _, y in kept)} == {
            min(y for _, y in run),
            max(y for _, y in run),
        }
        assert kept == sorted(kept, key=lambda point: point[0])
        assert len(kept) <= 4 * len(columns)


areas = st.tuples(st.floats(0, 900), st.floats(0, 300), st.floats(0.5, 300), st.floats(0.5, 200))


@given(areas, st.sampled_from([rising, falling, level, upright]))
def test_a_hatch_stays_within_its_area(area, hatch):
    x, y, width, height = area

    course = hatch(x, y, width, height)

    for across, down in re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", course):
        assert x - 0.01 <= float(across) <= x + width + 0.01
        assert y - 0.01 <= float(down) <= y + height + 0.01


def test_hatches_of_neighbours_meet():
    left, right = rising(0, 0, 10, 12), rising(10, 0, 10, 12)

    assert "L10 2" in left
    assert "M10 2" in right


# What is written


def test_nothing_that_is_written_can_be_markup():
    sheet = Sheet(400, 40)
    name = '<script>alert(1)</script> & "\x00\ud800'
    sheet.text("text", 0, 12, name)
    sheet.rect("bar", 0, 0, 10, 10, title=name)
    sheet.text("text", 0, 30, name, room=60)

    svg = sheet.svg()

    assert "<script" not in svg
    plot = read(svg)
    assert plot.texts()[0] == '<script>alert(1)</script> & "\ufffd\ufffd'
    assert plot.titles() == [plot.texts()[0]] * 2


def test_lengths_are_written_short():
    assert [px(length) for length in (0, -0.001, 1 / 3, 12.0, 1e-9, 250.5)] == [
        "0",
        "0",
        "0.33",
        "12",
        "0",
        "250.5",
    ]


def test_every_look_has_a_rule_on_the_page_whose_light_colour_is_the_printed_one():
    page, rules = (STYLES / "factory.css").read_text(), (STYLES / "plots.css").read_text()
    tokens = dict(re.findall(r"(--[\w-]+): (#\w+)", rules.split("@media")[0].split(":root")[0]))
    tokens = {**dict(re.findall(r"(--[\w-]+): (#\w+)", page.split(":root[data-theme=dark]")[0])), **tokens}
    tokens["--panel"] = "#fff"  # paper
    painted = {}
    for selectors, paints in re.findall(r"((?:\.p-[\w-]+(?:, )?)+) \{ (.*?) \}", rules):
        for look in re.findall(r"\.p-([\w-]+)", selectors):
            painted[look] = {
                name: tokens[token] for name, token in re.findall(r"(\w+): var\((--[\w-]+)\)", paints)
            }

    printed = {
        look: {
            name: attributes[name] for name in ("fill", "stroke") if attributes.get(name, "none") != "none"
        }
        for look, attributes in LOOKS.items()
    }

    assert painted == printed
