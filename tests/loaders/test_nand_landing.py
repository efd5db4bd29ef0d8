"""What a NAND simulator writes, landed: by its header, into its session and run, value for value (design section 3).

Every test lands in folders of its own, named after itself: sessions of one warehouse are never mixed.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from afterstate.errors import LandingError, UsageError
from loaders.land import Lander
from loaders.recognise import UnknownFile, kind_by_prefix, kind_named, recognise
from loaders.result import FileResult
from loaders.runs import InputFile, RunOptions
from tests.bench import Bench
from tests.loaders.helpers import csv_text

pytestmark = pytest.mark.layouts("four_schemas", "one_database")

TIMELINE = ("start", "end", "die", "plane", "op_state", "lane", "op_name", "duration")
OPERATIONS = ("start", "end", "die", "plane", "block", "page", "op_name", "op_base", "source", "op_uid")
OPERATIONS += ("op_state", "phase_key_used", "phase_key_virtual")
PROPOSALS = ("start_us", "end_us", "die", "plane", "block", "page", "op_name", "op_base", "source", "op_uid")
PROPOSALS += ("phase_key", "phase_hook_die", "phase_hook_plane", "phase_hook_label", "phase_key_time")
PROPOSALS += ("celltype_hint", "inherit_hints")
TIMELINE_KIND, OPERATIONS_KIND = "nand_op_state_timeline", "nand_operation_timeline"
PROPOSALS_KIND, LOG_KIND = "nand_proposal_rows", "nand_proposer_log"
RUN, NEXT_RUN = "261122_0000001", "261122_0000002"
TIMELINE_FILE, PROPOSALS_FILE = f"op_state_timeline_{RUN}.csv", f"proposal_rows_{RUN}.csv"
OPERATIONS_FILE, LOG_FILE = f"operation_timeline_{RUN}.csv", f"proposer_debug_{RUN}.log"
ROUNDS, LOADERS = 3, 4

SEGMENT = {"start": 0.0, "end": 0.11, "die": 0, "plane": 1, "op_state": "ERASE.ISSUE", "lane": "d0-p1"}
SEGMENT |= {"op_name": "ERASE", "duration": 0.11}
OPERATION = {"start": 0.11, "end": 7000.110000000001, "die": 0, "plane": 0, "block": 3, "page": 4, "source": "queue"}
OPERATION |= {"op_name": "Block_Erase_SLC", "op_base": "ERASE", "op_uid": "1", "op_state": "ERASE.END"}
OPERATION |= {"phase_key_used": "DEFAULT", "phase_key_virtual": "ERASE.END"}
PROPOSAL = {"start_us": 7100.0, "end_us": 7419.82, "die": 0, "plane": 2, "block": 0, "page": 5, "source": ""}
PROPOSAL |= {"op_name": "Cache_Program_SLC", "op_base": "CACHE_PROGRAM_SLC", "op_uid": "2", "phase_key": "DEFAULT"}
PROPOSAL |= {"phase_hook_die": 0, "phase_hook_plane": 3, "phase_hook_label": "ERASE.END", "phase_key_time": 7100.0}
PROPOSAL |= {"celltype_hint": "SLC", "inherit_hints": '{"celltype": "SLC"}'}
LOG = """# proposer debug log
[proposer] phase_key: now=0.000 die=0 plane=1 rm_state=None hook_label=DEFAULT -> key=DEFAULT
[proposer] dist for key=DEFAULT: {'Block_Erase_SLC': 1.0}
[proposer] selected op=Block_Erase_SLC base=ERASE start_us=0.110 len_batch=2
[proposer][warn] phase_key ends with .ISSUE
[proposer] phase_key: now=7000.120 die=0 plane=0 rm_state=ERASE.CORE_BUSY hook_label=ERASE.END -> key=한글.END
"""
LOG_COLUMNS = "line_kind, now_us, die, plane, rm_state, hook_label, phase_key, op_name, op_base, start_us, len_batch"
LOG_ROWS = [
    ("phase_key", 0.0, 0, 1, "None", "DEFAULT", "DEFAULT", None, None, None, None),
    ("selected", None, None, None, None, None, None, "Block_Erase_SLC", "ERASE", 0.11, 2),
    ("phase_key", 7000.12, 0, 0, "ERASE.CORE_BUSY", "ERASE.END", "한글.END", None, None, None, None),
]


def spelled(model: dict[str, Any], *changes: dict[str, Any]) -> str:
    """Spell a file with a row like the model for each change to it."""
    return csv_text(list(model), [list({**model, **change}.values()) for change in changes])


def segments(*changes: dict[str, Any]) -> str:
    return spelled(SEGMENT, *changes)


FILES = {
    TIMELINE_FILE: (TIMELINE_KIND, segments({})),
    PROPOSALS_FILE: (PROPOSALS_KIND, spelled(PROPOSAL, {})),
    OPERATIONS_FILE: (OPERATIONS_KIND, spelled(OPERATION, {})),
    LOG_FILE: (LOG_KIND, LOG),
}


def land(bench: Bench, name: str, content: str | bytes, **options: str) -> FileResult:
    """Land one file and give what became of it, with the messages."""
    return Lander(bench.warehouse, run_options=RunOptions(**options)).land(bench.write(name, content))


def landed(bench: Bench, load: FileResult, columns: str) -> list[tuple[Any, ...]]:
    return bench.query(
        f"select {columns} from {{landing}}.{load.kind} where _load_id = %s order by _row_no", load.load_id
    )


def rejects(bench: Bench, load: FileResult, columns: str = "line_no, column_name, value, reason") -> list[Any]:
    return bench.query(
        f"select {columns} from {{landing}}.landing_rejects where load_id = %s order by row_no", load.load_id
    )


def runs(bench: Bench, *loads: FileResult | dict[str, Any]) -> list[tuple[str, str]]:
    """Return the session and the run of loads, as the manifest has them."""
    ids = [load.load_id if isinstance(load, FileResult) else load["load_id"] for load in loads]
    return [
        tuple(found)
        for load_id in ids
        for found in bench.query("select session_id, run_id from {landing}.landing_loads where load_id = %s", load_id)
    ]


def statuses(bench: Bench, session: str) -> list[tuple[str, str, str]]:
    """Return (kind, run, status) of a session's loads, the oldest first."""
    return bench.query(
        "select kind, run_id, status from {landing}.landing_loads where session_id = %s order by load_id", session
    )


