"""The dashboard's figures and tables as templates show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.urls import reverse

from embeddings.admin.amounts import UNKNOWN, amount
from embeddings.types.dashboard import Column, Level, Quantity, Row, Table, Target, Tile

PAGES = {
    Target.COLLECTION: "admin:embeddings_collection_change",
    Target.JOB: "admin:embeddings_job_change",
    Target.AUDIT_ENTRY: "admin:audit_entry",
}

LONG = 30
"""Characters, of which a phone has room for about 40 in a line."""

ICONS = {Level.GOOD: "check_circle", Level.WARNING: "warning", Level.BAD: "error"}


@dataclass(frozen=True, slots=True)
class Cell:
    """Its text, and how it looks."""

    text: str
    is_number: bool = False
    href: str = ""

    @property
    def is_long(self) -> bool:
        """Whether it takes more than a line, where there is no room for all columns."""
        return len(self.text) > LONG


@dataclass(frozen=True, slots=True)
class ShownTile:
    """A figure, with what its level says in words."""

    tile: Tile
    text: str
    level: str
    icon: str


@dataclass(frozen=True, slots=True)
class ShownTable:
    """A table with a cell for each header in its rows, the first of each its head."""

    table: Table
    headers: list[Cell]
    rows: list[list[Cell]]


def shown_tile(tile: Tile) -> ShownTile:
    """With its unit."""
    text = tile.value if isinstance(tile.value, str) else amount(tile.value, tile.unit)
    level = tile.level.value if tile.level else ""
    return ShownTile(tile, text, level, ICONS[tile.level] if tile.level else "")


def shown_table(table: Table) -> ShownTable:
    """With the addresses of what its rows are about."""
    headers = [Cell(column.title, is_number=column.unit is not None) for column in table.columns]
    return ShownTable(table, headers, [_cells(row, table.columns) for row in table.rows])


def _cells(row: Row, columns: Sequence[Column]) -> list[Cell]:
    cells = [_cell(value, column) for value, column in zip(row.cells, columns, strict=True)]
    if row.target is not None:
        page, key = row.target
        cells[0] = Cell(cells[0].text, href=reverse(PAGES[page], args=[key]))
    return cells


def _cell(value: Any, column: Column) -> Cell:
    if isinstance(value, Quantity):
        return Cell(amount(value.value, value.unit), is_number=True)
    if column.unit is not None:
        return Cell(amount(value, column.unit), is_number=True)
    if isinstance(value, datetime):
        return Cell(f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}")
    if isinstance(value, date):
        return Cell(value.isoformat())
    return Cell(str(value) if value not in (None, "") else UNKNOWN)
