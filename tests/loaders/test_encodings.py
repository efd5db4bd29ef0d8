"""Files that are not UTF-8: named with what lands them, and landed letter for letter where the user names theirs."""

from __future__ import annotations

import gzip
import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from afterstate.errors import LandingError, UsageError
from loaders.content import open_content
from loaders.encoding import Decoder, guess_encoding, known_encoding
from tests.bench import Bench
from tests.loaders.helpers import TRACE_FILE, csv_text, fuzz
from tests.loaders.test_nand_landing import LOG, LOG_FILE, LOG_KIND

EVENTS = ("run_id", "case_id", "antibody_id", "shutdown_step", "shutdown_trigger_final")
KOREAN = ("항체_가", '똠방각하, "따옴표"', "줄\n바꿈")


def events(run: str, *, note: str = "note") -> str:
    """Spell shutdown events with Korean in their rows, as Excel in Korea saves them."""
    rows = [(run, "B_GOVERNED", text, 21, "봉인", "비고") for text in KOREAN]
    return csv_text([*EVENTS, note], rows, "\r\n")


def landed(bench: Bench, load: dict[str, Any]) -> list[tuple[Any, ...]]:
    return bench.query(
        "select antibody_id, shutdown_trigger_final, json_unquote(json_extract(_other_columns, '$.note')) "
        "from {landing}.core10_shutdown_events where _load_id = %s order by _row_no",
        load["load_id"],
    )


ROWS = [(text, "봉인", "비고") for text in KOREAN]


def test_korean_excel(common: Bench) -> None:
    """Prevents a file that Excel in Korea wrote from being rejected row by row, with no word on why and what to do."""
    text = events("cp949")
    file = common.write("excel.csv", text.encode("cp949"))
    said = common.run("land", file)
    assert said.exit_code == 0
    assert said.stdout.startswith("rejected    core10_shutdown_events: landed 0, rejected 3")
    assert f"{file}: rows with bytes that are not UTF-8: 3" in said.stderr
    assert "it looks like CP949, which Korean Excel writes: land it with `--encoding cp949`, or save" in said.stderr
    [load] = common.land(file, "--encoding", "cp949")
    assert (load["status"], load["rows_landed"], landed(common, load)) == ("landed", 3, ROWS)


def test_what_a_decoded_file_is_known_by(common: Bench) -> None:
    """Prevents a file from landing twice: as Excel saved it, compressed, from a pipe, and converted to UTF-8."""
    text = events("known by")
    [load] = common.land(common.write("a.csv", text.encode("cp949")), "--encoding", "CP949")
    known = common.query(
        "select content_sha256, file_bytes from {landing}.landing_loads where load_id = %s", load["load_id"]
    )
    assert known == [(hashlib.sha256(text.encode()).hexdigest(), len(text.encode()))]
    packed = common.write("a.csv.gz", gzip.compress(text.encode("cp949")))
    again = [
        *common.land(packed, "--encoding", "uhc"),
        *common.land(common.write("b.csv", text.encode("utf-16")), "--encoding", "utf16"),
        *common.land(common.write("c.csv", text)),
    ]
    assert [(result["status"], result["load_id"]) for result in again] == [("unchanged", load["load_id"])] * 3