# -- which kind a file is ---------------------------------------------------------------------------------------------

HEADERS = {
    "state timeline": (TIMELINE, TIMELINE_KIND),
    "state timeline, the needed columns alone": (
        ("start", "end", "die", "plane", "op_state", "op_name"),
        TIMELINE_KIND,
    ),
    "state timeline with much else": ((*TIMELINE, "이름", "phase_key_used", "block", "source"), TIMELINE_KIND),
    "operation timeline": (OPERATIONS, OPERATIONS_KIND),
    "operation timeline, the needed columns alone": (
        ("start", "end", "die", "plane", "op_name", "op_base", "op_uid"),
        OPERATIONS_KIND,
    ),
    "operation timeline that carries all of a state's": ((*OPERATIONS, "lane", "duration"), OPERATIONS_KIND),
    "state timeline that carries its operation": ((*TIMELINE, "op_base", "op_uid"), TIMELINE_KIND),
    "state timeline that carries its operation and address": (
        (*TIMELINE, "op_base", "op_uid", "block", "page", "source"),
        TIMELINE_KIND,
    ),
    "operation timeline with a duration": ((*OPERATIONS, "duration"), OPERATIONS_KIND),
    "proposals": (PROPOSALS, PROPOSALS_KIND),
    "proposals, the needed columns alone": (
        ("start_us", "end_us", "die", "plane", "op_name", "op_base", "op_uid"),
        PROPOSALS_KIND,
    ),
    "proposals as pandas writes them, with its index": (("", *PROPOSALS, "op_state", "lane"), PROPOSALS_KIND),
}


@pytest.mark.parametrize(("header", "kind"), HEADERS.values(), ids=list(HEADERS))
@pytest.mark.parametrize("name", ["x.csv", TIMELINE_FILE, OPERATIONS_FILE, "core8_03_x.csv"])
def test_kinds(header: tuple[str, ...], kind: str, name: str) -> None:
    """Prevents states from landing as operations, or the other way, since one file has the columns of both."""
    for order in (header, header[::-1], sorted(header), header[3:] + header[:3]):
        assert recognise(Path(name), order).name == kind


def test_a_header_of_both_timelines() -> None:
    """Prevents a guess where no column of its own tells: only the producer's name for it, or the user, can."""
    header = ("start", "end", "die", "plane", "op_state", "op_name", "op_base", "op_uid")
    assert recognise(Path(TIMELINE_FILE), header).name == TIMELINE_KIND
    assert recognise(Path(OPERATIONS_FILE), header).name == OPERATIONS_KIND
    with pytest.raises(UnknownFile, match=f"{OPERATIONS_KIND} or {TIMELINE_KIND}.*`--kind` names one"):
        recognise(Path("x.csv"), header)


COUNTS = "phase_key_used,phase_key_virtual,die,plane,propose_time,op_name,count"
EXPORTS = [
    (f"phase_proposal_counts_{RUN}.csv", COUNTS, "known, not needed: counts of proposals"),
    ("renamed.csv", COUNTS, "known, not needed: counts of proposals"),
    (f"phase_proposal_counts_{RUN}.csv.gz", COUNTS, "known, not needed: counts of proposals"),
    (f"operation_sequence_{RUN}.csv", "seq,time,op_name", "known, not needed: the simulator's sequence"),
    (f"address_touch_count_{RUN}.csv", "die,plane,block,page,count", "known, not needed: the simulator's counts"),
    (f"expected_phase_keys_{RUN}.csv", "row_no,covering,before,op_state", "matches no known kind"),
]


@pytest.mark.parametrize(("name", "header", "says"), EXPORTS)
def test_what_was_counted_is_no_source(name: str, header: str, says: str) -> None:
    """Prevents a simulator's answers from landing as what happened, from failing a folder, from being strangers."""
    with pytest.raises(UnknownFile, match=says):
        recognise(Path(name), header.split(","))


@pytest.mark.parametrize(
    ("name", "header", "says"),
    [
        *[("x.csv", [name for name in TIMELINE if name != gone], f"no column `{gone}`") for gone in TIMELINE[:5]],
        *[("x.csv", [name for name in PROPOSALS if name != gone], f"no column `{gone}`") for gone in PROPOSALS[:4]],
        (OPERATIONS_FILE, [name for name in OPERATIONS if name != "op_uid"], "no column `op_uid`"),
        (PROPOSALS_FILE, ["x"], "no column `start_us`, `end_us`"),
        (TIMELINE_FILE, [], "the file is empty"),
    ],
)
def test_a_file_of_ours_that_cannot_be_used(name: str, header: list[str], says: str) -> None:
    """Prevents a simulator's file from being passed over with exit code 0 because a column was renamed or added."""
    with pytest.raises(LandingError) as caught:
        recognise(Path(name), header)
    assert re.match(f"{name}: line 1: {says}", str(caught.value))


DRESSINGS: dict[str, Callable[[str], bytes]] = {
    "plain": lambda text: text.encode(),
    "BOM": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "BOM and CRLF": lambda text: b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(),
    "without its first line": lambda text: text.partition("\n")[2].encode(),
    "without a last line break": lambda text: text.rstrip("\n").encode(),
}


@pytest.mark.parametrize("dressing", DRESSINGS)
def test_the_log(common: Bench, dressing: str) -> None:
    """Prevents a log from being passed over, or its lines read otherwise, after a Windows editor saved it."""
    load = land(common, LOG_FILE, DRESSINGS[dressing](LOG))
    assert (load.kind, load.status, load.rows_read, load.rows_landed) == (LOG_KIND, "landed", 3, 3)
    assert landed(common, load, LOG_COLUMNS) == LOG_ROWS
    first = 1 if dressing == "without its first line" else 2
    assert landed(common, load, "_row_no, _line_no") == [(1, first), (2, first + 2), (3, first + 4)]


@pytest.mark.parametrize("content", [b"", b"proposer debug log\n", b"# Proposer\n", b"\n[proposer] x\n", b"PK\x03\x04"])
def test_strangers_logs(content: bytes) -> None:
    """Prevents other programs' logs from landing as a proposer's; the first line tells."""
    assert kind_by_prefix(content) is None


