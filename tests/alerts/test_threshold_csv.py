from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import threshold_csv
from alerts.threshold_csv import HEADER, NotReadable, Refusal, Row, parse, plain, written

ALL = ",".join(HEADER)
USUAL = {"hysteresis": 0.0, "hold_seconds": 0, "clear_seconds": 0, "count": 1, "enabled": True}
NO_BOUNDS = dict.fromkeys(("min_value", "warning_min", "warning_max", "max_value"))


def file(*lines, header=ALL, end="\r\n"):
    return end.join([header, *lines]).encode()


def refusals_of(*lines, **how):
    rows, refusals = parse(file(*lines, **how))
    assert rows == []
    return [(refusal.where, refusal.column, refusal.reason) for refusal in refusals]


def test_a_row_says_everything_of_a_threshold():
    rows, refusals = parse(file("device,press-1,temperature,-5,10.5,80,9e1,2,30,60,3,false"))

    values = {
        "min_value": -5.0,
        "warning_min": 10.5,
        "warning_max": 80.0,
        "max_value": 90.0,
        "hysteresis": 2.0,
        "hold_seconds": 30,
        "clear_seconds": 60,
        "count": 3,
        "enabled": False,
    }
    assert rows == [Row(2, "device", "press-1", "temperature", values)]
    assert refusals == []


def test_an_empty_cell_is_no_bound_or_what_is_usual():
    rows, _ = parse(file("type,sensor,rpm,,,,5,,,,,"))

    assert rows[0].values == {**NO_BOUNDS, **USUAL, "max_value": 5.0}


def test_columns_may_be_left_out_and_stand_in_any_order():
    rows, _ = parse(file("90,rpm,sensor,type", header="maxValue,metric,target,scope"))

    assert rows == [Row(2, "type", "sensor", "rpm", {"max_value": 90.0})]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_empty_lines_are_passed_over_and_counted(end):
    data = file("", "type,sensor,rpm,,,,5,,,,,", ",,,,,,,,,,,", "type,sensor,power,,,,5,,,,,", end=end)

    assert [row.line for row in parse(data)[0]] == [3, 5]


def test_a_cell_over_several_lines_does_not_shift_the_count():
    rows, _ = parse(file('group,"Hall\r\nA",rpm,,,,5,,,,,', "type,sensor,rpm,,,,5,,,,,"))

    assert [(row.line, row.target) for row in rows] == [(2, "Hall\r\nA"), (4, "sensor")]


def test_a_spreadsheet_of_a_country_with_commas_in_its_numbers_is_understood():
    rows, refusals = parse(file("type;sensor;rpm;;;;90,5;;;;;WAHR", header=ALL.replace(",", ";")))
    assert (rows, refusals) == ([], [Refusal("line 2", "enabled", "is 'WAHR', neither true nor false")])

    rows, _ = parse(file("type;sensor;rpm;;;;90,5;;;;;TRUE", header=ALL.replace(",", ";")))
    assert (rows[0].values["max_value"], rows[0].values["enabled"]) == (90.5, True)


def test_a_mark_at_the_beginning_is_none_of_the_header():
    assert len(parse(b"\xef\xbb\xbf" + file("type,sensor,rpm,,,,5,,,,,"))[0]) == 1


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        ("machine,x,rpm,,,,5,,,,,", "scope", "is 'machine', not one of device, group, type"),
        ("device,,rpm,,,,5,,,,,", "target", "is empty"),
        (
            "device,x,Not One,,,,5,,,,,",
            "metric",
            "'Not One' is no metric name: a-z first, then a-z, 0-9 and _",
        ),
        ("device,x,rpm,,,,abc,,,,,", "maxValue", "'abc' is no number"),
        ('device,x,rpm,,,,"90,5",,,,,', "maxValue", "'90,5' is no number"),
        ("device,x,rpm,nan,,,5,,,,,", "minValue", "'nan' is no number"),
        ("device,x,rpm,,,,inf,,,,,", "maxValue", "'inf' is no number"),
        ("device,x,rpm,,,,1_000,,,,,", "maxValue", "'1_000' is no number"),
        ("device,x,rpm,,,,1e999,,,,,", "maxValue", "must be finite"),
        ("device,x,rpm,,,,=1+1,,,,,", "maxValue", "'=1+1' is no number"),
        ("device,x,rpm,,,,5,,1.5,,,", "holdSeconds", "'1.5' is no whole number"),
        ("device,x,rpm,,,,5,,,-1,,", "clearSeconds", "'-1' is no whole number"),
        ("device,x,rpm,,,,5,,,,99999999999,", "count", "'99999999999' is no whole number"),
        ("device,x,rpm,,,,5,,,,,maybe", "enabled", "is 'maybe', neither true nor false"),
        ("device,x,rpm,,,,5", "", "has 7 cells, and the header 12"),
    ],
)
def test_what_a_row_cannot_mean_is_told_with_line_and_column(line, column, reason):
    [(where, where_in_it, why)] = refusals_of(line)

    assert (where, where_in_it) == ("line 2", column)
    assert why.startswith(reason)


