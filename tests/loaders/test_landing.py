"""Landing on real servers: what stands in the tables afterwards is what stood in the file (design section 3).

Where the notebook's pandas had an answer, the tables are compared with it; where the design wants another one, the
test says so.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import struct
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pymysql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterstate.errors import LandingError, ServerError
from afterstate.warehouse.alchemy import sqlalchemy_engine
from afterstate.warehouse.connect import STREAM_NAME, connect, detect
from loaders import store
from loaders.encode import Encoder
from loaders.land import Lander
from loaders.recognise import kind_named
from loaders.result import FileResult
from loaders.send import insert_lines, load_data
from loaders.tables import LandingTables, landing_tables
from tests.bench import Bench
from tests.loaders.helpers import (
    KEY,
    TRACE,
    TRACE_FILE,
    TRACE_KIND,
    AskingServer,
    csv_text,
    fingerprint,
    fuzz,
    pandas_table,
    trace,
)
from tests.reads import rows_read

TRACE_COLUMNS = ", ".join(TRACE)


pytestmark = pytest.mark.layouts("four_schemas", "one_database")
WAYS = {"LOAD DATA": load_data, "INSERT": insert_lines}


@pytest.fixture(params=WAYS)
def lander(common: Bench, request: pytest.FixtureRequest) -> Lander:
    lander = Lander(common.warehouse)
    lander.has_load_data = request.param == "LOAD DATA"
    return lander


def land(bench: Bench, name: str, content: str | bytes) -> FileResult:
    """Land one file and give what became of it, with the messages."""
    return Lander(bench.warehouse).land(bench.write(name, content))


def landed(bench: Bench, load: FileResult, columns: str = TRACE_COLUMNS) -> list[tuple[Any, ...]]:
    """Return the rows of a load in the order of its file."""
    return bench.query(
        f"select {columns} from {{landing}}.{load.kind} where _load_id = %s order by _row_no", load.load_id
    )


def rejects(bench: Bench, load: FileResult, columns: str) -> list[tuple[Any, ...]]:
    """Return the rejects of a load in the order of its file."""
    return bench.query(
        f"select {columns} from {{landing}}.landing_rejects where load_id = %s order by row_no", load.load_id
    )


def as_rows(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Return a pandas table as the server gives its rows: missing is None."""
    return [tuple(None if pd.isna(value) else value for value in row) for row in table.itertuples(index=False)]


# -- what a file looks like -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dressed",
    [
        lambda text: text.encode(),
        lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
    ],
    ids=["plain", "BOM and CRLF", "CR only"],
)
def test_dressings(common: Bench, dressed: Callable[[str], bytes]) -> None:
    """Prevents a file that Excel or an old Mac saved from landing otherwise than pandas reads it."""
    content = dressed(
        'run_id,"case\nid",case_id,antibody_id,step,veto_streak\n"a\nb",1,"say ""x""\n",antibody_C,21.0,\n\n'
    )
    load = land(common, "x.csv", content)
    columns = ["run_id", "case_id", "antibody_id", "step", "veto_streak"]
    assert landed(common, load, ", ".join(columns)) == as_rows(pandas_table(content)[columns])
    assert landed(common, load, "_row_no, _line_no") == [(1, 3)]
    [(others,)] = landed(common, load, "_other_columns")
    assert [name.split() for name in json.loads(others)] == [["case", "id"]]


def test_a_repeated_header(common: Bench) -> None:
    """Prevents the second of two columns of one name from replacing the first, or from vanishing without a word."""
    content = "run_id,case_id,antibody_id,step,veto_streak,note,step,note\nr,c,a,1,2,first,9,second\n"
    load = land(common, "x.csv", content)
    table = pandas_table(content)  # it names the second `step.1`, the notebook dropped it
    assert landed(common, load, "step, veto_streak") == as_rows(table[["step", "veto_streak"]]) == [(1, 2)]
    assert json.loads(landed(common, load, "_other_columns")[0][0]) == {"note": "first"}
    file = common.folder / "x.csv"
    assert load.messages == [f"{file}: column `{name}` is there twice, the first is kept" for name in ("note", "step")]
    [(notes, header)] = common.query(
        "select notes, header from {landing}.landing_loads where load_id = %s", load.load_id
    )
    assert notes == "repeated header, the first is kept: note, step"
    assert json.loads(header) == [*KEY, "veto_streak", "note", "step", "note"]


