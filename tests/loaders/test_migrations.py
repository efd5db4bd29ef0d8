"""A warehouse that an older Afterstate made: `up` brings it up to date in place, and nothing that landed is touched.

The older states are stored, with rows that their own Afterstate landed: a test of today's code cannot make them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from afterstate.warehouse.connect import detect, open_cursor
from loaders.migrations import MIGRATIONS, VERSION
from tests.bench import Bench
from tests.loaders.helpers import csv_text

VERSIONS = Path(__file__).resolve().parent.parent / "landing_versions"
STORED = {1: VERSIONS / "version_1.dump", 2: VERSIONS / "version_2.dump"}
PRUNED = VERSIONS / "version_2_pruned.dump"  # with a pruned load, a superseded one and its successor
# How many rows the tables have there, and of which session and run the loads are.
STORED_ROWS = {1: [1, 2, 2, 3, 3, 6], 2: [0, 0, 0, 0, 1, 1, 1, 2, 2, 4, 4]}
STORED_RUN = {1: ("", ""), 2: ("chip", "261122_0000001")}
KEY = "run_id,case_id,antibody_id"
RUN = "core7_04_1767776352,B_GOVERNED"
# These landed in the stored state, byte for byte.
EVENTS = f"{KEY},shutdown_step,shutdown_trigger_final\n{RUN},antibody_C,21,CORE8_PARTIAL_SEAL\n"
EARLIER_EVENTS = EVENTS.replace(",21,", ",20,")
TRACE = f"""{KEY},step,SoMS_cumsum_window,action_toggle_rate,blocked_rate_window,veto_streak,refusal_state
{RUN},antibody_C,20,6.9,0.3,0.2,0,ACCEPTING
{RUN},antibody_C,21,7.2,0.333333,0.2,1,거부됨
{RUN},antibody_C,21.5,7.3,0.3,0.2,1,
{RUN},항체 🧬,1,,nan,0.1,2,
"""
SEGMENTS = csv_text(["start", "end", "die", "plane", "op_state", "op_name"], [(0, 0.11, 0, 1, "ERASE.ISSUE", "ERASE")])
SEGMENTS_FILE = "op_state_timeline_261122_0000001.csv"
OLD_LOADS = [
    (1, "core10_shutdown_events", "superseded"),
    (2, "core8_state_trace", "landed"),
    (3, "core8_fallback_decisions", "landed"),
    (4, "core9_reservation_log", "landed"),
    (5, "core10_shutdown_events", "landed"),
    (6, "core10_shutdown_events", "landed"),
]

# The first version is older than warehouses in one database. Later steps run in both.
pytestmark = pytest.mark.layouts("four_schemas")
BOTH = pytest.mark.layouts("four_schemas", "one_database")

Table = tuple[list[str], list[tuple[Any, ...]]]
Structure = dict[str, list[tuple[Any, ...]]]


def structure(bench: Bench) -> Structure:
    """Return all that the server says of the landing tables, columns and indexes; counters and sizes left out."""
    schemas = bench.warehouse.schemas
    wanted = {
        "tables": "table_name, engine, row_format, table_collation, table_comment",
        "columns": "table_name, ordinal_position, column_name, column_default, is_nullable, column_type, "
        "collation_name, extra, column_comment",
        "statistics": "table_name, index_name, seq_in_index, column_name, non_unique, sub_part",
    }
    return {
        view: bench.query(
            f"select {names} from information_schema.{view} where table_schema = %s and table_name like %s "
            f"order by {names}",
            schemas.landing,
            schemas.prefix("landing").replace("_", "\\_") + "%",
        )
        for view, names in wanted.items()
    }


def contents(bench: Bench, names: dict[str, list[str]] | None = None) -> dict[str, Table]:
    """Return every row of the landing tables; `names` are the tables and columns to look at, else all there are."""
    if names is None:
        names = bench.landing_columns()
    found = {}
    for table, columns in names.items():
        quoted = [f"`{name}`" for name in columns]
        order = ", ".join(quoted[:2])
        found[table] = columns, bench.query(f"select {', '.join(quoted)} from {{landing}}.{table} order by {order}")
    return found


def columns_of(found: dict[str, Table]) -> dict[str, list[str]]:
    return {table: columns for table, (columns, _) in found.items()}


def put_back(bench: Bench, version: int, stored: Path | None = None) -> dict[str, Table]:
    """Make the landing schema what it was at a version, rows and all, and return them; `stored` is another state."""
    with open_cursor(bench.warehouse.landing) as cursor:
        for table in bench.landing_columns():
            cursor.execute(f"drop table {bench.warehouse.table('landing', table)}")
        text = (stored or STORED[version]).read_text(encoding="utf-8")
        collation = detect(bench.warehouse.landing).exact_collation
        lines = [line for line in text.splitlines() if not line.startswith("--")]
        text = "\n".join(lines).replace("{collation}", collation)
        text = re.sub(r"\{schema\}\.(\w+)", lambda match: bench.warehouse.table("landing", match[1]), text)
        for statement in text.rstrip(";\n").split(";\n"):
            cursor.execute(statement)
    return contents(bench)


@pytest.fixture(scope="module")
def new_structure(common_bench: Bench) -> Structure:
    """Return what a new warehouse looks like, before any test puts an older one in its place."""
    assert version(common_bench) == [(VERSION,)]
    return structure(common_bench)


@pytest.fixture
def common(common_bench: Bench, new_structure: Structure, tmp_path: Path) -> Bench:
    """Return a warehouse whose landing schema every test here makes again."""
    return replace(common_bench, folder=tmp_path)


def version(bench: Bench) -> list[tuple[Any, ...]]:
    return bench.query("select version from {landing}.landing_schema")


def up(bench: Bench) -> str:
    result = bench.run("up")
    assert result.exit_code == 0, result.output
    return result.output


@BOTH
@pytest.mark.parametrize("stored", STORED)
def test_up_brings_an_older_warehouse_up_to_date(common: Bench, new_structure: Structure, stored: int) -> None:
    """Prevents an upgrade from losing or changing a landed row, or from leaving tables that no new warehouse has."""
    before = put_back(common, stored)
    before.pop("landing_schema", None)  # tells the version
    assert sorted(len(rows) for _, rows in before.values()) == STORED_ROWS[stored]
    loads = "select load_id, kind, status from {landing}.landing_loads order by load_id"
    old_loads = common.query(loads)
    said = up(common)
    for number in range(stored + 1, VERSION + 1):
        assert f"the landing schema was upgraded to version {number}\n" in said
    assert version(common) == [(VERSION,)]
    before.pop("landing_schema", None)
    assert contents(common, columns_of(before)) == before
    assert common.query("select distinct session_id, run_id from {landing}.landing_loads") == [STORED_RUN[stored]]
    assert common.query(loads) == old_loads

    migrated, everything = structure(common), contents(common)
    assert "brought" not in up(common)  # and again: nothing to do
    assert (structure(common), contents(common)) == (migrated, everything)
    assert migrated == new_structure


def test_what_landed_before_is_known(common: Bench) -> None:
    """Prevents files of the years before an upgrade from landing once more after it; and new ones from being refused.

    The manifest of old goes on: what is restated is superseded, whether it landed before the upgrade or after.
    """
    put_back(common, 1)
    up(common)
    files = {name: common.write(name, text) for name, text in (("e.csv", EVENTS), ("t.csv", TRACE))}
    assert [(result["status"], result["load_id"]) for result in common.land(*files.values())] == [
        ("unchanged", 5),
        ("unchanged", 2),
    ]
    [superseded] = common.land(common.write("e.csv", EARLIER_EVENTS))
    assert (superseded["status"], superseded["load_id"], superseded["rows_landed"]) == ("superseded", 1, 1)

    [restated] = common.land(common.write("t.csv", TRACE.replace("21.5", "22")))
    assert (restated["status"], restated["rows_landed"], restated["rows_rejected"]) == ("landed", 4, 0)
    segments = common.write(f"칩/{SEGMENTS_FILE}", SEGMENTS)
    [landed] = common.land(segments)
    assert (landed["status"], landed["kind"]) == ("landed", "nand_op_state_timeline")
    assert common.land(segments)[0]["status"] == "unchanged"
    columns = "load_id, kind, status, session_id, run_id"
    assert common.query(f"select {columns} from {{landing}}.landing_loads order by load_id") == [
        *[(load_id, kind, "superseded" if load_id == 2 else status, "", "") for load_id, kind, status in OLD_LOADS],
        (restated["load_id"], "core8_state_trace", "landed", "", ""),
        (landed["load_id"], "nand_op_state_timeline", "landed", "칩", "261122_0000001"),
    ]


def test_what_has_become_wider_takes_longer_texts(common: Bench) -> None:
    """Prevents an upgraded warehouse from refusing the base and the phase keys that a new one takes."""
    put_back(common, 2)
    longest = f"{'🧬' * 156}.ABC"
    segments = common.write(f"wide/{SEGMENTS_FILE}", SEGMENTS.replace("ERASE.ISSUE", longest))
    refused = common.run("land", segments)
    assert refused.exit_code == 1
    up(common)
    [landed] = common.land(segments)
    assert (landed["rows_landed"], landed["rows_rejected"]) == (1, 0)
    query = "select op_state from {landing}.nand_op_state_timeline where _load_id = %s"
    assert common.query(query, landed["load_id"]) == [(longest,)]


@BOTH
def test_what_an_older_afterstate_landed_builds(common: Bench) -> None:
    """Prevents rows that today's landing rejects, a log's `now=nan` among them, from stopping builds after `up`."""
    put_back(common, 2)
    up(common)
    common.build_without_tests()
    decisions = "select line_no, phase_key, op_name from {staging}.int_phase_keys__decisions"
    assert common.query(decisions, role="dbt") == [(4, "DEFAULT", "Read_SLC")]
    keys = "select op_base, state from {marts}.op_state_spans where segment_no = 1"
    assert common.query(keys, role="bi") == [("x" * 126, "A")]


def test_a_landing_before_up(common: Bench) -> None:
    """Prevents a newer `land` from writing into an older schema, or from failing without saying what to do."""
    before = put_back(common, 1)
    for name, text in (("e.csv", EVENTS), (SEGMENTS_FILE, SEGMENTS)):
        result = common.run("land", common.write(name, text))
        assert result.exit_code == 1
        assert "nothing of it was landed" in result.stderr
        assert "Traceback" not in result.output
    result = common.run("land", common.write("new.csv", EVENTS.replace("21", "22")))
    assert "`afterstate up` upgrades what an older Afterstate made" in result.stderr
    assert contents(common) == before


def _altered(bench: Bench) -> None:
    there = bench.landing_columns()
    for step in [step for step in MIGRATIONS if step.table in there]:
        place = bench.warehouse.table("landing", step.table)
        collation = detect(bench.warehouse.landing).exact_collation
        bench.query(step.sql.format(table=place, collation=collation))


def _altered_and_partly_made(bench: Bench) -> None:
    up(bench)
    bench.query("drop table {landing}.landing_schema")
    bench.query("drop table {landing}.nand_proposal_rows")


def _made_but_not_noted(bench: Bench) -> None:
    up(bench)
    bench.query("delete from {landing}.landing_schema")


@pytest.mark.parametrize("crash", [_altered, _altered_and_partly_made, _made_but_not_noted])
def test_up_after_a_crash(common: Bench, new_structure: Structure, crash: Callable[[Bench], None]) -> None:
    """Prevents a crash between a step and the note of it from ending in an error, or in a step that is done twice."""
    before = put_back(common, 1)
    crash(common)
    up(common)
    assert version(common) == [(VERSION,)]
    assert contents(common, columns_of(before)) == before
    assert common.land(common.write("e.csv", EVENTS))[0]["status"] == "unchanged"
    assert common.land(common.write(SEGMENTS_FILE, SEGMENTS))[0]["status"] == "landed"
    assert structure(common) == new_structure


def test_a_new_warehouse_that_crashed_while_it_was_made(common: Bench, new_structure: Structure) -> None:
    """Prevents a first `up` that was cut off from being taken for an older warehouse that cannot be repaired."""
    put_back(common, 1)
    up(common)
    for table in common.landing_columns():
        if table != "landing_loads":
            common.query(f"drop table {{landing}}.{table}")
    common.query("delete from {landing}.landing_loads")
    up(common)
    assert version(common) == [(VERSION,)]
    assert structure(common) == new_structure


def test_a_newer_schema_is_refused(common: Bench) -> None:
    """Prevents an older Afterstate from working on tables of which it does not know what they mean by now."""
    put_back(common, 1)
    up(common)
    common.query("update {landing}.landing_schema set version = %s", VERSION + 1)
    common.query("drop table {landing}.nand_proposer_log")  # as if the newer one had another place for it
    profile = (common.server.home / "profiles.yml").read_bytes()
    before = structure(common), contents(common)
    refused = common.run("up")
    assert refused.exit_code == 1
    schema = common.warehouse.schemas.landing
    assert (
        f"afterstate: the landing schema `{schema}` has version {VERSION + 1}, this Afterstate knows up to {VERSION}\n"
        "  use the Afterstate that brought it there, or a newer one\n"
    ) in refused.stderr
    assert (structure(common), contents(common)) == before
    assert (common.server.home / "profiles.yml").read_bytes() == profile


def test_what_an_older_warehouse_pruned_can_be_withdrawn(common: Bench) -> None:
    """Prevents loads of the years before an upgrade from being beyond the reach of `withdraw`."""
    put_back(common, 2, PRUNED)
    up(common)
    said = common.run("withdraw", "--session", "chip", "--yes")
    assert said.exit_code == 0, said.output
    loads = "select load_id, status from {landing}.landing_loads where load_id > 6 order by 1"
    assert common.query(loads) == [(7, "pruned"), (8, "withdrawn"), (9, "withdrawn")]
    assert common.query("select count(*) from {landing}.landing_sessions") == [(0,)]
