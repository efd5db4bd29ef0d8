"""What the marts must hold of landed files, told row by row; nothing here uses the product's own code.

A mart is a list of tuples in the order of its `COLUMNS`. The rules are those of docs/snapshots.md and
docs/phase-keys.md: of a core key the latest row holds; of a (session, run) all rows of its file; a segment stated again
holds as its latest run has it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench import Bench
from tests.loaders.odd.expect import Landed, Value
from tests.loaders.odd.values import tick
from tests.warehouse.phase_key_cases import Case, Statement, expected, segments_of

Row = Mapping[str, Value]
Rows = list[tuple[Any, ...]]
DESIGN = ("run_id", "case_id", "antibody_id")
TRACE = ("SoMS_cumsum_window", "action_toggle_rate", "blocked_rate_window", "veto_streak")
FALLBACK = ("fallback_stage", "fallback_reason_code", "fallback_score")
RESERVATION = ("reservation_status", "reservation_reason_code", "risk_score_total")

DECISIONS = "{staging}.int_phase_keys__decisions"
COLUMNS = {
    "{marts}.op_state_spans": "session_id, die, plane, segment_no, op_base, state, start_tick, end_tick, start_us, "
    "end_us, previous_op_base, next_start_tick, virtual_end_key, virtual_end_from_tick, virtual_end_until_tick",
    "{marts}.proposal_phase_keys": "session_id, run_id, row_no, op_uid, op_name, op_base, key_die, key_plane, "
    "propose_tick, propose_time_us, context_source, phase_key_used, phase_key_covering, phase_key_before, op_state",
    "{marts}.phase_proposal_counts": "session_id, run_id, boundary, phase_key_used, phase_key_virtual, die, plane, "
    "op_name, propose_time, count",
    DECISIONS: "load_id, line_no, die, plane, decision_time_us, phase_key, op_name",
    "{staging}.stg_nand__operations": "load_id, row_no, op_uid, die, plane, block, page, op_name, op_base, "
    "op_source, simulator_op_state, phase_key_used, simulator_phase_key, start_us, end_us, start_tick, end_tick",
    "{marts}.shutdown_state_snapshot": ", ".join(
        (*DESIGN, "shutdown_step", "shutdown_trigger_final", *TRACE, *FALLBACK, *RESERVATION)
    ),
    "{marts}.post_shutdown_timeline": ", ".join((*DESIGN, "shutdown_step", "step", "steps_after_shutdown")),
    "{marts}.governed_run_summary": ", ".join(DESIGN)
    + ", step_count, first_step, last_step, shutdown_count, first_shutdown_step, shutdown_trigger_final, "
    + ", ".join(f"max_{name}" for name in (*TRACE, "fallback_score", "risk_score_total")),
}


@dataclass(frozen=True)
class LandedFile:
    """A file that landed: whose it is, and its landed rows by their number."""

    name: str
    kind: str
    session: str
    run: str
    load_id: int
    rows: Mapping[int, Landed]


def found_in(bench: Bench) -> dict[str, Rows]:
    """Return what the marts of a built warehouse hold."""
    return {mart: bench.query(f"select {names} from {mart}", role="bi" if "{marts}" in mart else "dbt")
            for mart, names in COLUMNS.items()}  # fmt: skip


def differences(files: Sequence[LandedFile], found: Mapping[str, Rows]) -> list[str]:
    """Report the rows that each mart lacks or should not have, with the files that they may come from."""
    problems = []
    for mart, rows in expected_of(files).items():
        should, has = Counter(rows), Counter(found[mart])
        for word, odd in (("lacks", should - has), ("must not hold", has - should)):
            for row in odd:
                origins = [file.name for file in files if row[0] in (file.session, file.load_id, *_runs(file))]
                problems.append(f"{mart} {word} {row!r:.600}, of {origins[:5]}")
    return problems


def expected_of(files: Sequence[LandedFile]) -> dict[str, Rows]:
    """Return what each mart must hold once these files have landed, in the order of their load ids, and are built."""
    by_kind: dict[str, list[LandedFile]] = defaultdict(list)
    for file in sorted(files, key=lambda file: file.load_id):
        by_kind[file.kind].append(file)
    segments = _segments(by_kind["nand_op_state_timeline"])
    phase_keys = list(_phase_keys(by_kind["nand_proposal_rows"], segments))
    snapshots, after, summaries = _core(by_kind)
    made = (
        list(_spans(segments)),
        phase_keys,
        _counts(phase_keys),
        list(_decisions(by_kind["nand_proposer_log"])),
        list(_operations(by_kind["nand_operation_timeline"])),
        snapshots,
        after,
        summaries,
    )
    return dict(zip(COLUMNS, made, strict=True))


# -- nand -------------------------------------------------------------------------------------------------------------

Plane = tuple[str, Value, Value]


def _segments(files: Iterable[LandedFile]) -> dict[Plane, list[Statement]]:
    """Return the segments that hold of each plane, in their order."""
    stated: dict[Plane, list[Statement]] = defaultdict(list)
    for file in files:
        run_no = len(file.run), file.run
        for _, row in sorted(file.rows.items()):
            values = row.values
            base, _, state = str(values["op_state"]).rpartition(".")
            statement = Statement(tick(values["start"]), tick(values["end"]), base, state, run_no)  # type: ignore[arg-type]
            stated[file.session, values["die"], values["plane"]].append(statement)
    return {plane: segments_of(Case(statements, [])) for plane, statements in stated.items()}


def _spans(segments: Mapping[Plane, list[Statement]]) -> Iterator[tuple[Any, ...]]:
    for plane, held in segments.items():
        for at, segment in enumerate(held):
            before = held[at - 1].base if at else None
            following = held[at + 1].start if at + 1 < len(held) else None
            gap: tuple[Any, ...] = (None, None, None)
            if following is None or following > segment.end:
                gap = (f"{segment.base}.END", segment.end, following)
            times = (segment.start, segment.end, segment.start / 100, segment.end / 100)
            yield (*plane, at + 1, segment.base, segment.state, *times, before, following, *gap)


def _phase_keys(files: Iterable[LandedFile], segments: Mapping[Plane, list[Statement]]) -> Iterator[tuple[Any, ...]]:
    for file in files:
        for row_no, row in file.rows.items():
            values = row.values
            die, plane, source = values["phase_hook_die"], values["phase_hook_plane"], "hook"
            if die is None or plane is None:
                die, plane, source = values["die"], values["plane"], "operation"
            time = values["start_us"] if values["phase_key_time"] is None else values["phase_key_time"]
            covering, before, op_state = expected(segments.get((file.session, die, plane), []), tick(time))
            used = "DEFAULT" if values["phase_key"] is None else values["phase_key"]
            named = (values[name] for name in ("op_uid", "op_name", "op_base"))
            yield (file.session, file.run, row_no, *named, die, plane, tick(time), time, source, used, covering, before,
                   op_state)  # fmt: skip


def _counts(phase_keys: Rows) -> Rows:
    times: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for session, run, _, _, op_name, _, die, plane, _, time, _, used, covering, before, _ in phase_keys:
        for boundary, key in (("covering", covering), ("before", before)):
            times[session, run, boundary, used, key, die, plane, op_name].append(time)
    return [(*key, min(of_key), len(of_key)) for key, of_key in times.items()]


def _decisions(files: Iterable[LandedFile]) -> Iterator[tuple[Any, ...]]:
    """Yield the choices: `phase_key` lines whose next line, by its number in the file, is a `selected` one."""
    for file in files:
        for row_no, row in file.rows.items():
            values, following = row.values, file.rows.get(row_no + 1)
            if values["line_kind"] == "phase_key" and following and following.values["line_kind"] == "selected":
                chosen = (values[name] for name in ("die", "plane", "now_us", "phase_key"))
                yield (file.load_id, row.line_no, *chosen, following.values["op_name"])


def _operations(files: Iterable[LandedFile]) -> Iterator[tuple[Any, ...]]:
    names = ("op_uid", "die", "plane", "block", "page", "op_name", "op_base", "source", "op_state", "phase_key_used")
    for file in files:
        for row_no, row in file.rows.items():
            values = row.values
            times = (values["start"], values["end"], tick(values["start"]), tick(values["end"]))
            copied = (values[name] for name in (*names, "phase_key_virtual"))
            yield (file.load_id, row_no, *copied, *times)


# -- core -------------------------------------------------------------------------------------------------------------


def _core(by_kind: Mapping[str, list[LandedFile]]) -> tuple[Rows, Rows, Rows]:
    trace = _latest(by_kind["core8_state_trace"], "step")
    fallback = _latest(by_kind["core8_fallback_decisions"], "step")
    reservation = _latest(by_kind["core9_reservation_log"], "step")
    events = _latest(by_kind["core10_shutdown_events"], "shutdown_step")
    snapshots = [
        (
            *key,
            event["shutdown_trigger_final"],
            *(trace.get(key, {}).get(name) for name in TRACE),
            *(fallback.get(key, {}).get(name) for name in FALLBACK),
            *(reservation.get(key, {}).get(name) for name in RESERVATION),
        )
        for key, event in events.items()
    ]
    steps: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for *design, step in trace:
        steps[tuple(design)].append(step)
    after = [
        (*design, shutdown, step, step - shutdown)
        for *design, shutdown in events
        for step in steps.get(tuple(design), [])
        if step > shutdown
    ]
    return snapshots, after, list(_summaries(trace, fallback, reservation, events))


def _latest(files: Iterable[LandedFile], step: str) -> dict[tuple[Any, ...], Row]:
    found: dict[tuple[Any, ...], Row] = {}
    for file in files:
        for _, row in sorted(file.rows.items()):
            found[tuple(row.values[name] for name in (*DESIGN, step))] = row.values
    return found


Held = Mapping[tuple[Any, ...], Row]


def _summaries(trace: Held, fallback: Held, reservation: Held, events: Held) -> Iterator[tuple[Any, ...]]:
    by_design: list[dict[tuple[Any, ...], list[tuple[Any, Row]]]] = []
    for held in (trace, fallback, reservation, events):
        grouped: dict[tuple[Any, ...], list[tuple[Any, Row]]] = defaultdict(list)
        for *design, step in held:
            grouped[tuple(design)].append((step, held[(*design, step)]))
        by_design.append(grouped)
    steps, decided, reserved, shut = by_design
    for design in {**steps, **shut}:
        at = [step for step, _ in steps.get(design, [])]
        first_event = min(shut.get(design, []), key=lambda pair: pair[0], default=(None, {}))
        yield (
            *design,
            len(at),
            min(at, default=None),
            max(at, default=None),
            len(shut.get(design, [])),
            first_event[0],
            first_event[1].get("shutdown_trigger_final"),
            *(_highest(steps.get(design, []), name) for name in TRACE),
            _highest(decided.get(design, []), "fallback_score"),
            _highest(reserved.get(design, []), "risk_score_total"),
        )


def _highest(rows: Iterable[tuple[Any, Row]], name: str) -> Value:
    return max((row[name] for _, row in rows if row[name] is not None), default=None)  # type: ignore[type-var]


def _runs(file: LandedFile) -> set[Value]:
    return {row.values["run_id"] for row in file.rows.values()} if file.kind.startswith("core") else set()
