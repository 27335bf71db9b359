"""How the values of a report are written, on a page and on paper."""

from collections.abc import Sequence
from typing import Any

from django import template

from analytics.reports.document import Column, Figure, Notes, Table, Tile, Tiles, shown
from analytics.reports.parts import plant_zone

register = template.Library()


@register.filter
def cell(value: Any, column: Column) -> str:
    return shown(value, column.kind, zone=plant_zone(), decimals=column.decimals)


@register.filter
def cells(row: Sequence[Any], table: Table) -> list[tuple[str, bool]]:
    """(text, whether it is a number) of each value of a row."""
    return [(cell(value, column), column.is_number) for value, column in zip(row, table.columns, strict=True)]


@register.filter
def printed(table: Table) -> Sequence[Sequence[Any]]:
    """The rows that have room on paper."""
    return table.rows[: table.printed]


@register.filter
def left_out(table: Table) -> int:
    return max(0, len(table.rows) - table.printed)


@register.filter
def figure_of(tile: Tile) -> str:
    return shown(tile.value, tile.kind, zone=plant_zone(), decimals=tile.decimals)


@register.filter
def block_kind(block: object) -> str:
    """Which template a block of a report has."""
    kinds = {Table: "table", Tiles: "tiles", Figure: "figure", Notes: "notes"}
    return kinds[type(block)]
