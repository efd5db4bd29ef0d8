"""A simulation's rows, landed from memory in one call: the same rows as from its files, under the same rules."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from afterstate.errors import LandingError, UsageError
from loaders.memory import land_simulation
from loaders.result import FileResult
from simulators.nand.resource_manager import ResourceManager
from tests.bench import Bench

TIMELINE_KIND, PROPOSALS_KIND = "nand_op_state_timeline", "nand_proposal_rows"
RUN, NEXT_RUN = "261122_0000001", "261122_0000002"
WHOLE = {"die", "plane", "block", "page", "phase_hook_die", "phase_hook_plane"}
TIMES = {"start_us", "end_us", "phase_key_time", "start", "end", "duration"}
ROW = {"start_us": 1.5, "end_us": 2.25, "die": 0, "plane": 1, "op_name": "Read", "op_base": "READ", "op_uid": 7}
SEGMENT = (0, 1, "READ", "ISSUE", 0.0, 0.11)
BATCH = 5_000  # rows that are checked at a time


def land(bench: Bench, run: str = RUN, **given: Any) -> list[FileResult]:
    return land_simulation(**{"session": bench.folder.name, "run": run, "warehouse": bench.warehouse, **given})


def landed(bench: Bench, load: FileResult, *columns: str) -> list[tuple[Any, ...]]:
    names = ", ".join(f"`{name}`" for name in columns)
    return bench.query(
        f"select {names} from {{landing}}.{load.kind} where _load_id = %s order by _row_no", load.load_id
    )


def rejects(bench: Bench, load: FileResult) -> list[tuple[Any, ...]]:
    return bench.query(
        "select row_no, column_name, value, reason from {landing}.landing_rejects where load_id = %s order by row_no",
        load.load_id,
    )


def statuses(bench: Bench) -> list[tuple[Any, ...]]:
    """Return (kind, run, status, path) of the test's own session, the oldest first."""
    return bench.query(
        "select kind, run_id, status, file_path from {landing}.landing_loads where session_id = %s order by load_id",
        bench.folder.name,
    )