OTHER_COLUMNS = {
    "refusal_state": "ACCEPTING",
    "상태": "거부됨",
    "😀": "🧬🧪",
    'a"b': 'q"q',
    "c\\d": "C:\\x\\N",
    "e.f": "dot",
    "g[0]": "index",
    "*": "star",
    "": "pandas' own index",
    "line\nbreak": "tab\t, return\r, line\n, escape\x1b",
    "Step": "21",
    "_load_id": "NULL",
    "e\u0301": "two code points",
    "\u00e9": "one",
    "it's": "'; drop table landing_loads; --",
    "zero": "0",
    "percent %s": "100 %",
}


def test_unknown_columns(common: Bench) -> None:
    """Prevents columns that Afterstate does not know from being lost, or from being out of reach of SQL."""
    names = list(OTHER_COLUMNS)
    load = land(
        common, "x.csv", trace([(1, 1, 1, 1, 1, *OTHER_COLUMNS.values(), "")], header=[*TRACE, *names, "empty"])
    )
    for name, value in OTHER_COLUMNS.items():
        path = f"$.{json.dumps(name, ensure_ascii=False)}"
        found = common.query(
            f"select json_unquote(json_extract(_other_columns, %s)) from {{landing}}.{TRACE_KIND} where _load_id = %s",
            path,
            load.load_id,
        )
        assert found == [(value,)], name
    assert "empty" not in json.loads(landed(common, load, "_other_columns")[0][0])  # the empty field is NULL


# -- keys and texts ---------------------------------------------------------------------------------------------------

ALIKE = ["antibody_C", "antibody_c", "antibody_Ç", "antibody_C\u0327", "antibody_C ", " antibody_C", "antibody_C\t"]
ALIKE += ["ａntibody_C", "antibody_\u0421", "항체", "항체 ", "🧬", "🧬\ufe0f", "ß", "ss", "ﬁ", "fi", "İ", "i", "ı"]  # noqa: RUF001


def test_keys_are_exact(common: Bench) -> None:
    """Prevents two keys from being one because they look alike: a server's own collations fold case and accents."""
    content = csv_text([*KEY, "veto_streak"], [("exact", "c", name, 1, at) for at, name in enumerate(ALIKE)])
    load = land(common, "x.csv", content)
    assert landed(common, load, "antibody_id") == [(name,) for name in ALIKE]
    assert pandas_table(content)["antibody_id"].nunique() == len(ALIKE)
    place = f"{{landing}}.{TRACE_KIND} where run_id = 'exact'"
    assert common.query(f"select count(distinct antibody_id) from {place}") == [(len(ALIKE),)]
    for at, name in enumerate(ALIKE):
        assert common.query(f"select veto_streak from {place} and antibody_id = %s", name) == [(at,)]


def test_texts_of_any_language_fit_by_characters(common: Bench) -> None:
    """Prevents Korean from being cut or refused at 64 bytes, and emoji from turning into question marks."""
    texts = ["한" * 64, "🧬" * 64, "e\u0301" * 32, "👩\u200d🔬", "\u202eabc", "\uffff\U0010ffff", "x" * 64]
    load = land(common, "한글 🧬.csv", csv_text([*KEY, "veto_streak"], [("r", "c", name, 1, 1) for name in texts]))
    assert landed(common, load, "antibody_id") == [(name,) for name in texts]
    long = land(common, "long.csv", csv_text([*KEY, "veto_streak"], [("r", "c", "한" * 65, 1, 1)]))
    assert rejects(common, long, "reason") == [("has 65 characters, at most 64 fit",)]
    [(path,)] = common.query("select file_path from {landing}.landing_loads where load_id = %s", load.load_id)
    assert Path(path) == common.folder / "한글 🧬.csv"


WORDS = ["NA", "NULL", "None", "NONE", "nan", "null", "N/A", "\\N", '"', "'", " ", "0", "", "NULL,NULL", "\\", '\\"']


def test_words_for_nothing(common: Bench) -> None:
    r"""Prevents NULL and \N from becoming NULL in LOAD DATA; only the empty field is (pandas has more words for it)."""
    content = csv_text([*KEY, "fallback_stage"], [("r", "c", "a", at, word) for at, word in enumerate(WORDS)])
    load = land(common, "x.csv", content)
    assert landed(common, load, "fallback_stage") == [(word or None,) for word in WORDS]
    differing = [
        word for word, read in zip(WORDS, pandas_table(content)["fallback_stage"], strict=True) if word != read
    ]
    assert differing == [
        "NA",
        "NULL",
        "None",
        "nan",
        "null",
        "N/A",
        "",
    ]  # the rest is what pandas reads, NONE above all


