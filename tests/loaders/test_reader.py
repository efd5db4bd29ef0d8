"""Splitting a file into records: every line ends up in one, with its place and its original text."""

from __future__ import annotations

import csv
import io
import re
import tracemalloc
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loaders import csv_file, reader
from loaders.reader import Record, printable, unprintable
from tests.loaders.helpers import fuzz, pandas_table

BOM = b"\xef\xbb\xbf"
UNCLOSED = "never closes"
AFTER_QUOTE = "text follows a closing quote"


def read(content: bytes) -> list[Record]:
    return list(csv_file.records(content))


def as_pandas_reads(content: bytes) -> list[list[str]]:
    """Return all fields as texts, the header being a row like the others."""
    return pandas_table(content, header=None, dtype=str, keep_default_na=False).to_numpy().tolist()


# name: (content, [(line, fields)])
FILES: dict[str, tuple[bytes, list[tuple[int, list[str]]]]] = {
    "plain": (b"a,b\n1,2\n3,4\n", [(1, ["a", "b"]), (2, ["1", "2"]), (3, ["3", "4"])]),
    "no line break at the end": (b"a,b\n1,2", [(1, ["a", "b"]), (2, ["1", "2"])]),
    "header only": (b"a,b\n", [(1, ["a", "b"])]),
    "BOM and CRLF": (BOM + b"a,b\r\n1,2\r\n", [(1, ["a", "b"]), (2, ["1", "2"])]),
    "BOM before a quote": (BOM + b'"a","b"\n1,2\n', [(1, ["a", "b"]), (2, ["1", "2"])]),
    "CR only": (b"a,b\r1,2\r3,4", [(1, ["a", "b"]), (2, ["1", "2"]), (3, ["3", "4"])]),
    "quoted LF": (b'a,b\n"x\ny",2\n3,4\n', [(1, ["a", "b"]), (2, ["x\ny", "2"]), (4, ["3", "4"])]),
    "quoted CRLF": (b'a,b\r\n"x\r\ny",2\r\n3,4\r\n', [(1, ["a", "b"]), (2, ["x\r\ny", "2"]), (4, ["3", "4"])]),
    "quoted CR": (b'a,b\n"x\ry",2\n3,4\n', [(1, ["a", "b"]), (2, ["x\ry", "2"]), (4, ["3", "4"])]),
    "line breaks in the header": (b'"a\nb",c\n1,2\n', [(1, ["a\nb", "c"]), (3, ["1", "2"])]),
    "blank lines": (b"\n\na,b\n\n1,2\n \t \n\r\n3,4\n\n", [(3, ["a", "b"]), (5, ["1", "2"]), (8, ["3", "4"])]),
    "fields of nothing": (b"a,b\n,\n , \n", [(1, ["a", "b"]), (2, ["", ""]), (3, [" ", " "])]),
    "a quoted nothing": (b'a\n""\n1\n', [(1, ["a"]), (2, [""]), (3, ["1"])]),
    "quotes and commas": (b'a,b\n"x,""y""","1"\n', [(1, ["a", "b"]), (2, ['x,"y"', "1"])]),
    "a quote inside of a field": (b'a,b\n12" wafer,2\n', [(1, ["a", "b"]), (2, ['12" wafer', "2"])]),
    "blanks stay": (b"a,b\n x , y\t\n", [(1, ["a", "b"]), (2, [" x ", " y\t"])]),
    "backslashes are data": (rb'a,b' + b'\n' + rb'\N,C:\"x' + b'\n', [(1, ["a", "b"]), (2, ["\\N", 'C:\\"x'])]),
    "every language": ("이름,b\n한글,🧬e\u0301\n".encode(), [(1, ["이름", "b"]), (2, ["한글", "🧬e\u0301"])]),
    "line breaks of Unicode only": (
        "a,b\nx\u2028y,\x0b\x0c\x1c\x85z\n".encode(),
        [(1, ["a", "b"]), (2, ["x\u2028y", "\x0b\x0c\x1c\x85z"])],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), FILES.values(), ids=list(FILES))
def test_records(content: bytes, expected: list[tuple[int, list[str]]]) -> None:
    """Prevents fields that are cut, joined or trimmed, and line numbers that point elsewhere."""
    found = read(content)
    assert [(record.line_no, record.fields) for record in found] == expected
    assert [record.row_no for record in found] == list(range(len(expected)))
    assert not any(record.problem for record in found)
    assert [record.fields for record in found] == as_pandas_reads(content)


@pytest.mark.parametrize("content", [b"", BOM, b"\n\r\n  \n"], ids=["empty", "a BOM alone", "blank lines"])
def test_nothing(content: bytes) -> None:
    """Prevents an empty file from having a header; pandas refuses it."""
    assert read(content) == []
    with pytest.raises(pd.errors.EmptyDataError):
        as_pandas_reads(content)


