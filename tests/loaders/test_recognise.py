"""Which kind a file is: told by its header, in any order of columns, and never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from afterstate.errors import LandingError, UsageError
from loaders.reader import Record
from loaders.recognise import KINDS, UnknownFile, kind_named, read_header, recognise
from tests.bench import ROOT
from tests.loaders.helpers import KEY, TRACE, TRACE_FILE

EVENT_KEY = (*KEY[:3], "shutdown_step")
FALLBACK = ("fallback_stage", "fallback_reason_code", "fallback_score")
RESERVATION = ("reservation_status", "reservation_reason_code", "risk_score_total")
TRACE_ONLY = TRACE[len(KEY) :]
EVENT = (*EVENT_KEY, "shutdown_trigger_final")
SNAPSHOT = ("snapshot_rule_id", "snapshot_created_at", *EVENT, *TRACE_ONLY, *FALLBACK, *RESERVATION)
SOME_FILE = Path("some.csv")

HEADERS = {
    "trace": ((*KEY, *TRACE_ONLY), "core8_state_trace"),
    "trace with one measure": ((*KEY, "veto_streak"), "core8_state_trace"),
    "trace with much else": ((*KEY, "refusal_state", "SoMS", *TRACE_ONLY, "이름"), "core8_state_trace"),
    "fallback": ((*KEY, *FALLBACK), "core8_fallback_decisions"),
    "fallback that carries the trace along": ((*KEY, *TRACE_ONLY, *FALLBACK), "core8_fallback_decisions"),
    "fallback with only a stage": ((*KEY, "fallback_stage"), "core8_fallback_decisions"),
    "reservation": ((*KEY, *RESERVATION), "core9_reservation_log"),
    "reservation that carries all along": ((*KEY, *TRACE_ONLY, *FALLBACK, *RESERVATION), "core9_reservation_log"),
    "event": (EVENT, "core10_shutdown_events"),
    "event with its copies": ((*EVENT, *FALLBACK, *RESERVATION), "core10_shutdown_events"),
    "event that carries all along": ((*EVENT, "step", *TRACE_ONLY, *FALLBACK, *RESERVATION), "core10_shutdown_events"),
    "event as pandas writes it, with its index": (("", *EVENT), "core10_shutdown_events"),
    "a column twice": ((*KEY, "veto_streak", "step", "veto_streak"), "core8_state_trace"),
}


@pytest.mark.parametrize(("header", "kind"), HEADERS.values(), ids=list(HEADERS))
def test_kinds(header: tuple[str, ...], kind: str) -> None:
    """Prevents a file from landing as another kind because a producer moved, added or carried along columns."""
    for order in (header, header[::-1], sorted(header), header[2:] + header[:2]):
        assert recognise(SOME_FILE, order).name == kind


@pytest.mark.parametrize("other", ["core8_06_fallback_decisions.csv", "core10_01_shutdown_events.csv", "x.txt"])
def test_the_header_tells_not_the_name(other: str) -> None:
    """Prevents a renamed file from landing in the wrong table."""
    assert recognise(Path(other), TRACE).name == "core8_state_trace"


@pytest.mark.parametrize("sample", sorted((ROOT / "samples" / "core").glob("*.csv")), ids=lambda path: path.stem)
def test_samples(sample: Path) -> None:
    """Prevents the sample from not landing as what its name says."""
    header = sample.read_text(encoding="utf-8").splitlines()[0].split(",")
    assert sample.name.startswith(recognise(SOME_FILE, header).produced_as.removesuffix("*.csv"))


@pytest.mark.parametrize("columns", [SNAPSHOT, SNAPSHOT[1:], ("id", *SNAPSHOT)])
def test_our_own_export_is_ignored(columns: tuple[str, ...]) -> None:
    """Prevents an exported snapshot from landing as events, which would make what the warehouse says into what was."""
    for name in ("core10_02_shutdown_snapshot.csv", "renamed.csv"):
        with pytest.raises(UnknownFile, match="known, not needed: an exported snapshot"):
            recognise(Path(name), columns)


def test_a_key_alone() -> None:
    """Prevents a file of keys from landing as a guess: only its producer's name for it, or the user, can tell."""
    assert recognise(Path(TRACE_FILE), KEY).name == "core8_state_trace"
    assert recognise(Path("core8_06_fallback_decisions_2.csv"), KEY).name == "core8_fallback_decisions"
    with pytest.raises(UnknownFile, match=r"core9_reservation_log or .*`--kind` names one"):
        recognise(SOME_FILE, KEY)


