"""`afterstate land` as people and scripts call it: exit codes, what is printed where, and what to do next."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from afterstate import progress
from afterstate.cli.main import main
from loaders.find import find_files
from loaders.lake.land import LakeLander
from loaders.lake.tables import Lake
from loaders.recognise import KINDS
from tests.bench import ROOT, Bench
from tests.loaders.helpers import KEY, TRACE_FILE, TRACE_KIND, csv_text, trace

CONTRACT = ["file", "kind", "status", "rows_read", "rows_landed", "rows_rejected", "load_id"]
GOOD, BAD = trace([(1,), (2,)]), trace([(3,), ("abc",)])
MISSING = csv_text(KEY[1:])
MAY_NOT = "Permission denied\n  expected permission to read it, which its owner can give: `chmod a+rX`"


def test_exit_codes(warehouse: Bench) -> None:
    """Prevents a script from going on after a failure, or from stopping where all is well (design section 2)."""
    good, bad = warehouse.write("good.csv", GOOD), warehouse.write("bad.csv", BAD)
    failing = warehouse.write(TRACE_FILE, MISSING)
    stranger = warehouse.write("notes.txt", "hello\n")
    calls: list[tuple[list[str | Path], int]] = [
        ([good, stranger], 0),
        ([bad], 0),
        ([bad, "--strict"], 3),  # rows were rejected, even if an earlier landing rejected them
        ([good, "--strict"], 0),
        ([good, bad, "--json"], 0),
        ([good, bad, "--json", "--strict"], 3),
        ([failing], 1),
        ([failing, bad, "--strict"], 1),
        ([stranger, "--kind", TRACE_KIND], 1),
        ([warehouse.folder / "nothing.csv"], 2),
        ([good, "--kind", "trace"], 2),
        ([good, "--unknown-option"], 2),
        ([], 2),
    ]
    for arguments, expected in calls:
        result = warehouse.run("land", *arguments)
        assert (arguments, result.exit_code) == (arguments, expected), result.output
        assert "Traceback" not in result.output
        if expected == 2:
            assert result.stdout == ""
    assert warehouse.query("select count(*), sum(rows_landed) from {landing}.landing_loads") == [(2, 3)]


def test_json_as_a_process(common: Bench) -> None:
    """Prevents a script that reads `--json` from finding anything but JSON, or other names than the contract's."""
    common.write("in/1 good.csv", trace([(1,)], run="json"))
    common.write("in/2 나쁜.csv", trace([("abc",), (2,)], run="json"))
    common.write("in/3 stranger.csv", "date,open\n")
    common.write(f"in/4/{TRACE_FILE}", MISSING)
    done = subprocess.run(
        [sys.executable, "-m", "loaders", "land", common.folder / "in", "--json"],
        env={**os.environ, **common.environment},
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert [list(result) for result in found] == [CONTRACT] * 4
    for result in found:
        assert Path(result.pop("file")).is_file()
        assert (result.pop("load_id") is None) is (result["status"] != "landed")
    assert [tuple(result.values()) for result in found] == [
        (TRACE_KIND, "landed", 1, 1, 0),
        (TRACE_KIND, "landed", 2, 1, 1),
        (None, "ignored", 0, 0, 0),
        (None, "failed", 0, 0, 0),
    ]
    assert "나쁜".encode() in done.stdout  # a file name is not escaped
    errors = done.stderr.decode()
    assert "2 나쁜.csv: line 2, column `step`: `abc` is not a number" in errors
    assert f"{TRACE_FILE}: line 1: no column `run_id`" in errors
    assert "Traceback" not in errors


def test_what_is_printed(common: Bench) -> None:
    """Prevents output that does not say what happened to each file; results go to stdout, oddities to stderr."""
    good = common.write("a.csv", trace([(step,) for step in range(1_200)], run="print"))
    bad = common.write("b.csv", "".join([trace([(2_001,)], run="print"), *["x\n"] * 5]))
    stranger = common.write("c.csv", "date,open\n")
    failing = common.write(TRACE_FILE, MISSING)
    result = common.run("land", good, bad, stranger, failing)
    lines = result.stdout.splitlines()
    assert lines[0].startswith("landed      core8_state_trace: landed 1,200, rejected 0 (load ")
    assert lines[0].endswith(f")  {good}")
    assert lines[1].startswith("landed      core8_state_trace: landed 1, rejected 5 (load ")
    assert lines[2] == f"ignored     {stranger}: its header matches no known kind"
    assert lines[3] == f"failed      {failing}"
    assert lines[4] == "files: 2 landed, 1 ignored, 1 failed; new rows landed: 1,201, rejected: 5"
    assert result.stderr.splitlines() == [
        *[f"  {bad}: line {line}: the row has 1 field, the header has 8" for line in (3, 4, 5)],
        "  … and 2 more in landing_rejects",
        f"  {failing}: line 1: no column `run_id`, which a core8_state_trace needs",
        "    expected the columns run_id, case_id, antibody_id, step (in any order, others may follow)",
        "next: fix the errors above, then land those files again; all others have landed",
    ]
    again = common.run("land", good, bad).stdout.splitlines()
    assert again[0].startswith("unchanged   core8_state_trace: landed 1,200, rejected 0 (load ")
    assert again[-1] == "files: 2 unchanged; new rows landed: 0, rejected: 0"


def test_a_file_of_which_no_row_fits(common: Bench) -> None:
    """Prevents a file that is rejected as a whole from passing for one that landed (design section 2)."""
    bad = common.write("bad.csv", trace([("1.5",), ("abc",)], run="whole"))
    empty = common.write("empty.csv", trace([], run="whole"))
    [found] = common.land(bad)
    assert tuple(found.values())[1:-1] == (TRACE_KIND, "rejected", 2, 0, 2)
    manifest = "select status, rows_read, rows_landed, rows_rejected from {landing}.landing_loads where load_id = %s"
    assert common.query(manifest, found["load_id"]) == [("rejected", 2, 0, 2)]
    assert [result["status"] for result in common.land(bad)] == ["unchanged"]
    other = common.write("other.csv", trace([("",)], run="whole"))
    said = common.run("land", other, empty)
    assert said.exit_code == 0
    first, _, sums = said.stdout.splitlines()
    assert first.startswith("rejected    core8_state_trace: landed 0, rejected 1 (load ")
    assert sums == "files: 1 landed, 1 rejected; new rows landed: 0, rejected: 1"
    assert common.run("land", other, "--strict").exit_code == 3


def test_which_files_of_a_folder(common: Bench) -> None:
    """Prevents hidden files (an editor's, a sync tool's half copies) from landing, and any file from landing twice."""
    names = ["b.csv", "a.csv", "deep/er/c.csv", ".hidden.csv", ".git/d.csv", "deep/.cache/e.csv"]
    files = {name: common.write(f"in/{name}", trace([(1,)], run=name)) for name in names}
    folder = common.folder / "in"
    found = common.land(folder, files["a.csv"], folder / "deep")
    assert [result["file"] for result in found] == [str(files[name]) for name in ("a.csv", "b.csv", "deep/er/c.csv")]
    assert common.land(files[".hidden.csv"])[0]["status"] == "landed"  # it was named
    (common.folder / "empty").mkdir()
    nothing = common.run("land", common.folder / "empty")
    assert (nothing.exit_code, nothing.stdout) == (0, "files: none found; new rows landed: 0, rejected: 0\n")
    assert common.land(common.folder / "empty") == []


def test_a_folder_whose_name_is_hidden(common: Bench) -> None:
    """Prevents a folder that the user names from being skipped because it, or one above it, begins with a dot."""
    common.write(".artifact/x.csv", trace([(1,)], run="hidden folder"))
    assert [result["status"] for result in common.land(common.folder / ".artifact")] == ["landed"]


@pytest.mark.parametrize("rights", [0, 4], ids=["closed", "only listed"])
def test_a_folder_that_may_not_be_read(rights: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a closed folder's files from being left out with exit code 0, and from ending the whole command."""
    closed = tmp_path / "in" / "closed"
    (closed / "deep").mkdir(parents=True)
    for file in (closed / TRACE_FILE, closed / "deep" / TRACE_FILE, tmp_path / "in" / "open.csv"):
        file.write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    lander = LakeLander(Lake(str(tmp_path / "lake")))
    with as_another_user(tmp_path, {".": 5, "in": 5, "in/closed": rights}):
        with pytest.raises(PermissionError):
            (Path("in/closed") / TRACE_FILE).read_bytes()
        for named, expected in (("in", ["closed", "open.csv"]), ("in/closed", ["closed"])):
            found = find_files([Path(named)])
            assert [each.file.name for each in found] == expected
            result = lander.land_found(found[0])
            assert (result.status, result.messages) == ("failed", [f"in/closed: cannot be read: {MAY_NOT}"])


def test_a_path_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a refusal that does not say whose permission is missing, and a file that is called missing instead."""
    for file in ("x.csv", "closed/x.csv"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    for command in ("land", "watch", "restore"):  # that other user may not be able to import them
        assert CliRunner().invoke(main, [command, "--help"]).exit_code == 0
    with as_another_user(tmp_path, {".": 5, "x.csv": 0, "closed": 0}):
        for line, said in (
            (["land", "x.csv"], "`x.csv` may not be read; expected permission to read it"),
            (["watch", "closed"], "`closed` may not be read; expected permission to read it"),
            (["restore", "closed/x.csv"], "`closed/x.csv` cannot be reached; expected permission to enter its folder"),
        ):
            result = CliRunner().invoke(main, line)
            assert result.exit_code == 2
            assert said in result.stderr.splitlines()[0]
            assert "chmod a+" in result.stderr.splitlines()[0]


@contextmanager
def as_another_user(folder: Path, rights: dict[str, int]) -> Iterator[None]:
    """Set these rights on paths in a folder for everybody, and act as a user other than root, whom no right stops.

    Paths in the block are relative, since folders above may be root's alone.
    """
    is_root = os.geteuid() == 0
    for path, bits in rights.items():
        (folder / path).chmod(0o111 * bits)
    if is_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
        for path in rights:
            (folder / path).chmod(0o755)


def test_the_sample_lands_as_the_help_says(warehouse: Bench) -> None:
    """Prevents the help's examples and the sample from rotting."""
    text = warehouse.run("land", "--help").stdout
    assert "afterstate land samples/core\n" in text
    assert all(kind.name in "".join(text.split()) for kind in KINDS)
    found = {result["kind"]: result["rows_landed"] for result in warehouse.land(ROOT / "samples" / "core")}
    assert found == {
        "core10_shutdown_events": 1,
        "core8_state_trace": 180,
        "core8_fallback_decisions": 180,
        "core9_reservation_log": 180,
    }


def test_kind_takes_every_file_for_that_kind(common: Bench) -> None:
    """Prevents `--kind` from guessing, and from landing what cannot be of that kind."""
    keys = common.write("keys.csv", csv_text(KEY, [("kind", "c", "a", 1)]))
    assert common.land(keys)[0]["status"] == "ignored"
    assert common.land(keys, "--kind", "core9_reservation_log")[0]["kind"] == "core9_reservation_log"
    wrong = common.run("land", keys, "--kind", "core10_shutdown_events")
    assert wrong.exit_code == 1
    assert "no column `shutdown_step`, `shutdown_trigger_final`, which a core10_shutdown_events needs" in wrong.stderr


@pytest.mark.parametrize("debug", [True, False])
def test_a_traceback_only_with_debug(debug: bool, tmp_path: Path) -> None:
    """Prevents users from being shown Python, and developers from not being shown it."""
    arguments = [*(["--debug"] if debug else []), "land", str(tmp_path), "--kind", "trace"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert "afterstate: there is no kind `trace`\n  expected one of: core10_shutdown_events, " in result.stderr
    assert ("Traceback (most recent call last)" in result.stderr) is debug
    assert result.stdout == ""


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_no_profile(tmp_path: Path, option: list[str]) -> None:
    """Prevents a first user from being told about a missing file only; he must hear of `afterstate up`."""
    home = tmp_path / "home"
    result = CliRunner().invoke(main, ["land", str(tmp_path), *option], env={"AFTERSTATE_HOME": str(home)})
    assert result.exit_code == 2
    assert result.stderr == (f"afterstate: there is no `{home / 'profiles.yml'}` yet\n  run `afterstate up` first\n")
    assert result.stdout == ""
    assert not home.exists()


def test_no_such_warehouse(common: Bench) -> None:
    """Prevents rows from landing in another warehouse than the one that the environment names."""
    other = replace(common, environment={**common.environment, "AFTERSTATE_SCHEMA": "nobody"})
    result = other.run("land", common.folder)
    assert result.exit_code == 2
    assert "has no warehouse `nobody`" in result.stderr
    assert "AFTERSTATE_SCHEMA=nobody afterstate up" in result.stderr


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"port": 1}, ["no connection as", "`afterstate up` starts the private one"]),
        ({"password": "wrong"}, ["the server refused the account", "`afterstate doctor`"]),
    ],
)
def test_a_server_that_cannot_be_reached(common: Bench, change: dict[str, object], says: list[str]) -> None:
    """Prevents a dead server or a stale password from being a traceback, or from passing for success."""
    profile = yaml.safe_load((common.server.home / "profiles.yml").read_text(encoding="utf-8"))
    for output in profile["afterstate"]["outputs"].values():
        output.update(change)
    common.write("home/profiles.yml", yaml.safe_dump(profile))
    lost = common.at_home(common.folder / "home")
    result = lost.run("land", common.write("x.csv", GOOD), "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert all(text in result.stderr for text in says)
    assert "Traceback" not in result.stderr


def test_a_table_that_is_gone(warehouse: Bench) -> None:
    """Prevents a lasting fault from being answered with "run it again", and one kind's fault from stopping others."""
    warehouse.query("drop table {landing}.core8_state_trace")
    trace_file = warehouse.write("1.csv", GOOD)
    other = warehouse.write("2.csv", csv_text([*KEY, "fallback_stage"], [("r", "c", "a", 1, "x")]))
    result = warehouse.run("land", trace_file, other)
    assert result.exit_code == 1
    assert f"{trace_file}: the server said: Table " in result.stderr
    assert "nothing of it was landed\n    `afterstate doctor`" in result.stderr
    assert "files: 1 landed, 1 failed" in result.stdout
    assert warehouse.query("select kind from {landing}.landing_loads") == [("core8_fallback_decisions",)]


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    """Prevents `land <(zcat trace.csv.gz)` from ending well without having landed anything."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "profiles.yml").write_text("")
    result = CliRunner().invoke(main, ["land", str(pipe)], env={"AFTERSTATE_HOME": str(tmp_path)})
    assert result.exit_code == 2
    assert f"`{pipe}` is neither a file nor a folder\n  write it to a file" in result.stderr


class Terminal(io.StringIO):
    """What is drawn on a terminal."""

    def isatty(self) -> bool:
        """Pretend to be a terminal."""
        return True


def test_progress_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents bars in logs and in JSON, and a file name from being taken for the markup of a bar."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    seen = Terminal()
    monkeypatch.setattr(sys, "stderr", seen)
    with progress.byte_progress(quiet=True) as watch:
        assert watch is None
    with progress.byte_progress(quiet=False) as watch:
        assert watch
        for read in (1_000, 2_000, 4_000):
            watch(Path("[red]trace.csv"), read, 5_000)
    assert "[red]trace.csv" in seen.getvalue()
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress.byte_progress(quiet=False) as watch:
        assert watch is None


def _drawn_on(master: int) -> bytes:
    """Read what a program draws on its terminal until it ends, which Linux tells by an error."""
    drawn = b""
    with suppress(OSError):
        while block := os.read(master, 1 << 16):
            drawn += block
    os.close(master)
    return drawn


@pytest.mark.parametrize("option", [[], ["--json"]], ids=["plain", "json"])
def test_on_a_terminal(common: Bench, option: list[str]) -> None:
    """Prevents a progress bar from getting into what is piped on, or from being drawn for a script."""
    master, terminal = os.openpty()
    file = common.write("x.csv", trace([(step,) for step in range(3_000)], run=f"terminal {option}"))
    process = subprocess.Popen(
        [sys.executable, "-m", "loaders", "land", file, *option],
        env={**os.environ, **common.environment, "TERM": "xterm"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
    )
    os.close(terminal)
    drawn = _drawn_on(master)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    if option:
        assert json.loads(output)[0]["rows_landed"] == 3_000
        assert drawn == b""
    else:
        assert output.startswith("landed      core8_state_trace: landed 3,000")
        assert "\x1b" not in output
        assert b"\x1b[?25l" in drawn  # the cursor is hidden while a bar is drawn, and shown again
        assert drawn.rstrip().count(b"\x1b[?25h") == 1


def compressed(how: str, content: str) -> bytes:
    """Return a file's bytes as `gzip` and `zstd` write them."""
    if how == "gz":
        return gzip.compress(content.encode())
    import pyarrow

    return bytes(pyarrow.compress(content.encode(), codec="zstd", asbytes=True))


@pytest.mark.parametrize("how", ["gz", "zst"])
@pytest.mark.parametrize("name", ["x.csv.{}", "x.csv"])
def test_compressed_files(common: Bench, how: str, name: str) -> None:
    """Prevents a compressed file from being ignored, and its exit codes, counts and places from being others."""
    content = trace([(1,), ("abc",), (3,)], run=f"{how} {name}")
    file = common.write(name.format(how), compressed(how, content))
    result = common.run("land", file, "--json", "--strict")
    assert result.exit_code == 3, result.output
    [found] = json.loads(result.stdout)
    assert list(found) == CONTRACT
    found.pop("load_id")
    assert tuple(found.values()) == (str(file), TRACE_KIND, "landed", 3, 2, 1)
    assert f"{file}: line 3, column `step`: `abc` is not a number" in result.stderr
    assert [again["status"] for again in common.land(file)] == ["unchanged"]


@pytest.mark.parametrize("how", ["gz", "zst"])
def test_a_compressed_file_that_is_damaged(warehouse: Bench, how: str) -> None:
    """Prevents what was readable of a broken archive from landing, and a traceback; `--kind` or not."""
    dice = random.Random(3)
    rows = [(step, dice.random()) for step in range(20_000)]  # of several blocks: a beginning of it can be read
    whole = compressed(how, trace(rows))
    files = {"cut off": warehouse.write(f"cut.csv.{how}", whole[: len(whole) * 2 // 3])}
    if how == "gz":  # zstd may leave out the checksum that would tell
        files["altered"] = warehouse.write("altered.csv.gz", whole[:-6] + bytes(byte ^ 0x55 for byte in whole[-6:]))
    for what, file in files.items():
        for options in ([], ["--kind", TRACE_KIND]):
            result = warehouse.run("land", file, *options, "--json")
            assert (what, result.exit_code) == (what, 1), result.output
            assert [found["status"] for found in json.loads(result.stdout)] == ["failed"]
            assert str(file) in result.stderr
            assert "Traceback" not in result.output
    assert warehouse.query("select count(*) from {landing}.landing_loads") == [(0,)]
    assert warehouse.query("select count(*) from {landing}.core8_state_trace") == [(0,)]


def piped(bench: Bench, content: str | bytes, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `cat … | afterstate land - …`."""
    with subprocess.Popen(["cat", bench.write("piped", content)], stdout=subprocess.PIPE) as cat:
        return subprocess.run(
            [sys.executable, "-m", "loaders", "land", "-", *arguments, "--json"],
            env={**os.environ, **bench.environment},
            cwd=ROOT,
            stdin=cat.stdout,
            capture_output=True,
            text=True,
            check=False,
        )


def test_standard_input(common: Bench) -> None:
    """Prevents a pipe from landing other than the file would, or from landing twice."""
    content = trace([(1,), ("abc",)], run="piped")
    done = piped(common, content, "--kind", TRACE_KIND, "--strict")
    assert done.returncode == 3, done.stderr
    [found] = json.loads(done.stdout)
    assert list(found) == CONTRACT
    load_id = found.pop("load_id")
    assert tuple(found.values()) == ("-", TRACE_KIND, "landed", 2, 1, 1)
    assert "line 3, column `step`: `abc` is not a number" in done.stderr
    again = piped(common, gzip.compress(trace([(2,)], run="piped").encode()), "--kind", TRACE_KIND)
    assert [(result["file"], result["status"]) for result in json.loads(again.stdout)] == [("-", "landed")]
    file = common.land(common.write("x.csv", content), "--kind", TRACE_KIND)
    assert [(result["status"], result["load_id"]) for result in file] == [("unchanged", load_id)]
    nothing = piped(common, "", "--kind", TRACE_KIND)
    assert (nothing.returncode, [result["status"] for result in json.loads(nothing.stdout)]) == (1, ["failed"])
    assert "Traceback" not in done.stderr + again.stderr + nothing.stderr


def test_standard_input_has_to_be_told(common: Bench) -> None:
    """Prevents rows without a name from being guessed at: their kind, and a timeline's session and run."""
    unnamed = common.run("land", "-")
    assert (unnamed.exit_code, unnamed.stdout) == (2, "")
    assert "--kind" in unnamed.stderr
    segments = csv_text(("start", "end", "die", "plane", "op_state", "op_name"), [(0, 1, 0, 0, "ERASE.ISSUE", "E")])
    kind = ("--kind", "nand_op_state_timeline")
    for told, missing in (((), "--session"), (("--session", "piped"), "--run"), (("--run", "1_1"), "--session")):
        done = piped(common, segments, *kind, *told)
        assert done.returncode in (1, 2), (told, done.stderr)
        assert missing in done.stderr
        assert "Traceback" not in done.stderr
    assert common.query("select count(*) from {landing}.landing_sessions where session_id = 'piped'") == [(0,)]
    done = piped(common, segments, *kind, "--session", "piped", "--run", "261122_0000001")
    assert (done.returncode, json.loads(done.stdout)[0]["status"]) == (0, "landed"), done.stderr
