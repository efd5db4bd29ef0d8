"""A server knows nothing of tables that were just filled, and must still read their rows few times."""

from __future__ import annotations

from afterstate.warehouse.connect import open_cursor
from tests.bench import Bench
from tests.reads import rows_read
from tests.warehouse.phase_key_cases import Case, Proposal, Statement, run_id, write_session

PROPOSALS = 2_000
SEGMENTS = 1_000  # of each run
READS_A_SEGMENT = 100
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
