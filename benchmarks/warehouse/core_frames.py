"""The core marts as the notebook makes them: `read_csv` of the four files, pandas merges, `to_sql` of three tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy

from benchmarks.warehouse.contender import Order
from benchmarks.warehouse.frames import MULTI
from simulators.core.sample_run import EVENTS, FALLBACK, RESERVATION, TRACE

RULE = "core10_02_v1"
DESIGN = ["run_id", "case_id", "antibody_id"]
SHUTDOWN = [*DESIGN, "shutdown_step"]
MEASURES = {
    TRACE: ["SoMS_cumsum_window", "action_toggle_rate", "blocked_rate_window", "veto_streak"],
    FALLBACK: ["fallback_stage", "fallback_reason_code", "fallback_score"],
    RESERVATION: ["reservation_status", "reservation_reason_code", "risk_score_total"],
}
EXTREMES = {
    TRACE: MEASURES[TRACE],
    FALLBACK: ["fallback_score"],
    RESERVATION: ["risk_score_total"],
}


def prepare_executemany(order: Order) -> Callable[[], None]:
    """Return pandas as it inserts by itself."""
    return lambda: _make(order)


def prepare_multi(order: Order) -> Callable[[], None]:
    """Return the notebook's way."""
    return lambda: _make(order, **MULTI)


def _make(order: Order, **options: Any) -> None:
    files = {name: _read(order, name) for name in (EVENTS, *MEASURES)}
    snapshot = files[EVENTS][[*SHUTDOWN, "shutdown_trigger_final"]]
    for name, columns in MEASURES.items():
        at_step = files[name][[*DESIGN, "step", *columns]].rename(columns={"step": "shutdown_step"})
        snapshot = snapshot.merge(at_step, on=SHUTDOWN, how="left")
    snapshot.insert(0, "id", range(1, len(snapshot) + 1))
    snapshot.insert(1, "snapshot_rule_id", RULE)
    snapshot.insert(2, "snapshot_created_at", pd.Timestamp.now("UTC").tz_localize(None))
    tables = {
        "shutdown_state_snapshot": snapshot,
        "post_shutdown_timeline": _timeline(files, snapshot),
        "governed_run_summary": _summary(files, snapshot),
    }
    engine = sqlalchemy.create_engine(order.url())
    with engine.begin() as connection:
        for name, table in tables.items():
            table.to_sql(name, con=connection, if_exists="append", index=False, **options)


def _read(order: Order, name: str) -> pd.DataFrame:
    files = [Path(folder) / name for folder in order.files]
    return pd.concat([pd.read_csv(file, float_precision="round_trip") for file in files], ignore_index=True)


def _timeline(files: dict[str, pd.DataFrame], snapshot: pd.DataFrame) -> pd.DataFrame:
    """Return the steps that follow each shutdown, and how far they are from its state."""
    measures = [*MEASURES[TRACE], "fallback_score", "risk_score_total"]
    frozen = snapshot[["id", *SHUTDOWN, *measures]].rename(
        columns={"id": "snapshot_id", **{name: f"frozen_{name}" for name in measures}}
    )
    rows = files[TRACE][[*DESIGN, "step", *MEASURES[TRACE]]].merge(frozen, on=DESIGN)
    rows = rows[rows["step"] > rows["shutdown_step"]]
    for name, columns in (
        (FALLBACK, ["fallback_stage", "fallback_score"]),
        (RESERVATION, ["reservation_status", "risk_score_total"]),
    ):
        rows = rows.merge(files[name][[*DESIGN, "step", *columns]], on=[*DESIGN, "step"], how="left")
    rows["steps_after_shutdown"] = rows["step"] - rows["shutdown_step"]
    for name in measures:
        rows[f"{name}_difference"] = rows[name] - rows[f"frozen_{name}"]
    return rows.drop(columns=[f"frozen_{name}" for name in measures])


def _summary(files: dict[str, pd.DataFrame], snapshot: pd.DataFrame) -> pd.DataFrame:
    """Return what became of each design."""
    steps = files[TRACE].groupby(DESIGN)["step"].agg(step_count="count", first_step="min", last_step="max")
    rows = steps.reset_index()
    for name, columns in EXTREMES.items():
        most = files[name].groupby(DESIGN)[columns].max().add_prefix("max_")
        rows = rows.merge(most.reset_index(), on=DESIGN, how="left")
    shut = snapshot.sort_values("shutdown_step").groupby(DESIGN)
    ends = shut.agg(
        shutdown_count=("shutdown_step", "count"),
        first_shutdown_step=("shutdown_step", "first"),
        shutdown_trigger_final=("shutdown_trigger_final", "first"),
    )
    rows = rows.merge(ends.reset_index(), on=DESIGN, how="left")
    rows["shutdown_count"] = rows["shutdown_count"].fillna(0).astype("int64")
    rows["first_shutdown_step"] = rows["first_shutdown_step"].astype("Int64")
    return rows
