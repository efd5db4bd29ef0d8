"""A file is inspected once, without a server, and what is wrong with it is told to programs as well as to people."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path

import pytest

from afterstate.errors import LandingError
from loaders import inspection
from loaders.inspection import inspect
from loaders.recognise import UnknownFile
from loaders.runs import InputFile
from tests.loaders.helpers import TRACE_FILE

TRACE = "run_id,case_id,antibody_id,step,veto_streak,note,note\nr,c,antibody_C,21,1,a,b\n"
TIMELINE = "start,end,die,plane,op_state,op_name\n0,1,0,0,ERASE.ISSUE,Erase\n"


def found(folder: Path, name: str, content: bytes) -> InputFile:
    file = folder / name
    file.write_bytes(content)
    return InputFile(file, file)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_file_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack: type[bytes]) -> None:
    """Prevents a file from being decompressed from its beginning again and again before its first row lands."""
    opened = []

    def counting(file: Path, *arguments: object) -> object:
        opened.append(file)
        return open_content(file, *arguments)

    open_content = inspection.open_content
    monkeypatch.setattr(inspection, "open_content", counting)
    rows = TRACE + "r,c,antibody_C,22,1,,\n" * 200_000
    inspected = inspect(found(tmp_path, TRACE_FILE, pack(rows.encode())))
    assert opened == [inspected.found.file]
    assert inspected.kind.name == "core8_state_trace"
    assert inspected.header == TRACE.splitlines()[0].split(",")
    assert inspected.repeated == ["note"]
    assert (inspected.sha256, inspected.size) == (hashlib.sha256(rows.encode()).hexdigest(), len(rows))


def test_an_encoding_that_the_user_names(tmp_path: Path) -> None:
    """Prevents the same rows from landing twice, because Excel wrote them in another encoding."""
    text = TRACE.replace("antibody_C", "항체")
    inspected = inspect(found(tmp_path, TRACE_FILE, text.encode("cp949")), encoding="cp949")
    assert inspected.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert inspected.encoding == "cp949"


FAILURES = {
    "no needed column": (TRACE_FILE, TRACE.replace("run_id", "run").encode(), ("header", 1, "run_id", None)),
    "tabs": ("trace.csv", TRACE.replace(",", "\t").encode(), ("header", 1, None, None)),
    "no run": ("timeline.csv", TIMELINE.encode(), ("name", None, None, "nand_op_state_timeline")),
    "cut short": ("trace.csv.gz", gzip.compress(TRACE.encode() * 9)[:-9], ("damaged", None, None, None)),
}


@pytest.mark.parametrize(("name", "content", "expected"), FAILURES.values(), ids=list(FAILURES))
def test_errors_say_where_for_programs(tmp_path: Path, name: str, content: bytes, expected: tuple[object, ...]) -> None:
    """Prevents a program from having to read a sentence to know which file failed, where, and whether to try again."""
    file = found(tmp_path, name, content)
    with pytest.raises(LandingError) as caught:
        inspect(file)
    error = caught.value
    assert (error.failure, error.line, error.column, error.kind) == expected
    assert error.file == str(file.file)
    assert not error.is_transient
    assert str(error).startswith(f"{file.file}: {'line 1: ' if error.line else ''}{error.reason}\n  {error.hint}")


def test_a_file_that_grows_is_worth_another_try(tmp_path: Path) -> None:
    """Prevents a program from giving a file up that its producer is still writing."""
    file = found(tmp_path, TRACE_FILE, TRACE.encode())

    def grow(path: Path, _done: int, _all: int) -> None:
        with path.open("a") as out:
            out.write("r,c,antibody_C,23,1,,\n")

    with pytest.raises(LandingError) as caught:
        inspect(file, progress=grow)
    assert caught.value.failure == "changed"
    assert caught.value.is_transient


def test_what_is_not_ours_is_not_read_to_its_end(tmp_path: Path) -> None:
    """Prevents a huge file of somebody else's in the folder from being read whole, only to be ignored."""
    read = []
    with pytest.raises(UnknownFile):
        inspect(found(tmp_path, "x.csv", b"a,b\n" + b"1,2\n" * 4_000_000), progress=lambda *so_far: read.append(so_far))
    assert read[-1][1] < 4 << 20
