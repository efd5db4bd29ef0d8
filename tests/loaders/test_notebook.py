"""Landing from a notebook: DataFrames as it has them, files and folders, under the rules that the command keeps."""

from __future__ import annotations

import csv
import math
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterstate import RowsRejected, land, land_frame
from afterstate.errors import LandingError, UsageError
from loaders.result import FileResult
from tests.bench import ROOT, Bench
from tests.loaders.helpers import KEY, TRACE, TRACE_KIND, fuzz

SAMPLES = ROOT / "samples" / "core"
ROWS = ("_row_no", "_line_no", "_other_columns")


def trace_frame(*steps: Any, **more: Any) -> pd.DataFrame:
    """Return a trace of these steps; `more` are further columns."""
    lead = {"run_id": "run", "case_id": "B_GOVERNED", "antibody_id": "antibody_C", "step": list(steps)}
    return pd.DataFrame({**lead, "SoMS_cumsum_window": 7.2, **more})


def landed(bench: Bench, load_id: int | None, kind: str, *columns: str) -> list[tuple[Any, ...]]:
    names = ", ".join(f"`{name}`" for name in columns)
    return bench.query(f"select {names} from {{landing}}.{kind} where _load_id = %s order by _row_no", load_id)


def rejected(bench: Bench, load_id: int | None) -> list[tuple[Any, ...]]:
    return bench.query(
        "select row_no, line_no, column_name, value, reason from {landing}.landing_rejects "
        "where load_id = %s order by row_no, column_name",
        load_id,
    )


def as_notebook_reads(file: Path) -> pd.DataFrame:
    """Return a file as the notebook's cells make a frame of it."""
    frame = pd.read_csv(file)
    frame = frame.loc[:, ~frame.columns.duplicated()].copy()
    step = "shutdown_step" if "shutdown_step" in frame else "step"
    frame[step] = pd.to_numeric(frame[step], errors="coerce").astype("Int64")
    return frame


# -- the same as from files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.iterdir()))
def test_a_frame_of_the_notebook(common: Bench, name: str) -> None:
    """Prevents the notebook's own frames from landing as another kind, or with other digits, than their files."""
    file = SAMPLES / name
    frame = as_notebook_reads(file)
    of_frame = land_frame(frame, warehouse=common.warehouse)
    [of_file] = common.land(file)
    assert (of_frame.kind, of_frame.rows_landed) == (of_file["kind"], of_file["rows_landed"]) != (None, 0)
    columns = [column for column in common.landing_columns()[of_file["kind"]] if column in frame.columns]
    assert set(columns) >= set(KEY[:3])
    found = landed(common, of_frame.load_id, of_file["kind"], *columns, "_row_no")
    assert found == landed(common, of_file["load_id"], of_file["kind"], *columns, "_row_no")


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["NONE", "NA", "nan", "a\rb", "\r", 'say "so"', "a,b", "two\nlines", "21.0", " ", "\ufeff", "한글 🧬"]
)
FLOATS = st.floats(allow_subnormal=True) | st.sampled_from([7.2, 1e22, 5e-324, 7000.110000000001])


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Draw traces of a few rows, some of which do not fit, in the dtypes that a notebook has."""
    rows = draw(st.integers(1, 6))

    def column(of: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(of, min_size=rows, max_size=rows))

    return pd.DataFrame(
        {
            "run_id": pd.Series(column(TEXTS), dtype="object"),
            "case_id": pd.Series(column(TEXTS | st.none()), dtype=draw(st.sampled_from(["object", "string"]))),
            "antibody_id": pd.Categorical(column(TEXTS)),
            "step": pd.Series(column(st.integers(-9, 2**33) | st.none()), dtype="Int64"),
            "SoMS_cumsum_window": pd.Series(column(FLOATS), dtype="float64"),
            "action_toggle_rate": pd.Series(column(FLOATS | st.none() | TEXTS), dtype="object"),
            "veto_streak": column(st.integers(-(2**31), 2**31 - 1)),
            "메모": pd.Series(column(TEXTS | st.booleans() | st.none()), dtype="object"),
            "seen": column(st.booleans()),
        }
    )


def spelled(value: Any) -> str:
    """Return a value as a CSV has it."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value)