def test_all_that_is_wrong_in_a_row_is_told_in_the_order_of_the_columns():
    found = refusals_of("x,,rpm,a,,,b,,,,c,")

    assert [column for _, column, _ in found] == ["scope", "target", "minValue", "maxValue", "count"]


def test_a_long_cell_is_not_told_whole():
    [(_, _, reason)] = refusals_of(f"device,x,rpm,{'9x' * 5000},,,,,,,,")

    assert len(reason) < 80


def test_the_same_metric_of_the_same_thing_twice_is_refused():
    rows, refusals = parse(file("type,sensor,rpm,,,,5,,,,,", "type,sensor,rpm,,,,6,,,,,"))

    assert [row.line for row in rows] == [2]
    assert refusals == [Refusal("line 3", "metric", "occurs in line 2 already")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "'scope' is missing"),
        (b"hello", "'hello' is no column"),
        (file(header="scope,target,metric,maxvalue"), "'maxvalue' is no column"),
        (file(header="scope,target,metric,count,count"), "'count' occurs twice"),
        (file(header="scope,metric,maxValue"), "'target' is missing"),
        (file(header="scope,target,metric"), "names no value to set"),
        (file(), "nothing but the header"),
        ("scope,target\nHalle Süd".encode("latin-1"), r"not UTF-8 \(line 2\)"),
        (file("type,sensor,rpm,,,,5,,,,,").decode().encode("utf-16"), r"not UTF-8 \(line 1\)"),
        (file('group,"Hall,rpm,,,,5,,,,,', "type,sensor,rpm,,,,5,,,,,"), "Line 2 cannot be read"),
        (b"x" * (threshold_csv.LARGEST + 1), "larger than 5 MB"),
        (file(*["type,sensor,rpm,,,,5,,,,,"] * (threshold_csv.MOST_ROWS + 1)), "more than 10000 rows"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not UTF-8"),
    ],
)
def test_a_file_that_is_no_such_file_is_refused_as_a_whole(data, reason):
    with pytest.raises(NotReadable, match=reason):
        parse(data)


def test_as_many_rows_as_allowed_are_read():
    lines = [f"device,d{number},rpm,,,,5,,,,," for number in range(threshold_csv.MOST_ROWS)]

    assert len(parse(file(*lines))[0]) == threshold_csv.MOST_ROWS


def test_names_that_a_spreadsheet_would_work_out_are_quoted_and_numbers_are_not():
    values = {**NO_BOUNDS, **USUAL, "min_value": -5.0}

    *_, line = written([("group", '=HYPERLINK("x")', "rpm", values)])

    assert line == """group,"'=HYPERLINK(""x"")",rpm,-5,,,,0,0,0,1,true\r\n"""


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (90.0, "90"), (0.1, "0.1"), (-0.0, "-0"), (True, "true"), (3, "3")]
)
def test_values_are_written_as_people_write_them(value, text):
    assert plain(value) == text


@given(st.binary(max_size=300))
def test_no_bytes_whatever_are_more_than_refused(data):
    with suppress(NotReadable):
        found, refusals = parse(data)
        assert found or refusals


numbers = st.floats(allow_nan=False, allow_infinity=False)
bounds = st.one_of(st.none(), numbers)
rows = st.fixed_dictionaries(
    {
        "min_value": bounds,
        "warning_min": bounds,
        "warning_max": bounds,
        "max_value": bounds,
        "hysteresis": numbers,
        "hold_seconds": st.integers(0, 86_400),
        "clear_seconds": st.integers(0, 86_400),
        "count": st.integers(1, 1000),
        "enabled": st.booleans(),
    }
)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(kind=st.sampled_from(["device", "group", "type"]), target=names, values=rows)
def test_what_is_written_is_read_back_exactly(kind, target, values):
    data = "".join(written([(kind, target, "rpm", values)])).encode()

    assert parse(data) == ([Row(2, kind, target, "rpm", values)], [])
