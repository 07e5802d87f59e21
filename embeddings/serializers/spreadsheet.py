"""Values on their way into a spreadsheet."""

from typing import Any

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a text that begins so for a formula, which may do anything."""


def cell(value: Any) -> Any:
    """The value as a cell of CSV: a text that would be a formula stands behind an apostrophe, which
    spreadsheets take for the mark of a text.
    """
    if isinstance(value, float):
        return f"{value:.10f}".rstrip("0").rstrip(".")  # no spreadsheet's exponents
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
