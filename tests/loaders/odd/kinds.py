"""The kinds as design and docs describe them: columns with their types, what may not be empty, a row that fits."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# AFTERSTATE_LONG_TESTS=1 puts each oddity into every kind instead of one of them in turn: thousands of files.
LONG = bool(os.environ.get("AFTERSTATE_LONG_TESTS"))
_TEXTS = dict.fromkeys(
    ["run_id", "case_id", "antibody_id", "fallback_stage", "reservation_status", "shutdown_trigger_final"], "text64"
)
_TEXTS |= dict.fromkeys(["fallback_reason_code", "reservation_reason_code"], "text128")
_TEXTS |= dict.fromkeys(["op_name", "op_uid", "source", "lane", "celltype_hint", "line_kind"], "text64")
_TEXTS |= dict.fromkeys(["op_base", "op_state", "phase_key_used", "phase_key_virtual", "phase_key"], "text160")
_TEXTS |= dict.fromkeys(["phase_hook_label", "rm_state", "hook_label"], "text160")
_TEXTS |= {"inherit_hints": "text16000"}
_WHOLE = dict.fromkeys(["step", "shutdown_step", "veto_streak", "die", "plane", "block", "page", "len_batch"], "whole")
_WHOLE |= dict.fromkeys(["phase_hook_die", "phase_hook_plane"], "whole")
_MEASURES = dict.fromkeys(["SoMS_cumsum_window", "action_toggle_rate", "blocked_rate_window", "duration"], "double")
_MEASURES |= dict.fromkeys(["fallback_score", "risk_score_total"], "double")
_TIMES = dict.fromkeys(["start", "end", "start_us", "end_us", "phase_key_time", "now_us"], "time")
TYPES = _TEXTS | _WHOLE | _MEASURES | _TIMES

FITTING = {
    "text64": "x",
    "text128": "CODE",
    "text160": "BASE.STATE",
    "text16000": "{}",
    "whole": "21",
    "double": "0.333333",
}
_TIMES_THAT_FIT = {"start": "100.25", "end": "200.5", "start_us": "100.25", "end_us": "200.5"}


@dataclass(frozen=True)
class OddKind:
    """One kind of file; `columns` in the table's order, the needed ones first; `named` as its producer names it."""

    name: str
    named: str
    types: Mapping[str, str]
    needed: Sequence[str]
    filled: frozenset[str]

    @property
    def columns(self) -> list[str]:
        return list(self.types)

    @property
    def is_nand(self) -> bool:
        return self.name.startswith("nand")

    def fitting(self, label: str) -> dict[str, str]:
        """Return a row that fits; the label makes the rows of a file its own."""
        row = {name: _TIMES_THAT_FIT.get(name) or FITTING.get(type_, "150.75") for name, type_ in self.types.items()}
        if "op_state" in row:
            row["op_state"] = "READ.CORE_BUSY"
        lead = "op_name" if self.is_nand else "run_id"
        return {**row, lead: label[:60]}


def _kind(name: str, named: str, needed: str, others: str, filled: str = "", **types: str) -> OddKind:
    columns = [*needed.split(), *others.split()]
    return OddKind(
        name,
        named,
        {column: types.get(column) or TYPES[column] for column in columns},
        needed.split(),
        frozenset((filled or needed).split()),
    )


_FALLBACK = "fallback_stage fallback_reason_code fallback_score"
_RESERVATION = "reservation_status reservation_reason_code risk_score_total"
_STEPS, _SHUTDOWN = "run_id case_id antibody_id step", "run_id case_id antibody_id shutdown_step"
_OPERATION = "die plane op_name op_base op_uid"

CORE = [
    _kind(
        "core8_state_trace",
        "core8_03_refusal_state_trace_counterfactual.csv",
        _STEPS,
        "SoMS_cumsum_window action_toggle_rate blocked_rate_window veto_streak",
    ),
    _kind("core8_fallback_decisions", "core8_06_fallback_decisions.csv", _STEPS, _FALLBACK),
    _kind("core9_reservation_log", "core9_04_reservation_log.csv", _STEPS, _RESERVATION),
    _kind(
        "core10_shutdown_events",
        "core10_01_shutdown_events.csv",
        f"{_SHUTDOWN} shutdown_trigger_final",
        f"{_FALLBACK} {_RESERVATION}",
        filled=_SHUTDOWN,
    ),
]
NAND = [
    _kind(
        "nand_op_state_timeline",
        "op_state_timeline_261122_0000001.csv",
        "start end die plane op_state op_name",
        "lane duration",
        filled="start end die plane op_state",
        op_state="op_state",
    ),
    _kind(
        "nand_proposal_rows",
        "proposal_rows_261122_0000001.csv",
        f"start_us end_us {_OPERATION}",
        "block page source phase_key phase_hook_die phase_hook_plane phase_hook_label phase_key_time celltype_hint "
        "inherit_hints",
        filled="start_us die plane op_name",
    ),
    _kind(
        "nand_operation_timeline",
        "operation_timeline_261122_0000001.csv",
        f"start end {_OPERATION}",
        "block page source op_state phase_key_used phase_key_virtual",
        filled="start end die plane op_name",
    ),
]
TABLES = [*CORE, *NAND]
LOG = _kind(
    "nand_proposer_log",
    "proposer_debug_261122_0000001.log",
    "line_kind",
    "now_us die plane rm_state hook_label phase_key op_name op_base start_us len_batch",
)
# A core kind, then a nand kind, and so on: neighbours among the oddities are in both.
IN_TURN = [CORE[0], NAND[0], CORE[1], NAND[1], CORE[2], NAND[2], CORE[3]]
KINDS = {kind.name: kind for kind in [*TABLES, LOG]}


def kinds_in_turn(number: int) -> list[OddKind]:
    """Return the kinds of file that the oddity of that number goes into."""
    return TABLES if LONG else [IN_TURN[number % len(IN_TURN)]]
