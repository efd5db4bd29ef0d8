"""A server knows nothing of tables that were just filled, and must still read their rows few times."""

from __future__ import annotations

from typing import Any

from afterstate.warehouse.connect import open_cursor
from tests.bench import Bench
from tests.reads import rows_read
from tests.warehouse.phase_key_cases import Case, Proposal, Statement, run_id, write_session

PROPOSALS = 2_000
SEGMENTS = 1_000  # of each run
READS_A_SEGMENT = 100
HISTORY, GROWTH = 60_000, 100  # segments of a first run and of the next one, on each of two planes
READS_OF_GROWTH = 80_000  # dbt's own look-ups included
READS_A_PROPOSAL = 300  # by all models together; a join by part of a key reads thousands


def test_a_log_is_compared_by_whole_keys(warehouse: Bench) -> None:
    """Prevents a build that takes minutes: each choice in a log is compared with all proposals of its run.

    A table that is built in full again is another to a server than one just made: it was quadratic from the second on.
    """
    sessions = ("s", "t")  # at the same times
    ticks = range(10, 10 * (PROPOSALS // len(sessions) + 1), 10)
    chosen = "[proposer] phase_key: now={0} die=0 plane=0 rm_state=None hook_label=DEFAULT -> key=USED.KEY\n"
    selected = "[proposer] selected op=op base=OP start_us={0} len_batch=1\n"
    log = "".join((chosen + selected).format(f"{tick / 100:.3f}") for tick in ticks)
    for session in sessions:
        write_session(warehouse.folder / session, [Case([], [Proposal(tick, 1, True) for tick in ticks])], runs=1)
        warehouse.write(f"{session}/proposer_debug_{run_id(1)}.log", log)
        warehouse.land(warehouse.folder / session, "--session", session)
    for again in ((), ("--full-refresh",), ("--full-refresh",)):
        with open_cursor(warehouse.warehouse.dbt) as cursor:
            before = rows_read(cursor, "global")
            warehouse.run_models("--select", "+proposer_log_mismatches", *again)
            read = rows_read(cursor, "global") - before
        print(f"rows read for each proposal: {read / PROPOSALS:.0f}")
        assert read < READS_A_PROPOSAL * PROPOSALS
    assert warehouse.query("select count(*) from {marts}.proposal_phase_keys", role="bi") == [(PROPOSALS,)]
    assert warehouse.query("select count(*) from {marts}.proposer_log_mismatches", role="bi") == [(0,)]


def test_a_plane_that_goes_on_is_not_read_for_each_segment(warehouse: Bench) -> None:
    """Prevents a build that takes minutes for a session's next run: each new segment is joined to all earlier ones."""
    statements = [Statement(at * 10, at * 10 + 7, "READ", "ISSUE", 1 + at // SEGMENTS) for at in range(2 * SEGMENTS)]
    runs = write_session(warehouse.folder / "s", [Case(statements, [])], runs=2)
    selection = ("--select", "+op_state_spans")
    warehouse.land(runs[1][0])
    warehouse.run_models(*selection)
    warehouse.land(runs[2][0])
    with open_cursor(warehouse.warehouse.dbt) as cursor:
        before = rows_read(cursor, "global")
        warehouse.run_models(*selection)
        read = rows_read(cursor, "global") - before
    print(f"rows read for each new segment: {read / SEGMENTS:.0f}")
    assert read < READS_A_SEGMENT * SEGMENTS
    segments = warehouse.query("select segment_no, start_tick from {marts}.op_state_spans order by 1", role="bi")
    assert segments == [(number + 1, number * 10) for number in range(2 * SEGMENTS)]


def test_a_long_timeline_is_not_read_for_the_next_run(warehouse: Bench) -> None:
    """Prevents a build that takes longer each day: what is new is little, and what came before is read again."""
    cases = []
    for _ in range(2):
        runs = [1] * HISTORY + [2] * GROWTH
        statements = [Statement(at * 10, at * 10 + 7, "READ", "ISSUE", run) for at, run in enumerate(runs)]
        cases.append(Case(statements, [Proposal(at * 10 + 5, run, True) for at, run in enumerate(runs) if at % 4 == 0]))
    files = write_session(warehouse.folder / "s", cases, runs=2)
    marts = ("proposal_phase_keys", "op_state_spans", "plane_utilisation", "plane_phase_times")
    selection = ("--select", *(f"+{mart}" for mart in marts))
    warehouse.land(*files[1])
    warehouse.build_without_tests(*selection)
    warehouse.land(*files[2])
    with open_cursor(warehouse.warehouse.dbt) as cursor:
        before = rows_read(cursor, "global")
        warehouse.build_without_tests(*selection)
        read = rows_read(cursor, "global") - before
    print(f"rows read for {2 * GROWTH} new segments after {2 * HISTORY}: {read}")
    assert read < READS_OF_GROWTH
    incremental = contents(warehouse, marts)
    warehouse.build_without_tests("--full-refresh", *selection)
    assert contents(warehouse, marts) == incremental


def contents(warehouse: Bench, marts: tuple[str, ...]) -> dict[str, list[tuple[Any, ...]]]:
    """Return everything that the marts hold."""
    return {
        mart: sorted(warehouse.query(f"select * from {{marts}}.{mart}", role="bi"), key=repr)
        for mart in marts
    }  # fmt: skip
