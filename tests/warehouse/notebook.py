"""What the notebook would have made of the same files, with pandas: the oracle for `shutdown_state_snapshot`.

It follows the steps of the users' notebook (core10_02): read with pandas' defaults, join left on the key, keep the
notebook's columns. Where pandas and the design disagree on purpose, the tests say so themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

RUN = ["run_id", "case_id", "antibody_id"]
KEY = [*RUN, "step"]
TRACE = ["SoMS_cumsum_window", "action_toggle_rate", "blocked_rate_window", "veto_streak"]
FALLBACK = ["fallback_stage", "fallback_reason_code", "fallback_score"]
RESERVATION = ["reservation_status", "reservation_reason_code", "risk_score_total"]
COLUMNS = [*RUN, "shutdown_step", "shutdown_trigger_final", *TRACE, *FALLBACK, *RESERVATION]


def snapshots(events: Path, trace: Path, fallback: Path | None, reservation: Path | None) -> list[tuple[Any, ...]]:
    """Return the notebook's rows in its order, NaN as None and whole numbers as int."""
    snap = pd.read_csv(events)[[*RUN, "shutdown_step", "shutdown_trigger_final"]]
    snap = snap.rename(columns={"shutdown_step": "step"})
    snap["step"] = _whole(snap["step"])
    for path, columns in ((trace, TRACE), (fallback, FALLBACK), (reservation, RESERVATION)):
        if path is None:
            continue
        frame = pd.read_csv(path)
        frame["step"] = _whole(frame["step"])
        kept = frame[KEY + [name for name in columns if name in frame.columns]]
        snap = snap.merge(kept, on=KEY, how="left")
    snap = snap.rename(columns={"step": "shutdown_step"}).sort_values(RUN).reset_index(drop=True)
    return [tuple(_plain(value) for value in row) for row in snap.reindex(columns=COLUMNS).itertuples(index=False)]


def _whole(column: pd.Series) -> pd.Series:
    return pd.to_numeric(column, errors="coerce").astype("Int64")


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value
