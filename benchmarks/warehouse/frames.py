"""pandas: `read_csv` of the files, sorts and shifts for the windows, `merge_asof`, and `to_sql` of both tables.

At its best, states are categories and `to_sql` inserts as it does by itself (executemany). The notebook's way is the
same with `method="multi", chunksize=2000`, by which it writes: what it computes with is of little weight beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy

from benchmarks.warehouse.contender import Order

PLACE = ["session_no", "die", "plane"]
TIMELINE = ["start", "end", "die", "plane", "op_state"]
MULTI: dict[str, Any] = {"method": "multi", "chunksize": 2000}


def prepare_executemany(order: Order) -> Callable[[], None]:
    """Return pandas at its best."""
    return lambda: _make(order)


def prepare_multi(order: Order) -> Callable[[], None]:
    """Return the notebook's way."""
    return lambda: _make(order, **MULTI)


def _make(order: Order, **options: Any) -> None:
    session = Path(order.files[0]).name
    timeline = _read(order, "op_state_timeline_", usecols=TIMELINE)
    proposals = _read(order, "proposal_rows_")
    states = _states(timeline["op_state"].cat.categories)
    runs = pd.DataFrame({"run_id": sorted(timeline["run_id"].unique(), key=lambda run: (len(run), run))})
    runs.insert(0, "run_no", range(1, len(runs) + 1))
    runs.insert(1, "session_id", session)
    segments = _segments(timeline, dict(zip(runs["run_id"], runs["run_no"], strict=True)))
    tables = {
        "int_phase_keys__sessions": pd.DataFrame({"session_no": [1], "session_id": [session]}),
        "int_phase_keys__runs": runs,
        "int_phase_keys__states": states,
        "int_phase_keys__segments": segments,
        "proposal_phase_keys": _phase_keys(proposals, segments, states, session),
    }
    engine = sqlalchemy.create_engine(order.url())
    with engine.begin() as connection:
        for name, table in tables.items():
            table.to_sql(name, con=connection, if_exists="append", index=False, **options)


def _read(order: Order, prefix: str, **options: Any) -> pd.DataFrame:
    """Read the files of a kind, each row with its run and its number."""
    frames = []
    for file in sorted(file for folder in order.files for file in Path(folder).glob(f"{prefix}*.csv")):
        # by itself it changes the last digits of some numbers
        frame = pd.read_csv(file, float_precision="round_trip", **options)
        frame["run_id"], frame["row_no"] = file.stem.removeprefix(prefix), np.arange(1, len(frame) + 1)
        frames.append(frame)
    rows = pd.concat(frames, ignore_index=True)
    texts = [name for name in ("op_state", "phase_key") if name in rows]
    return rows.astype(dict.fromkeys(texts, "category"))


def _states(op_states: pd.Index) -> pd.DataFrame:
    parts = [name.rpartition(".") for name in op_states]
    return pd.DataFrame(
        {
            "state_no": range(1, len(op_states) + 1),
            "op_state": op_states,
            "op_base": [base for base, _, _ in parts],
            "state": [state for _, _, state in parts],
        }
    )


def _ticks(times: pd.Series) -> pd.Series:
    return np.rint(times / 0.01).astype("int64")


def _segments(timeline: pd.DataFrame, run_nos: dict[str, int]) -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "session_no": 1,
            "die": timeline["die"],
            "plane": timeline["plane"],
            "state_no": timeline["op_state"].cat.codes.astype("int64") + 1,
            "run_no": timeline["run_id"].map(run_nos),
            "row_no": timeline["row_no"],
            "start_tick": _ticks(timeline["start"]),
            "end_tick": _ticks(timeline["end"]),
        }
    )
    # in the order of runs and rows, so that the last one stated holds
    rows = rows.drop_duplicates([*PLACE, "start_tick", "state_no"], keep="last")
    rows = rows.sort_values([*PLACE, "start_tick", "run_no", "row_no"], ignore_index=True)
    planes = rows.groupby(PLACE, sort=False)
    rows.insert(3, "segment_no", planes.cumcount() + 1)
    rows["previous_state_no"] = planes["state_no"].shift().astype("Int64")
    rows["previous_end_tick"] = planes["end_tick"].shift().astype("Int64")
    rows["next_start_tick"] = planes["start_tick"].shift(-1).astype("Int64")
    return rows


def _phase_keys(proposals: pd.DataFrame, segments: pd.DataFrame, states: pd.DataFrame, session: str) -> pd.DataFrame:
    is_bare = proposals["phase_hook_die"].isna() | proposals["phase_hook_plane"].isna()
    time = proposals["phase_key_time"].fillna(proposals["start_us"])
    rows = pd.DataFrame(
        {
            "session_id": session,
            **{name: proposals[name] for name in ("run_id", "row_no", "op_uid", "op_name", "op_base")},
            "key_die": proposals["die"].where(is_bare, proposals["phase_hook_die"]).astype("int64"),
            "key_plane": proposals["plane"].where(is_bare, proposals["phase_hook_plane"]).astype("int64"),
            "propose_tick": _ticks(time),
            "propose_time_us": time,
            "context_source": np.where(is_bare, "operation", "hook"),
            "phase_key_used": proposals["phase_key"].astype(object).fillna("DEFAULT"),
        }
    )
    right = segments.drop(columns=["session_no", "run_no", "row_no"]).sort_values("start_tick", kind="stable")
    found = pd.merge_asof(
        rows.sort_values("propose_tick", kind="stable"),
        right,
        left_on="propose_tick",
        right_on="start_tick",
        left_by=["key_die", "key_plane"],
        right_by=["die", "plane"],
    )
    found["covering"], found["before"], found["op_state"] = _keys(found, states)
    found = found.rename(columns={"covering": "phase_key_covering", "before": "phase_key_before"})
    found["segment_no"] = found["segment_no"].astype("Int64")
    columns = [*rows.columns, "phase_key_covering", "phase_key_before", "segment_no", "op_state"]
    return found[columns].sort_values(["run_id", "row_no"])


def _keys(found: pd.DataFrame, states: pd.DataFrame) -> tuple[Any, Any, Any]:
    """Read the table of the rule: the keys under both boundaries, and the state that covers the proposal."""
    names, bases, last = (np.array(["", *states[name]], object) for name in ("op_state", "op_base", "state"))
    now = found["state_no"].fillna(0).astype("int64").to_numpy()
    earlier = found["previous_state_no"].fillna(0).astype("int64").to_numpy()
    tick = found["propose_tick"].to_numpy()
    none, ended = now == 0, (found["end_tick"] <= tick).to_numpy()
    is_issue = last[now] == "ISSUE"
    was_over = (found["previous_end_tick"] <= tick).fillna(False).to_numpy(bool)
    starts = (found["start_tick"] == tick).to_numpy()
    ends, held = (bases + ".END")[now], names[now]
    covering = np.select([none, ended], ["DEFAULT", ends], held)
    cases = [none, ended, was_over & (is_issue | starts), is_issue]
    before = np.select(cases, ["DEFAULT", ends, (bases + ".END")[earlier], "DEFAULT"], held)
    return covering, before, np.where(none | ended, np.array(None, object), held)