@given(frame=frames())
@fuzz(max_examples=15)
def test_a_frame_and_its_csv_land_the_same(common: Bench, tmp_path: Path, frame: pd.DataFrame) -> None:
    """Prevents any value, text or dtype of a frame from landing, or being rejected, otherwise than from its CSV."""
    file = tmp_path / "trace.csv"
    with file.open("w", encoding="utf-8", newline="") as out:  # not pandas' own spelling, and other bytes
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(frame.columns)
        writer.writerows([spelled(value) for value in row] for row in frame.itertuples(index=False))
    [of_file] = common.land(file, "--kind", TRACE_KIND)
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        of_frame = loaded(frame, common)
    counts = ("rows_read", "rows_landed", "rows_rejected")
    assert [of_frame[name] for name in counts] == [of_file[name] for name in counts]
    columns = (*(name for name in frame.columns if name in TRACE), *ROWS)
    assert landed(common, of_frame["load_id"], TRACE_KIND, *columns) == landed(
        common, of_file["load_id"], TRACE_KIND, *columns
    )
    assert rejected(common, of_frame["load_id"]) == rejected(common, of_file["load_id"])


def loaded(frame: pd.DataFrame, bench: Bench) -> dict[str, Any]:
    """Land a frame and return its load as the manifest has it, also where no row fits."""
    try:
        return land_frame(frame, kind=TRACE_KIND, warehouse=bench.warehouse).as_json()
    except LandingError:
        names = ("load_id", "rows_read", "rows_landed", "rows_rejected")
        found = bench.query(
            "select load_id, rows_landed + rows_rejected, rows_landed, rows_rejected from {landing}.landing_loads "
            "where file_path = %s order by load_id desc limit 1",
            f"memory:{TRACE_KIND}",
        )
        return dict(zip(names, found[0], strict=True))


def test_a_cell_that_is_run_again(common: Bench) -> None:
    """Prevents a frame from landing twice, as a frame again or as the CSV that pandas writes of it."""
    frame = trace_frame(1, 2, note=["twice?", None])
    first = land_frame(frame, warehouse=common.warehouse)
    frame.to_csv(common.folder / "trace.csv", index=False)
    again = land_frame(frame, warehouse=common.warehouse)
    [from_file] = land(common.folder / "trace.csv", warehouse=common.warehouse)
    assert (first.status, again.status, from_file.status) == ("landed", "unchanged", "unchanged")
    assert first.load_id == again.load_id == from_file.load_id
    assert list(frame.columns) == [*KEY, "SoMS_cumsum_window", "note"]  # the caller's frame stays as it was


# -- what a frame has and a file has not ------------------------------------------------------------------------------


def test_the_index(common: Bench) -> None:
    """Prevents keys that are an index from being lost, and row numbers from landing as a column."""
    frame = trace_frame(5, 6, note="index")
    for shaped in (
        frame.set_index(list(KEY)),
        frame.set_index("step", drop=False),
        frame.set_index([pd.Index(["x", "y"]), "step"]),
        frame.set_axis(["x", "y"]),
    ):
        result = land_frame(shaped, warehouse=common.warehouse)
        found = landed(common, result.load_id, TRACE_KIND, *KEY, "_other_columns")
        assert found == [("run", "B_GOVERNED", "antibody_C", step, '{"note": "index"}') for step in (5, 6)]


def test_structures_are_json(common: Bench) -> None:
    """Prevents dicts and arrays from landing as Python spells them, which no SQL function reads."""
    odd = [{"한글": [1, np.float64(0.5)]}, np.array([1, 2]), {"b", "a"}, ("x", None)]
    result = land_frame(trace_frame(1, 2, 3, 4, odd=odd), warehouse=common.warehouse)
    texts = common.query(
        "select json_value(_other_columns, '$.odd') from {landing}.core8_state_trace "
        "where _load_id = %s order by _row_no",
        result.load_id,
    )
    assert [text for (text,) in texts] == ['{"한글": [1, 0.5]}', "[1, 2]", '["a", "b"]', '["x", null]']


def test_a_run_of_a_simulator(common: Bench) -> None:
    """Prevents a simulator's frame from landing without its session and run, or under others than the user names."""
    columns = {"start": [0.0], "end": [7000.110000000001], "die": [0], "plane": [1], "op_state": ["R.I"]}
    frame = pd.DataFrame({**columns, "op_name": ["Read"]})
    with pytest.raises(UsageError, match=r"belongs to a session and a run\n.*session='…', run='…'"):
        land_frame(frame, session="s", warehouse=common.warehouse)
    result = land_frame(frame, session=common.folder.name, run="261122_0000001", warehouse=common.warehouse)
    assert landed(common, result.load_id, "nand_op_state_timeline", *columns) == [(0.0, 7000.110000000001, 0, 1, "R.I")]
    assert common.query(
        "select session_id, run_id from {landing}.landing_loads where load_id = %s", result.load_id
    ) == [(common.folder.name, "261122_0000001")]


