"""Files that Afterstate knows and does not need: what was made from files that it lands (docs/landing.md).

A header tells where one is known; else the producer's name does. They are looked for only when no kind fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch

from loaders.core import EXPORTED


@dataclass(frozen=True)
class NotNeeded:
    """A file by its producer's name, a pattern, or by any of its `own` columns beside all of `columns`."""

    produced_as: str
    reason: str
    columns: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()

    def fits(self, name: str, header: Sequence[str]) -> bool:
        """Return whether a file of this name, with these columns, is one."""
        names = set(header)
        by_header = self.columns <= names and bool(self.own & names)
        return by_header or fnmatch(name, self.produced_as)


NOT_NEEDED = (
    NotNeeded(
        "core10_02_shutdown_snapshot*.csv",
        "an exported snapshot, which the warehouse makes from events and traces",
        columns=frozenset({"run_id", "case_id", "antibody_id", "shutdown_step"}),
        own=EXPORTED,
    ),
    NotNeeded(
        "phase_proposal_counts_*.csv",
        "counts of proposals, which the warehouse makes from proposal rows and timelines",
        columns=frozenset({"phase_key_used", "die", "plane", "propose_time", "op_name", "count"}),
        own=frozenset({"phase_key_virtual"}),
    ),
    NotNeeded("operation_sequence_*.csv", "the simulator's sequence of operations; its timelines say the same"),
    NotNeeded("address_touch_count_*.csv", "the simulator's counts of touched addresses"),
)


def not_needed(name: str, header: Sequence[str]) -> str | None:
    """Return what a file is that Afterstate knows and does not need; None for any other."""
    return next((item.reason for item in NOT_NEEDED if item.fits(name, header)), None)
