"""The examples of every command's help, run word for word over the samples, and what `--json` prints for each."""

from __future__ import annotations

import gzip
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.bench import ROOT, Bench, Server
from tests.cli.commands import Found, all_commands
from tests.cli.watching import watching
from tests.loaders.helpers import TRACE_KIND, another_warehouse
from tests.warehouse.notebook import COLUMNS
from tools.cli_reference import JSON_FIELDS

BIN = Path(sys.executable).parent
# Run by tests of their own: they start and stop servers, run dbt for long, read a lake, simulate, or never end.
ELSEWHERE = {"up", "down", "build", "publish", "watch", "simulate", "simulate nand", "simulate core", "completion"}
SHELL = ("|", "$(", ">", ";")
# What changes the marts' inputs comes after what only reads.
LAST = ("land", "withdraw", "prune")
KEY = ("run_id", "case_id", "antibody_id", "shutdown_step")


@pytest.fixture(scope="module")
def built(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Return a warehouse with the samples, built, in a folder with every file that an example names."""
    folder = tmp_path_factory.mktemp("examples")
    bench = another_warehouse(server, folder)
    bench.land(ROOT / "samples")
    bench.build_without_tests()
    core = ROOT / "samples" / "core"
    trace = (core / "core8_03_refusal_state_trace_counterfactual.csv").read_text(encoding="utf-8")
    shutil.copytree(ROOT / "samples", folder / "samples")
    other = trace.replace("core7_04", "core7_05")
    bench.write("trace.csv", other)
    bench.write("trace.csv.gz", gzip.compress(other.replace("core7_05", "core7_06").encode()))
    bench.write("excel.csv", other.replace("antibody_C", "항체").encode("cp949"))
    bench.write("artifact/trace.csv", other.replace("core7_05", "core7_07"))
    for name in ("op_state_timeline", "proposal_rows"):
        source = ROOT / "samples" / "nand" / "chip_1" / f"{name}_261122_0000001.csv"
        bench.write(f"out/{source.name}", source.read_bytes())
    rows = (core / "core10_01_shutdown_events.csv").read_text(encoding="utf-8").splitlines()
    bench.write("wrong.csv", "\n".join(",".join(row.split(",")[:4]) for row in rows[:2]) + "\n")
    yield bench


def run_example(bench: Bench, line: str) -> tuple[int, str, str]:
    """Run a line of help in the bench's folder: in this process, or in a shell where it needs one."""
    if line.startswith("afterstate ") and not any(character in line for character in SHELL):
        done = bench.run(*shlex.split(line)[1:])
        return done.exit_code, done.stdout, done.stderr
    environment = {**os.environ, **bench.environment, "PATH": f"{BIN}:{os.environ['PATH']}"}
    shell = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, check=False)
    return shell.returncode, shell.stdout, shell.stderr


def in_order() -> list[Found]:
    found = [each for each in all_commands() if each.name not in ELSEWHERE]
    return sorted(found, key=lambda each: LAST.index(each.name) if each.name in LAST else -1)