@pytest.mark.parametrize("name", ["x.csv", "core10_01_shutdown_events.csv"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_wide_encodings(common: Bench, encoding: str, name: str) -> None:
    """Prevents a UTF-16 file of ours from being passed over as a stranger's, with exit code 0."""
    file = common.write(f"{encoding}/{name}", events(f"{encoding} {name}").encode(encoding))
    said = common.run("land", file)
    assert said.exit_code == 1
    assert "line 1: the header cannot be read: it holds " in said.stderr
    assert f"it looks like {encoding.upper()}: land it with `--encoding {encoding}`" in said.stderr
    [load] = common.land(file, "--encoding", encoding)
    assert landed(common, load) == ROWS


def test_a_header_in_korean(common: Bench) -> None:
    """Prevents a header of ours with a Korean column from being named as damaged only."""
    file = common.write("x.csv", events("header", note="비고").encode("euc-kr", "replace"))
    said = common.run("land", file)
    assert (said.exit_code, "land it with `--encoding cp949`" in said.stderr) == (1, True)


def test_a_log_of_powershell(common: Bench) -> None:
    """Prevents a log that PowerShell's `>` wrote, in UTF-16, from being passed over."""
    file = common.write(LOG_FILE, LOG.encode("utf-16"))
    said = common.run("land", file)
    assert (said.exit_code, "land it with `--encoding utf-16`" in said.stderr) == (1, True)
    [load] = common.land(file, "--encoding", "utf-16")
    assert (load["kind"], load["status"], load["rows_landed"]) == (LOG_KIND, "landed", 3)


@pytest.mark.parametrize(("encoding", "told"), [("utf-8", "cp949"), ("utf-8", "utf-16"), ("ascii", "utf-16")])
def test_what_is_utf8_already(common: Bench, encoding: str, told: str) -> None:
    """Prevents Korean in UTF-8 from landing as other letters where somebody names an encoding for a whole folder."""
    text = events(f"{encoding} {told}").encode(encoding, "replace")
    said = common.run("land", common.write("x.csv", text), "--encoding", told)
    assert said.exit_code == 1
    assert f"it is UTF-8, not {told}\n    land it without `--encoding`" in said.stderr


def test_plain_letters_are_the_same_in_most(common: Bench) -> None:
    """Prevents a plain ASCII file from failing under the encoding of the other files in its folder."""
    text = csv_text(EVENTS, [("plain", "a", "b", 1, "x")])
    assert [load["status"] for load in common.land(common.write("x.csv", text), "--encoding", "cp949")] == ["landed"]


def test_bytes_that_are_not_of_the_encoding(common: Bench) -> None:
    """Prevents one bad byte from costing more than its row, and its message from speaking of UTF-8."""
    lines = events("bad byte").encode("cp949").splitlines(keepends=True)
    lines[1] = lines[1].replace(b"B_GOVERNED", b"B_\xff")
    file = common.write("x.csv", b"".join(lines))
    said = common.run("land", file, "--encoding", "cp949")
    assert said.stdout.startswith("landed      core10_shutdown_events: landed 2, rejected 1")
    assert "column `case_id`: `B_\\xff` holds the byte 0xFF, which is not cp949" in said.stderr
    assert "UTF-8" not in said.stderr


def test_half_a_character_at_the_end(common: Bench) -> None:
    """Prevents a file that was cut off from landing as far as it goes, where rows can no longer be told apart."""
    file = common.write("x.csv", events("cut").encode("utf-16")[:-1])
    said = common.run("land", file, "--encoding", "utf-16")
    assert said.exit_code == 1
    assert f"{file}: cannot be read as utf-16: byte " in said.stderr
    assert common.query("select count(*) from {landing}.core10_shutdown_events where run_id = 'cut'") == [(0,)]


@pytest.mark.parametrize("name", ["cp9999", "", "base64", "a b", "utf-8\0"])
def test_no_such_encoding(name: str) -> None:
    """Prevents a typing error in `--encoding` from being found out file by file, or from meaning UTF-8."""
    with pytest.raises(UsageError, match="is not an encoding"):
        known_encoding(name)
    assert known_encoding("UTF8") is None


def test_no_such_encoding_is_wrong_usage(common: Bench) -> None:
    """Prevents another exit code than the design's for wrong usage."""
    assert common.run("land", common.folder, "--encoding", "cp9999").exit_code == 2


GUESSES = [
    ("항체 똠방각하".encode("cp949"), "cp949"),
    ("표시".encode("euc-kr"), "cp949"),
    ("Größe ½".encode("latin-1"), None),
    ("“Größe” 5 €".encode("cp1252"), None),
    ("表示ソ".encode("shift_jis"), None),
    ("許功蓋".encode("big5"), None),
    ("Ключ".encode("koi8-r"), None),
    (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", None),
    (bytes(100), None),
    (b"", None),
]


@pytest.mark.parametrize(("sample", "guess"), GUESSES)
def test_guesses(sample: bytes, guess: str | None) -> None:
    """Prevents German, Japanese or a picture from being called Korean: a wrong name lands wrong letters."""
    assert guess_encoding(sample) == guess


@fuzz(200)
@given(
    text=st.text(st.characters(codec="cp949"), max_size=40),
    encoding=st.sampled_from(["cp949", "utf-16", "utf-16-be", "utf-32", "shift_jisx0213"]),
    size=st.integers(1, 7),
)
def test_blocks_of_any_size(text: str, encoding: str, size: int) -> None:
    """Prevents a character that stands in two blocks from being lost, or doubled."""
    try:
        stream = io.BytesIO(text.encode(encoding))
    except UnicodeEncodeError:
        return
    decoder, found = Decoder(Path("x.csv"), encoding), b""
    while block := stream.read(size):
        found += decoder.decode(block)
    assert (found + decoder.decode(b"")).decode() == text


def test_content_is_read_to_its_end(tmp_path: Path) -> None:
    """Prevents a block that ends inside of a character from passing for the end of the file."""
    file = tmp_path / TRACE_FILE
    file.write_bytes("한글".encode("utf-16"))
    with open_content(file, encoding="utf-16") as content:
        found = b"".join(iter(lambda: content.read(1), b""))
    assert found.decode() == "한글"
    with pytest.raises(LandingError, match="cannot be read as utf-7"):
        file.write_bytes(b"+2AA-")
        with open_content(file, encoding="utf-7") as content:
            content.read()