def test_a_kind_that_the_user_names_is_checked(common: Bench) -> None:
    """Prevents `--kind nand_proposer_log` from landing any file as a log of no lines, in the place of the real one."""
    real = land(common, LOG_FILE, LOG)
    other = common.write(TIMELINE_FILE, segments({}))
    result = common.run("land", other, "--kind", LOG_KIND)
    assert result.exit_code == 1
    assert f"{other}: line 1: the file is not a {LOG_KIND}\n    expected lines that begin with `# p" in result.stderr
    assert statuses(common, common.folder.name) == [(LOG_KIND, RUN, "landed")]
    preceded = common.write(f"x_{NEXT_RUN}.txt", "started by hand\n" + LOG)
    assert common.land(preceded)[0]["status"] == "ignored"
    assert common.land(preceded, "--kind", LOG_KIND)[0]["rows_landed"] == real.rows_landed


# -- sessions and runs ------------------------------------------------------------------------------------------------


def test_the_folder_and_the_name_tell(common: Bench) -> None:
    """Prevents a run from landing under another session or run than its folder and its name say, `--run` or not."""
    for name, (_, content) in FILES.items():
        common.write(name, content)
    common.write("notes.txt", "hello\n")
    results = common.land(common.folder, "--run", "otherwise")
    found = {Path(result["file"]).name: (result["kind"], result["status"]) for result in results}
    assert found == {**{name: (kind, "landed") for name, (kind, _) in FILES.items()}, "notes.txt": (None, "ignored")}
    of_ours = [result for result in results if result["kind"]]
    assert runs(common, *of_ours) == [(common.folder.name, RUN)] * 4
    assert common.query("select folder from {landing}.landing_sessions where session_id = %s", common.folder.name) == [
        (str(common.folder),)
    ]


@pytest.mark.parametrize(
    ("name", "run"),
    [
        ("261122_0000001.csv", "261122_0000001"),
        ("a_261122_7.csv", "261122_7"),
        ("op_state_timeline_261122_0000001.csv.bak", None),
        ("op_state_timeline_261122_0000001_v2.csv", None),
        ("op_state_timeline_20261122_0000001.csv", None),
        ("op_state_timeline_261122.csv", None),
        ("op_state_timeline_261122_0000001", None),
        ("timeline.csv", None),
    ],
)
def test_the_run_in_a_name(common: Bench, name: str, run: str | None) -> None:
    """Prevents a run from being guessed: where the name tells none, the file fails with advice, until `--run` does."""
    file = common.write(name, segments({}))
    if run is None:
        failed = common.run("land", file)
        assert failed.exit_code == 1
        assert f"{file}: the name contains no run; expected one like `op_state_timeline_26" in failed.stderr
        assert "`--run RUN`" in failed.stderr
        assert statuses(common, common.folder.name) == []
    [result] = common.land(file, "--run", "실행 1")
    assert runs(common, result) == [(common.folder.name, run or "실행 1")]


def test_a_session_that_the_user_names(common: Bench) -> None:
    """Prevents files of several folders, which are one timeline, from being kept apart when the user joins them."""
    for number, folder in enumerate(("monday", "tuesday/deep"), start=1):
        common.write(f"{folder}/op_state_timeline_261122_{number}.csv", segments({"die": number}))
    session = f"{common.folder.name} 칩 🧬"
    results = common.land(common.folder, "--session", session)
    assert runs(common, *results) == [(session, "261122_1"), (session, "261122_2")]


def test_sites_are_sessions_of_their_own(common: Bench) -> None:
    """Prevents sites, which are simulated side by side, from being mixed into one timeline, however they are named."""
    sites = ["site_01", "site_2"]
    files = [common.write(f"out/{site}/{TIMELINE_FILE}", segments({})) for site in sites]
    folders, out, session = [file.parent for file in files], common.folder / "out", common.folder.name
    below = [(f"{session}/{site}", RUN) for site in sites]
    calls: list[tuple[list[Any], list[tuple[str, str]], str]] = [
        ([out], [(site, RUN) for site in sites], "landed"),
        ([out, "--session", session], below, "landed"),
        ([*folders, "--session", session], below, "unchanged"),  # out/site_* is what a shell makes of it
        ([*files, "--session", session], below, "unchanged"),
        ([folders[0], "--session", sites[0]], [(sites[0], RUN)], "unchanged"),
        ([files[0], "--session", f"{session}/{sites[0]}"], below[:1], "unchanged"),
    ]
    for arguments, expected, status in calls:
        results = common.land(*arguments)
        assert (arguments, runs(common, *results)) == (arguments, expected)
        assert {result["status"] for result in results} == {status}


def test_a_second_folder_of_the_same_name(common: Bench) -> None:
    """Prevents two timelines from being mixed because both were written to a folder called `out`."""
    session = common.folder.name
    first = common.write(f"1/{session}/{TIMELINE_FILE}", segments({}))
    second = common.write(f"2/{session}/op_state_timeline_{NEXT_RUN}.csv", segments({"die": 1}))
    [landed_first] = common.land(first.parent)
    refused = common.run("land", second.parent)
    assert refused.exit_code == 1
    assert refused.stderr.splitlines() == [
        f"  {second}: the session `{session}` is the timeline in {first.parent}; {second.parent} has the same name",
        "    two timelines must never be mixed: give this one a name of its own with `--session NAME`, or say "
        f"`--session {session}` if both folders hold parts of one timeline",
        "next: fix the errors above, then land those files again; all others have landed",
    ]
    assert statuses(common, session) == [(TIMELINE_KIND, RUN, "landed")]
    assert common.land(first.parent)[0]["load_id"] == landed_first["load_id"]

    [own] = common.land(second.parent, "--session", f"{session} 2")
    assert runs(common, own) == [(f"{session} 2", NEXT_RUN)]
    [joined] = common.land(second.parent, "--session", session)
    assert runs(common, joined) == [(session, NEXT_RUN)]
    assert common.run("land", second.parent).exit_code == 1  # it was said once, not forever


def test_a_session_taken_from_memory_or_by_name_is_taken(common: Bench) -> None:
    """Prevents a folder from joining a session that the user had named for another one's files."""
    session = common.folder.name
    common.land(common.write(f"elsewhere/{TIMELINE_FILE}", segments({})), "--session", session)
    refused = common.run("land", common.write(TIMELINE_FILE, segments({"die": 1})))
    assert refused.exit_code == 1
    assert f"the session `{session}` is the timeline in {common.folder / 'elsewhere'}; " in refused.stderr


