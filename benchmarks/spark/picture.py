"""Draw the figures: `python -m benchmarks.spark.picture FIGURES.json OUT.svg`, by the Python of `.venv-benchmarks`.

Seconds by size, both logarithmic: what each engine takes, and each way of the as-of step.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

SHOWN = ("land+models", "models", "models_new")
STYLES = {"MariaDB": "-", "Spark": "--", "even": "-", "skewed": "--"}


def draw(figures: dict[str, Any], out: Path) -> None:
    """Draw what was measured."""
    mpl.rcParams["svg.hashsalt"] = "afterstate"  # the same picture for the same figures
    builds = [(f["engine"], f["what"], f["rows"], f["seconds"]) for f in figures["figures"] if f["what"] in SHOWN]
    joins = [(join["shape"], join["way"], join["rows"], join["run"]["seconds"]) for join in figures["joins"]]
    panels = [(title, own) for title, own in (("land and build", builds), ("the as-of step alone", joins)) if own]
    picture = Figure(figsize=(max(6 * len(panels), 8), 6), layout="constrained")
    axes = picture.subplots(1, max(len(panels), 1), squeeze=False)[0]
    for panel, (title, own) in zip(axes, panels, strict=False):
        _fill(panel, own, figures["titles"])
        panel.set(title=title, xlabel="segments", ylabel="seconds", xscale="log", yscale="log")
        sizes = sorted({rows for _, _, rows, _ in own})
        panel.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize="small", rotation=30)
        panel.minorticks_off()
        panel.grid(which="major", alpha=0.3)
        panel.legend(fontsize="small")
    picture.savefig(out, metadata={"Date": None} if out.suffix == ".svg" else None)


def _fill(panel: Axes, own: list[tuple[str, str, int, float]], titles: dict[str, str]) -> None:
    names: Iterable[str] = dict.fromkeys(name for _, name, _, _ in own)
    for name, colour in zip(names, mpl.color_sequences["tab10"], strict=False):
        for group in dict.fromkeys(group for group, _, _, _ in own):
            points = sorted((rows, seconds) for g, n, rows, seconds in own if (g, n) == (group, name))
            if points:
                label = f"{group}: {titles[name]}"
                panel.plot(*zip(*points, strict=True), STYLES[group], marker="o", color=colour, label=label)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
