"""A report as CSV: each table under its title, with the values as they are. RFC 4180. Pure."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

from alerts.threshold_csv import FORMULA
from analytics.reports.document import Document, Table, Tile, Tiles


def as_csv(document: Document) -> str:
    """Tables one below the other, an empty line between; moments in UTC, numbers with all their digits."""
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
                _write_table(writer, section.title, block)
    return text.getvalue()


def _write_table(writer: Any, section: str, table: Table) -> None:
    writer.writerow([])
    writer.writerow([cell(f"{section}: {table.title}" if table.title else section)])
    writer.writerow(
        [cell(f"{column.label} ({column.unit})" if column.unit else column.label) for column in table.columns]
    )
    writer.writerows([cell(value) for value in row] for row in table.rows)


def _tile_row(tile: Tile) -> list[Any]:
    return [cell(tile.label), cell(tile.value), cell(tile.unit), cell(tile.note)]


def cell(value: Any) -> Any:
    """A value as a spreadsheet may take it: moments in UTC, and nothing that it would work out."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    # What people write may begin like a formula, which a spreadsheet would work out.
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
