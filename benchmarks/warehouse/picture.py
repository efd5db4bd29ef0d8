"""Draw the figures: `python -m benchmarks.warehouse.picture FIGURES.json OUT.svg`, by the Python of `.venv-benchmarks`.

Seconds by size, both logarithmic: a panel for each server and family; what was reckoned is dashed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

LEFT_OUT = ("land", "land_new", "land+models")


def draw(figures: list[dict[str, Any]], titles: dict[str, str], out: Path) -> None:
    """Draw every figure."""
    mpl.rcParams["svg.hashsalt"] = "afterstate"  # the same picture for the same figures
    panels = list(dict.fromkeys((figure["engine"], figure["family"]) for figure in figures))
    shown = [name for name in titles if name not in LEFT_OUT and any(f["what"] == name for f in figures)]
    colours = dict(zip(shown, mpl.color_sequences["tab20"], strict=False))
    picture = Figure(figsize=(max(4 * len(panels), 9), 5), layout="constrained")
    axes = picture.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for panel, place in zip(axes, panels, strict=True):
        own = [figure for figure in figures if (figure["engine"], figure["family"]) == place]
        for name in shown:
            _line(panel, [f for f in own if f["what"] == name], titles[name], colours[name])
        sizes = sorted({figure["rows"] for figure in own})
        panel.set(title=", ".join(place), xlabel="rows", xscale="log", yscale="log")
        panel.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize="small")
        panel.minorticks_off()
        panel.grid(which="major", alpha=0.3)
    axes[0].set_ylabel("seconds")
    lines = {line.get_label(): line for panel in axes for line in panel.get_lines() if line.get_marker() == "o"}
    picture.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=-(-len(lines) // 3))
    picture.savefig(out, metadata={"Date": None} if out.suffix == ".svg" else None)


def _line(panel: Axes, own: list[dict[str, Any]], title: str, colour: Any) -> None:
    points = sorted((f["rows"], f["seconds"], f["is_reckoned"]) for f in own)
    seen = [(rows, seconds) for rows, seconds, is_reckoned in points if not is_reckoned]
    if seen:
        panel.plot(*zip(*seen, strict=True), marker="o", color=colour, label=title)
    if len(seen) < len(points):
        panel.plot(*zip(*((rows, seconds) for rows, seconds, _ in points), strict=True), "--", color=colour, zorder=1)


if __name__ == "__main__":
    figures = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    draw(figures["figures"], figures["titles"], Path(sys.argv[2]))