@pytest.mark.parametrize(
    ("broken", "problem", "pandas"),
    [
        # pandas raises: the notebook could not read such a file at all
        (b'1,"x', UNCLOSED, pd.errors.ParserError),
        # pandas guesses: a quote, a blank or a field that the producer did not write is an alteration
        (b'"x"y,1', AFTER_QUOTE, ["xy", "1"]),
        (b'"x" ,1', AFTER_QUOTE, ["x ", "1"]),
        (b'"5"" wafer",1"', "", ['5" wafer', '1"']),
        (b'"a"b"c",1', AFTER_QUOTE, ['ab"c"', "1"]),
    ],
)
def test_broken_quotes(broken: bytes, problem: str, pandas: Any) -> None:
    """Prevents a broken row from landing as something else, and from taking the sound rows around it along."""
    content = b"a,b\n1,2\n" + broken + b"\n3,4\n"
    sound, row, *rest = read(content)[1:]
    assert sound.fields == ["1", "2"]
    assert (row.row_no, row.line_no) == (2, 3)
    assert problem in row.problem
    assert row.text == broken.decode()
    assert [(record.line_no, record.fields) for record in rest] == [(4, ["3", "4"])]
    if isinstance(pandas, list):
        assert as_pandas_reads(content)[2] == pandas
    else:
        with pytest.raises(pandas):
            as_pandas_reads(content)
    assert bool(row.problem) is bool(problem)


@pytest.mark.parametrize(
    ("field", "reason", "spelled"),
    [
        (b"x\0y", "NUL", r"x\x00y"),
        (b"\xff\xfe", "0xFF, which is not UTF-8", r"\xff\xfe"),
        (b"Gr\xf6sse", "0xF6, which is not UTF-8", r"Gr\xf6sse"),
        (b"\xc3", "0xC3", r"\xc3"),  # a character that is cut off
        (b"\xed\xa0\x80", "0xED", r"\xed\xa0\x80"),  # a surrogate, which UTF-8 does not have
        (b"\xc0\x80", "0xC0", r"\xc0\x80"),  # Java's NUL
    ],
)
def test_no_text(field: bytes, reason: str, spelled: str) -> None:
    """Prevents bytes that are not text from stopping the file, from being replaced, or from landing."""
    header, row, after = read(b"a,b\n1," + field + b"\n3,4\n")
    assert (header.fields, after.fields) == (["a", "b"], ["3", "4"])
    assert reason in str(unprintable(row.fields[1]))
    assert printable(row.fields[1]) == spelled
    assert printable(row.text) == f"1,{spelled}"
    assert unprintable(header.text) is None


def test_a_byte_that_is_no_text_does_not_hide_a_line_break() -> None:
    """Prevents a row from swallowing the next one after half a character."""
    assert [record.fields for record in read(b"a,b\n1,\xe2\x80\n3,4\n")] == [
        ["a", "b"],
        ["1", "\udce2\udc80"],
        ["3", "4"],
    ]


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_field_of_a_megabyte(quote: str) -> None:
    """Prevents csv's own limit of 128 KiB a field from ending the landing."""
    field = "한" * (1 << 20)
    found = read(f"a,b\n1,{quote}{field}{quote}\n3,4\n".encode())
    assert [record.fields for record in found] == [["a", "b"], ["1", field], ["3", "4"]]


def test_a_stray_quote_costs_its_own_line_only() -> None:
    """Prevents one slip from rejecting all rows up to the next quote, or up to the end of the file."""
    found = read(b'a,b\n"1,2\n3,4\n"5,6\n7,8\n"x\ny",9\n"10,11\n12,13\n')[1:]
    assert [(record.line_no, record.fields or record.text) for record in found] == [
        (2, '"1,2'),
        (3, ["3", "4"]),
        (4, '"5,6'),
        (5, ["7", "8"]),
        (6, ["x\ny", "9"]),  # a record over two lines, as its producer meant it
        (8, '"10,11'),
        (9, ["12", "13"]),
    ]


@pytest.mark.parametrize("line", [b'x","\n', b'"1,2\n', b'"x"y\n', b'1,"2\n'])
def test_quotes_amiss_in_every_line_take_no_time(line: bytes) -> None:
    """Prevents a file of slips from being read again from every line to its end."""
    lines = 200_000
    assert len(read(b"a,b\n" + line * lines)) == lines + 1


