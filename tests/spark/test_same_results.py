"""Every mart holds the same on Spark and on MariaDB: built in full, in steps, and again in full."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench import ROOT, WITHOUT_TESTS, Bench, missing
from tests.lake.helpers import land
from tests.spark.helpers import JARS, MODELS, PYTHON, Spark
from tests.spark.published import differences_published
from tests.warehouse.checksums import mart_columns

# What must be as it was, and what is computed otherwise when it is built in full; AFTERSTATE_LONG_TESTS=1: every model.
LONG = bool(os.environ.get("AFTERSTATE_LONG_TESTS"))
REFRESHED = () if LONG else ("--select", "shutdown_snapshot_memory", "int_phase_keys__segments", "proposal_phase_keys")
CORE, NAND = ROOT / "samples" / "core", ROOT / "samples" / "nand" / "chip_1"
FALLBACK = CORE / "core8_06_fallback_decisions.csv"
TRACE = "core8_03_refusal_state_trace_counterfactual.csv"


@pytest.fixture
def spark(tmp_path: Path) -> Iterator[Spark]:
    """Return a session on an empty lake."""
    if not PYTHON.exists() or not list(JARS.glob("*.jar")):
        missing("there is no environment for Spark; `./script/setup --spark` makes it")
    session = Spark(tmp_path / "lake", tmp_path)
    yield session
    session.close()


def differences(bench: Bench, spark: Spark) -> dict[str, tuple[list[object], list[object]]]:
    """Return, by mart, the rows that MariaDB alone has, and those that Spark alone has."""
    found: dict[str, tuple[list[object], list[object]]] = {}
    for table, columns in mart_columns(bench).items():
        there = bench.query(f"select {columns} from {{marts}}.{table}")
        here = spark.query(f"select {columns} from afterstate.{table}")
        if sorted(map(repr, there)) != sorted(map(repr, here)):
            found[table] = ([row for row in there if row not in here], [row for row in here if row not in there])
    return found


def remembered(spark: Spark) -> list[tuple[object, ...]]:
    """Return the memory, the times at which it took its inputs included."""
    columns = ", ".join(
        f"cast({input_}_taken_at as string)" for input_ in ("event", "trace", "fallback", "reservation")
    )
    return spark.query(
        f"select id, SoMS_cumsum_window, fallback_stage, {columns} from afterstate.shutdown_snapshot_memory"
    )


@pytest.mark.engines("mariadb")
def test_the_marts_of_the_demo_are_the_same_on_spark(warehouse: Bench, spark: Spark, tmp_path: Path) -> None:
    """Prevents figures that depend on whether a warehouse is on a server or on Spark, whatever landed when."""
    corrected = tmp_path / "corrected" / TRACE
    corrected.parent.mkdir()
    corrected.write_text((CORE / TRACE).read_text().replace(",7.2,", ",7.4,"))
    first = [path for path in CORE.iterdir() if path != FALLBACK] + sorted(NAND.glob("*_0000001.*"))
    later = [FALLBACK, corrected, *sorted(NAND.glob("*_0000002.*"))]
    for files in (first, later):
        for landed in (land(spark.lake, *files), warehouse.land(*files)):
            assert {item["status"] for item in landed} == {"landed"}
        warehouse.build(*WITHOUT_TESTS)
        spark.dbt("build", *MODELS)
        assert differences(warehouse, spark) == {}
    assert spark.query("select frozen_value, current_value from afterstate.shutdown_snapshot_drift") == [("7.2", "7.4")]
    before = remembered(spark)
    assert before[0][:3] == (1, 7.2, "PARTIAL_SEAL")
    spark.dbt("build", *MODELS, "--full-refresh", *REFRESHED)
    assert differences(warehouse, spark) == {}
    assert remembered(spark) == before
    assert differences_published(warehouse, spark.lake, tmp_path) == []