def test_a_failed_landing_takes_no_session(common: Bench) -> None:
    """Prevents a folder of which nothing landed from keeping its name from another one."""
    session = common.folder.name
    file = common.write(f"1/{session}/{TIMELINE_FILE}", segments({}))

    def change(_: Path, read: int, size: int) -> None:
        if read == size:
            with file.open("a") as stream:
                stream.write("x\n")

    assert Lander(common.warehouse, progress=change).land(file).status == "failed"
    assert land(common, f"2/{session}/{TIMELINE_FILE}", segments({"die": 1})).status == "landed"


def test_sessions_are_exact(common: Bench) -> None:
    """Prevents `chip` and `Chip` from being one timeline under a collation that folds case."""
    names = [f"{common.folder.name}{ending}" for ending in ("c", "C", "ç", "c ")]
    loads = [land(common, f"{name}/{TIMELINE_FILE}", segments({})) for name in names]
    assert [load.status for load in loads] == ["landed"] * 4
    assert [session for session, _ in runs(common, *loads)] == names


def test_links(common: Bench) -> None:
    """Prevents a file that is a link into a store, as data-versioning tools make it, from leaving its folder."""
    common.write("store/ab12/cd34", segments({}))
    (common.folder / "real").mkdir()
    (common.folder / "real" / TIMELINE_FILE).symlink_to(common.folder / "store" / "ab12" / "cd34")
    (common.folder / "latest").symlink_to(common.folder / "real")
    for name in ("real", "latest"):
        file = common.folder / name / TIMELINE_FILE
        run = RunOptions().run_of(InputFile(file, file))
        assert (run.session_id, run.folder) == ("real", str(common.folder / "real"))


BAD_NAMES = {
    "too long": ("x" * 65, "it has 65 characters"),
    "a line break": ("a\nb", r"it holds a control character, `\n`"),
    "an escape": ("a\x1b[2J", r"it holds a control character, `\x1b`"),
    "a line separator": ("a\u2028b", r"it holds a line break, `\u2028`"),
    "no UTF-8": ("a\udcff", r"it holds a byte that is not UTF-8, `\xff`"),
}


@pytest.mark.parametrize(("name", "says"), BAD_NAMES.values(), ids=list(BAD_NAMES))
def test_folders_that_cannot_name_a_session(common: Bench, name: str, says: str) -> None:
    """Prevents a session that no one could type, or that would be cut to another's name; `--session` helps."""
    content = segments({})
    load = land(common, f"{name}/{TIMELINE_FILE}", content)
    assert load.status == "failed"
    assert f"cannot name a session: {says}\n  name the session with `--session NAME`" in load.messages[0]
    assert land(common, f"{name}/{TIMELINE_FILE}", content, session=common.folder.name).status == "landed"


ODD_NAMES = ("👩‍👩‍👧", "a\u200bb", "낸드\u3000칩", "a\xa0b", "한\u200e글", "a ")


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_folders_whose_names_hold_what_nobody_sees(common: Bench, name: str) -> None:
    """Prevents a folder named with a joined emoji or a wide blank from being refused, and two such from being one."""
    session = f"{common.folder.name[-30:]}{name}"
    plain = land(common, f"{common.folder.name[-30:]}/{TIMELINE_FILE}", segments({}))
    load = land(common, f"{session}/{TIMELINE_FILE}", segments({}))
    assert runs(common, plain, load) == [(common.folder.name[-30:], RUN), (session, RUN)]


@pytest.mark.parametrize("option", ["session", "run"])
@pytest.mark.parametrize(
    ("name", "says"), [*BAD_NAMES.values(), ("", "it is empty")], ids=[*BAD_NAMES, "nothing at all"]
)
def test_names_that_nobody_can_use(option: str, name: str, says: str) -> None:
    """Prevents `--session ''`, from a script's unset variable, from meaning the folder or anything else."""
    with pytest.raises(UsageError) as caught:
        RunOptions(**{option: name})
    assert caught.value.what.startswith(f"`--{option}{' ' if name else '`'}")
    assert says in caught.value.what
    assert caught.value.hint == "expected 1 to 64 characters"


@pytest.mark.parametrize("run", ["../../etc/x", "a\\b", "/"])
def test_a_run_is_no_path(run: str) -> None:
    """Prevents an export, whose file is called after the run, from being written somewhere else."""
    with pytest.raises(UsageError, match="it holds a slash"):
        RunOptions(run=run)
    assert RunOptions(session="chip/site_01").session == "chip/site_01"


def test_wrong_names_are_wrong_usage(common: Bench) -> None:
    """Prevents a wrong `--session` from being found out file by file (design section 2: exit code 2)."""
    for option in ("--session", "--run"):
        result = common.run("land", common.folder, option, "")
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"`{option}`: it is empty" in result.stderr


def test_names_at_their_limit(common: Bench) -> None:
    """Prevents 64 characters of any language from being cut or refused; with a site's name they may be too many."""
    session, run = "한" * 57 + common.folder.name[-7:], "🧬" * 64
    load = land(common, "x.csv", segments({}), session=session, run=run)
    assert runs(common, load) == [(session, run)]
    failed = land(common, "site_01/x.csv", segments({}), session=session, run=run)
    assert "cannot name a session: it has 72 characters" in failed.messages[0]


# -- exactly once -----------------------------------------------------------------------------------------------------


def test_the_same_bytes_in_two_sessions_are_two_loads(common: Bench) -> None:
    """Prevents a second session, or run, from being taken for the first because a seed gave both the same bytes."""
    content, name = segments({}), common.folder.name
    loads = [
        land(common, f"{name}/{TIMELINE_FILE}", content),
        land(common, f"{name} 2/{TIMELINE_FILE}", content),
        land(common, f"{name}/op_state_timeline_{NEXT_RUN}.csv", content),
    ]
    assert [load.status for load in loads] == ["landed"] * 3
    assert runs(common, *loads) == [(name, RUN), (f"{name} 2", RUN), (name, NEXT_RUN)]
    assert [status for _, _, status in statuses(common, name)] == ["landed", "landed"]


@pytest.mark.parametrize("name", FILES)
def test_the_same_file_again(common: Bench, name: str) -> None:
    """Prevents rows from landing twice when a folder is landed again, whatever its files are called meanwhile."""
    _, content = FILES[name]
    first = land(common, name, content)
    for again in (name, f"copy_of_{name}"):
        result = land(common, again, content)
        assert result.as_json() == {**first.as_json(), "status": "unchanged", "file": result.file}
    assert len(statuses(common, common.folder.name)) == 1
    assert len(landed(common, first, "_row_no")) == first.rows_landed > 0