def test_numbers_are_the_notebooks(common: Bench) -> None:
    """Prevents steps and measures from being anything else than what pandas reads; nan and nothing are NULL."""
    measures = ["0.333333", "7.2", "1e23", "5e-324", "1.7976931348623157e308", "", "nan", "NaN", " 2.5 ", "-0.1", "100"]
    steps = ["21", "21.0", "2.1e1", " 21 ", "+21", "021", "-21", "2147483647", "-2147483648", "21.", "0"]
    content = trace(zip(steps, measures, strict=True))
    load = land(common, "x.csv", content)
    table = pandas_table(content, float_precision="round_trip")
    table["step"] = pd.to_numeric(table["step"], errors="coerce").astype("Int64")
    assert landed(common, load, "step, SoMS_cumsum_window") == as_rows(table[["step", "SoMS_cumsum_window"]])
    assert load.rows_landed == len(steps)


# -- rows that do not fit ---------------------------------------------------------------------------------------------

HEAD = ",".join([*TRACE, "note"]) + "\n"
# name: (row, column, value, reason)
MISFITS: dict[str, tuple[str, str | None, str | None, str]] = {
    "a fraction of a step": ("r,c,a,21.5,1,1,1,1,n", "step", "21.5", "not a whole number"),
    "a word for a step": ("r,c,a,abc,1,1,1,1,n", "step", "abc", "not a number"),
    "no step": ("r,c,a,,1,1,1,1,n", "step", "", "the column is required"),
    "nan for a step": ("r,c,a,nan,1,1,1,1,n", "step", "nan", "the column is required"),
    "no run": (",c,a,1,1,1,1,1,n", "run_id", "", "the column is required"),
    "a step beyond INT": ("r,c,a,2147483648,1,1,1,1,n", "step", "2147483648", "outside INT"),
    "a measure beyond DOUBLE": ("r,c,a,1,1e400,1,1,1,n", "SoMS_cumsum_window", "1e400", "beyond DOUBLE"),
    "a word for a measure": ("r,c,a,1,1,1,NULL,1,n", "blocked_rate_window", "NULL", "not a number"),
    "a decimal comma": ('r,c,a,1,"0,5",1,1,1,n', "SoMS_cumsum_window", "0,5", "not a number"),
    "a long key": (f"{'x' * 65},c,a,1,1,1,1,1,n", "run_id", "x" * 65, "65 characters, at most 64"),
    "two misfits": ("r,c,a,abc,def,1,1,1,n", "step", "abc", "not a number"),
    "a short row": ("r,c,a,1,1,1,1,1", None, None, "8 fields, the header has 9"),
    "a long row": ("r,c,a,1,1,1,1,1,n,m", None, None, "10 fields, the header has 9"),
    "one field": ("end of file", None, None, "1 field, the header has 9"),
    "a line break inside": ('r,c,a,"1\n2",1,1,1,1,한글', "step", "1\n2", "not a number"),
    "text after a quote": ('r,c,a,1,1,1,1,1,"n"x', None, None, "text follows a closing quote"),
    "a NUL": ("r,c,a,1,1,1,1,1,x\0y", "note", "x\\x00y", "NUL byte"),
    "Latin 1": ("r,c,a\udcf6,1,1,1,1,1,n", "antibody_id", "a\\xf6", "0xF6, which is not UTF-8"),
    "an open quote": ('r,c,a,1,1,1,1,1,"n', None, None, "never closes"),
}


def test_misfits(common: Bench) -> None:
    """Prevents a value that does not fit from being converted, from taking other rows along, or from getting lost.

    Each has its file, line, column, reason and original text; the rows around it land.
    """
    lines, expected, line_no = [HEAD], [], 2
    for row, column, value, reason in MISFITS.values():
        lines += [row + "\n", "r,c,sound,1,1,1,1,1,n\n"]
        text = row.replace("\0", "\\x00").replace("\udcf6", "\\xf6")
        expected.append((line_no, column, value, reason, text))
        line_no += row.count("\n") + 2
    file = common.write("x.csv", "".join(lines).encode("utf-8", "surrogateescape"))
    load = Lander(common.warehouse).land(file)

    found = rejects(common, load, "line_no, column_name, value, reason, row_text, row_no, kind, file_path")
    for (*place, reason, text, row_no, kind, path), (*want, want_reason, want_text) in zip(
        found, expected, strict=True
    ):
        assert (place, text) == (want, want_text)
        assert want_reason in reason
        assert (kind, Path(path)) == (TRACE_KIND, file)
        assert row_no % 2 == 1
    assert landed(common, load, "antibody_id") == [("sound",)] * len(MISFITS)
    assert (load.rows_read, load.rows_rejected) == (2 * len(MISFITS), len(MISFITS))
    assert load.messages[0] == f"{file}: line 2, column `step`: `21.5` is not a whole number"
    assert load.messages[3] == f"… and {len(MISFITS) - 3} more in landing_rejects"
    assert load.messages[4].startswith(f"{file}: rows with bytes that are not UTF-8: ")
    assert "name its encoding with `--encoding NAME`" in load.messages[4]
    assert len(load.messages) == 5


