"""`afterstate explain`: why a snapshot or a phase key is what it is, as text or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from afterstate.cli import console
from afterstate.cli.options import JSON
from afterstate.errors import UsageError
from afterstate.explain.phase_key import explain_moment, explain_proposal
from afterstate.explain.snapshot import explain_snapshot
from afterstate.explain.texts import phase_key_text, snapshot_text
from afterstate.warehouse.profile import read_warehouse
from afterstate.warehouse.settings import Settings


@click.group()
def explain() -> None:
    """Explain a value: its rows, files and lines, and the rule.

    \b
    afterstate explain snapshot --run core7_04_1767776352 --case B_GOVERNED --antibody antibody_C --step 21
    afterstate explain phase-key --session chip_1 --run 261122_0000001 --row 2
    """  # noqa: D301 (click wants the character that `\b` spells)


@explain.command()
@click.option("--run", required=True, metavar="RUN", help="The governed run.")
@click.option("--case", required=True, metavar="CASE", help="Its case, such as B_GOVERNED.")
@click.option("--antibody", required=True, metavar="ANTIBODY", help="The antibody.")
@click.option("--step", required=True, type=int, metavar="N", help="The step of the shutdown.")
@click.option("--rule", metavar="RULE", help="The snapshot's rule; by default, the latest one.")
@JSON
def snapshot(run: str, case: str, antibody: str, step: int, rule: str | None, as_json: bool) -> None:
    """Explain a shutdown snapshot.

    Shows the file and line of each value, what later files say, and what has drifted.

    \b
    afterstate explain snapshot --run core7_04_1767776352 --case B_GOVERNED --antibody antibody_C --step 21
    afterstate explain snapshot --run core7_04_1767776352 --case B_GOVERNED --antibody antibody_C --step 21 --json
    """  # noqa: D301 (click wants the character that `\b` spells)
    answer = explain_snapshot(read_warehouse(Settings.from_environment()), (run, case, antibody, step), rule)
    _show(answer, snapshot_text(answer), as_json)


@explain.command(name="phase-key")
@click.option("--session", required=True, metavar="NAME", help="The session.")
@click.option("--run", metavar="RUN", help="With --row: the run of a proposal, YYMMDD_RUNID.")
@click.option("--row", type=int, metavar="N", help="With --run: the proposal's row in its file, from 1.")
@click.option("--die", type=int, help="With --plane and --at: a place and a time instead of a proposal.")
@click.option("--plane", type=int, help="With --die and --at: the plane.")
@click.option("--at", "time_us", type=float, metavar="US", help="The time, in µs.")
@JSON
def phase_key(
    session: str,
    run: str | None,
    row: int | None,
    die: int | None,
    plane: int | None,
    time_us: float | None,
    as_json: bool,
) -> None:
    """Explain the phase key of a proposal, or of a plane at a time.

    Shows the segments that decide, with file and line, both boundaries with the row of the rule, and what the
    proposer's own log says.

    \b
    afterstate explain phase-key --session chip_1 --run 261122_0000001 --row 2
    afterstate explain phase-key --session chip_1 --die 0 --plane 1 --at 810.5 --json
    """  # noqa: D301 (click wants the character that `\b` spells)
    warehouse = read_warehouse(Settings.from_environment())
    names_proposal, names_moment = (run, row), (die, plane, time_us)
    if run is not None and row is not None and names_moment == (None, None, None):
        answer = explain_proposal(warehouse, session, run, row)
    elif die is not None and plane is not None and time_us is not None and names_proposal == (None, None):
        answer = explain_moment(warehouse, session, die, plane, time_us)
    else:
        raise UsageError(
            "`explain phase-key` explains one proposal or one moment",
            "expected either `--run RUN --row N`, or `--die D --plane P --at US`",
        )
    _show(answer, phase_key_text(answer), as_json)


def _show(answer: dict[str, Any], lines: Iterator[str], as_json: bool) -> None:
    if as_json:
        console.print_json(answer)
        return
    for line in lines:
        click.echo(line)
    console.suggest("`afterstate report --out report.html` shows it as a chart")
