"""What a notebook reads: tables and queries as DataFrames, and a phase key at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pandas as pd
import pytest

from afterstate import phase_key_at, read
from afterstate.errors import AfterstateError, UsageError
from tests.bench import ROOT, Bench, Server, empty_place

UTC = timezone.utc  # Python 3.10 has no datetime.UTC
DTYPES = {
    "id": "Int64",
    "snapshot_created_at": "datetime64[us, UTC]",
    "run_id": "string",
    "shutdown_step": "Int64",
    "SoMS_cumsum_window": "float64",
    "veto_streak": "Int64",
    "fallback_stage": "string",
    "risk_score_total": "float64",
}


@pytest.fixture(scope="module")
def built(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Return a warehouse with the core sample and the simulator's example, whose models are built."""
    bench = empty_place(server, tmp_path_factory.mktemp("read"))
    assert bench.run("up").exit_code == 0
    bench.land(ROOT / "samples" / "core", ROOT / "tests" / "data" / "nandseqgen_example")
    bench.run_models("--select", "+shutdown_state_snapshot", "+op_state_spans", "+proposal_phase_keys", "landing_loads")
    return bench


def test_a_table(built: Bench) -> None:
    """Prevents a notebook from meeting `1.0` for a streak, times without a zone, or `NONE` as nothing."""
    frame = read("shutdown_state_snapshot", warehouse=built.warehouse)
    assert {name: str(frame[name].dtype) for name in DTYPES} == DTYPES
    [row] = frame.to_dict("records")
    assert (row["SoMS_cumsum_window"], row["veto_streak"], row["reservation_status"]) == (7.2, 1, "NONE")
    assert abs(row["snapshot_created_at"] - datetime.now(UTC)) < pd.Timedelta(hours=1)
    loads = read(" landing_loads\n", warehouse=built.warehouse)  # of the audit layer
    assert sorted(loads["kind"].unique())[0] == "core10_shutdown_events"


def test_the_frame_of_a_table_is_the_table(built: Bench) -> None:
    """Prevents rows, columns or digits from being lost between the server and the frame."""
    frame = read("op_state_spans", warehouse=built.warehouse)
    rows = built.query("select * from {marts}.op_state_spans", role="bi")
    assert len(frame) == len(rows) > 100
    ours = [tuple(None if pd.isna(value) else value for value in row) for row in frame.itertuples(index=False)]
    assert sorted(ours, key=repr) == sorted(rows, key=repr)


# (SQL, dtype, value)
VALUES: dict[str, tuple[str, str, Any]] = {
    "a whole number": ("cast(9007199254740993 as signed)", "Int64", 9007199254740993),
    "the smallest": ("cast(-9223372036854775808 as signed)", "Int64", -(2**63)),
    "beyond 64 bits": ("cast(18446744073709551615 as unsigned)", "object", 2**64 - 1),
    "a sum": ("sum(cast(3 as signed))", "Int64", 3),
    "an average": ("avg(cast(3 as signed))", "float64", 3.0),
    "a double": ("7000.110000000001e0", "float64", 7000.110000000001),
    "a text": ("'한글 🧬'", "string", "한글 🧬"),
    "an empty text": ("''", "string", ""),
    "a JSON": ("json_object('a', 1)", "string", '{"a": 1}'),
    "bytes": ("cast(x'00ff' as binary)", "object", b"\0\xff"),
    "a time": (
        "cast('9999-12-31 23:59:59.999999' as datetime(6))",
        "datetime64[us, UTC]",
        datetime(9999, 12, 31, 23, 59, 59, 999999, UTC),
    ),
}


@pytest.mark.parametrize("what", VALUES)
def test_a_value_and_nothing(built: Bench, what: str) -> None:
    """Prevents a value from changing on its way, and a column's dtype from depending on what is in it."""
    expression, dtype, value = VALUES[what]
    frame = read(f"select {expression} as found", warehouse=built.warehouse)
    assert (str(frame["found"].dtype), frame["found"][0]) == (dtype, value)
    if "sum" not in expression and "avg" not in expression and dtype != "object":
        nothing = read(
            f"select {expression} as found from (select 1 as one) as x where one = 2", warehouse=built.warehouse
        )
        assert (str(nothing["found"].dtype), len(nothing)) == (dtype, 0)
        missing = read(
            f"select if(one = 2, {expression}, null) as found from (select 1 as one) as x", warehouse=built.warehouse
        )
        assert missing["found"].isna().all() and str(missing["found"].dtype) == dtype


def test_a_query(built: Bench) -> None:
    """Prevents marts from needing their schema's name, values from being pasted into SQL, or `%` from meaning more."""
    one = "select count(*) as n, 'a' as n from op_state_spans where op_base like 'E%'"
    frame = read(one, warehouse=built.warehouse)
    assert list(frame.columns) == ["n", "n"]
    assert frame.iloc[0, 0] > 0
    wanted = "select antibody_id from shutdown_state_snapshot where antibody_id = %(who)s"
    assert len(read(wanted, {"who": "antibody_C"}, warehouse=built.warehouse)) == 1
    assert len(read(wanted.replace("%(who)s", "%s"), ["antibody_c"], warehouse=built.warehouse)) == 0


@pytest.mark.parametrize(
    "write",
    [
        "drop table shutdown_state_snapshot",
        "delete from shutdown_state_snapshot",
        "create table mine (a int)",
        "update shutdown_state_snapshot set veto_streak = 9",
    ],
)
def test_writing_is_refused(built: Bench, write: str) -> None:
    """Prevents a slip in a notebook from changing the warehouse, also where one account does all the work."""
    for account in (built.warehouse.bi, built.warehouse.dbt):
        with pytest.raises(AfterstateError, match="the server refused the query"):
            read(write, warehouse=replace(built.warehouse, bi=account))
    assert len(read("shutdown_state_snapshot", warehouse=built.warehouse)) == 1


def test_what_is_not_there(built: Bench) -> None:
    """Prevents the server's error number as the only word for a slip of the pen, or for a build that was forgotten."""
    with pytest.raises(UsageError, match=r"no table `snapshots`\n.*one of: .*shutdown_state_snapshot"):
        read("snapshots", warehouse=built.warehouse)
    with pytest.raises(UsageError, match="`op_state_overlaps` has not been built yet"):
        read("op_state_overlaps", warehouse=built.warehouse)
    with pytest.raises(AfterstateError, match="the server refused the query"):
        read("select nothing from nowhere", warehouse=built.warehouse)


def test_a_phase_key(built: Bench) -> None:
    """Prevents Python from answering otherwise than the command, or with a traceback of the driver's."""
    spans = read("select * from op_state_spans where virtual_end_key is not null limit 5", warehouse=built.warehouse)
    assert len(spans) == 5
    for span in spans.itertuples():
        place = (span.session_id, span.die, span.plane)
        at = (span.virtual_end_from_tick + 0.4) / 100
        assert phase_key_at(*place, at, warehouse=built.warehouse) == span.virtual_end_key
        shown = built.run(
            *("phase-key", "--session", place[0], "--die", place[1], "--plane", place[2], "--at", span.start_us),
            *("--boundary", "before"),
        )
        assert phase_key_at(*place, span.start_us, "before", warehouse=built.warehouse) == shown.stdout.strip()
    with pytest.raises(UsageError, match="`nan` µs is not a time"):
        phase_key_at("x", 0, 0, float("nan"), warehouse=built.warehouse)
    with pytest.raises(AfterstateError, match="there is no session `x`"):
        phase_key_at("x", 0, 0, 1, warehouse=built.warehouse)