def test_a_changed_file_replaces_its_run(common: Bench) -> None:
    """Prevents rows of an older statement from standing beside the newer, and other runs and kinds from going."""
    session = common.folder.name
    old, new = segments({}, {"die": 1}), segments({"end": 0.12})
    next_run = f"op_state_timeline_{NEXT_RUN}.csv"
    first = land(common, TIMELINE_FILE, old)
    for name, content in ((next_run, segments({"die": 7})), (PROPOSALS_FILE, spelled(PROPOSAL, {}))):
        assert land(common, name, content).status == "landed"
    other = land(common, f"{session} 2/{TIMELINE_FILE}", segments({"die": 9}))
    second = land(common, TIMELINE_FILE, new)
    expected = [
        (TIMELINE_KIND, RUN, "superseded"),
        (TIMELINE_KIND, NEXT_RUN, "landed"),
        (PROPOSALS_KIND, RUN, "landed"),
        (TIMELINE_KIND, RUN, "landed"),
    ]
    assert statuses(common, session) == expected
    assert statuses(common, f"{session} 2") == [(TIMELINE_KIND, RUN, "landed")]
    assert len(landed(common, first, "die")) == 2  # what landed is never changed
    assert landed(common, second, "die, `end`") == [(0, 0.12)]
    assert landed(common, other, "die") == [(9,)]

    older = land(common, TIMELINE_FILE, old)
    assert older.as_json() == {**first.as_json(), "status": "superseded"}
    assert older.messages == [f"landed before as load {first.load_id}; later loads have restated all of its rows"]
    assert land(common, TIMELINE_FILE, new).status == "unchanged"
    assert statuses(common, session) == expected


def test_a_run_restated_by_nothing_that_fits(common: Bench) -> None:
    """Prevents a spoilt file from taking a run's rows away; the next good one must replace them as ever."""
    first = land(common, TIMELINE_FILE, segments({}, {"die": 1}))
    spoilt = land(common, TIMELINE_FILE, segments({"op_state": "ERASE"}))
    found = [status for _, _, status in statuses(common, common.folder.name)]
    assert (first.status, spoilt.status, found) == ("landed", "rejected", ["landed", "rejected"])
    land(common, TIMELINE_FILE, segments({"die": 2}))
    found = [status for _, _, status in statuses(common, common.folder.name)]
    assert found == ["superseded", "rejected", "landed"]


def test_a_run_restated_as_empty(common: Bench) -> None:
    """Prevents a run that turned out to hold nothing from keeping its earlier rows, and an empty run from failing."""
    for name, (kind, content) in FILES.items():
        first = land(common, name, content)
        empty = "# proposer debug log\n[proposer] candidates: []\n" if kind == LOG_KIND else content.split("\n")[0]
        load = land(common, name, empty)
        assert (load.kind, load.status, load.rows_read, load.rows_landed) == (kind, "landed", 0, 0)
        found = [status for found, _, status in statuses(common, common.folder.name) if found == kind]
        assert (first.rows_landed > 0, found) == (True, ["superseded", "landed"])


# -- what does not fit, and what does ---------------------------------------------------------------------------------

BEFORE = "is before the segment's start, 10.0 µs"
EMPTY, NO_NUMBER = "is empty, but the column is required", "is not a number"
NOTHING = EMPTY.replace("is empty", "is NaN")
BEYOND = "is too large for ticks of 0.01 µs, which a double can tell apart up to 9e13 µs"
NO_STATE = "is not a state, expected `<BASE>.<STATE>`"
VIRTUAL = "is virtual: `<BASE>.END` is what holds after a segment, never a segment"
# name: (change to the row, column, value, reason)
BAD_SEGMENTS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "a negative duration": ({"start": "10.0", "end": "9.99"}, "end", "9.99", BEFORE),
    "an end far before": ({"start": "10.0", "end": "-1e9"}, "end", "-1e9", BEFORE),
    "no dot": ({"op_state": "ERASE"}, "op_state", "ERASE", NO_STATE),
    "no base": ({"op_state": ".ISSUE"}, "op_state", ".ISSUE", NO_STATE),
    "no state behind the dot": ({"op_state": "ERASE."}, "op_state", "ERASE.", NO_STATE),
    "a dot alone": ({"op_state": "."}, "op_state", ".", NO_STATE),
    "no state at all": ({"op_state": ""}, "op_state", "", EMPTY),
    "the virtual state": ({"op_state": "ERASE.END"}, "op_state", "ERASE.END", VIRTUAL),
    "the virtual state of a base with dots": ({"op_state": "A.B.END"}, "op_state", "A.B.END", VIRTUAL),
    "a long state": (
        {"op_state": "x" * 156 + ".한글🧬x"},
        "op_state",
        "x" * 156 + ".한글🧬x",
        "has 161 characters, at ",
    ),
    "no room for .END": (
        {"op_state": "x" * 157 + ".A"},
        "op_state",
        "x" * 157 + ".A",
        "has a base of 157 ch",
    ),
    "a word for a die": ({"die": "d0"}, "die", "d0", NO_NUMBER),
    "None for a die": ({"die": "None"}, "die", "None", NO_NUMBER),
    "half a die": ({"die": "0.5"}, "die", "0.5", "is not a whole number"),
    "no die": ({"die": ""}, "die", "", EMPTY),
    "nan for a die": ({"die": "nan"}, "die", "nan", NOTHING),
    "a plane beyond INT": ({"plane": "2147483648"}, "plane", "2147483648", "is outside INT"),
    "nan for a start": ({"start": "nan"}, "start", "nan", NOTHING),
    "NaN for an end": ({"end": "NaN"}, "end", "NaN", NOTHING),
    "inf for an end": ({"end": "inf"}, "end", "inf", NO_NUMBER),
    "-inf for a start": ({"start": "-inf"}, "start", "-inf", NO_NUMBER),
    "no start": ({"start": ""}, "start", "", EMPTY),
    "a start beyond ticks": ({"start": "9.1e13"}, "start", "9.1e13", BEYOND),
    "an end beyond ticks": ({"end": "1e300"}, "end", "1e300", BEYOND),
    "an end beyond DOUBLE": ({"end": "1e309"}, "end", "1e309", "is beyond DOUBLE"),
    "a duration that is a word": ({"duration": "long"}, "duration", "long", NO_NUMBER),
}
# name: (change to the row, what stands in the table: start, end, die, plane, op_state)
GOOD_SEGMENTS: dict[str, tuple[dict[str, Any], tuple[Any, ...]]] = {
    "float noise before its start": (
        {"start": "7000.110000000001", "end": "7000.11"},
        (7000.110000000001, 7000.11, 0, 1, "ERASE.ISSUE"),
    ),
    "less than half a tick before its start": (
        {"start": "10.004", "end": "9.996"},
        (10.004, 9.996, 0, 1, "ERASE.ISSUE"),
    ),
    "no length": ({"start": "3.5", "end": "3.5"}, (3.5, 3.5, 0, 1, "ERASE.ISSUE")),
    "times before zero": ({"start": "-2.5", "end": "-1"}, (-2.5, -1.0, 0, 1, "ERASE.ISSUE")),
    "the last times": ({"start": "9e13", "end": "9e13"}, (9e13, 9e13, 0, 1, "ERASE.ISSUE")),
    "a die as pandas writes it": ({"die": "1.0"}, (0.0, 0.11, 1, 1, "ERASE.ISSUE")),
    "a die below zero": ({"die": "-1"}, (0.0, 0.11, -1, 1, "ERASE.ISSUE")),
    "a base with dots": ({"op_state": "A.B.BUSY"}, (0.0, 0.11, 0, 1, "A.B.BUSY")),
    "END as a base": ({"op_state": "END.ISSUE"}, (0.0, 0.11, 0, 1, "END.ISSUE")),
    "a state that is not END": ({"op_state": "ERASE.end"}, (0.0, 0.11, 0, 1, "ERASE.end")),
    "the longest base": ({"op_state": "🧬" * 156 + ".ISS"}, (0.0, 0.11, 0, 1, "🧬" * 156 + ".ISS")),
    "the longest state": ({"op_state": "A." + "x" * 158}, (0.0, 0.11, 0, 1, "A." + "x" * 158)),
    "a Korean state": ({"op_state": "지우기.대기"}, (0.0, 0.11, 0, 1, "지우기.대기")),
    "a duration that is not the difference": ({"duration": "99"}, (0.0, 0.11, 0, 1, "ERASE.ISSUE")),
    "no duration, no lane, no name": ({"duration": "", "lane": "", "op_name": ""}, (0.0, 0.11, 0, 1, "ERASE.ISSUE")),
}


