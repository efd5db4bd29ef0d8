"""Landing where the server's `local_infile` is off, as MySQL is installed: slower, and otherwise the same."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders.send import STATEMENT_BYTES, _split, _statements
from tests.bench import Bench, Server
from tests.loaders.helpers import TRACE_FILE, another_warehouse, fuzz, trace
from tests.server.helpers import global_setting


@pytest.fixture
def without_local_infile(server: Server, tmp_path: Path) -> Iterator[Bench]:
    bench = another_warehouse(server, tmp_path)
    with global_setting(bench, "local_infile", 0):
        yield bench


def test_it_says_once_how_to_be_faster(without_local_infile: Bench) -> None:
    """Prevents years at half the speed without a word, and a word for each file of a thousand."""
    for run in ("a", "b", "c"):
        without_local_infile.write(f"{run}/{TRACE_FILE}", trace([(1,)], run))
    said = without_local_infile.run("land", without_local_infile.folder)
    assert said.exit_code == 0, said.output
    assert said.output.count("LOAD DATA") == said.output.count("set global local_infile = on") == 1
    assert without_local_infile.query("select count(*) from {landing}.landing_loads") == [(3,)]


def test_a_row_that_no_statement_can_hold_fails_with_its_reason(without_local_infile: Bench) -> None:
    """Prevents a connection that ends in the middle, without saying which setting of the server is too small."""
    header = (
        "run_id,case_id,antibody_id,step,SoMS_cumsum_window,action_toggle_rate,blocked_rate_window,veto_streak,note\n"
    )
    long = "y" * (15 << 20)
    file = without_local_infile.write("x.csv", f"{header}r,c,a,1,1,1,1,1,{long}\nr,c,a,x,1,1,1,1,{long}\n")
    with global_setting(without_local_infile, "max_allowed_packet", 15 << 20):
        (result,) = without_local_infile.land(file)
        assert result["status"] == "failed"
        said = without_local_infile.run("land", file).output
    assert "max_allowed_packet" in said
    assert without_local_infile.query("select count(*) from {landing}.landing_loads") == [(0,)]
    assert without_local_infile.land(file)[0]["rows_landed"] == 1


TEXTS = st.text(st.sampled_from(list("ab,\"\n\\'한")), max_size=9)


@fuzz(200)
@given(rows=st.lists(st.tuples(TEXTS, TEXTS), max_size=20), cut=st.integers(1, 40))
def test_lines_end_where_no_quote_is_open(rows: Sequence[tuple[str, str]], cut: int) -> None:
    """Prevents a line break or a quote in a value from being taken for SQL, wherever a block of the file ends."""
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    text = out.getvalue().encode()
    blocks = [text[at : at + cut] for at in range(0, len(text), cut)]
    found = [line for lines in _split(blocks) for line in lines]
    assert [next(csv.reader(io.StringIO(line.decode(), newline=""))) for line in found] == [list(row) for row in rows]


def test_statements_stay_within_their_length() -> None:
    """Prevents statements that a server's max_allowed_packet does not take, and one statement for each row."""
    lines = [b'"%d"\n' % number for number in range(200_000)]
    statements = list(_statements([b"".join(lines)]))
    assert [row + b"\n" for rows in statements for row in rows] == lines
    assert all(sum(map(len, rows)) <= STATEMENT_BYTES for rows in statements)
    assert len(statements) == 2
