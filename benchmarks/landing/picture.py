"""Draw the figures: `python -m benchmarks.landing.picture FIGURES.json OUT.svg`, by the Python of `.venv-benchmarks`.

Rows a second by size, a panel for each server and kind, a line for each contender; what was reckoned is left out.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure


def draw(figures: list[dict], titles: dict[str, str], out: Path) -> None:  # type: ignore[type-arg]
    """Draw every figure that was measured."""
    mpl.rcParams["svg.hashsalt"] = "afterstate"  # the same picture for the same figures
    sizes = sorted({figure["rows"] for figure in figures})
    panels = list(dict.fromkeys((figure["engine"], figure["kind"]) for figure in figures))
    picture = Figure(figsize=(max(4 * len(panels), 9), 4.5), layout="constrained")
    axes = picture.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for panel, (engine, kind) in zip(axes, panels, strict=True):
        for (name, title), colour in zip(titles.items(), mpl.color_sequences["tab10"], strict=False):
            own = [f for f in figures if (f["engine"], f["kind"], f["contender"]) == (engine, kind, name) and f["runs"]]
            points = sorted((f["rows"], f["rows_per_second"]) for f in own)
            if points:
                panel.plot(*zip(*points, strict=True), marker="o", color=colour, label=title)
        panel.set(title=f"{engine}, {kind}", xlabel="rows", xscale="log", yscale="log")
        panel.set_xticks(sizes, [f"{size:,}" for size in sizes], fontsize="small")
        panel.minorticks_off()
        panel.grid(which="major", alpha=0.3)
    axes[0].set_ylabel("rows a second, imports left out")
    lines = {line.get_label(): line for panel in axes for line in panel.get_lines()}
    picture.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=-(-len(lines) // 2))
    picture.savefig(out, metadata={"Date": None} if out.suffix == ".svg" else None)


if __name__ == "__main__":
    figures = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    draw(figures["figures"], figures["about"]["contenders"], Path(sys.argv[2]))