def test_short_and_long_rows_in_the_notebook(common: Bench) -> None:
    """Prevents a difference that the design wants from being lost: pandas pads short rows and fails on long ones."""
    short, long = HEAD + "r,c,a,1,1,1\n", HEAD + "r,c,a,1,1,1,1,1,n\nr,c,a,2,1,1,1,1,n,m\n"
    assert pandas_table(short)["note"].isna().all()
    with pytest.raises(pd.errors.ParserError):
        pandas_table(long)
    assert [land(common, "x.csv", content).rows_rejected for content in (short, long)] == [1, 1]


@pytest.mark.parametrize("misfit", [True, False])
def test_a_field_of_many_megabytes(common: Bench, misfit: bool) -> None:
    """Prevents a huge field, landed or rejected, from breaking the protocol, whose packets end at 16 MiB."""
    size = (16 << 20) + 1_000
    load = land(common, "x.csv", HEAD + f"r,c,a,{'x' if misfit else 1},1,1,1,1,{'y' * size}\n")
    if misfit:
        assert rejects(common, load, "length(row_text)") == [(len("r,c,a,x,1,1,1,1,") + size,)]
    else:
        assert landed(common, load, "length(json_unquote(json_extract(_other_columns, '$.note')))") == [(size,)]


def test_messages_cannot_steer_a_terminal(common: Bench) -> None:
    """Prevents a file's bytes from being a terminal's commands, or from breaking a message into lines."""
    [message] = land(common, "x.csv", HEAD + 'r,c,a,"\x1b[2J\n한\u00a0",1,1,1,1,n\n').messages
    assert message.endswith(r"column `step`: `\x1b[2J\n한\xa0` is not a number")


# -- which files land -------------------------------------------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256))
# name: (content, status, what the message says)
FOLDER: dict[str, tuple[bytes, str, str]] = {
    "good.csv": (trace([(1,), (2,)]).encode(), "landed", ""),
    "header_only.csv": (csv_text(TRACE).encode(), "landed", ""),
    "no_extension": (trace([(3,)]).encode(), "landed", ""),
    "empty.csv": (b"", "ignored", "it is empty"),
    "only_a_bom.csv": (b"\xef\xbb\xbf", "ignored", "it is empty"),
    "blank.csv": (b"\n \n\n", "ignored", "it is empty"),
    "sub/" + TRACE_FILE: (b"", "failed", "line 1: the file is empty: a core8_state_trace needs at least its header"),
    "missing.csv": (csv_text(TRACE[1:], [["c"] * 7]).encode(), "failed", "line 1: no column `run_id`"),
    "semicolons.csv": (csv_text(TRACE).replace(",", ";").encode(), "failed", "separated by `;`, expected commas"),
    "core8_06_fallback_decisions.csv": (trace([]).encode("utf-16"), "failed", "UTF-8"),
    "latin.csv": (trace([], header=[*TRACE, "Größe"]).encode("latin-1"), "failed", "0xF6, which is not UTF-8"),
    "prices.csv": (b"date,open,close\n2026-01-01,1,2\n", "ignored", "matches no known kind"),
    "notes.md": ("# 메모\n".encode(), "ignored", "matches no known kind"),
    "config.json": (b'{"run_id": 1,\n "case_id": 2}\n', "ignored", ""),
    "plot.png": (PNG, "ignored", "0x89"),
    "zeros.bin": (bytes(5 << 20), "ignored", "a line is longer than 4 MiB"),
    "quote.bin": (b'"' + b"x" * (3 << 20), "ignored", "never closes"),
    "long_line.txt": (b"x" * (3 << 20), "ignored", "matches no known kind"),
    "keys.csv": (csv_text(KEY, [["r", "c", "a", 1]]).encode(), "ignored", "`--kind` names one"),
    "model.pickle": (b"\x80\x04\x95\x10\0\0\0", "ignored", "NUL"),
    "core10_02_shutdown_snapshot.csv": (
        csv_text(
            ["snapshot_rule_id", "snapshot_created_at", *TRACE, "shutdown_step", "shutdown_trigger_final"]
        ).encode(),
        "ignored",
        "known, not needed",
    ),
}


