"""A report as CSV: each table under its title, with the values as they are. RFC 4180. Pure.

Its words are English whoever asks: what reads it goes by its heads.
"""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.utils import translation
from django.utils.functional import Promise

from analytics.reports.document import Column, Document, Kind, Notes, Table, Tile, Tiles, Words
from factory.spreadsheet import guarded

UNITS = {Kind.DURATION: "s", Kind.SHARE: "%", Kind.PERCENT: "%"}


def as_csv(document: Document) -> str:
    """Tables one below the other, an empty line between; moments in UTC, numbers with all their digits."""
    with translation.override("en"):
        return _written(document)


def _written(document: Document) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow([cell(document.title), cell(document.subtitle)])
    for label, value in document.facts:
        writer.writerow([cell(label), cell(value)])
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Tiles):
                writer.writerow([])
                writer.writerow([cell(section.title)])
                writer.writerows(_tile_row(tile) for tile in block.tiles)
            elif isinstance(block, Table):
                _write_table(writer, str(section.title), block)
            elif isinstance(block, Notes):
                writer.writerow([])
                _write_notes(writer, block.lines)
    return text.getvalue()


def _write_table(writer: Any, section: str, table: Table) -> None:
    writer.writerow([])
    writer.writerow([cell(f"{section}: {table.title}" if table.title else section)])
    writer.writerow([cell(_head(column)) for column in table.columns])
    kinds = [column.kind for column in table.columns]
    for row in table.rows:
        writer.writerow([cell(_number(value, kind)) for value, kind in zip(row, kinds, strict=True)])
    notes = [table.note] if table.rows else [table.empty, table.note]
    _write_notes(writer, [note for note in notes if note])


def _write_notes(writer: Any, lines: Iterable[Words]) -> None:
    writer.writerows(["Note", cell(line)] for line in lines)


def _head(column: Column) -> Words:
    unit = column.unit or UNITS.get(column.kind, "")
    return f"{column.label} ({unit})" if unit else column.label


def _tile_row(tile: Tile) -> list[Any]:
    unit = tile.unit or UNITS.get(tile.kind, "")
    return [cell(tile.label), cell(_number(tile.value, tile.kind)), cell(unit), cell(tile.note)]


def _number(value: Any, kind: Kind) -> Any:
    """Shares in percent, as everything else that is one; without the digits that multiplying makes up."""
    return round(100 * value, 10) if kind is Kind.SHARE and value is not None else value


def cell(value: Any) -> Any:
    """A value as a spreadsheet may take it: moments in UTC, and nothing that it would work out."""
    if value is None:
        return ""
    if isinstance(value, Promise):
        value = str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return guarded(value) if isinstance(value, str) else value