def interleaved(bad: Sequence[dict[str, Any]], good: dict[str, Any]) -> list[dict[str, Any]]:
    """Put a row that fits behind each that does not: bad ones are then on the even lines."""
    return [change for misfit in bad for change in (misfit, good)]


def check_rejects(bench: Bench, load: FileResult, expected: dict[str, tuple[dict[str, Any], str, str, str]]) -> None:
    """Hold the rejects of `interleaved` rows against what each should be refused for."""
    found = rejects(bench, load)
    assert len(found) == len(expected)
    for number, (name, (_, column, value, reason)) in enumerate(expected.items()):
        line_no, found_column, found_value, found_reason = found[number]
        assert (name, line_no, found_column, found_value) == (name, 2 + 2 * number, column, value)
        assert (name, found_reason[: len(reason)]) == (name, reason)
    assert (load.rows_read, load.rows_landed) == (2 * len(expected), len(expected))
    assert load.rows_read == load.rows_landed + load.rows_rejected
    assert len(landed(bench, load, "_row_no")) == load.rows_landed


def test_segments_that_do_not_fit(common: Bench) -> None:
    """Prevents a segment that cannot have been from getting into a timeline, and from taking others along."""
    load = land(common, TIMELINE_FILE, segments(*interleaved([bad[0] for bad in BAD_SEGMENTS.values()], {})))
    check_rejects(common, load, BAD_SEGMENTS)
    assert load.messages[0].endswith(f"{TIMELINE_FILE}: line 2, column `end`: `9.99` {BEFORE}")
    [(text,)] = rejects(common, load, "row_text")[:1]
    assert text == "10.0,9.99,0,1,ERASE.ISSUE,d0-p1,ERASE,0.11"
    strict = common.run("land", common.folder, "--strict")
    assert strict.exit_code == 3


def test_segments_that_are_odd(common: Bench) -> None:
    """Prevents float noise, overlaps or odd names from being rejected, or corrected on their way."""
    load = land(common, TIMELINE_FILE, segments(*[change for change, _ in GOOD_SEGMENTS.values()]))
    assert rejects(common, load) == []
    found = landed(common, load, "start, `end`, die, plane, op_state")
    assert dict(zip(GOOD_SEGMENTS, found, strict=True)) == {name: row for name, (_, row) in GOOD_SEGMENTS.items()}


def test_the_empty_is_null_and_words_are_values(common: Bench) -> None:
    """Prevents NONE and NA, which are names like others, from becoming NULL in texts, and nan from being a number."""
    words = ["NA", "NULL", "None", "NONE", "nan", "\\N", ""]
    load = land(common, TIMELINE_FILE, segments(*[{"lane": word, "duration": "nan"} for word in words]))
    assert landed(common, load, "lane, duration") == [(word or None, None) for word in words]