def test_a_folder_of_all_sorts(warehouse: Bench) -> None:
    """Prevents one bad file from stopping the others, strangers' files from failing, and ours from being ignored."""
    files = {warehouse.write(f"in/{name}", content): (status, says) for name, (content, status, says) in FOLDER.items()}
    with zipfile.ZipFile(warehouse.folder / "in" / "backup.zip", "w") as archive:
        archive.writestr("trace.csv", FOLDER["good.csv"][0])
    files[warehouse.folder / "in" / "backup.zip"] = ("ignored", "NUL")
    lander = Lander(warehouse.warehouse)
    for file, (status, says) in files.items():
        result = lander.land(file)
        assert (file.name, result.status) == (file.name, status)
        assert says in " ".join(result.messages)
        if status == "failed":
            assert str(file) in result.messages[0]
        if status != "landed":
            assert (result.load_id, result.rows_read, result.rows_landed, result.rows_rejected) == (None, 0, 0, 0)
    assert warehouse.query("select count(*) from {landing}.landing_loads") == [(3,)]
    assert warehouse.query(f"select sum(step) from {{landing}}.{TRACE_KIND}") == [(6,)]


def test_a_strangers_huge_file(lander: Lander, tmp_path: Path) -> None:
    """Prevents a disk image in a folder from being read into memory in search of its first line's end."""
    file = tmp_path / "disk.img"
    file.touch()
    os.truncate(file, 64 << 20)
    tracemalloc.start()
    assert lander.land(file).status == "ignored"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20


@pytest.mark.parametrize(
    ("content", "pandas"),
    [
        (b"", pd.errors.EmptyDataError),
        (FOLDER["core8_06_fallback_decisions.csv"][0], UnicodeDecodeError),
        (FOLDER["latin.csv"][0], UnicodeDecodeError),
        (PNG, UnicodeDecodeError),
    ],
)
def test_the_notebook_could_not_read_these_either(content: bytes, pandas: type[Exception]) -> None:
    """Prevents refusing a file that the notebook could have read."""
    with pytest.raises(pandas):
        pandas_table(content)


def test_a_file_name_that_is_not_utf8(common: Bench) -> None:
    """Prevents a traceback from a file that was named under another encoding; a Linux name is any bytes."""
    name = os.fsdecode(b"trace_\xff.csv")
    load = land(common, name, trace([("abc",)], run="odd name"))
    assert (load.status, load.rows_rejected) == ("rejected", 1)
    assert load.file == str(common.folder / r"trace_\xff.csv")
    assert rejects(common, load, "file_path") == [(load.file,)]
    assert json.loads(json.dumps(load.as_json(), ensure_ascii=False).encode())["file"] == load.file


def test_a_file_that_is_gone(common: Bench) -> None:
    """Prevents a traceback when a file vanishes between being found and being read."""
    result = Lander(common.warehouse).land(common.folder / "gone.csv")
    assert result.status == "failed"
    assert "gone.csv: cannot be read: No such file" in result.messages[0]


# -- exactly once -----------------------------------------------------------------------------------------------------


def test_exactly_once(warehouse: Bench) -> None:
    """Prevents a file from landing twice because it was moved, renamed, touched or copied; a changed one must land."""
    content = trace([(1,), ("abc",), (2,)])
    first = land(warehouse, TRACE_FILE, content)
    before = fingerprint(warehouse)
    again = [land(warehouse, TRACE_FILE, content), land(warehouse, "elsewhere/copy.txt", content)]
    for result in again:
        assert result.as_json() == {**first.as_json(), "status": "unchanged", "file": result.file}
    assert fingerprint(warehouse) == before
    changed = land(warehouse, TRACE_FILE, content.replace("antibody_C,2", "antibody_C,3"))
    assert (changed.status, changed.rows_landed) == ("landed", 2)
    assert warehouse.query("select status, count(*) from {landing}.landing_loads group by status") == [("landed", 2)]


def test_the_same_bytes_under_another_kind_are_another_file(common: Bench) -> None:
    """Prevents `--kind` from being refused because the content landed as something else before."""
    file = common.write("keys.csv", csv_text(KEY, [("as two kinds", "c", "a", 1)]))
    kinds = ["core8_state_trace", "core8_fallback_decisions"]
    results = [Lander(common.warehouse, kind_named(kind)).land(file) for kind in [*kinds, *kinds]]
    assert [(result.kind, result.status) for result in results] == [
        *[(kind, "landed") for kind in kinds],
        *[(kind, "unchanged") for kind in kinds],
    ]


