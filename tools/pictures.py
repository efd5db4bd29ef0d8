"""The pictures of docs/explanation.md, drawn from the rules themselves: `python -m tools.pictures docs`.

The keys of `virtual_end.svg` are what `afterstate.phase_key` answers at each tick. A test draws both again and
compares.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt

from afterstate.phase_key import BOUNDARIES, Boundary, Segment, phase_key

mpl.use("svg")
STYLE = {"svg.hashsalt": "afterstate", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
COLORS = {"READ": "#2f6f9f", "PROGRAM": "#b8672a", "DEFAULT": "#8a8a8a"}
TICKS = range(110)
NARROW_TICKS = 5  # has no room for a label
# (base, state, from, until), in ticks
SPANS = (
    ("READ", "ISSUE", 12, 24),
    ("READ", "CORE_BUSY", 24, 50),
    ("PROGRAM", "ISSUE", 66, 78),
    ("PROGRAM", "BUSY", 78, 96),
)

# What lands and when, by week: (input, week, value); a build follows each week.
ARRIVALS = (("event", 1, "step 21"), ("trace", 2, "7.2"), ("fallback", 3, "PARTIAL_SEAL"), ("trace", 5, "7.4"))
INPUTS = ("event", "trace", "fallback", "reservation")
WEEKS = 7
TAKEN, CHANGED = "#2f6f9f", "#b3261e"


def keys(boundary: Boundary) -> Iterator[tuple[str, int, int]]:
    """Yield the phase keys of the example, each with the ticks from and until which it holds."""
    segments = [Segment(base, state, begin, end, begin, end) for base, state, begin, end in SPANS]

    def key_at(tick: int) -> str:
        current, previous = ([None, None, *(s for s in segments if s.start_tick <= tick)])[:-3:-1]
        return phase_key(current, previous, tick, boundary=boundary)

    for key, ticks in groupby(TICKS, key_at):
        held = list(ticks)
        yield key, held[0], held[-1] + 1


def draw_virtual_end() -> Any:
    """Return a figure of one plane's segments, and of the key under each boundary."""
    figure, axis = plt.subplots(figsize=(9, 2.6), layout="constrained")
    rows = {"segments": [(f"{base}.{state}", begin, end) for base, state, begin, end in SPANS]}
    rows |= {boundary: list(keys(boundary)) for boundary in BOUNDARIES}
    for row, (name, spans) in enumerate(rows.items()):
        for key, begin, end in spans:
            is_end = key.endswith(".END")
            axis.barh(
                -row,
                end - begin,
                0.62,
                begin,
                color=COLORS[key.split(".")[0]] if not is_end else "white",
                edgecolor=COLORS[key.split(".")[0]] if is_end else "white",
                hatch="////" if is_end else None,
                linewidth=1,
            )
            if end - begin < NARROW_TICKS:
                continue
            box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5} if is_end else None
            label = key.replace(".", "\n", 1) if end - begin < 14 else key
            size = 7 if end - begin < 20 else 8
            color = "black" if is_end else "white"
            axis.text((begin + end) / 2, -row, label, ha="center", va="center", color=color, size=size, bbox=box)
        axis.text(-1.5, -row, name, ha="right", va="center")
    axis.set(yticks=[], xlabel="ticks of 0.01 µs", xlim=(0, TICKS[-1] + 1))
    axis.spines["left"].set_visible(False)
    return figure


def draw_snapshot() -> Any:
    """Return a figure of one snapshot over the weeks: what has landed, what it has taken, and what has drifted."""
    figure, axis = plt.subplots(figsize=(9, 2.6), layout="constrained")
    taken: set[str] = set()
    for name, week, value in ARRIVALS:
        row = -INPUTS.index(name)
        if name in taken:
            axis.plot(week, row + 0.4, "o", color=CHANGED, markerfacecolor="white")
            axis.text(week + 0.08, row + 0.4, f"{value} lands: drift, the snapshot stays", va="center", color=CHANGED)
            continue
        taken.add(name)
        axis.plot(week, row, "o", color=TAKEN)
        axis.barh(row, WEEKS - week - 0.35, 0.3, week + 0.35, color=TAKEN)
        axis.text(week + 0.45, row, f"{value}, frozen", va="center", color="white", size=8)
    for name in INPUTS:
        axis.text(0.55, -INPUTS.index(name), name, ha="right", va="center")
        if name not in taken:
            axis.text(0.75, -INPUTS.index(name), "never lands: NULL, counted as missing", va="center", color="#5a5a5a")
    axis.set(yticks=[], xticks=range(1, WEEKS), xlim=(0.65, WEEKS), ylim=(-3.5, 0.4), xlabel="week; a build after each")
    axis.spines["left"].set_visible(False)
    return figure


DRAWINGS = {"virtual_end.svg": draw_virtual_end, "snapshot.svg": draw_snapshot}


def write(folder: Path) -> None:
    """Draw the pictures into a folder, the same bytes each time."""
    with mpl.rc_context(STYLE):
        for name, draw in DRAWINGS.items():
            figure = draw()
            figure.savefig(folder / name, metadata={"Date": None, "Creator": None}, facecolor="white")
            plt.close(figure)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
