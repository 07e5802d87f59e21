"""Numbers as the console writes them."""

from embeddings.types.chart import Unit

UNKNOWN = "-"
COMPACT_FROM = 100_000
SMALLEST = 0.001
LONG_S = 3600


def amount(value: float | None, unit: Unit) -> str:
    """With what it counts; `-` for None."""
    if value is None:
        return UNKNOWN
    match unit:
        case Unit.SHARE:
            return f"{_short(value * 100)} %"
        case Unit.SECONDS if value < 1:
            return f"{_short(value * 1000)} ms"
        case Unit.SECONDS if value >= LONG_S:
            return f"{_short(value / 3600)} h"
        case Unit.SECONDS:
            return f"{_short(value)} s"
        case Unit.RATE:
            return f"{_short(value)}/s"
        case Unit.BYTES:
            return _scaled(value, 1024, ("B", "KiB", "MiB", "GiB", "TiB"))
        case Unit.COST:
            return f"{value:,.2f}" if value == 0 or value >= 1 else f"{value:.4g}"
        case Unit.COUNT if abs(value) >= COMPACT_FROM:
            return _scaled(value, 1000, ("", "k", "M", "G", "T"))
    return _short(value)


def _scaled(value: float, step: int, names: tuple[str, ...]) -> str:
    size = 0
    while abs(value) >= step and size < len(names) - 1:
        value /= step
        size += 1
    return f"{_short(value)} {names[size]}".rstrip()


def _short(value: float) -> str:
    """Three digits that count, and no more than what the number has."""
    if abs(value) >= 100 or value == int(value):
        return f"{round(value):,}"
    if abs(value) < SMALLEST:
        return f"< {SMALLEST}"
    decimals = 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:.{decimals}f}".rstrip("0").rstrip(".")
