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


def plot_loads(report: dict[str, Any], path: Path, *, title: str) -> None:
    """Bars for each load: texts per second above, milliseconds below, side by side for each
    contestant. Raises CommandError without matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise CommandError(
            "Charts need matplotlib: pip install -r requirements/plot.txt."
        ) from None
    contestants = {name: each for name, each in report.items() if name not in ASIDE}
    figure = Figure(figsize=(9, 8), layout="constrained")
    figure.suptitle(title)
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
