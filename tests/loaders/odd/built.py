"""What the build makes of odd files that landed: what each reaches in the marts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tests.bench import Bench
from tests.loaders.odd.expect import Landed
from tests.loaders.odd.marts import DESIGN, LandedFile, Rows, found_in
from tests.loaders.odd.outcome import Landing

# The mart that rows of a nand kind reach, and what a row of it is called.
NAND = {
    "nand_op_state_timeline": ("{marts}.op_state_spans", "span"),
    "nand_proposal_rows": ("{marts}.proposal_phase_keys", "phase key"),
    "nand_operation_timeline": ("{staging}.stg_nand__operations", "operation"),
    "nand_proposer_log": ("{staging}.int_phase_keys__decisions", "decision"),
}
CORE = {
    "core8_state_trace": ("step", "step"),
    "core8_fallback_decisions": ("step", "fallback decision"),
    "core9_reservation_log": ("step", "reservation"),
    "core10_shutdown_events": ("shutdown_step", "snapshot"),
}


@dataclass(frozen=True)
class Built:
    """How each node of the build ended, what the marts hold, and the files that landed, by their path."""

    statuses: Mapping[str, str]
    found: Mapping[str, Rows]
    files: Mapping[str, LandedFile]

    def reached(self) -> dict[str, str]:
        """Report for each file, by its path, how many rows of which sort it has in the marts."""
        held = self._held_by()
        said = {}
        for path, file in self.files.items():
            if file.kind in NAND:
                mart, word = NAND[file.kind]
                count = sum(row[0] in (file.session, file.load_id) for row in self.found[mart])
            else:
                count, word = held[file.load_id], CORE[file.kind][1]
            said[path] = f"{count:,} {word}{'' if count == 1 else 's'}"
        return said

    def _held_by(self) -> Counter[int]:
        """Count for each core load the keys that no later row states again."""
        latest: dict[tuple[object, ...], int] = {}
        for file in sorted(self.files.values(), key=lambda file: file.load_id):
            if file.kind in CORE:
                key = (*DESIGN, CORE[file.kind][0])
                latest |= {(file.kind, *(row.values[name] for name in key)): file.load_id for row in file.rows.values()}
        return Counter(latest.values())


def build_all(bench: Bench, landing: Landing) -> Built:
    """Build a warehouse in which odd files landed; fails when a node of the build does."""
    statuses = bench.build()
    return Built(statuses, found_in(bench), landed_files(bench, landing))


def landed_files(bench: Bench, landing: Landing) -> dict[str, LandedFile]:
    """Return the files that landed, by their path, with the rows that should have landed of each."""
    loads = bench.query("select load_id, session_id, run_id from {landing}.landing_loads")
    belongs = {load_id: (session, run) for load_id, session, run in loads}
    return {
        path: LandedFile(
            file.name,
            str(file.kind),
            *belongs[found.result["load_id"]],
            found.result["load_id"],
            {number: row for number, row in enumerate(file.rows, start=1) if isinstance(row, Landed)},
        )
        for path, (file, found) in landing.found.items()
        if file.has_load
    }
