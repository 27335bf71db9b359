"""Thresholds as CSV (RFC 4180, UTF-8): pure. What a file says, row by row, and what it cannot mean."""

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from factory.errors import InvalidInput
from factory.spreadsheet import guarded, unguarded
from telemetry.metrics import METRIC_NAME

KINDS = ("device", "group", "type")
NAMING = ("scope", "target", "metric")
NUMBERS = {
    "minValue": "min_value",
    "warningMin": "warning_min",
    "warningMax": "warning_max",
    "maxValue": "max_value",
    "hysteresis": "hysteresis",
}
WHOLE_NUMBERS = {"holdSeconds": "hold_seconds", "clearSeconds": "clear_seconds", "count": "count"}
FIELDS = {**NUMBERS, **WHOLE_NUMBERS, "enabled": "enabled"}  # {column: field}
HEADER = (*NAMING, *FIELDS)
DEFAULTS = {"hysteresis": 0.0, "hold_seconds": 0, "clear_seconds": 0, "count": 1, "enabled": True}

MOST_ROWS = 10_000
LARGEST = 5 * 1024 * 1024  # bytes
BOM = "\ufeff"  # without it a spreadsheet takes the file for something else than UTF-8
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?")
WHOLE_NUMBER = re.compile(r"\d{1,9}")
YES, NO = {"true", "yes", "1", "on"}, {"false", "no", "0", "off"}


class NotReadable(InvalidInput):
    """The file as a whole is not what we can read."""


@dataclass(frozen=True, slots=True)
class Row:
    """One expectation: where it begins in the file, what it is for, and the values of the columns there are."""

    line: int
    kind: str
    target: str
    metric: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a row cannot be meant. Without a column it is the row as such."""

    where: str
    column: str
    reason: str


def parse(data: bytes) -> tuple[list[Row], list[Refusal]]:
    """The rows of a file, and what speaks against the others; refuses a file that is no such file at all."""
    lines = _records(_decoded(data))
    _, header, separator = next(lines, (1, [], ","))
    columns = _columns(header)
    rows: list[Row] = []
    refusals: list[Refusal] = []
    first_lines: dict[tuple[str, str, str], int] = {}
    for number, (line, cells, _) in enumerate(lines, start=1):
        if number > MOST_ROWS:
            raise NotReadable(
                gettext("The file has more than %(most)s rows. Split it.") % {"most": MOST_ROWS}
            )
        try:
            row = _row(line, columns, cells, has_commas=separator == ";")
            key = (row.kind, row.target, row.metric)
            if first_lines.setdefault(key, line) != line:
                raise InvalidInput.at(
                    "metric",
                    gettext("occurs in line %(first_line)s already") % {"first_line": first_lines[key]},
                )
            rows.append(row)
        except InvalidInput as refusal:
            refusals += refusals_at(place_in_file(line), refusal.fields)
    if not rows and not refusals:
        raise NotReadable(gettext("There is nothing but the header in the file."))
    return rows, refusals


def place_in_file(line: int) -> str:
    return gettext("line %(line)s") % {"line": line}


def refusals_at(where: str, fields: dict[str, list[str]]) -> list[Refusal]:
    return [Refusal(where, column, reason) for column, reasons in fields.items() for reason in reasons]


def written(rows: Iterable[tuple[str, str, str, dict[str, Any]]]) -> Iterator[str]:
    """The file for (kind, target, metric, values), line by line; `parse` reads it back as it was."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    yield BOM + ",".join(HEADER) + "\r\n"
    for kind, target, metric, values in rows:
        writer.writerow([kind, guarded(target), metric, *(plain(values[field]) for field in FIELDS.values())])
        yield text.getvalue()
        text.seek(0)
        text.truncate()