def exported(file: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Read an exported file into what the simulator had in memory when it wrote it."""
    with file.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    read = {name: int if name in WHOLE else float if name in TIMES else str for name in header}
    return header, [
        {name: read[name](text) if text else None for name, text in zip(header, row, strict=True)} for row in rows
    ]


# -- the same as from files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("run", [RUN, NEXT_RUN])
def test_the_rows_of_the_real_example(common: Bench, nand_example: Path, run: str) -> None:
    """Prevents rows from memory from differing in any digit from the file that the simulator exports of them."""
    file = nand_example / f"proposal_rows_{run}.csv"
    header, rows = exported(file)
    for row in rows:  # in memory the hints are not text yet
        row["inherit_hints"] = json.loads(row["inherit_hints"]) if row["inherit_hints"] else None
    [load] = land(common, run, rows=rows)
    [from_file] = common.land(file, "--session", f"{common.folder.name} from its file")
    assert (load.kind, load.status, load.rows_landed, load.rows_rejected) == (PROPOSALS_KIND, "landed", 51, 0)
    of_file = replace(load, load_id=from_file["load_id"])
    found = landed(common, load, *header, "_row_no", "_line_no", "_other_columns")
    assert found == landed(common, of_file, *header, "_row_no", "_line_no", "_other_columns")
    assert len(found) == len(rows)


@pytest.mark.parametrize("run", [RUN, NEXT_RUN])
def test_the_timeline_of_the_real_example(common: Bench, nand_example: Path, run: str) -> None:
    """Prevents segments from memory from differing in any digit from the file that the simulator exports of them."""
    file = nand_example / f"op_state_timeline_{run}.csv"
    _, rows = exported(file)
    timeline = [
        (row["die"], row["plane"], *row["op_state"].rsplit(".", 1), row["start"], row["end"])
        for row in rows
    ]  # fmt: skip
    [load] = land(common, run, timeline=timeline)
    [from_file] = common.land(file, "--session", f"{common.folder.name} from its file")
    columns = ("start", "end", "die", "plane", "op_state", "op_name", "_row_no")
    found = landed(common, load, *columns)
    assert found == landed(common, replace(load, load_id=from_file["load_id"]), *columns)
    assert len(found) == load.rows_landed == len(rows)


def test_what_a_resource_manager_keeps(common: Bench) -> None:
    """Prevents our own simulator's snapshot from being something that landing does not take as it is."""
    manager = ResourceManager()
    manager.timeline.add(1, 0, "READ", "ISSUE", 0.0, 0.11)
    manager.timeline.add(0, 0, "READ", "ISSUE", 0.0, 7000.110000000001)
    [load] = land(common, timeline=manager.snapshot()["timeline"])
    assert landed(common, load, "die", "plane", "op_state", "op_name", "start", "end") == [
        (0, 0, "READ.ISSUE", "READ", 0.0, 7000.110000000001),
        (1, 0, "READ.ISSUE", "READ", 0.0, 0.11),
    ]


def test_provenance(common: Bench) -> None:
    """Prevents rows that never were in a file from naming a passing one, or from having no load."""
    results = land(common, timeline=iter([SEGMENT]), rows=iter([ROW]))
    assert [(result.file, result.kind, result.status) for result in results] == [
        (f"memory:{kind}", kind, "landed") for kind in (TIMELINE_KIND, PROPOSALS_KIND)
    ]
    assert statuses(common) == [
        (kind, RUN, "landed", f"memory:{kind}") for kind in (TIMELINE_KIND, PROPOSALS_KIND)
    ]  # fmt: skip


# -- exactly once -----------------------------------------------------------------------------------------------------


def test_the_same_call_again(common: Bench) -> None:
    """Prevents a notebook's cell that is run twice from landing its simulation twice."""
    first = land(common, timeline=[SEGMENT], rows=[ROW])
    again = land(common, timeline=[SEGMENT], rows=[ROW])
    assert [result.as_json() for result in again] == [{**load.as_json(), "status": "unchanged"} for load in first]
    assert len(statuses(common)) == 2


def test_another_result_of_the_run(common: Bench) -> None:
    """Prevents a run that was simulated again from standing twice; other runs and the other kind must stay."""
    land(common, timeline=[SEGMENT], rows=[ROW])
    land(common, NEXT_RUN, rows=[ROW])
    land(common, rows=[{**ROW, "die": 1}])
    assert [status[:3] for status in statuses(common)] == [
        (TIMELINE_KIND, RUN, "landed"),
        (PROPOSALS_KIND, RUN, "superseded"),
        (PROPOSALS_KIND, NEXT_RUN, "landed"),
        (PROPOSALS_KIND, RUN, "landed"),
    ]
    assert land(common, rows=[ROW])[0].status == "superseded"


def test_a_timeline_that_holds_earlier_runs(common: Bench) -> None:
    """Prevents a second run from being refused because a resource manager still has the segments of the first."""
    longer = [SEGMENT, (0, 1, "READ", "CORE_BUSY", 0.11, 50.0)]
    loads = [*land(common, timeline=[SEGMENT]), *land(common, NEXT_RUN, timeline=longer)]
    assert [load.rows_landed for load in loads] == [1, 2]
    assert [status for _, _, status, _ in statuses(common)] == ["landed", "landed"]


def test_the_exported_file_restates_the_run(common: Bench) -> None:
    """Prevents a run from standing twice when its file lands after its rows did; the session is the user's to name."""
    land(common, timeline=[SEGMENT])
    name = f"op_state_timeline_{RUN}.csv"
    file = common.write(f"{common.folder.name}/{name}", "start,end,die,plane,op_state,op_name\n0.0,0.11,0,1,R.I,R\n")
    refused = common.run("land", file)
    assert refused.exit_code == 1
    assert f"the session `{common.folder.name}` is the timeline in memory; " in refused.stderr
    assert common.land(file, "--session", common.folder.name)[0]["status"] == "landed"
    assert [status for _, _, status, _ in statuses(common)] == ["superseded", "landed"]


# -- values -----------------------------------------------------------------------------------------------------------


def test_numpy(common: Bench) -> None:
    """Prevents `np.float64(1.5)` from landing as these words, or a narrow float from being rounded on its way."""
    row = {
        **ROW,
        "start_us": np.float64(7000.110000000001),
        "end_us": np.float32(0.1),
        "die": np.int8(3),
        "plane": np.uint64(2),
        "op_name": np.str_("한글"),
        "inherit_hints": {"bits": np.int64(3), "pages": np.array([1, 2]), "at": np.float64(0.5)},
        "phase_hook_die": np.float64("nan"),
        "lanes": np.array([1.5, 2.0]),
    }
    timeline = np.array([SEGMENT[:2] + SEGMENT[4:]], dtype=object)
    [load] = land(common, rows=[row])
    columns = ("start_us", "end_us", "die", "plane", "op_name", "phase_hook_die")
    assert landed(common, load, *columns) == [(7000.110000000001, float(np.float32(0.1)), 3, 2, "한글", None)]
    [(hints, others)] = landed(common, load, "inherit_hints", "_other_columns")
    assert json.loads(hints) == {"bits": 3, "pages": [1, 2], "at": 0.5}
    assert json.loads(json.loads(others)["lanes"]) == [1.5, 2.0]
    [segments] = land(
        common, timeline=[(die, plane, np.str_("READ"), "ISSUE", start, end) for die, plane, start, end in timeline]
    )
    assert landed(common, segments, "die", "plane", "op_state", "start") == [(0, 1, "READ.ISSUE", 0.0)]


@pytest.mark.parametrize("nothing", [None, "", float("nan"), np.nan, np.float32("nan")], ids=repr)
def test_what_is_empty(common: Bench, nothing: Any) -> None:
    """Prevents `None` and `nan`, which pandas has for a text that is not there, from becoming texts of these words."""
    names = ("block", "source", "phase_key", "phase_hook_plane", "phase_key_time", "celltype_hint", "inherit_hints")
    [load] = land(common, rows=[{**ROW, **dict.fromkeys(names, nothing), "note": nothing}])
    assert landed(common, load, *names, "_other_columns") == [(None,) * 8]


def test_words_are_values(common: Bench) -> None:
    """Prevents texts that look like nothing, or like a CSV's grammar, from changing on their way."""
    words = ["None", "NaN", "NULL", "\\N", ' "quoted", ', "line\nbreak\r\n", "\ufeff", "한글 🧬", "\x1b[2J", "'; --"]
    [load] = land(common, rows=[{**ROW, "source": word, "celltype_hint": word} for word in words])
    assert landed(common, load, "source", "celltype_hint") == [(word, word) for word in words]


def test_hints_are_json(common: Bench) -> None:
    """Prevents nested hints from landing as Python spells them, which no SQL function reads."""
    hints = {"celltype": "SLC", "pages": [1, 2, (3, None)], "한글": {"deep": True, "rate": 0.1}}
    [load] = land(common, rows=[{**ROW, "inherit_hints": hints}, {**ROW, "inherit_hints": {}}])
    texts = [text for (text,) in landed(common, load, "inherit_hints")]
    assert [json.loads(text) for text in texts] == [json.loads(json.dumps(hints)), {}]
    assert "한글" in texts[0]
    odd = {"kinds": {"SLC"}, "path": Path("x")}  # of what JSON has no word for, there is at least the text
    [load] = land(common, rows=[{**ROW, "inherit_hints": odd}])
    assert json.loads(landed(common, load, "inherit_hints")[0][0]) == {"kinds": "{'SLC'}", "path": "x"}


def test_columns_that_nobody_knows(common: Bench) -> None:
    """Prevents what a simulator says beside the known columns from being lost, whatever its name is."""
    rows = [{**ROW, "메모": "첫째", 5: 6}, {**ROW, "later": [1]}, dict(reversed(ROW.items()))]
    [load] = land(common, rows=rows)
    others = [json.loads(text or "{}") for (text,) in landed(common, load, "_other_columns")]
    assert others == [{"메모": "첫째", "5": "6"}, {"later": "[1]"}, {}]
    assert landed(common, load, *ROW) == [tuple({**ROW, "op_uid": "7"}.values())] * 3


# -- what does not fit ------------------------------------------------------------------------------------------------

EMPTY = "is empty, but the column is required"
NOT_UTF8 = "holds the byte 0xED, which is not UTF-8"
# name: (change to the row, column, value, reason)
BAD_ROWS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "no die": ({"die": None}, "die", "", EMPTY),
    "nan for a start": ({"start_us": float("nan")}, "start_us", "", EMPTY),
    "inf for an end": ({"end_us": float("inf")}, "end_us", "inf", "is not a number"),
    "a start beyond ticks": ({"start_us": 1e15}, "start_us", "1000000000000000.0", "is too large for ticks"),
    "half a plane": ({"plane": 0.5}, "plane", "0.5", "is not a whole number"),
    "a truth for a die": ({"die": True}, "die", "True", "is not a number"),
    "an int beyond INT": ({"block": 2**31}, "block", "2147483648", "is outside INT"),
    "a word for a hook's die": ({"phase_hook_die": "d0"}, "phase_hook_die", "d0", "is not a number"),
    "a long name": ({"op_name": "x" * 65}, "op_name", "x" * 65, "has 65 characters"),
    "a lone surrogate": ({"source": "a\ud800"}, "source", "a\\xed\\xa0\\x80", NOT_UTF8),
    "a surrogate that stands for a byte": ({"source": "\udcff"}, "source", "\\xed\\xb3\\xbf", NOT_UTF8),
    "a lone surrogate inside hints": (
        {"inherit_hints": {"a": "\udfff"}},
        "inherit_hints",
        '{"a": "\\xed\\xbf\\xbf"}',
        NOT_UTF8,
    ),
    "a NUL": ({"source": "a\0"}, "source", "a\\x00", "holds a NUL byte, which is not text"),
}


