"""Every contract holds what lands, and the check that says so finds what does not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.bench import ROOT
from tools import column_types

DECISIONS = "models/intermediate/phase_keys/int_phase_keys__decisions.yml"
KEYS = "models/marts/phase_keys/proposal_phase_keys.yml"
MEMORY = "models/marts/shutdown/shutdown_snapshot_memory.yml"


def problems(root: Path = ROOT) -> list[str]:
    return list(column_types.find_problems(root / "models"))


def test_every_contract_holds_what_lands() -> None:
    """Prevents a row that lands and that a model cannot hold, which would stop the build for everybody."""
    assert problems() == []


@pytest.mark.parametrize(
    ("file", "written", "planted", "says"),
    [
        (
            KEYS,
            "name: phase_key_before, data_type: varchar(160)",
            "name: phase_key_before, data_type: varchar(128)",
            f"{KEYS}: `phase_key_before` is varchar(128), expected varchar(160)",
        ),
        (
            MEMORY,
            "veto_streak\n        data_type: int",
            "veto_streak\n        data_type: int\n        constraints: [{type: not_null}]",
            f"{MEMORY}: `veto_streak` is NOT NULL, but core8_state_trace may leave `veto_streak` empty",
        ),
        (
            KEYS,
            "name: propose_tick,",
            "name: tick_of_proposal,",
            f"{KEYS}: `tick_of_proposal` is in no file that lands; say in tools/made_columns.py how it is made",
        ),
    ],
    ids=["too narrow", "NOT NULL", "unknown"],
)
def test_a_planted_disagreement_is_found(tmp_path: Path, file: str, written: str, planted: str, says: str) -> None:
    """Prevents a check that compares nothing, without anybody knowing."""
    shutil.copytree(ROOT / "models", tmp_path / "models")
    text = (tmp_path / file).read_text()
    assert text.count(written) == 1
    (tmp_path / file).write_text(text.replace(written, planted))
    assert problems(tmp_path) == [says]


def test_a_log_line_without_a_time_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents `phase_key: now=nan …` from landing while a model says that every decision has its time."""
    monkeypatch.setitem(column_types.FILLED, "phase_key", ("die", "plane", "phase_key"))
    reason = "is NOT NULL, but nand_proposer_log may leave `now_us` empty"
    assert problems() == [f"{DECISIONS}: `decision_time_{unit}` {reason}" for unit in ("ns", "us")]


def test_a_column_that_lands_with_two_types_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents two columns of one name and different widths: a mart has only one of them."""
    types = {"nand_proposal_rows": "varchar(160)", "nand_proposer_log": "varchar(64)"}
    monkeypatch.setitem(column_types.LANDED, "op_base", types)
    assert problems() == [f"loaders: `op_base` lands with several types: {types}"]