def test_a_long_file_is_not_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a file of gigabytes from needing gigabytes: the reader keeps a block, whatever is in it."""
    monkeypatch.setattr(reader, "BLOCK_BYTES", 1 << 16)

    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            self.given += size
            return b'"x\ny",2\n' * (size // 8) if self.given < 40 * reader.BLOCK_BYTES else b""

    stream = io.BytesIO(b"a,b\n")
    tracemalloc.start()
    rest, rows = Endless(), 0
    reading = csv_file.read(type("Both", (), {"read": lambda _, size: stream.read() or rest.read(size)})())
    peaks = []
    for batch in reading.batches:
        rows += len(batch.row_no)
        peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert rows == 39 * (reader.BLOCK_BYTES // 8)
    assert peaks[-1] < 1.1 * peaks[len(peaks) // 4]


# NUL is not text (tested above); surrogates cannot be written as UTF-8
ANY_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
TRICKY_TEXT = st.text(st.sampled_from(list("a,\"\r\n \t\\'\x1c\x85\u2028\ufeff한🧬")), max_size=6)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """Tables with two columns at least: with one, csv.writer spells rows of blanks as blank lines."""
    width = draw(st.integers(2, 4))
    row = st.lists(ANY_TEXT | TRICKY_TEXT, min_size=width, max_size=width)
    return [["first", *draw(row)[1:]], *draw(st.lists(row, max_size=6))]


def as_batches(content: bytes, block_bytes: int = 32) -> list[Record]:
    """Read in small blocks, as landing does, and give the rows in order; their columns must agree with them."""
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "BLOCK_BYTES", block_bytes)
        for batch in csv_file.read(io.BytesIO(content)).batches:
            rows = [batch.record(index) for index in range(len(batch.row_no))]
            assert [list(fields) for fields in zip(*(column.to_pylist() for column in batch.columns), strict=True)] == [
                row.fields for row in rows
            ]
            assert [row.row_no for row in rows] == batch.row_no.tolist()
            assert [row.line_no for row in rows] == batch.line_no.tolist()
            found += rows + batch.broken
    return sorted(found, key=lambda record: record.row_no)


# what decides which of the two roads a block takes
ROADS = st.lists(
    st.sampled_from(
        [
            *(b"1,2\n", b"1,2\r\n", b"1,2\r", b"1,2", b"\n", b" \n", b"1\n", b"1,2,3\n"),
            *(b'"1","2"\n', b'"1""",2\n', b'"1\n2",3\n', b'1"2,3\n', b'"1,2\n', b'1,"2\n', b'"1"2,3\n', b'x","\n'),
            *(b"\xff,2\n", b"1,\0\n", BOM + b"1,2\n", "한,\x0b\u2028\n".encode()),
        ]
    ),
    max_size=40,
)


@fuzz(500)
@given(ROADS, st.sampled_from([8, 32, 100, 1 << 20]))
def test_both_roads_lead_to_the_same_rows(pieces: list[bytes], block_bytes: int) -> None:
    """Prevents a row from depending on where a block ends, or on who parsed it: Arrow or `csv`."""
    content = b"a,b\n" + b"".join(pieces)
    assert as_batches(content, block_bytes) == read(content)[1:]


@fuzz(300)
@given(
    tables(),
    st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\n", csv.QUOTE_ALL), ("\r", csv.QUOTE_ALL)]),
    st.booleans(),
)
def test_whatever_csv_writer_writes(table: list[list[str]], spelling: tuple[str, int], bom: bool) -> None:
    """Prevents any text at all from changing on its way, and any record from losing its place or original text."""
    out = io.StringIO()
    csv.writer(out, lineterminator=spelling[0], quoting=spelling[1]).writerows(table)  # type: ignore[arg-type]
    text = out.getvalue()
    content = (BOM if bom else b"") + text.encode()

    found = read(content)

    assert [record.fields for record in found] == table
    assert as_batches(content) == found[1:]
    assert as_pandas_reads(content) == table
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)", text)  # str.splitlines knows more line breaks than CSV does
    begins = [record.line_no - 1 for record in found]
    for record, begin, end in zip(found, begins, [*begins[1:], len(lines)], strict=True):
        assert record.text == "".join(lines[begin:end]).rstrip("\r\n")


@fuzz(300)
@given(st.binary(max_size=60) | st.text('a,"\r\n \0', max_size=30).map(str.encode))
def test_no_bytes_are_lost(content: bytes) -> None:
    """Prevents any file from stopping the reader, and any character of it from being in no record."""
    found = read(content)
    kept = "".join(record.text for record in found).encode("utf-8", "surrogateescape")
    assert as_batches(content) == found[1:]
    drop = bytes.maketrans(b"", b"")
    assert kept.translate(drop, b"\r\n \t") == content.removeprefix(BOM).translate(drop, b"\r\n \t")
    assert [record.row_no for record in found] == list(range(len(found)))