def test_rows_that_do_not_fit(common: Bench) -> None:
    """Prevents a value that does not fit from being converted, from stopping the call, or from getting lost."""
    [load] = land(common, rows=[row for change, *_ in BAD_ROWS.values() for row in ({**ROW, **change}, ROW)])
    found = rejects(common, load)
    assert len(found) == len(BAD_ROWS)
    for number, (name, (_, column, value, reason)) in enumerate(BAD_ROWS.items()):
        *place, found_reason = found[number]
        assert (name, place) == (name, [1 + 2 * number, column, value])
        assert (name, found_reason[: len(reason)]) == (name, reason)
    assert (load.rows_read, load.rows_landed, load.rows_rejected) == (2 * len(BAD_ROWS), *[len(BAD_ROWS)] * 2)
    assert len(landed(common, load, "die")) == len(BAD_ROWS)
    assert load.messages[0] == f"memory:{PROPOSALS_KIND}: line 2, column `die`: `` {EMPTY}"


BAD_SEGMENTS: dict[str, tuple[tuple[Any, ...], str, str]] = {
    "an end before its start": ((0, 1, "READ", "ISSUE", 2.0, 1.0), "end", "is before the segment's start, 2.0 µs"),
    "an end that is not known": ((0, 1, "READ", "ISSUE", 2.0, None), "end", EMPTY),
    "no base": ((0, 1, "", "ISSUE", 0.0, 1.0), "op_state", "is not a state, expected `<BASE>.<STATE>`"),
    "None for a base": ((0, 1, None, "ISSUE", 0.0, 1.0), "op_state", "is not a state, expected `<BASE>.<STATE>`"),
    "None for a state": ((0, 1, "READ", None, 0.0, 1.0), "op_state", "is not a state, expected `<BASE>.<STATE>`"),
    "the virtual state": ((0, 1, "READ", "END", 0.0, 1.0), "op_state", "is virtual: `<BASE>.END` is what holds"),
    "a word for a plane": ((0, "p1", "READ", "ISSUE", 0.0, 1.0), "plane", "is not a number"),
}