WRONG: dict[str, tuple[pd.DataFrame, dict[str, Any], type[Exception], str]] = {
    "columns nobody knows": (pd.DataFrame({"a": [1]}), {}, UsageError, "the frame's kind is unclear: its header"),
    "no columns": (pd.DataFrame(), {}, UsageError, "the frame's kind is unclear"),
    "a kind nobody knows": (trace_frame(1), {"kind": "trace"}, UsageError, "there is no kind `trace`"),
    "a kind that is no table": (trace_frame(1), {"kind": "nand_proposer_log"}, UsageError, "is a log, not a table"),
    "a column missing": (trace_frame(1).drop(columns="step"), {"kind": TRACE_KIND}, LandingError, "no column `step`"),
    "columns in levels": (pd.concat({"a": trace_frame(1)}, axis=1), {}, UsageError, "several levels"),
    "a column that is no text": (trace_frame(1, **{"a\ud800": 1}), {}, UsageError, "has the column 'a\\ud800'"),
    "a long session": (trace_frame(1), {"session": "x" * 65}, UsageError, "it has 65 characters"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_frame_that_cannot_land(common: Bench, wrong: str) -> None:
    """Prevents pandas' words, or a load of nothing, where a message can say what to do."""
    frame, options, error, says = WRONG[wrong]
    before = common.query("select count(*) from {landing}.landing_loads")
    with pytest.raises(error) as caught:
        land_frame(frame, **options, warehouse=common.warehouse)
    assert says in str(caught.value)
    assert tempfile.gettempdir() not in str(caught.value)
    assert common.query("select count(*) from {landing}.landing_loads") == before


def test_rows_that_do_not_fit_are_heard_of(common: Bench) -> None:
    """Prevents rows from being rejected in silence, where a notebook shows no exit code."""
    with pytest.warns(RowsRejected, match=r"(?s)1 of 2 rows do not fit\n.*`step`: `21.5` is not a whole number"):
        result = land_frame(trace_frame(20, 21.5, note="warned"), warehouse=common.warehouse)
    assert (result.rows_landed, result.rows_rejected) == (1, 1)
    with pytest.raises(LandingError, match="none of the 2 rows fits"):
        land_frame(trace_frame(0.5, 21.5), warehouse=common.warehouse)


# -- files and folders ------------------------------------------------------------------------------------------------


def test_files_and_folders(common: Bench, nand_example: Path) -> None:
    """Prevents `land` from taking other files, sessions or names for paths than the command does."""
    session = common.folder.name
    results = land(str(nand_example), session=session, warehouse=common.warehouse)
    again = common.land(nand_example, "--session", session)
    assert statuses(results) == [
        (Path(row["file"]).name, {"unchanged": "landed"}.get(row["status"], row["status"])) for row in again
    ]
    assert [result.status for result in results].count("landed") == 8
    one = common.write("one.csv", trace_frame(1, note=session).to_csv(index=False))
    assert statuses(land([one], kind=TRACE_KIND, warehouse=common.warehouse)) == [("one.csv", "landed")]


def statuses(results: list[FileResult]) -> list[tuple[str, str]]:
    return [(Path(result.file).name, result.status) for result in results]


def test_a_file_that_cannot_land(common: Bench) -> None:
    """Prevents a broken file from keeping others from landing, or from passing for one that landed."""
    good = common.write("in/good.csv", trace_frame(1, note=common.folder.name).to_csv(index=False))
    common.write("in/core8_03_refusal_state_trace_counterfactual.csv", "run_id,case_id\n1,2\n")
    with pytest.raises(LandingError, match=r"no column `antibody_id`, `step`[\s\S]*all else has landed"):
        land(common.folder / "in", warehouse=common.warehouse)
    assert statuses(land(good, warehouse=common.warehouse)) == [("good.csv", "unchanged")]
    with pytest.raises(UsageError, match="neither a file nor a folder"):
        land(common.folder / "nowhere.csv", warehouse=common.warehouse)
    with pytest.raises(UsageError, match="is not an encoding"):
        land(good, encoding="klingon", warehouse=common.warehouse)