BAD_PROPOSALS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "no start": ({"start_us": ""}, "start_us", "", EMPTY),
    "nan for a start": ({"start_us": "nan"}, "start_us", "nan", NOTHING),
    "inf for an end": ({"end_us": "inf"}, "end_us", "inf", NO_NUMBER),
    "an end beyond ticks": ({"end_us": "1e14"}, "end_us", "1e14", BEYOND),
    "no die": ({"die": ""}, "die", "", EMPTY),
    "a word for a plane": ({"plane": "p1"}, "plane", "p1", NO_NUMBER),
    "no name": ({"op_name": ""}, "op_name", "", EMPTY),
    "a word for the hook's die": ({"phase_hook_die": "None"}, "phase_hook_die", "None", NO_NUMBER),
    "half a plane for the hook's": ({"phase_hook_plane": "1.5"}, "phase_hook_plane", "1.5", "is not a whole number"),
    "inf for the key's time": ({"phase_key_time": "inf"}, "phase_key_time", "inf", NO_NUMBER),
    "a key's time beyond ticks": ({"phase_key_time": "-1e14"}, "phase_key_time", "-1e14", BEYOND),
    "a long key": ({"phase_key": "x" * 161}, "phase_key", "x" * 161, "has 161 characters, at most 160 fit"),
    "long hints": (
        {"inherit_hints": "한" * 16_001},
        "inherit_hints",
        "한" * 16_001,
        "has 16001 characters, at",
    ),
}
NOTHING = {"phase_hook_die": "", "phase_hook_plane": "", "phase_hook_label": "", "phase_key_time": "", "phase_key": ""}
# name: (change to the row, what stands in the table: hook's die, plane, label, time; the key)
GOOD_PROPOSALS: dict[str, tuple[dict[str, Any], tuple[Any, ...]]] = {
    "all of a hook": ({}, (0, 3, "ERASE.END", 7100.0, "DEFAULT")),
    "no hook": (NOTHING, (None, None, None, None, None)),
    "a hook's die alone": ({**NOTHING, "phase_hook_die": "1"}, (1, None, None, None, None)),
    "a hook's plane alone": ({**NOTHING, "phase_hook_plane": "1.0"}, (None, 1, None, None, None)),
    "a key's time alone": ({**NOTHING, "phase_key_time": "8.1"}, (None, None, None, 8.1, None)),
    "nan for what is not there": (
        {"phase_hook_die": "nan", "phase_hook_plane": "NaN", "phase_key_time": "nan"},
        (None, None, "ERASE.END", None, "DEFAULT"),
    ),
    "a key that is not a state": ({"phase_key": "None"}, (0, 3, "ERASE.END", 7100.0, "None")),
    "a virtual key": ({"phase_key": "ERASE.END"}, (0, 3, "ERASE.END", 7100.0, "ERASE.END")),
    "an end before the start, which is not a segment": ({"end_us": "1"}, (0, 3, "ERASE.END", 7100.0, "DEFAULT")),
    "the longest hints": ({"inherit_hints": "🧬" * 16_000}, (0, 3, "ERASE.END", 7100.0, "DEFAULT")),
}


def test_proposals_that_do_not_fit(common: Bench) -> None:
    """Prevents a proposal without a place or a time, of which nobody could tell the phase, from being given one."""
    load = land(common, PROPOSALS_FILE, spelled(PROPOSAL, *interleaved([bad[0] for bad in BAD_PROPOSALS.values()], {})))
    check_rejects(common, load, BAD_PROPOSALS)


def test_proposals_whose_hook_is_not_there(common: Bench) -> None:
    """Prevents a proposal without a hook, or with half of it, from being rejected: design section 5 has its answer."""
    load = land(common, PROPOSALS_FILE, spelled(PROPOSAL, *[change for change, _ in GOOD_PROPOSALS.values()]))
    assert rejects(common, load) == []
    found = landed(common, load, "phase_hook_die, phase_hook_plane, phase_hook_label, phase_key_time, phase_key")
    assert dict(zip(GOOD_PROPOSALS, found, strict=True)) == {name: row for name, (_, row) in GOOD_PROPOSALS.items()}
    without = [name for name in PROPOSAL if not name.startswith("phase_")]
    alone = land(common, PROPOSALS_FILE, csv_text(without, [[PROPOSAL[name] for name in without]]))
    assert landed(common, alone, "phase_hook_die, phase_key_time, phase_key") == [(None, None, None)]


def test_every_column_lands(common: Bench) -> None:
    """Prevents a column from landing in another's place, and what Afterstate does not know from being lost."""
    for name, model in ((TIMELINE_FILE, SEGMENT), (PROPOSALS_FILE, PROPOSAL), (OPERATIONS_FILE, OPERATION)):
        shuffled = dict(sorted(model.items(), key=lambda item: item[0][::-1]))
        load = land(common, name, spelled({"메모": "첫째", **shuffled, "op": 7}, {}))
        columns = ", ".join(f"`{column}`" for column in model)
        assert landed(common, load, columns) == [tuple(None if value == "" else value for value in model.values())]
        [(others,)] = landed(common, load, "_other_columns")
        assert json.loads(others) == {"메모": "첫째", "op": "7"}


LINE = "[proposer] phase_key: now=1.5 die=0 plane=1 rm_state=A.B hook_label=A.B -> key=A.B"
AS_WRITTEN = "the line is not as the proposer writes it, expected `{}`"
KEY_LINE = AS_WRITTEN.format("now=… die=… plane=… rm_state=… hook_label=… -> key=…")
SELECTED_LINE = AS_WRITTEN.format("op=… base=… start_us=… len_batch=…")
NO_VALUE = "is NaN, but a `phase_key` line needs a value"
# name: (line, column, value, reason)
BAD_LINES: dict[str, tuple[str, str | None, str | None, str]] = {
    "a key's line cut short": (LINE.partition(" ->")[0], None, None, KEY_LINE),
    "a key's line without a key": (LINE.replace("key=A.B", "key="), None, None, KEY_LINE),
    "a line that ends with its word": ("[proposer] phase_key", None, None, KEY_LINE),
    "a selection cut short": ("[proposer] selected op=X base=Y start_us=1", None, None, SELECTED_LINE),
    "a selection without an operation": ("[proposer] selected none", None, None, SELECTED_LINE),
    "a word for a die": (LINE.replace("die=0", "die=None"), "die", "None", NO_NUMBER),
    "inf for now": (LINE.replace("1.5", "inf"), "now_us", "inf", NO_NUMBER),
    "now beyond ticks": (LINE.replace("1.5", "1e15"), "now_us", "1e15", BEYOND),
    "a long key": (LINE.replace("key=A.B", "key=" + "x" * 161), "phase_key", "x" * 161, "has 161 characters"),
    "nan for now": (LINE.replace("1.5", "nan"), "now_us", "nan", NO_VALUE),
    "nan for a die": (LINE.replace("die=0", "die=nan"), "die", "nan", NO_VALUE),
    "NaN for a plane": (LINE.replace("plane=1", "plane=NaN"), "plane", "NaN", NO_VALUE),
    "no UTF-8": (LINE.replace("key=A.B", "key=A\udcff"), "phase_key", "A\\xff", "holds the byte 0xFF, which is not"),
    "a NUL": (LINE.replace("key=A.B", "key=A\0"), "phase_key", "A\\x00", "holds a NUL byte"),
}