@pytest.fixture
def in_its_folder(built: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.chdir(built.folder)
    return built


def test_every_example_runs(in_its_folder: Bench) -> None:
    """Prevents help that shows what does not work, `--json` with anything but JSON, and fields that were renamed."""
    seen = set()
    for found in in_order():
        for line in found.examples:
            code, output, errors = run_example(in_its_folder, line)
            assert code == 0, (line, output, errors)
            if "--json" not in line:
                continue
            seen.add(found.name)
            assert "next: " not in errors, line
            printed = json.loads(output)
            if found.name in JSON_FIELDS:
                shape, fields = JSON_FIELDS[found.name]
                objects = printed if shape.startswith("a list") else [printed]
                assert objects or found.name == "prune", line  # an example before has pruned
                assert all(tuple(item) == fields for item in objects), (line, printed)
    takes_json = {each.name for each in in_order() if any("--json" in option.opts for option in each.options)}
    assert seen == takes_json


def test_what_json_says_is_so(in_its_folder: Bench) -> None:
    """Prevents JSON whose numbers are not those of the tables and files."""
    bench = in_its_folder

    def asked(*arguments: str) -> Any:
        done = bench.run(*arguments, "--json")
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    status = asked("status")
    manifest = bench.query(
        "select kind, count(*), cast(sum(rows_landed) as signed), cast(sum(rows_rejected) as signed) "
        "from {landing}.landing_loads where status <> 'withdrawn' group by kind order by kind"
    )
    counts = ("kind", "files", "rows_landed", "rows_rejected")
    assert [tuple(kind[name] for name in counts) for kind in status["kinds"]] == manifest
    assert (status["is_running"], status["warehouse"]) == (True, bench.warehouse.schemas.marts)

    exported = asked("export", "snapshot", "--out", "json.csv", "--stale")
    lines = Path("json.csv").read_text().splitlines()
    assert (exported["snapshots"], lines[0].split(",")[: len(COLUMNS)]) == (len(lines) - 1, list(COLUMNS))
    place = ("--session", "chip_1", "--run", "261122_0000002", "--out", "counts")
    counted = asked("export", "phase-counts", *place)
    assert counted["counts"] == len(Path(counted["file"]).read_text().splitlines()) - 1
    at = ("phase-key", "--session", "chip_1", "--die", "0", "--plane", "1", "--at", "810.5", "--boundary", "before")
    assert asked(*at)["phase_key"] == bench.run(*at).stdout.strip()
    page = asked("report", "--out", "json.html")
    assert (page["bytes"], page["url"]) == (Path("json.html").stat().st_size, Path("json.html").resolve().as_uri())


def test_pruning_as_json_says_what_went(in_its_folder: Bench) -> None:
    """Prevents a script that believes rows to be gone which are there, or asks where nobody answers."""
    bench = in_its_folder
    corrected = Path("trace.csv").read_text().replace("core7_05", "core7_08")
    bench.land(bench.write("corrected_1.csv", corrected))
    bench.land(bench.write("corrected_2.csv", corrected + corrected.splitlines()[1] + "\n"))
    refused = bench.run("prune", "--json")
    assert (refused.exit_code, refused.stdout) == (2, "")
    trial = json.loads(bench.run("prune", "--kind", TRACE_KIND, "--dry-run", "--json").stdout)
    done = json.loads(bench.run("prune", "--kind", TRACE_KIND, "--yes", "--json").stdout)
    assert [load["load_id"] for load in trial] == [load["load_id"] for load in done] != []
    assert {load["status"] for load in trial} <= {"superseded", "withdrawn"}
    assert {load["rows_removed"] for load in trial} == {0}
    assert {load["status"] for load in done} == {"pruned"}
    assert [load["rows_removed"] for load in done] == [load["rows_landed"] for load in trial]


def test_errors_leave_standard_output_to_json(in_its_folder: Bench, tmp_path: Path) -> None:
    """Prevents an error in the place of JSON, a traceback, and an error that names no way on."""
    bench = in_its_folder
    nowhere = replace(bench, environment={**bench.environment, "AFTERSTATE_HOME": str(tmp_path)})
    taken = bench.write("taken.zip", "")
    at = ("--die", "0", "--plane", "0", "--at")
    calls: list[tuple[Bench, tuple[str, ...], int, str]] = [
        (bench, ("phase-key", "--session", "nobody", *at, "1"), 1, "there is no session `nobody`"),
        (bench, ("phase-key", "--session", "chip_1", *at, "nan"), 2, "`nan` µs is not a time"),
        (bench, ("export", "phase-counts", "--session", "chip_1", "--run", "x", "--out", "."), 1, "expected one of: "),
        (bench, ("export", "snapshot", "--out", "-"), 2, "name a file, or leave out `--json`"),
        (bench, ("export", "snapshot", "--out", "x.csv", "--rule", "nosuch"), 1, "expected one of: core10_02_v1"),
        (bench, ("report", "--out", "x.html", "--session", "nobody"), 1, "expected one of: chip_1"),
        (bench, ("backup", str(taken)), 1, "no backup replaces another"),
        (bench, ("restore", "samples/README.md"), 1, "expected"),
        (bench, ("land", "samples", "--kind", "nosuch"), 2, "expected one of: "),
        (bench, ("withdraw", "--session", "nobody", "--yes"), 2, "no load of session `nobody` is active"),
        *(
            (nowhere, (command,), 2, "run `afterstate up` first")
            for command in ("status", "prune --yes", "backup x.zip")
        ),
    ]
    for place, arguments, code, said in calls:
        done = place.run(*(" ".join(arguments).split() if len(arguments) == 1 else arguments), "--json")
        told = (arguments, done.exit_code, done.stdout, done.stderr)
        assert (done.exit_code, done.stdout) == (code, ""), told
        assert said in done.stderr, told
        assert done.stderr.startswith("afterstate: "), told
        assert len(done.stderr.splitlines()) > 1 or "expected" in done.stderr, told
        assert "Traceback" not in done.stderr, told


def test_a_watch_builds_what_one_that_was_killed_had_landed(in_its_folder: Bench) -> None:
    """Prevents files that landed just before a watch ended, and that no build takes in until others come."""
    bench, folder = in_its_folder, in_its_folder.folder / "watched"
    source = (ROOT / "samples" / "core" / "core10_01_shutdown_events.csv").read_text(encoding="utf-8")
    bench.write("watched/events.csv", source.replace("core7_04", "core7_99"))
    with watching(bench, folder, "--settle", "0.5", "--build-after", "3600") as first:
        assert first.landed() == ("events.csv", "landed", 1)
    known = "select count(*) from {marts}.shutdown_state_snapshot where run_id like 'core7_99%'"
    assert bench.query(known, role="bi") == [(0,)]
    with watching(bench, folder, "--settle", "0.5", "--build-after", "0.5") as second:
        events = [second.next_of("file", "building", "built") for _ in range(3)]
        assert {event["event"] for event in events} == {"file", "building", "built"}
        assert [event["status"] for event in events if event["event"] == "file"] == ["unchanged"]
        assert [event["exit_code"] for event in events if event["event"] == "built"] == [0], second.errors
        assert second.says_nothing_for(2.0)  # one build, and no other after it
        assert second.end(signal.SIGTERM) == 0
    assert bench.query(known, role="bi") == [(1,)]
