"""Values that conform to the type of a declared field, and others; Python and SQL must agree."""

from typing import Any

VALUES: dict[str, tuple[list[Any], list[Any]]] = {
    "string": (["", "x"], [1, True, ["x"], {}]),
    "number": ([0, 1.5, -(10**30)], ["1", True, [1]]),
    "boolean": ([True, False], [0, 1, "true"]),
    "datetime": (
        ["2024-02-29", "2024-01-01T10:00:00.5+01:00"],
        ["2023-02-29", "2024", "now", 1704067200, ""],
    ),
    "string[]": ([[], ["x", ""]], ["x", [1], ["x", None], [["x"]], {}]),
}
"""Those that conform and those that do not."""
CONFORMING = [(kind, value) for kind, (good, _) in VALUES.items() for value in [*good, None]]
BREAKING = [(kind, value) for kind, (_, bad) in VALUES.items() for value in bad]

INSTANTS = [
    "2024-01-01",
    "2024-01-01T23:59",
    "2024-01-01 23:59:59",
    "2024-01-01T23:59:59.123456789Z",
    "2024-01-01T23:59:59+14:59",
    "2024-01-01T23:59:59-0130",
    "2024-01-01T23:59+01",
    "0001-01-01",
    "9999-12-31T23:59:59.999999-14:00",
]
NO_INSTANTS = [
    *("", "2024", "2024-01", "2024-1-1", "20240101", "2024-02-30", "0000-01-01", "2024-13-01"),
    *("2024-01-01T24:00", "2024-01-01T10", "2024-01-01T10:60", "2024-01-01T10:00:60"),
    *("2024-01-01T10:00+15:00", "2024-01-01T10:00 Z", "2024-01-01Z", "2024-01-01T10:00\n"),
    *(
        "now",
        "infinity",
        "today",
        "epoch",
        "2024-01-01 BC",
        "2024-01-01T10:00:00.",
        "\u0662\u0660\u0662\u0664-01-01",
    ),
    *(
        "2024-01-01T10:00:00.1234567890Z",
        "2024-W01-1",
        "2024-01-01T10:00 Europe/Berlin",
        "x" * 10**6,
    ),
]