def test_lines_of_a_log_that_do_not_fit(common: Bench) -> None:
    """Prevents a line that a full disk or a crash cut short from being lost, or read as another."""
    lines = [text for line, *_ in BAD_LINES.values() for text in (line, LINE)]
    load = land(common, LOG_FILE, ("# proposer debug log\n" + "\n".join(lines)).encode("utf-8", "surrogateescape"))
    found = rejects(common, load, "line_no, column_name, value, reason, row_text")
    assert len(found) == len(BAD_LINES)
    for number, (name, (line, column, value, reason)) in enumerate(BAD_LINES.items()):
        *place, found_reason, text = found[number]
        assert (name, place) == (name, [2 + 2 * number, column, value])
        assert (name, found_reason[: len(reason)]) == (name, reason)
        assert text == line.replace("\udcff", "\\xff").replace("\0", "\\x00")
    assert (load.rows_read, load.rows_landed, load.rows_rejected) == (2 * len(BAD_LINES), *[len(BAD_LINES)] * 2)
    assert landed(common, load, "now_us, phase_key") == [(1.5, "A.B")] * len(BAD_LINES)
    assert load.messages[0].endswith(f"line 2: {KEY_LINE}")


def test_a_log_of_broken_lines_alone(common: Bench) -> None:
    """Prevents a block of which no line can be read from ending the command."""
    load = land(common, LOG_FILE, "# proposer debug log\n[proposer] selected\n[proposer] phase_key\n")
    assert (load.rows_read, load.rows_landed, load.rows_rejected) == (2, 0, 2)


def test_other_talk_in_a_log(common: Bench) -> None:
    """Prevents what a proposer says beside its choices from being taken for one, or from being counted as rejected."""
    talk = ["", "phase_key: now=1", " " + LINE, "[proposer][warn] phase_key ends", "[proposer] selection", "한글 🧬"]
    talk += ["[proposer] phase_keys: none", '"', "[other] selected op=X base=Y start_us=1 len_batch=1"]
    load = land(common, LOG_FILE, "\n".join(["# proposer debug log", *talk, ""]))
    assert (load.status, load.rows_read, load.rows_landed, load.rows_rejected) == ("landed", 0, 0, 0)


# -- side by side -----------------------------------------------------------------------------------------------------


def at_once(jobs: Sequence[Callable[[], FileResult]]) -> list[FileResult]:
    """Run loaders side by side, all of which begin at the same moment."""
    barrier = threading.Barrier(len(jobs))

    def begin(job: Callable[[], FileResult]) -> FileResult:
        barrier.wait()
        return job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(begin, jobs))


def test_loaders_that_restate_one_run_at_once(common: Bench) -> None:
    """Prevents two statements of one run from both holding, or neither, when two loaders close at the same instant."""
    for number in range(ROUNDS):
        session = f"{common.folder.name} {number}"
        files = [
            common.write(f"{session}/{loader}/{TIMELINE_FILE}", segments(*[{"die": loader}] * 50))
            for loader in range(LOADERS)
        ]
        landers = [Lander(common.warehouse, run_options=RunOptions(session)) for _ in files]
        loads = at_once(
            [lambda lander=lander, file=file: lander.land(file) for lander, file in zip(landers, files, strict=True)]
        )
        assert [load.status for load in loads] == ["landed"] * LOADERS, [load.messages for load in loads]
        latest = max(load.load_id or 0 for load in loads)
        assert common.query(
            "select load_id from {landing}.landing_loads where session_id = %s and status = 'landed'", session
        ) == [(latest,)]


def test_a_loader_that_was_overtaken(common: Bench) -> None:
    """Prevents a slow loader's older statement from standing beside one that began later and ended earlier."""
    slow = common.write(f"slow/{TIMELINE_FILE}", segments({"die": 1}))
    fast = common.write(f"fast/{TIMELINE_FILE}", segments({"die": 2}))
    run_options = RunOptions(common.folder.name)
    land(common, f"op_state_timeline_{NEXT_RUN}.csv", segments({}), session=run_options.session or "")
    is_open = threading.Event()

    def dawdle(*_: object) -> None:
        if not is_open.is_set():
            is_open.set()
            threading.Event().wait(0.3)

    def overtake() -> FileResult:
        assert is_open.wait(10)
        return Lander(common.warehouse, run_options=run_options).land(fast)

    loads = at_once([lambda: Lander(common.warehouse, progress=dawdle, run_options=run_options).land(slow), overtake])
    assert [load.status for load in loads] == ["landed"] * 2, [load.messages for load in loads]
    found = [status for _, run, status in statuses(common, common.folder.name) if run == RUN]
    assert found == ["superseded", "landed"]


def test_two_folders_of_one_name_at_once(common: Bench) -> None:
    """Prevents two timelines from being mixed because two loaders both found the session's name free."""
    for number in range(ROUNDS):
        session = f"{common.folder.name} {number}"
        files = [
            common.write(f"{loader}/{session}/{TIMELINE_FILE}", segments(*[{"die": loader}] * 50))
            for loader in range(LOADERS)
        ]
        landers = [Lander(common.warehouse) for _ in files]
        loads = at_once(
            [lambda lander=lander, file=file: lander.land(file) for lander, file in zip(landers, files, strict=True)]
        )
        assert sorted(load.status for load in loads) == ["failed"] * (LOADERS - 1) + ["landed"]
        [winner] = [load for load in loads if load.status == "landed"]
        for load in loads:
            assert load is winner or f"the timeline in {Path(winner.file).parent}; " in load.messages[0]
        [(die,)] = common.query(
            f"select distinct die from {{landing}}.{TIMELINE_KIND} join {{landing}}.landing_loads "
            "on load_id = _load_id where session_id = %s",
            session,
        )
        assert str(die) == Path(winner.file).parent.parent.name


def test_one_file_by_two_loaders_at_once(common: Bench) -> None:
    """Prevents a file from landing twice in its run when a cron job and its owner land it at the same time."""
    file = common.write(TIMELINE_FILE, segments(*[{}] * 50))
    landers = [Lander(common.warehouse, kind_named(TIMELINE_KIND)) for _ in range(LOADERS)]
    loads = at_once([lambda lander=lander: lander.land(file) for lander in landers])
    assert sorted(load.status for load in loads) == ["landed"] + ["unchanged"] * (LOADERS - 1)
    assert len({load.load_id for load in loads}) == 1
