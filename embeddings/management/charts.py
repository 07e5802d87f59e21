"""A benchmark's report as a chart."""

from pathlib import Path
from typing import Any

from django.core.management import CommandError

from embeddings.services.http_benchmark import MS, RATE, SERVICE

ASIDE = ("bare", "floor", "ratios")
FORMATS = (".png", ".svg")


def chart_file(value: str) -> Path:
    """Where a chart may go. Raises ValueError, which argparse turns into its own message."""
    path = Path(value)
    if path.suffix not in FORMATS or not path.absolute().parent.is_dir():
        raise ValueError
    return path


def plot_matrix(cells: dict[str, Any], path: Path, *, title: str) -> None:
    """Bars for each cell: milliseconds over HTTP and in SQL. Raises CommandError without
    matplotlib.
    """
    figure = _figure(title)
    axes = figure.subplots()
    places = range(len(cells))
    for offset, (name, label) in enumerate((("http_ms", "over HTTP"), ("sql_ms", "bare SQL"))):
        values = [cell[name]["p50"] for cell in cells.values()]
        bars = axes.bar([place + 0.4 * offset for place in places], values, 0.4, label=label)
        axes.bar_label(bars, fmt="{:.3g}", fontsize=6)
    axes.set_xticks([place + 0.2 for place in places], cells, rotation=60, ha="right")
    axes.set_ylabel("ms, p50")
    axes.set_yscale("log")
    axes.legend()
    figure.savefig(path)


def _figure(title: str) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise CommandError(
            "Charts need matplotlib: pip install -r requirements/plot.txt."
        ) from None
    figure = Figure(figsize=(9, 8), layout="constrained")
    figure.suptitle(title)
    return figure


def plot_loads(report: dict[str, Any], path: Path, *, title: str) -> None:
    """Bars for each load: texts per second above, milliseconds below, side by side for each
    contestant. Raises CommandError without matplotlib.
    """
    figure = _figure(title)
    contestants = {name: each for name, each in report.items() if name not in ASIDE}
    for axes, unit, bare in zip(
        figure.subplots(2, 1), (RATE, MS), ("bulk", "one_text"), strict=True
    ):
        width = 0.8 / len(contestants)
        for index, (name, values) in enumerate(contestants.items()):
            measured = list(values.get(unit, {}).values())
            places = [place + index * width for place in range(len(measured))]
            bars = axes.bar(places, measured, width, label=name)
            axes.bar_label(bars, fmt="{:.4g}")
        loads = list(contestants[SERVICE].get(unit, {}))
        axes.set_xticks([place + 0.4 - width / 2 for place in range(len(loads))], loads)
        axes.set_ylabel(unit)
        if unit == MS and loads:
            axes.set_yscale("log")  # what is cached and what is not are far apart
        if bare in report["bare"].get(unit, {}):
            value = report["bare"][unit][bare]
            axes.axhline(value, linestyle="--", color="grey", label=f"bare loop, {bare}")
        if loads:
            axes.legend()
    figure.savefig(path)
