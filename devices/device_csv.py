"""Devices as CSV: RFC 4180, a row a device. Pure: text in, values and reasons out, and back.

What is written here is read back unchanged, also when a spreadsheet has saved it in between.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext

from factory.errors import InvalidInput
from factory.spreadsheet import guarded, unguarded

# Columns on the wire, and what they are of a device.
COLUMNS = {
    "deviceId": "external_id",
    "name": "name",
    "type": "type",
    "status": "status",
    "location": "location",
    "zone": "zone",
    "firmwareVersion": "firmware_version",
    "tags": "tags",
    "metadata": "metadata",
}
ROWS_LIMIT = 10_000
CHUNK_BYTES = 32 * 1024


@dataclass(slots=True)
class Row:
    """One device as the file has it: what its columns say, and what of that cannot be read."""

    number: int  # as a spreadsheet counts: the header is 1
    values: dict[str, Any]
    problems: dict[str, str] = field(default_factory=dict)  # by column


def read_rows(text: str) -> list[Row]:
    """The rows of a file; refuses one whose header does not fit, or that is no CSV at all."""
    reader = _reader(text)
    rows: list[Row] = []
    columns: list[str] | None = None
    number = 0
    try:
        for number, cells in enumerate(reader, start=1):  # also told where it fails
            if columns is None:
                columns = _columns(cells)
            elif any(cell.strip() for cell in cells):
                if len(rows) == ROWS_LIMIT:
                    raise InvalidInput.at(
                        "csv", gettext("has more than %(most)s rows") % {"most": f"{ROWS_LIMIT:,}"}
                    )
                rows.append(_row(number, columns, cells))
    except csv.Error as error:
        raise InvalidInput.at(
            "csv", gettext("row %(line)s cannot be read: %(error)s") % {"line": number + 1, "error": error}
        ) from None
    if columns is None:
        raise InvalidInput.at("csv", gettext("is empty: the first row names the columns"))
    return rows


def _reader(text: str) -> Any:
    text = text.removeprefix("\ufeff")
    header, _, _ = text.partition("\n")
    return csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(header), strict=True)


def _delimiter(header: str) -> str:
    """Spreadsheets write semicolons where the comma stands in numbers."""
    return max(",;\t", key=header.count)


def _columns(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    for name in filter(None, names):
        if name not in COLUMNS:
            raise InvalidInput.at(
                "csv",
                gettext("there is no column %(name)s; there are %(names)s")
                % {"name": repr(name), "names": ", ".join(COLUMNS)},
            )
        if names.count(name) > 1:
            raise InvalidInput.at("csv", gettext("the column %(name)s is there twice") % {"name": repr(name)})
    if "deviceId" not in names:
        raise InvalidInput.at(
            "csv", gettext("the column 'deviceId' is missing; the first row names the columns")
        )
    return names


def _row(number: int, columns: list[str], cells: list[str]) -> Row:
    row = Row(number, {})
    if any(cell.strip() for cell in cells[len(columns) :]):
        row.problems["deviceId"] = gettext("the row has more cells than there are columns")
    if any(columns[len(cells) :]):
        # Taking what is missing for empty would blank it in the device.
        row.problems["deviceId"] = gettext(
            "the row has fewer cells (%(count)s) than the header (%(expected)s)"
        ) % {"count": len(cells), "expected": len(columns)}
    for place, column in enumerate(columns[: len(cells)]):
        if not column:
            continue
        cell = unguarded(cells[place])
        try:
            value = _read(column, cell)
        except ValueError as error:
            row.problems[column] = str(error)
        else:
            row.values[COLUMNS[column]] = value
    return row


def _read(column: str, cell: str) -> Any:
    if column == "tags":
        return read_tags(cell)
    if column == "metadata":
        return _read_metadata(cell)
    return cell.strip()


def _read_metadata(cell: str) -> Any:
    if not cell.strip():
        return {}
    try:
        return json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise ValueError(gettext("is no JSON: %(error)s") % {"error": error}) from None


def read_tags(cell: str) -> list[str]:
    """Separated by semicolons; a backslash keeps a semicolon, a space at the edge or a backslash."""
    tags: list[list[tuple[str, bool]]] = [[]]  # characters, and whether they were kept
    kept = False
    for character in cell:
        if kept:
            tags[-1].append((character, True))
            kept = False
        elif character == "\\":
            kept = True
        elif character == ";":
            tags.append([])
        else:
            tags[-1].append((character, False))
    return [text for tag in tags if (text := _trimmed(tag))]


def _trimmed(tag: list[tuple[str, bool]]) -> str:
    def is_blank(place: int) -> bool:
        character, kept = tag[place]
        return character.isspace() and not kept

    start, end = 0, len(tag)
    while start < end and is_blank(start):
        start += 1
    while start < end and is_blank(end - 1):
        end -= 1
    return "".join(character for character, _ in tag[start:end])


def write_tags(tags: Iterable[str]) -> str:
    return ";".join(_kept(tag) for tag in tags)


def _kept(tag: str) -> str:
    last = len(tag) - 1
    return "".join(
        f"\\{character}" if character in "\\;" or (place in (0, last) and character.isspace()) else character
        for place, character in enumerate(tag)
    )


def write_rows(devices: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """The file, in pieces of some kilobytes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for device in devices:
        writer.writerow([guarded(_written(column, device[name])) for column, name in COLUMNS.items()])
        if text.tell() >= CHUNK_BYTES:
            yield _encoded(text)
            text.seek(0)
            text.truncate()
    yield _encoded(text)


def rows_with_reasons(text: str, reasons: Mapping[int, str]) -> bytes:
    """Those rows of a file that were refused, each as it was, to be mended and read again.

    Why stands behind, in a column without a name: that one is not read.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    width = 0
    for number, cells in enumerate(_reader(text), start=1):
        if number == 1:
            width = len(cells)
            writer.writerow([*cells, ""])
        elif number in reasons:
            writer.writerow([*cells[:width], *[""] * (width - len(cells)), guarded(reasons[number])])
    return out.getvalue().encode(errors="backslashreplace")


def _encoded(text: io.StringIO) -> bytes:
    # Half a character, kept before it was refused, is written as JSON writes it; the file stays whole.
    return text.getvalue().encode(errors="backslashreplace")


def _written(column: str, value: Any) -> str:
    if column == "tags":
        return write_tags(value)
    if column == "metadata":
        return json.dumps(value, ensure_ascii=False) if value else ""
    return str(value)
