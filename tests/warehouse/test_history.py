"""What did we know when: the views of all statements, with the time for which each was the latest."""

from __future__ import annotations

from datetime import datetime, timedelta

from afterstate.warehouse.connect import open_cursor
from tests.bench import Bench
from tests.loaders.helpers import trace
from tests.reads import rows_read
from tests.seed import dice_of

VIEW = "{audit}.core_state_trace_history"
STEPS = range(8)


def test_a_statement_holds_until_the_first_later_one_is_there(warehouse: Bench) -> None:
    """Prevents a wrong end of a statement: within a file, after a withdrawal, where loads finish out of turn."""
    dice = dice_of("history")
    stated: dict[int, list[int]] = {}
    for number in range(6):
        steps = [step for step in STEPS for _ in range(dice.choice((0, 1, 1, 2)))] or [0]
        dice.shuffle(steps)
        rows = [(step, number * 100 + row) for row, step in enumerate(steps)]
        stated[warehouse.land(warehouse.write(f"{number}.csv", trace(rows)))[0]["load_id"]] = steps
    withdrawn = dice.choice(list(stated)[1:])
    assert warehouse.run("withdraw", str(withdrawn), "--yes").exit_code == 0
    # some at the same moment, most in another order than they began
    finished = {load: datetime(2026, 11, 29) + timedelta(seconds=dice.randrange(4)) for load in stated}
    finished[withdrawn] = datetime(2026, 11, 28)  # before all others, so that it would show
    for load, moment in finished.items():
        warehouse.query("update {landing}.landing_loads set finished_at = %s where load_id = %s", moment, load)
    warehouse.run_models("--select", "core_state_trace_history")

    there = {load: steps for load, steps in stated.items() if load != withdrawn}
    expected = set()
    for load, steps in there.items():
        for step in set(steps):
            later = [finished[other] for other in there if other > load and step in there[other]]
            row_no = max(row for row, of_row in enumerate(steps, 1) if of_row == step)
            expected.add((step, load, row_no, finished[load], min(later, default=None)))
    found = warehouse.query(f"select step, load_id, row_no, valid_from, valid_to from {VIEW}", role="bi")
    assert (len(found), set(found)) == (len(expected), expected)


def test_a_look_at_a_few_rows_reads_a_few_rows(warehouse: Bench) -> None:
    """Prevents a BI tool's sample of a history, or one key's statements, from waiting for all that ever landed."""
    assert warehouse.land(warehouse.write("t.csv", trace([(step,) for step in range(3000)])))[0]["rows_landed"] == 3000
    warehouse.run_models("--select", "core_state_trace_history")
    one_key = "run_id = 'run' and case_id = 'B_GOVERNED' and antibody_id = 'antibody_C' and step = 7"
    assert read_by(warehouse, f"select * from {VIEW} limit 20") < 300
    assert read_by(warehouse, f"select * from {VIEW} where {one_key}") < 30


def read_by(bench: Bench, statement: str) -> int:
    """Return how many rows and index entries the server reads for a statement."""
    with open_cursor(bench.warehouse.bi) as cursor:
        before = rows_read(cursor)
        cursor.execute(bench.sql(statement))
        assert cursor.fetchall()
        return rows_read(cursor) - before
