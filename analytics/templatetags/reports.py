"""How the values of a report are written, on a page and on paper."""

from collections.abc import Sequence
from typing import Any

from django import template

from analytics import writing
from analytics.plant_clock import plant_zone
from analytics.reports.document import Column, Figure, Kind, Notes, Table, Tile, Tiles, shown
from analytics.reports.widths import Content, widths_of

register = template.Library()


@register.filter
def cell(value: Any, column: Column) -> str:
    return shown(value, column.kind, zone=plant_zone(), decimals=column.decimals)


@register.filter
def cells(row: Sequence[Any], table: Table) -> list[tuple[str, str]]:
    """(text, class) of each value of a row."""
    texts = [cell(value, column) for value, column in zip(row, table.columns, strict=True)]
    return list(zip(texts, _classes(table), strict=True))


@register.filter
def named_cells(row: Sequence[Any], table: Table) -> list[tuple[str, str, str]]:
    """(text, class, head of the column) of each value of a row: on a phone each has its name beside it.

    A moment stays on one line.
    """
    return [
        (
            text,
            f"{name} at".strip() if column.kind in (Kind.MOMENT, Kind.DAY) else name,
            f"{column.label} ({column.unit})" if column.unit else str(column.label),
        )
        for (text, name), column in zip(cells(row, table), table.columns, strict=True)
    ]


@register.filter
def heads(table: Table) -> list[tuple[Column, str, float]]:
    """(column, class, width in percent of the table) of each column."""
    classes = _classes(table)
    rows = [[text for text, _ in cells(row, table)] for row in printed(table)]
    contents = [
        Content(
            f"{column.label} ({column.unit})" if column.unit else str(column.label),
            [row[place] for row in rows],
            is_broken=column.kind is Kind.TEXT,
            is_after_number=name == "after",
        )
        for place, (column, name) in enumerate(zip(table.columns, classes, strict=True))
    ]
    return list(zip(table.columns, classes, widths_of(contents), strict=True))


def _classes(table: Table) -> list[str]:
    """Numbers stand at the right of their column; what follows one keeps away from it."""
    numbers = [column.is_number for column in table.columns]
    after = [False, *numbers[:-1]]
    return [
        "num" if number else "after" if behind else "" for number, behind in zip(numbers, after, strict=True)
    ]


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
def tile_rows(tiles: Tiles) -> list[list[dict[str, str]]]:
    """As paper has room for them: at most four beside each other."""
    shown_tiles = [
        {
            "name": str(tile.label),
            "value": _without_unit(figure_of(tile)),
            "unit": _unit_of(tile),
            "note": str(tile.note),
        }
        for tile in tiles.tiles
    ]
    across = 3 if len(shown_tiles) in (3, 5, 6) else 4
    nothing = {"name": "", "value": "", "unit": "", "note": ""}
    shown_tiles += [nothing] * (-len(shown_tiles) % across)  # so that they stand below each other
    return [shown_tiles[place : place + across] for place in range(0, len(shown_tiles), across)]


def _unit_of(tile: Tile) -> str:
    return "%" if tile.kind in (Kind.SHARE, Kind.PERCENT) else tile.unit


def _without_unit(text: str) -> str:
    return text.removesuffix(f"{writing.KEPT}%")


@register.filter
def block_kind(block: object) -> str:
    """Which template a block of a report has."""
    kinds = {Table: "table", Tiles: "tiles", Figure: "figure", Notes: "notes"}
    return kinds[type(block)]
