"""The core kinds: artifacts of governed antibody-design runs (design section 3).

Each stage of a governed run carries columns of the stages before it along. A header therefore belongs to the latest
stage whose own columns it has, and `CORE_KINDS` is in that order, the latest first.
"""

from __future__ import annotations

from loaders.kinds import Column, Kind
from loaders.values import DOUBLE, INTEGER, text_type

_NAME = text_type(64)
_REASON_CODE = text_type(128)

_RUN = (
    Column("run_id", _NAME, needed=True),
    Column("case_id", _NAME, needed=True),
    Column("antibody_id", _NAME, needed=True),
)
_STEP_KEY = (*_RUN, Column("step", INTEGER, needed=True))
_SHUTDOWN_KEY = (*_RUN, Column("shutdown_step", INTEGER, needed=True))

_TRIGGER = Column("shutdown_trigger_final", _NAME, needed=True)
_TRACE = (
    Column("SoMS_cumsum_window", DOUBLE),
    Column("action_toggle_rate", DOUBLE),
    Column("blocked_rate_window", DOUBLE),
    Column("veto_streak", INTEGER),
)
_FALLBACK = (
    Column("fallback_stage", _NAME),
    Column("fallback_reason_code", _REASON_CODE),
    Column("fallback_score", DOUBLE),
)
_RESERVATION = (
    Column("reservation_status", _NAME),
    Column("reservation_reason_code", _REASON_CODE),
    Column("risk_score_total", DOUBLE),
)
# What the warehouse says is not what happened: an exported snapshot has the columns of every kind, and is of none.
EXPORTED = frozenset({"snapshot_rule_id", "snapshot_created_at"})


# What a snapshot takes from each of its inputs, in the notebook's order. `macros/snapshot_inputs.sql` says the same to
# dbt; `tools/measures.py` holds the two together, and writes the columns into the YAML of the models that show them.
STATE: dict[str, tuple[Column, ...]] = {
    "event": (_TRIGGER,),
    "trace": _TRACE,
    "fallback": _FALLBACK,
    "reservation": _RESERVATION,
}


def _names(columns: tuple[Column, ...]) -> frozenset[str]:
    return frozenset(column.name for column in columns)


def _key(columns: tuple[Column, ...]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)


CORE_KINDS = (
    Kind(
        name="core10_shutdown_events",
        produced_as="core10_01_shutdown_events*.csv",
        key=_key(_SHUTDOWN_KEY),
        columns=(*_SHUTDOWN_KEY, _TRIGGER, *_FALLBACK, *_RESERVATION),
        never=EXPORTED,
    ),
    Kind(
        name="core9_reservation_log",
        produced_as="core9_04_reservation_log*.csv",
        key=_key(_STEP_KEY),
        columns=(*_STEP_KEY, *_RESERVATION),
        signature=_names(_RESERVATION),
        never=EXPORTED,
    ),
    Kind(
        name="core8_fallback_decisions",
        produced_as="core8_06_fallback_decisions*.csv",
        key=_key(_STEP_KEY),
        columns=(*_STEP_KEY, *_FALLBACK),
        signature=_names(_FALLBACK),
        never=EXPORTED,
    ),
    Kind(
        name="core8_state_trace",
        produced_as="core8_03_refusal_state_trace_counterfactual*.csv",
        key=_key(_STEP_KEY),
        columns=(*_STEP_KEY, *_TRACE),
        signature=_names(_TRACE),
        never=EXPORTED,
    ),
)