def test_provenance(common: Bench) -> None:
    """Prevents a row or a reject of which nobody can tell where it comes from."""
    content = trace([(1,), ("abc",), (2,), (3,)])
    load = land(common, "deep/x.csv", content.encode())
    columns = "kind, file_path, file_bytes, content_sha256, rows_read, rows_landed, rows_rejected, status, notes"
    assert common.query(f"select {columns} from {{landing}}.landing_loads where load_id = %s", load.load_id) == [
        (
            *(TRACE_KIND, str(common.folder / "deep" / "x.csv"), len(content)),
            *(hashlib.sha256(content.encode()).hexdigest(), 4, 3, 1, "landed", None),
        )
    ]
    [(header, order, recent)] = common.query(
        "select header, started_at <= finished_at, timestampdiff(second, finished_at, utc_timestamp()) < 60 "
        "from {landing}.landing_loads where load_id = %s",
        load.load_id,
    )
    assert (json.loads(header), order, recent) == (list(TRACE), 1, 1)
    assert landed(common, load, "_row_no, _line_no, step") == [(1, 2, 1), (3, 4, 2), (4, 5, 3)]
    assert rejects(common, load, "row_no, line_no, row_text") == [(2, 3, "run,B_GOVERNED,antibody_C,abc,1,1,1,1")]


def test_duplicate_keys_all_land(common: Bench) -> None:
    """Prevents landing from choosing between rows of one key: staging does, and tests report them."""
    once, twice = [(1, "0.1"), (1, "0.2"), (1, "0.1"), (2, "0.3")], [(1, "0.2"), (2, "0.3"), (2, "0.3")]
    for number, rows in enumerate((once, twice)):
        load = land(common, f"{number}.csv", trace(rows, run="dup"))
        assert landed(common, load, "step, SoMS_cumsum_window") == [(step, float(text)) for step, text in rows]
    assert common.query(f"select count(*) from {{landing}}.{TRACE_KIND} where run_id = 'dup'") == [(7,)]


def statuses(bench: Bench) -> dict[int, str]:
    return dict(bench.query("select load_id, status from {landing}.landing_loads order by load_id"))  # type: ignore[arg-type]


def test_superseded_only_when_all_rows_are_restated(warehouse: Bench) -> None:
    """Prevents a load from being called superseded while one of its rows is still the latest of its key."""
    files = {
        "old": trace([(1,), (2,), (3,), (3,)]),  # a key twice does not supersede itself
        "header": csv_text(TRACE),
        "near": trace([(3,)]).replace("antibody_C", "antibody_c"),  # another key
        "fallback": csv_text(
            [*KEY, "fallback_stage"], [("run", "B_GOVERNED", "antibody_C", at, "x") for at in (1, 2, 3)]
        ),
        "rejected": trace([("3,5", "9"), ("nan", "9")]),  # a row that did not land restates nothing
        "two of three": trace([(2, 7), (1, 7)]),
        "the third": trace([(3, 8), (4, 8)]),
    }
    results = {}
    for name, content in files.items():
        results[name] = land(warehouse, f"{name}.csv", content)
        superseded = [name for name, load in results.items() if statuses(warehouse)[load.load_id] == "superseded"]
        assert superseded == (["old"] if name == "the third" else []), name
    old = land(warehouse, "again.csv", files["old"])
    assert old.as_json() == {**results["old"].as_json(), "status": "superseded", "file": old.file}
    assert old.messages == [f"landed before as load {old.load_id}; later loads have restated all of its rows"]
    assert land(warehouse, "two.csv", files["two of three"]).status == "unchanged"
    assert warehouse.query(f"select count(*) from {{landing}}.{TRACE_KIND}") == [(4 + 1 + 2 + 2,)]


def test_superseding_reads_in_proportion(warehouse: Bench) -> None:
    """Prevents the server from comparing all rows of two loads with each other, which it did before it knew them."""
    rows = 2_000
    loads = [land(warehouse, "x.csv", trace((step, number) for step in range(rows))) for number in range(3)]
    account = warehouse.warehouse.landing
    tables = landing_tables(warehouse.warehouse.schemas, detect(account).exact_collation)
    with sqlalchemy_engine(account, landing=True).connect() as connection:
        store.mark_superseded(connection, tables, kind_named(TRACE_KIND), int(loads[-1].load_id or 0))
        assert rows_read(connection.connection.cursor()) < 30 * rows
    assert list(statuses(warehouse).values()) == ["superseded", "superseded", "landed"]


# -- nothing half-done ------------------------------------------------------------------------------------------------