def test_segments_that_do_not_fit(common: Bench) -> None:
    """Prevents a simulator's mistake from getting into the timeline as `None.ISSUE`, or from stopping all of it."""
    [load] = land(common, timeline=[segment for bad, *_ in BAD_SEGMENTS.values() for segment in (bad, SEGMENT)])
    found = rejects(common, load)
    assert [(row_no, column) for row_no, column, _, _ in found] == [
        (1 + 2 * number, column) for number, (_, column, _) in enumerate(BAD_SEGMENTS.values())
    ]
    for (*_, reason), (name, (_, _, want)) in zip(found, BAD_SEGMENTS.items(), strict=True):
        assert (name, reason[: len(want)]) == (name, want)
    assert load.rows_landed == len(BAD_SEGMENTS)


def test_rows_without_a_key(common: Bench) -> None:
    """Prevents a row that lacks a column from failing the others, which have it."""
    [load] = land(common, rows=[{}, {"op_name": "Read"}, ROW, {name: ROW[name] for name in list(ROW)[:5]}])
    assert [(row_no, column) for row_no, column, _, _ in rejects(common, load)] == [(1, "start_us"), (2, "start_us")]
    assert landed(common, load, "_row_no", "op_uid") == [(3, "7"), (4, None)]


def test_nothing(common: Bench) -> None:
    """Prevents a run without rows from failing, or from leaving an earlier statement of it in force."""
    assert land(common) == []
    land(common, rows=[ROW], timeline=[SEGMENT])
    results = land(common, rows=[], timeline=iter(()))
    assert [(result.status, result.rows_read, result.rows_landed) for result in results] == [("landed", 0, 0)] * 2
    assert [status for _, _, status, _ in statuses(common)] == ["superseded", "superseded", "landed", "landed"]


