"""The part of dbt's own adapter suite that applies, with our macros, on both servers; see docs/conformance.md."""

from __future__ import annotations

from pathlib import Path

from tests.bench import Server
from tools.conformance.run import run

APPLIES = (
    "TestSnapshotCheckCols",
    "TestSnapshotTimestamp",
    "TestPrePostModelHooksOnSnapshots",
    "TestSingularTests",
    "TestEscapeSingleQuotes",
    "TestStringLiteral",
    "TestValidateConnection",
)


def test_the_part_of_dbts_own_suite_that_applies_passes(server: Server, tmp_path: Path) -> None:
    """Prevents macros of ours that break what dbt promises of every adapter."""
    outcomes = run(server, "ours", tmp_path, ["-k", " or ".join(f"{name} and not Ephemeral" for name in APPLIES)])
    assert {name.partition("::")[0] for name in outcomes} == set(APPLIES)
    assert {name: how for name, how in outcomes.items() if how} == {}
