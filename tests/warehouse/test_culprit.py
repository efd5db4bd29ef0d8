"""A build that fails on data names the load, the file and the line that brought it, and what sets it aside.

Landing takes no row that a model cannot hold, so the rows are put beyond its checks by hand.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from afterstate.warehouse import culprit
from tests.bench import WITHOUT_TESTS, Bench
from tests.loaders.helpers import TRACE_KIND, trace
from tests.server.helpers import AFTERSTATE

NAND = ("--select", "tag:nand")
TIMELINE = "start,end,die,plane,op_state,op_name\n"
PROPOSALS = "start_us,end_us,die,plane,op_name,op_base,op_uid\n"
EVENT = (
    "run_id,case_id,antibody_id,shutdown_step,shutdown_trigger_final\nrun,B_GOVERNED,antibody_C,21,CORE8_PARTIAL_SEAL\n"
)


def timeline(bench: Bench, run: int, count: int = 30) -> Path:
    rows = "".join(f"{start},{start + 1},0,0,READ.ISSUE,READ\n" for start in range(run * 100, run * 100 + count))
    return bench.write(f"chip/op_state_timeline_261122_{run}.csv", TIMELINE + rows)


def failed_build(bench: Bench, capsys: pytest.CaptureFixture[str], *selection: str) -> str:
    """Build, which must fail, and give what was said to standard error."""
    with pytest.raises(AssertionError):
        bench.dbt("build", *WITHOUT_TESTS, *selection)
    return capsys.readouterr().err


@pytest.fixture
def spoilt(warehouse: Bench) -> Bench:
    """Return a warehouse with runs of a timeline, of which one has a row that no mart can hold."""
    for run in range(1, 6):
        warehouse.land(timeline(warehouse, run))
    warehouse.query("alter table {landing}.nand_op_state_timeline modify column op_state varchar(500) not null")
    warehouse.query(
        "update {landing}.nand_op_state_timeline set op_state = concat(repeat('B', 400), '.X') "
        "where _load_id = 3 and _row_no = 17"
    )
    return warehouse


@pytest.mark.parametrize("before", [[], ["built"]])
def test_a_base_that_is_too_long(spoilt: Bench, capsys: pytest.CaptureFixture[str], before: list[str]) -> None:
    """Prevents a server's error number and a row number of its own, from which somebody has to find a file."""
    if before:  # and the same when the models are there and take in what is new
        spoilt.run("withdraw", "3", "--yes")
        spoilt.build_without_tests(*NAND)
        spoilt.query("update {landing}.landing_loads set status = 'landed', content_no = 0 where load_id = 3")
        capsys.readouterr()
    said = failed_build(spoilt, capsys, *NAND)
    file = spoilt.folder / "chip" / "op_state_timeline_261122_3.csv"
    assert " with load 3, nand_op_state_timeline of chip, run 261122_3\n" in said
    assert f"\n  {file}, line 18\n" in said
    assert "\n  `afterstate withdraw 3` sets it aside; then build again\n" in said
    assert spoilt.run("withdraw", "3", "--yes").exit_code == 0
    spoilt.build_without_tests(*NAND)


def test_what_cannot_be_told_is_said(
    spoilt: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents a search without an end in a large warehouse, and the wrong load named when it was cut short."""
    monkeypatch.setattr(culprit, "BUDGET_SECONDS", -1)
    said = failed_build(spoilt, capsys, *NAND)
    assert "fail: Data " in said
    assert "withdraw" not in said


def test_a_build_that_fails_on_something_else_names_nobody(
    warehouse: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prevents blaming a file for a table that somebody dropped."""
    warehouse.land(warehouse.write("good.csv", trace([(1, 1)])))
    warehouse.build_without_tests("--select", "+governed_run_summary")
    warehouse.query(f"drop table {{landing}}.{TRACE_KIND}")
    said = failed_build(warehouse, capsys, "--select", "design_trajectory")
    assert "withdraw" not in said
    assert "not built yet" not in said  # dbt makes no landing table
    assert warehouse.run("up").exit_code == 0


def test_a_run_without_seeds_says_what_to_run(warehouse: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    """Prevents a first `dbt run` that ends with a table that does not exist, and no word on what makes it."""
    with pytest.raises(AssertionError):
        warehouse.dbt("run", "--select", "+nand_operations")
    said = capsys.readouterr().err
    assert "some tables that `nand_operations` read from are not built yet\n  `dbt build` builds everything" in said
    assert "\n  `dbt build --select +nand_operations` " in said
    warehouse.build_without_tests("--select", "+nand_operations")


@pytest.mark.engines("mariadb")  # no server has a part in it
def test_a_selection_that_matches_nothing_is_wrong_usage(warehouse: Bench) -> None:
    """Prevents a misspelt name from passing for a build: for dbt it is a success, with `--quiet` a silent one."""
    line = [AFTERSTATE, "build", "--quiet", "--select", "shutdown_snapshot"]
    built = subprocess.run(line, env=warehouse.process_environment, capture_output=True, text=True, check=False)
    assert (built.returncode, built.stdout) == (2, "")
    assert built.stderr.splitlines() == [
        "nothing was built: no model, seed or test matches `--select shutdown_snapshot`",
        "  `dbt ls --resource-type model` lists the names of models",
    ]
