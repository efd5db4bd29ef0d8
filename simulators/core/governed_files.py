"""The four files of governed runs, written block by block.

Data flow: a block of series -> `governed_runs` -> columns as texts, from tables, since most values are one of few ->
lines, in the order of run, case, antibody and step. A block has about 250,000 rows of the trace, or one series when
that is longer; memory holds one block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product, repeat
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

from simulators.core import governed_runs as rules
from simulators.core import governed_texts as texts
from simulators.core.governed_runs import Ints, Proposals, Scores, Size, States
from simulators.core.sample_run import (
    EVENT_HEADER,
    EVENTS,
    FALLBACK,
    RESERVATION,
    TOGGLE_WINDOW,
    TRACE,
    WINDOW,
)
from simulators.whole_files import WholeFiles

ROWS_PER_BLOCK = 250_000
KEY = "run_id,case_id,antibody_id,step"
HEADERS = {
    TRACE: f"{KEY},proposed_action,executed_action,proposed_SoMS,SoMS,is_blocked,refusal_state,"
    "SoMS_cumsum_window,action_toggle_rate,blocked_rate_window,veto_streak",
    FALLBACK: f"{KEY},SoMS_cumsum_window,veto_streak,fallback_residual,"
    "fallback_stage,fallback_reason_code,fallback_score",
    RESERVATION: f"{KEY},fallback_stage,risk_score_fallback,risk_score_blocked,risk_score_residual,"
    "reservation_status,reservation_reason_code,risk_score_total",
    EVENTS: EVENT_HEADER,
}
Progress = Callable[[float], None]  # takes the share that is done
Column = npt.NDArray[np.int64]  # indices in a table of texts, in the order of the rows


@dataclass(frozen=True)
class Block:
    """Series that are simulated at once: (run, antibody) from `first` on, in some cases."""

    first: int
    count: int
    cases: range


def blocks(size: Size, rows_per_block: int = ROWS_PER_BLOCK) -> Iterator[Block]:
    """Cut runs into blocks whose rows follow each other: whole runs, or antibodies of one case of one run."""
    runs = rows_per_block // (size.cases * size.antibodies * size.steps)
    if runs:
        for run in range(0, size.runs, runs):
            count = min(runs, size.runs - run)
            yield Block(run * size.antibodies, count * size.antibodies, range(size.cases))
        return
    step = max(rows_per_block // size.steps, 1)
    for run, case, antibody in product(range(size.runs), range(size.cases), range(0, size.antibodies, step)):
        count = min(step, size.antibodies - antibody)
        yield Block(run * size.antibodies + antibody, count, range(case, case + 1))


def write_governed_runs(
    size: Size, seed: int, folder: Path, progress: Progress | None = None, rows_per_block: int = ROWS_PER_BLOCK
) -> list[Path]:
    """Simulate runs, write their files and return the paths. Interrupted, it leaves none of them.

    `progress` is called with the share that is done, 0 to 1; `rows_per_block` bounds the memory that it takes. Raises
    OSError when a file cannot be written.
    """
    written = 0
    with WholeFiles(folder) as files:
        streams = {name: files.open(name) for name in HEADERS}
        for name, header in HEADERS.items():
            streams[name].write(header + "\n")
        for block in blocks(size, rows_per_block):
            files.stop_if_asked()
            _write_block(streams, block, seed, size)
            written += block.count * len(block.cases) * size.steps
            if progress:
                progress(written / size.rows)
    return files.files


def _write_block(streams: dict[str, IO[str]], block: Block, seed: int, size: Size) -> None:
    proposals = rules.draw_proposals(seed, block.first, block.count, size)
    states = [rules.judge_case(case, proposals) for case in block.cases]
    scores = [rules.score(state, proposals) for state in states]
    shutdowns = [rules.shutdown_steps(case, score) for case, score in zip(block.cases, scores, strict=True)]
    antibodies = min(size.antibodies, block.count)  # of one run in this block
    keys = _keys(seed, block, antibodies, size)
    ordered = partial(_ordered, runs=block.count // antibodies, antibodies=antibodies)
    for name, texts_of_columns in _texts(proposals, states, scores, ordered).items():
        columns = (column.tolist() for column in texts_of_columns)
        streams[name].write("\n".join(map(",".join, zip(keys, *columns, strict=True))) + "\n")
    stage, status = ordered([score.stage for score in scores]), ordered([score.status for score in scores])
    fallback, risk = ordered([score.fallback for score in scores]), ordered([score.risk for score in scores])
    steps = np.stack(shutdowns).reshape(len(block.cases), -1, antibodies).transpose(1, 0, 2).ravel()
    for series in np.flatnonzero(steps >= 0).tolist():
        row = series * size.steps + int(steps[series])
        streams[EVENTS].write(_event(keys[row], stage[row], fallback[row], status[row], risk[row]))


def _ordered(columns: Sequence[Ints], runs: int, antibodies: int) -> Column:
    """Lay (step, series) of each case out as rows by run, case, antibody, step."""
    cube = np.stack([column.astype(np.int64) for column in columns])
    return cube.reshape(len(columns), -1, runs, antibodies).transpose(2, 0, 3, 1).ravel()


def _texts(
    proposals: Proposals,
    states: Sequence[States],
    scores: Sequence[Scores],
    ordered: Callable[[Sequence[Ints]], Column],
) -> dict[str, list[npt.NDArray[np.object_]]]:
    """Return the columns of each file behind the key, as texts in the order of its rows."""
    cases = len(states)
    action, proposed = ordered([proposals.action] * cases), ordered([proposals.soms] * cases)
    residuals = [ordered([column] * cases) for column in (proposals.fallback_residual, proposals.risk_residual)]
    blocked = ordered([state.is_blocked.astype(np.int32) for state in states])
    refusal, window = (ordered([getattr(s, name) for s in states]) for name in ("refusal_state", "soms_window"))
    toggles, blocks_in_window = (ordered([getattr(s, name) for s in states]) for name in ("toggles", "blocked"))
    streak = ordered([state.veto_streak for state in states])
    stage, status = ordered([score.stage for score in scores]), ordered([score.status for score in scores])
    fallback, half, risk = (
        ordered([getattr(score, name) for score in scores]) for name in ("fallback", "half_fallback", "risk")
    )
    streaks = np.array([str(number) for number in range(int(streak.max()) + 1)], dtype=object)
    return {
        TRACE: [
            texts.step_texts()[((proposed * 2 + action) * 2 + blocked) * len(rules.REFUSAL_STATES) + refusal],
            texts.window_texts()[(window * (TOGGLE_WINDOW + 1) + toggles) * (WINDOW + 1) + blocks_in_window],
            streaks[streak],
        ],
        FALLBACK: [
            texts.tenths()[window],
            streaks[streak],
            texts.residuals()[residuals[0] - texts.LOWEST_RESIDUAL],
            texts.judged(rules.STAGES)[stage],
            texts.millionths()[fallback],
        ],
        RESERVATION: [
            np.array(rules.STAGES, dtype=object)[stage],
            texts.millionths()[half],
            texts.millionths()[blocks_in_window * rules.risk_of_a_block()],
            texts.residuals()[residuals[1] - texts.LOWEST_RESIDUAL],
            texts.judged(rules.STATUSES)[status],
            texts.millionths()[risk],
        ],
    }


def _keys(seed: int, block: Block, antibodies: int, size: Size) -> list[str]:
    """Return each row's key as text."""
    first_run, first_antibody = divmod(block.first, size.antibodies)
    runs = range(first_run, first_run + block.count // antibodies)
    names = [f"antibody_{rules.letters(first_antibody + number)}" for number in range(antibodies)]
    steps = [f",{step}" for step in range(size.steps)]
    return [
        series + step
        for run, case, name in product(runs, block.cases, names)
        for series, step in zip(repeat(f"{run_id(seed, run)},{rules.case_name(case)},{name}"), steps, strict=False)
    ]


def run_id(seed: int, run: int) -> str:
    """Return the id of a simulated run; runs of other seeds have others."""
    return f"core_sim_{seed}_{run:07d}"


def _event(key: str, stage: int, fallback: int, status: int, risk: int) -> str:
    """Return the row of a shutdown."""
    trigger = f"CORE8_{rules.STAGES[stage]}"
    parts = key, trigger, texts.judged(rules.STAGES)[stage], texts.millionths()[fallback]
    return ",".join((*parts, texts.judged(rules.STATUSES)[status], texts.millionths()[risk])) + "\n"
