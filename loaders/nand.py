"""The nand kinds: what a NAND operation-sequence simulator writes of one run (design section 3).

A file states all of its session and run. An operation timeline may have the columns of a state timeline, and the other
way round: their signatures tell. The log is not a CSV, and is told by its first line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from afterstate.phase_key import tick
from loaders import proposer_log
from loaders.kinds import Column, Kind, RowCheck
from loaders.values import DOUBLE, INTEGER, LONG_TEXT, OP_STATE, PHASE_KEY, TIME_US, text_type

_NAME = text_type(64)

_PLACE = (Column("die", INTEGER, needed=True), Column("plane", INTEGER, needed=True))
_OPERATION = (
    Column("op_name", _NAME, needed=True),
    Column("op_base", PHASE_KEY, needed=True),
    Column("op_uid", _NAME, needed=True),
    Column("block", INTEGER),
    Column("page", INTEGER),
    Column("source", _NAME),
)


def _ends_below_its_start(serialized: Mapping[str, Any]) -> Any:
    return pc.less(pc.cast(serialized["end"], pa.float64()), pc.cast(serialized["start"], pa.float64()))


def _ends_before_its_start(row: Mapping[str, Any]) -> tuple[str, str] | None:
    """Compare in ticks: an end that is below its start by float noise alone is a segment of no length."""
    if tick(float(row["end"])) < tick(float(row["start"])):
        return "end", f"is before the segment's start, {row['start']} µs"
    return None


def _lacks_a_field(serialized: Mapping[str, Any]) -> Any:
    """Return which log lines lack a field that every line of their kind must have."""
    lacking = pa.array([False] * len(serialized["line_kind"]), pa.bool_())
    for line_kind, names in proposer_log.FILLED.items():
        is_of_kind = pc.equal(serialized["line_kind"], line_kind)
        for name in names:
            lacking = pc.or_(lacking, pc.and_(is_of_kind, pc.is_null(serialized[name])))
    return lacking


def _lacking_field(row: Mapping[str, Any]) -> tuple[str, str] | None:
    line_kind = row["line_kind"]
    for name in proposer_log.FILLED[line_kind]:
        if row[name] is None:
            return name, f"is NaN, but a `{line_kind}` line needs a value"
    return None


NAND_KINDS = (
    Kind(
        name="nand_operation_timeline",
        produced_as="operation_timeline_*.csv",
        columns=(
            Column("start", TIME_US, needed=True),
            Column("end", TIME_US, needed=True),
            *_PLACE,
            *_OPERATION,
            Column("op_state", PHASE_KEY),
            Column("phase_key_used", PHASE_KEY),
            Column("phase_key_virtual", PHASE_KEY),
        ),
        filled=("start", "end", "die", "plane", "op_name"),
        signature=frozenset({"block", "page", "source", "phase_key_used", "phase_key_virtual"}),
    ),
    Kind(
        name="nand_op_state_timeline",
        produced_as="op_state_timeline_*.csv",
        columns=(
            Column("start", TIME_US, needed=True),
            Column("end", TIME_US, needed=True),
            *_PLACE,
            Column("op_state", OP_STATE, needed=True),
            Column("op_name", _NAME, needed=True),
            Column("lane", _NAME),
            Column("duration", DOUBLE),
        ),
        filled=("start", "end", "die", "plane", "op_state"),
        signature=frozenset({"lane", "duration"}),
        check=RowCheck(_ends_below_its_start, _ends_before_its_start),
    ),
    Kind(
        name="nand_proposal_rows",
        produced_as="proposal_rows_*.csv",
        columns=(
            Column("start_us", TIME_US, needed=True),
            Column("end_us", TIME_US, needed=True),
            *_PLACE,
            *_OPERATION,
            Column("phase_key", PHASE_KEY),
            Column("phase_hook_die", INTEGER),
            Column("phase_hook_plane", INTEGER),
            Column("phase_hook_label", PHASE_KEY),
            Column("phase_key_time", TIME_US),
            Column("celltype_hint", _NAME),
            Column("inherit_hints", LONG_TEXT),
        ),
        filled=("start_us", "die", "plane", "op_name"),
    ),
    Kind(
        name="nand_proposer_log",
        produced_as="proposer_debug_*.log",
        columns=(
            Column("line_kind", _NAME),
            Column("now_us", TIME_US),
            Column("die", INTEGER),
            Column("plane", INTEGER),
            Column("rm_state", PHASE_KEY),
            Column("hook_label", PHASE_KEY),
            Column("phase_key", PHASE_KEY),
            Column("op_name", _NAME),
            Column("op_base", PHASE_KEY),
            Column("start_us", TIME_US),
            Column("len_batch", INTEGER),
        ),
        filled=("line_kind",),
        check=RowCheck(_lacks_a_field, _lacking_field),
        read=proposer_log.read,
        begins=proposer_log.BEGINS,
    ),
)