@pytest.mark.parametrize(
    ("name", "header", "missing"),
    [
        *[(TRACE_FILE, [name for name in TRACE if name != gone], gone) for gone in KEY],
        *[("x.csv", [name for name in TRACE if name != gone], gone) for gone in KEY],
        ("x.csv", [*EVENT_KEY, *FALLBACK, *RESERVATION], "shutdown_trigger_final"),
        ("core10_01_shutdown_events.csv", [*KEY, "shutdown_trigger_final"], "shutdown_step"),
        (TRACE_FILE, ["Run_ID", "case_id", "antibody_id", "step"], "run_id"),
        (TRACE_FILE, ["something", "else"], "run_id"),
    ],
)
def test_a_needed_column_is_missing(name: str, header: list[str], missing: str) -> None:
    """Prevents a file of ours from being ignored as a stranger's, and an error that does not name the column."""
    with pytest.raises(LandingError) as caught:
        recognise(Path(name), header)
    assert f"{name}: line 1: no column" in caught.value.what
    assert f"`{missing}`" in caught.value.what
    assert "expected the columns run_id" in caught.value.hint


@pytest.mark.parametrize("spelled", ["\u200brun_id", " run_id", "RUN_ID", "run_id\u3000"])
def test_a_needed_column_under_another_name(spelled: str) -> None:
    """Prevents an hour's search for a column that is there, but for a character that nobody sees."""
    with pytest.raises(LandingError) as caught:
        recognise(Path(TRACE_FILE), [spelled, *TRACE[1:]])
    shown = spelled.replace("\u200b", r"\u200b").replace("\u3000", r"\u3000")
    assert caught.value.what.endswith(f"no column `run_id`, which a core8_state_trace needs; the header has `{shown}`")


@pytest.mark.parametrize(
    "header",
    [
        ["date", "open", "close"],
        ["run_id"],
        ["run_id", "case_id"],
        ["run_id", "case_id", "antibody_id", "note"],  # one needed column short, and nothing else of ours
        ["{"],
        ["<!DOCTYPE html>"],
        ["run_id case_id antibody_id step"],
        [" run_id", " case_id", " antibody_id", " step"],
    ],
)
def test_strangers_files(header: list[str]) -> None:
    """Prevents a folder with other people's files from failing."""
    with pytest.raises(UnknownFile, match="matches no known kind"):
        recognise(SOME_FILE, header)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("columns", [TRACE, EVENT])
def test_other_separators(delimiter: str, quote: str, columns: tuple[str, ...]) -> None:
    """Prevents a file that a spreadsheet saved with `;` from being ignored without a word, quoted names or not."""
    text = delimiter.join(f"{quote}{name}{quote}" for name in columns)
    problem = "text follows a closing quote" if quote else ""
    with pytest.raises(LandingError, match=r"some.csv: line 1: the columns are separated by .*, expected commas"):
        read_header(SOME_FILE, Record(0, 1, [] if problem else [text], text, problem))


NO_TEXT = ("run_id,case_id,antibody_id,step,veto_streak,Gr\udcf6sse", "0xF6, which is not UTF-8")
UTF_16 = ("\udcff\udcfer\0u\0n\0_\0i\0d", "")
NO_CSV = ('"run_id"x,case_id', "text follows a closing quote")


@pytest.mark.parametrize(
    ("name", "text", "told", "ours"),
    [
        ("x.csv", NO_TEXT, None, True),  # the readable names are a trace's
        ("x.csv", UTF_16, None, False),
        (TRACE_FILE, UTF_16, None, True),
        ("x.csv", UTF_16, "core8_state_trace", True),
        ("x.csv", NO_CSV, None, False),
        (TRACE_FILE, NO_CSV, None, True),
        ("logo.png", ("\udc89PNG", "0x89"), None, False),
    ],
)
def test_headers_that_cannot_be_read(name: str, text: tuple[str, str], told: str | None, ours: bool) -> None:
    """Prevents a file of ours in another encoding from being ignored with exit code 0, and a picture from failing."""
    spelled, reason = text
    problem = reason if "quote" in reason else ""
    record = Record(0, 1, [] if problem else spelled.split(","), spelled, problem)
    with pytest.raises(LandingError if ours else UnknownFile, match=f"the header cannot be read: .*{reason}") as caught:
        read_header(Path(name), record, kind_named(told) if told else None)
    if isinstance(caught.value, LandingError):
        assert caught.value.what.startswith(f"{name}: line 1: ")
        assert "UTF-8" in caught.value.hint


@pytest.mark.parametrize("name", ["x.csv", TRACE_FILE])
def test_an_empty_file(name: str) -> None:
    """Prevents an empty file of ours from being ignored; a stranger's is his own business."""
    assert read_header(Path(name), None) == []
    with pytest.raises(LandingError if name == TRACE_FILE else UnknownFile, match="empty"):
        recognise(Path(name), [])


def test_unknown_kinds() -> None:
    """Prevents a typing error in --kind from meaning something; the error lists what is valid."""
    assert {kind_named(kind.name) for kind in KINDS} == set(KINDS)
    with pytest.raises(UsageError, match="no kind `trace`") as caught:
        kind_named("trace")
    assert all(kind.name in caught.value.hint for kind in KINDS)
