"""The real simulator's output of two runs lands as it is: what stands in the tables is what stands in its files.

The files are read here by Python's own csv and by a plain search through the log, never by the product's code.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench import Bench, Server
from tests.loaders.helpers import another_warehouse

SESSION = "nandseqgen_example"
RUNS = ("261122_0000001", "261122_0000002")
# kind: (the file's name before its run, the columns that hold whole numbers, the columns that hold times or lengths)
TABLES = {
    "nand_op_state_timeline": ("op_state_timeline", {"die", "plane"}, {"start", "end", "duration"}),
    "nand_operation_timeline": ("operation_timeline", {"die", "plane", "block", "page"}, {"start", "end"}),
    "nand_proposal_rows": (
        "proposal_rows",
        {"die", "plane", "block", "page", "phase_hook_die", "phase_hook_plane"},
        {"start_us", "end_us", "phase_key_time"},
    ),
}
ROWS = {  # run: rows by kind
    RUNS[0]: {
        "nand_op_state_timeline": 504,
        "nand_operation_timeline": 51,
        "nand_proposal_rows": 51,
        "nand_proposer_log": 553,
    },
    RUNS[1]: {
        "nand_op_state_timeline": 508,
        "nand_operation_timeline": 51,
        "nand_proposal_rows": 51,
        "nand_proposer_log": 556,
    },
}
ANSWERS = ("phase_proposal_counts", "expected_phase_keys")
LOG_COLUMNS = ("line_kind", "now_us", "die", "plane", "rm_state", "hook_label", "phase_key")
LOG_COLUMNS += ("op_name", "op_base", "start_us", "len_batch")


@pytest.fixture(scope="module")
def example(server: Server, nand_example: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Return a warehouse in which the example has landed as a user lands it; its folder is the example's own."""
    bench = another_warehouse(server, tmp_path_factory.mktemp("example"))
    bench.folder = nand_example
    result = bench.run("land", nand_example, "--strict")
    assert result.exit_code == 0, result.output
    return bench


def landed(bench: Bench, kind: str, run: str, columns: list[str]) -> list[tuple[Any, ...]]:
    names = ", ".join(f"`{name}`" for name in columns)
    return bench.query(
        f"select {names} from {{landing}}.{kind} join {{landing}}.landing_loads as loads on load_id = _load_id "
        "where session_id = %s and loads.run_id = %s order by _row_no",
        SESSION,
        run,
    )


def in_file(folder: Path, kind: str, run: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Read a file's header and rows with Python's csv; the empty field is None."""
    name, whole, times = TABLES[kind]
    with (folder / f"{name}_{run}.csv").open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    read = {column: int if column in whole else float if column in times else str for column in header}
    return header, [
        tuple(read[column](text) if text else None for column, text in zip(header, row, strict=True)) for row in rows
    ]


def in_log(folder: Path, run: str) -> Iterator[tuple[Any, ...]]:
    """Find the choices and the selections in a log, word by word: each is `name=value`, with arrows between."""
    for line in (folder / f"proposer_debug_{run}.log").read_text(encoding="utf-8").splitlines():
        if re.match(r"\[proposer\] (phase_key:|selected) ", line):
            words = dict(word.split("=", 1) for word in line.split() if "=" in word)
            is_key = "now" in words
            yield (
                *("phase_key" if is_key else "selected", float(words["now"]) if is_key else None),
                *(int(words[name]) if is_key else None for name in ("die", "plane")),
                *(words.get(name) for name in ("rm_state", "hook_label", "key", "op", "base")),
                *((None, None) if is_key else (float(words["start_us"]), int(words["len_batch"]))),
            )


def test_what_became_of_each_file(example: Bench) -> None:
    """Prevents a file of the example from failing, from losing a row, or from landing as something else."""
    results = example.land(example.folder)
    found = {Path(result["file"]).name: result for result in results}
    assert len(found) == 12
    for run, kinds in ROWS.items():
        for kind, rows in kinds.items():
            name = f"{TABLES[kind][0]}_{run}.csv" if kind in TABLES else f"proposer_debug_{run}.log"
            result = found[name]
            assert (name, result["kind"], result["status"]) == (name, kind, "unchanged")
            assert (result["rows_read"], result["rows_landed"], result["rows_rejected"]) == (rows, rows, 0)
        for name in ANSWERS:  # they are counted from the others, and are not source
            result = found[f"{name}_{run}.csv"]
            assert (result["kind"], result["status"], result["load_id"]) == (None, "ignored", None)


def test_sessions_and_runs(example: Bench) -> None:
    """Prevents the two runs from being two timelines, or from taking each other's place."""
    assert example.query("select session_id, folder from {landing}.landing_sessions") == [
        (SESSION, str(example.folder.resolve()))
    ]
    found = example.query(
        "select session_id, run_id, kind, status, rows_landed from {landing}.landing_loads order by run_id, kind"
    )
    assert found == [
        (SESSION, run, kind, "landed", rows) for run, kinds in ROWS.items() for kind, rows in sorted(kinds.items())
    ]
    assert example.query("select count(*) from {landing}.landing_rejects") == [(0,)]


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("kind", TABLES)
def test_every_value(example: Bench, kind: str, run: str) -> None:
    """Prevents any digit from changing on its way, `7000.110000000001` among them, and any empty field from filling."""
    header, rows = in_file(example.folder, kind, run)
    assert landed(example, kind, run, header) == rows  # floats compare exactly
    assert len(rows) == ROWS[run][kind]
    assert landed(example, kind, run, ["_row_no", "_line_no", "_other_columns"]) == [
        (number, number + 1, None) for number in range(1, len(rows) + 1)
    ]


@pytest.mark.parametrize("run", RUNS)
def test_every_line_of_the_log(example: Bench, run: str) -> None:
    """Prevents the proposer's own word from landing otherwise than it was written: marts are held against it."""
    rows = list(in_log(example.folder, run))
    assert landed(example, "nand_proposer_log", run, list(LOG_COLUMNS)) == rows
    assert len(rows) == ROWS[run]["nand_proposer_log"]
    text = (example.folder / f"proposer_debug_{run}.log").read_text(encoding="utf-8").splitlines()
    for line_no, line_kind in landed(example, "nand_proposer_log", run, ["_line_no", "line_kind"]):
        assert text[line_no - 1].startswith(f"[proposer] {line_kind}")


def test_noise_is_kept(example: Bench) -> None:
    """Prevents the example from being tidied up: its noise is what ticks are for."""
    [(ends,)] = example.query(
        "select count(*) from {landing}.nand_proposal_rows where end_us = 7000.110000000001e0 and end_us <> 7000.11e0"
    )
    assert ends == 1