def plain(value: Any) -> str:
    """A value as people write it, exactly: 90 rather than 90.0, nothing where there is none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value).removesuffix(".0")


def _decoded(data: bytes) -> str:
    if len(data) > LARGEST:
        raise NotReadable(
            gettext("The file is larger than %(most)s MB. Split it.") % {"most": LARGEST // 1024 // 1024}
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise NotReadable(
            gettext("The file is not UTF-8 (line %(line)s). Save it as “CSV UTF-8”.") % {"line": line}
        ) from None


def _records(text: str) -> Iterator[tuple[int, list[str], str]]:
    """(line on which it begins, cells, separator) of each row that is not empty."""
    head = text.lstrip("\r\n").partition("\n")[0]
    separator = ";" if ";" in head and "," not in head else ","
    # A carriage return alone is an old Mac's end of line; inside of quotes it is kept.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    begins = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begins, cells, separator
            begins = reader.line_num + 1
    except csv.Error as error:
        raise NotReadable(
            gettext("Line %(line)s cannot be read: %(error)s.") % {"line": begins, "error": error}
        ) from None


def _columns(header: list[str]) -> list[str]:
    columns = [cell.strip() for cell in header]
    problems = [
        gettext("%(name)s is no column") % {"name": repr(name)} for name in columns if name not in HEADER
    ]
    problems += [
        gettext("%(name)s occurs twice") % {"name": repr(name)} for name in HEADER if columns.count(name) > 1
    ]
    problems += [
        gettext("%(name)s is missing") % {"name": repr(name)} for name in NAMING if name not in columns
    ]
    if problems:
        raise NotReadable(
            gettext(
                "The first line is not the header: %(problem)s. It says which of these columns there "
                "are: %(names)s."
            )
            % {"problem": problems[0], "names": ", ".join(HEADER)}
        )
    if len(columns) == len(NAMING):
        raise NotReadable(gettext("The header names no value to set, such as maxValue."))
    return columns


def _row(line: int, columns: list[str], cells: list[str], *, has_commas: bool) -> Row:
    if len(cells) != len(columns):
        reason = gettext("has %(count)s cells, and the header %(expected)s") % {
            "count": len(cells),
            "expected": len(columns),
        }
        raise InvalidInput(reason, fields={"": [reason]})
    texts = dict(zip(columns, cells, strict=True))
    kind, metric, target = texts["scope"].strip(), texts["metric"].strip(), unguarded(texts["target"])
    problems: dict[str, list[str]] = {}
    if kind not in KINDS:
        problems["scope"] = [
            gettext("is %(value)s, not one of %(names)s")
            % {"value": _quoted(kind), "names": ", ".join(KINDS)}
        ]
    if not target:
        problems["target"] = [gettext("is empty")]
    if not METRIC_NAME.match(metric):
        problems["metric"] = [
            gettext("%(value)s is no metric name: a-z first, then a-z, 0-9 and _, at most 63")
            % {"value": _quoted(metric)}
        ]
    values = {}
    for column in FIELDS.keys() & texts.keys():
        try:
            values[FIELDS[column]] = _value(column, texts[column].strip(), has_commas=has_commas)
        except ValueError as error:
            problems[column] = [str(error)]
    if problems:
        raise InvalidInput(
            gettext("This row cannot be meant."),
            fields={name: problems[name] for name in HEADER if name in problems},
        )
    return Row(line, kind, target, metric, values)


def _value(column: str, text: str, *, has_commas: bool) -> Any:
    """What a cell says; nothing in it is no bound, or what is usual."""
    if not text:
        return DEFAULTS.get(FIELDS[column])
    if column == "enabled":
        if text.lower() not in YES | NO:
            raise ValueError(gettext("is %(value)s, neither true nor false") % {"value": _quoted(text)})
        return text.lower() in YES
    if column in WHOLE_NUMBERS:
        if not WHOLE_NUMBER.fullmatch(text):
            raise ValueError(gettext("%(value)s is no whole number") % {"value": _quoted(text)})
        return int(text)
    # Where rows are separated by semicolons, that is because commas stand in numbers.
    number = text.replace(",", ".") if has_commas else text
    if not NUMBER.fullmatch(number):
        raise ValueError(gettext("%(value)s is no number") % {"value": _quoted(text)})
    if not math.isfinite(float(number)):
        raise ValueError(gettext("must be finite"))
    return float(number)


def _quoted(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