def _append(file: Path) -> None:
    with file.open("a") as stream:
        stream.write("run,B_GOVERNED,antibody_C,999,1,1,1,1\n")


def _truncate(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def _edit(file: Path) -> None:
    with file.open("r+b") as stream:
        stream.seek(-2, os.SEEK_END)
        stream.write(b"9")


@pytest.mark.parametrize("change", [_append, _truncate, _edit])
def test_a_file_that_changes_while_it_is_read(
    common: Bench, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    """Prevents half of a file, or rows under the hash of another content, from landing while its producer writes."""
    monkeypatch.setattr("loaders.reader.BLOCK_BYTES", 1 << 10)
    file = common.write("x.csv", trace([(step,) for step in range(500)], run=change.__name__))
    changed = []

    def after_the_first_block(_: Path, read: int, size: int) -> None:
        assert read > 0
        if not changed and read < size:
            changed.append(file)
            change(file)

    result = Lander(common.warehouse, progress=after_the_first_block).land(file)
    assert changed
    assert result.status == "failed"
    assert "changed while it was read; nothing of it was landed\n  land it again" in result.messages[0]
    count = f"select count(*) from {{landing}}.{TRACE_KIND} where run_id = %s"
    assert common.query(count, change.__name__) == [(0,)]
    assert common.query("select count(*) from {landing}.landing_loads where file_path = %s", str(file)) == [(0,)]
    assert Lander(common.warehouse).land(file).status == "landed"


class Gate:
    """A transaction of a load of its own, with lines that the product would never send."""

    line = b'1,2,"r","c","a",1,1.5,0.5,0.25,2,NULL\n'

    def __init__(self, bench: Bench, way: str, *others: str) -> None:
        account = bench.warehouse.landing
        self._send = WAYS[way]
        kind = kind_named(TRACE_KIND)
        self._engine = sqlalchemy_engine(account, landing=True)
        self._tables: LandingTables = landing_tables(bench.warehouse.schemas, detect(account).exact_collation)
        self._columns = Encoder(kind, [*TRACE, *others]).columns

    def send(self, lines: Iterable[bytes]) -> int:
        with self._engine.connect() as connection:
            table = self._tables.rows[TRACE_KIND]
            return store.stream_rows(self._send, connection, table, self._columns, 2**40, lines)


# LOAD DATA LOCAL makes all of these warnings and goes on (engine-facts). 3.7 for an INT is none even then: nothing but
# the encoder stands between it and a 4.
SPOILT = {
    "a text too long": Gate.line.replace(b'"r"', b'"' + b"x" * 65 + b'"'),
    "a word for a number": Gate.line.replace(b"1.5", b"abc"),
    "nan": Gate.line.replace(b"1.5", b"nan"),
    "nothing for a number": Gate.line.replace(b"1.5", b""),
    "beyond INT": Gate.line.replace(b'"a",1', b'"a",2147483648'),
    "beyond DOUBLE": Gate.line.replace(b"1.5", b"1e400"),
    "NULL for a key": Gate.line.replace(b'"r"', b"NULL"),
    "a short line": b'1,2,"r"\n',
    "a long line": Gate.line.replace(b"NULL", b"NULL,1"),
    "a line cut off": Gate.line[:20],
    "a blank line": b"\n",
    "a key twice": Gate.line + Gate.line,
    "no UTF-8": Gate.line.replace(b'"r"', b'"\xff"'),
    "no JSON": Gate.line.replace(b"NULL", b'"{x"'),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("others", [[], ["unknown"]], ids=["known columns", "unknown ones"])
def test_the_gate(common: Bench, others: list[str], way: str) -> None:
    """Prevents the server from converting, cutting or skipping anything without the landing noticing."""
    gate = Gate(common, way, *others)

    def cut(lines: bytes) -> bytes:
        return lines if others else lines.replace(b",NULL\n", b"\n")

    assert gate.send([cut(Gate.line), cut(Gate.line.replace(b"1,2,", b"2,3,", 1))]) == 2
    for name, lines in SPOILT.items():
        with pytest.raises((LandingError, pymysql.MySQLError)) as caught:
            gate.send([cut(lines)])
        message = str(caught.value)
        assert "would have changed" in message or not isinstance(caught.value, LandingError), name
    assert common.query(f"select count(*) from {{landing}}.{TRACE_KIND} where _load_id = {2**40}") == [(0,)]


STORABLE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
NASTY = st.text(st.sampled_from(list("\\N\"',\n\r\t \x1a0%한🧬\ufeff")), max_size=12)
TEXTS = STORABLE | NASTY | st.sampled_from(["NULL", "\\N", '"', '""', "\\", '\\"', '",', '",NULL,"', "\n", "\r\n"])
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
INTS = st.integers(-(2**31), 2**31 - 1)
ROWS = st.lists(st.tuples(TEXTS, TEXTS, INTS, TEXTS, DOUBLES, TEXTS), min_size=1, max_size=50)
ROUND_TRIP = ("run_id", "antibody_id", "step", "fallback_stage", "fallback_score", "메모")


def _bits(number: float) -> bytes:
    return struct.pack("<d", number + 0.0)  # -0 is 0


@fuzz(25)
@given(rows=ROWS)
def test_round_trip(common: Bench, lander: Lander, rows: list[tuple[str, str, int, str, float, str]]) -> None:
    """Prevents any character, digit or bit from changing between a file and its table."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow([*ROUND_TRIP, "case_id"])
    writer.writerows([(run or "-", antibody or "-", *rest, "c") for run, antibody, *rest in rows])
    load = lander.land(common.write("x.csv", out.getvalue()))
    found = landed(common, load, "run_id, antibody_id, step, fallback_stage, fallback_score, _other_columns")
    assert len(found) == len(rows)
    for got, (run, antibody, step, stage, score, note) in zip(found, rows, strict=True):
        assert got[:4] == (run or "-", antibody or "-", step, stage or None)
        assert _bits(got[4]) == _bits(score)
        assert json.loads(got[5] or "{}").get("메모", "") == note


# -- the guard: no server gets a file that it was not offered ---------------------------------------------------------


def _offering() -> Iterator[bytes]:
    yield b"offered"


@pytest.mark.parametrize("asked", ["/etc/passwd", STREAM_NAME + "2", "", "/proc/self/environ"])
def test_a_server_that_asks_for_a_file_gets_nothing(tmp_path: Path, asked: str) -> None:
    """Prevents a server, or who poses as one, from reading files of the machine that lands (MySQL manual, LOCAL)."""
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    for name in (asked, str(secret)):
        for stream in (None, _offering()):
            with AskingServer("select 1", name) as server:
                connection = connect(server.account, landing=True)
                with pytest.raises(ServerError, match="which it was not offered"):
                    connection.load("select 1", stream) if stream else connection.query("select 1")
                assert connection.query("select 2") == 0  # the protocol is in step again
                connection.close()
            assert server.sent == []
            assert stream is None or next(stream) == b"offered"  # untouched
        with AskingServer("select 1", name) as server:
            connection = connect(server.account)
            with pytest.raises(RuntimeError, match="local_infile option is false"):
                connection.query("select 1")
            connection.close()
        assert server.sent == []


def test_a_stream_is_served_once() -> None:
    """Prevents a server from asking again, later, for what was offered once; and shows what serving looks like."""
    with AskingServer("select 1", STREAM_NAME) as server:
        connection = connect(server.account, landing=True)
        assert connection.load("select 1", [b"a,b\n", b"c,d\n"]) == (0, 0)
        with pytest.raises(ServerError, match="not offered"):
            connection.query("select 1")
        connection.close()
    assert server.sent == [b"a,b\n", b"c,d\n"]


def test_local_files_on_a_real_server(common: Bench) -> None:
    """Prevents LOAD DATA LOCAL from reading files over any connection of ours; ordinary ones have it turned off."""
    file = common.write("secret.txt", "1,2,r,c,a,1\n")
    account = common.warehouse.landing
    table = common.warehouse.table("landing", TRACE_KIND)
    statement = f"load data local infile '{file}' into table {table} fields terminated by ',' set _load_id = 8000"
    guarded, ordinary = connect(account, landing=True), connect(account)
    with pytest.raises(ServerError, match="secret"):
        guarded.query(statement)
    with pytest.raises(ServerError, match="secret"):
        guarded.load(statement, _offering())
    with pytest.raises(pymysql.MySQLError, match="disabled"):
        ordinary.query(statement)
    for connection in (guarded, ordinary):
        connection.commit()  # each is still usable, and there is nothing to commit
        connection.close()
    assert common.query(f"select count(*) from {table} where _load_id = 8000") == [(0,)]


@pytest.mark.parametrize("way", WAYS)
def test_a_stream_that_fails_leaves_nothing(common: Bench, way: str) -> None:
    """Prevents the first half of a load from being committed when its source breaks in the middle."""

    def broken() -> Iterator[bytes]:
        yield Gate.line
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        Gate(common, way).send(broken())
    assert common.query(f"select count(*) from {{landing}}.{TRACE_KIND} where _load_id = {2**40}") == [(0,)]