def test_more_rows_than_are_checked_at_a_time(common: Bench) -> None:
    """Prevents rows from changing places or getting lost between batches."""
    [load] = land(common, rows=({**ROW, "op_uid": uid} for uid in range(BATCH + 7)))
    assert [uid for (uid,) in landed(common, load, "op_uid")] == [str(uid) for uid in range(BATCH + 7)]


# -- calls that fail --------------------------------------------------------------------------------------------------


class _Breaking:
    """Rows that end in an error of the simulation's own, every time."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        yield ROW
        raise RuntimeError("the simulation stops here")


WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "an empty session": ({"session": ""}, UsageError, "`--session`: it is empty"),
    "a long session": ({"session": "x" * 65}, UsageError, "it has 65 characters"),
    "a session nobody can see": ({"session": "a\tb"}, UsageError, "a control character"),
    "a session that is not text": ({"session": "a\ud800"}, UsageError, "a byte that is not UTF-8"),
    "an empty run": ({"run": ""}, UsageError, "`--run`: it is empty"),
    "a long run": ({"run": "x" * 65}, UsageError, "it has 65 characters"),
    "a short segment": ({"timeline": [SEGMENT, SEGMENT[:5]]}, UsageError, "segment 2 of the timeline has 5 values"),
    "a long segment": ({"timeline": [(*SEGMENT, 1)]}, UsageError, "segment 1 of the timeline has 7 values"),
    "a column that is not text": ({"rows": [{**ROW, "a\ud800": 1}]}, UsageError, "has the column 'a\\ud800'"),
    "a column with a NUL": ({"rows": [{**ROW, "a\0": 1}]}, UsageError, "has the column 'a\\x00'"),
    "rows that end in an error": ({"rows": _Breaking()}, RuntimeError, "the simulation stops here"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_call_that_is_wrong_leaves_nothing(common: Bench, wrong: str) -> None:
    """Prevents half of a call from landing, above all a timeline without its rows, when something is wrong."""
    given, error, says = WRONG[wrong]
    with pytest.raises(error) as caught:
        land(common, **{"timeline": [SEGMENT], "rows": [ROW], **given})
    assert says in str(caught.value)
    count = "select count(*) from {landing}.landing_loads where session_id in (%s, %s, '')"
    assert common.query(count, common.folder.name, "x" * 64) == [(0,)]


@pytest.mark.parametrize("given", ["rows", "timeline"])
def test_rows_of_which_none_fits(common: Bench, given: str) -> None:
    """Prevents a simulation whose rows are all rejected from passing for one that landed, the second time as well."""
    bad = {"rows": [{**ROW, "die": "x"}], "timeline": [(0.5, *SEGMENT[1:])]}[given]
    for _ in range(2):
        with pytest.raises(LandingError) as caught:
            land(common, **{"rows": [ROW], "timeline": [SEGMENT], given: bad})
        assert "none of the 1 rows fits (load " in caught.value.what
    assert sorted(status for _, _, status, _ in statuses(common)) == ["landed", "rejected"]
    assert [load.status for load in land(common, **{given: []})] == ["landed"]  # a run of no rows is one


def test_a_server_that_fails(common: Bench) -> None:
    """Prevents a call from passing for success when the server did not take its rows; once it does, the same will."""
    common.query(f"rename table {{landing}}.{PROPOSALS_KIND} to {{landing}}.away")
    try:
        with pytest.raises(LandingError) as caught:
            land(common, timeline=[SEGMENT], rows=[ROW])
    finally:
        common.query(f"rename table {{landing}}.away to {{landing}}.{PROPOSALS_KIND}")
    assert caught.value.what.startswith(f"memory:{PROPOSALS_KIND}: the server said: ")
    assert caught.value.hint.startswith("everything else has landed; fix this and make the same call again")
    assert [status[0] for status in statuses(common)] == [TIMELINE_KIND]
    assert [load.status for load in land(common, timeline=[SEGMENT], rows=[ROW])] == ["unchanged", "landed"]
