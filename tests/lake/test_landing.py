"""Landing into a lake keeps the promises of landing into a server: same values, same rejects, exactly once.

What depends on how commits are made runs in a folder and in an object store.
"""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError

from loaders.lake import manifest as manifest_module
from loaders.lake.manifest import compact
from loaders.lake.tables import Lake
from loaders.recognise import kind_named
from tests.bench import ROOT, Bench
from tests.lake.helpers import commits, land, loads, open_loads, rows_by_load, run, start, table, visible
from tests.lake.object_store import ObjectStore
from tests.loaders.faults import LONG, ROWS, TIMELINE_FILE, TIMEOUT_SECONDS, write_files
from tests.loaders.helpers import TRACE, TRACE_FILE, TRACE_KIND, csv_text, trace
from tests.loaders.odd.compare import first_difference
from tests.loaders.odd.outcome import Outcome, write
from tests.loaders.odd_files import odd_files

EVERY_ODD_FILE = 11  # each oddity is in a file of each kind
KILLS = 50 if LONG else 6
LANDING_SECONDS = 2
LOADERS, FILES = (8, 40) if LONG else (4, 5)
CORRECTIONS = 100 if LONG else 25
LAKES = 30  # one loader in ten failed
Place = Callable[[str], str]


@pytest.fixture(params=["folder", "object_store"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Return what names lakes of this test: folders, or URLs that the environment has the credentials for."""
    if request.param == "folder":
        return lambda name: str(tmp_path / name)
    store: ObjectStore = request.getfixturevalue("object_store")
    store.enter(monkeypatch)
    return lambda name: f"{store.uri}/{tmp_path.name}/{name}"


def test_odd_files_land_as_they_do_on_a_server(tmp_path: Path) -> None:
    """Prevents the road into a lake from checking or spelling any value differently than the one into a server."""
    named = write(odd_files()[:: 1 if LONG else EVERY_ODD_FILE], tmp_path / "files")
    lake = tmp_path / "lake"
    results = {result["file"]: result for result in land(lake, tmp_path / "files")}
    manifest = loads(lake)
    rejects = rows_by_load(lake, "landing_rejects", "load_id", "row_no")
    rows = {name: rows_by_load(lake, name) for name in {load["kind"] for load in manifest.values()}}
    problems = []
    for path, file in named.items():
        result = results[path]
        assert result["status"] == file.status, (file.name, result)
        if not file.has_load:
            continue
        number = result["load_id"]
        load = manifest[number]
        assert (load["content_sha256"], load["kind"]) == (file.sha256, file.kind), file.name
        found = Outcome(result, "", load["content_sha256"], rows[load["kind"]][number], rejects[number])
        difference = first_difference(file, found)
        problems += [f"{file.name} ({file.odd}): {difference}"] if difference else []
    assert not problems, "\n".join(problems[:40])


@pytest.mark.engines("mariadb")
def test_the_real_example_lands_as_it_does_on_a_server(warehouse: Bench, nand_example: Path, tmp_path: Path) -> None:
    """Prevents values of a real simulator's from reaching a lake otherwise than a server."""
    lake, files = tmp_path / "lake", [nand_example, ROOT / "samples" / "core"]
    into_server = warehouse.land(*files)
    numbered = [{**result, "load_id": None} for result in into_server]
    assert [{**result, "load_id": None} for result in land(lake, *files)] == numbered
    hashes = {number: load["content_sha256"] for number, load in loads(lake).items()}
    for kind in {result["kind"] for result in into_server if result["rows_landed"]}:
        columns = [column.name for column in kind_named(kind).columns]
        listed = ", ".join(f"r.`{name}`" for name in columns)
        landed = warehouse.query(
            f"select l.content_sha256, r._row_no, r._line_no, {listed} from {{landing}}.{kind} r "
            "inner join {landing}.landing_loads l on r._load_id = l.load_id"
        )
        keys = ("_row_no", "_line_no", *columns)
        found = [(hashes[row["_load_id"]], *(row[name] for name in keys)) for row in table(lake, kind)]
        assert sorted(found, key=repr) == sorted(landed, key=repr), kind


def test_a_file_lands_once_and_a_correction_supersedes(place: Place, tmp_path: Path) -> None:
    """Prevents a file from landing twice, and a restated load from being read."""
    lake = place("lake")
    whole, part = tmp_path / "whole.csv", tmp_path / "part.csv"
    whole.write_text(trace([(1, 0.5), (2, 0.25)]), encoding="utf-8")
    part.write_text(trace([(2, 0.75)]), encoding="utf-8")
    assert [result["status"] for result in land(lake, whole)] == ["landed"]
    assert [result["status"] for result in land(lake, whole)] == ["unchanged"]
    assert [result["status"] for result in land(lake, part)] == ["landed"]
    assert [load["status"] for load in loads(lake).values()] == ["landed", "landed"]
    other = tmp_path / "other.csv"
    other.write_text(trace([(1, 0.125)]), encoding="utf-8")
    assert [result["status"] for result in land(lake, other)] == ["landed"]
    assert sorted((number, load["status"]) for number, load in loads(lake).items()) == [
        (1, "superseded"),
        (2, "landed"),
        (3, "landed"),
    ]
    assert [result["status"] for result in land(lake, whole)] == ["superseded"]


def test_what_is_superseded_is_what_its_rows_say(tmp_path: Path, dice: random.Random) -> None:
    """Prevents a load from holding, or not, because of a load that the queries leave out: they look at runs near by."""
    lake, keys_by_load = str(tmp_path / "lake"), {}
    keys = [(f"run {run}", "B_GOVERNED", antibody, step) for run in range(4) for antibody in "ab" for step in (1, 2)]
    for number in range(1, 1 + CORRECTIONS):
        keys_by_load[number] = chosen = dice.sample(keys, dice.randint(1, 6))
        file = tmp_path / f"{number}.csv"
        file.write_text(csv_text(TRACE, [(*key, number, 1, 1, 1) for key in chosen]), encoding="utf-8")
        land(lake, file)
        found = loads(lake)
        later: set[tuple[object, ...]] = set()
        for load, load_keys in sorted(keys_by_load.items(), reverse=True):
            expected = "superseded" if later.issuperset(load_keys) else "landed"
            assert found[load]["status"] == expected, (number, load, keys_by_load)
            later.update(load_keys)


def test_a_run_is_replaced_and_a_session_is_one_folder(place: Place, tmp_path: Path) -> None:
    """Prevents two timelines of one name from being mixed, or a run from holding twice."""
    lake = place("lake")
    one, two = tmp_path / "a" / "chip", tmp_path / "b" / "chip"
    for folder, end in ((one, "2"), (two, "3")):
        folder.mkdir(parents=True)
        lines = ("start,end,die,plane,op_state,op_name", f"1,{end},0,0,READ.ISSUE,read")
        (folder / TIMELINE_FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert [result["status"] for result in land(lake, one)] == ["landed"]
    refused = run("land", two, "--lake", lake)
    assert refused.exit_code == 1
    assert "the session `chip` is the timeline in" in refused.output
    assert "--session NAME" in refused.output
    assert [result["status"] for result in land(lake, two, "--session", "chip")] == ["landed"]
    assert [load["status"] for _, load in sorted(loads(lake).items())] == ["superseded", "landed"]


def test_a_loader_that_is_killed(place: Place, tmp_path: Path, dice: random.Random) -> None:
    """Prevents half of a file from being visible after kill -9, and its second landing from doubling rows."""
    files = tmp_path / "chip"
    files.mkdir()
    write_files(files)
    land(place("undisturbed"), files)
    expected = {key: (rows, rejects) for key, rows, rejects in visible(place("undisturbed"))}
    assert {key[0]: len(rows) + len(rejects) for key, (rows, rejects) in expected.items()} == ROWS
    cut_off = 0
    lakes = (place(f"lake_{number}") for number in range(KILLS))
    lake = next(lakes)
    for kill in range(KILLS):
        before, open_before = commits(lake), open_loads(lake)
        loader = start(lake, files)
        if kill % 2:
            suspend_with_a_load_open(loader, lake)
        else:
            while commits(lake) == before and loader.poll() is None:  # most of its life, it only begins
                time.sleep(0.01)
            with suppress(subprocess.TimeoutExpired):
                loader.wait(dice.uniform(0, LANDING_SECONDS))
        loader.kill()
        loader.communicate(timeout=TIMEOUT_SECONDS)
        for key, rows, rejects in visible(lake):
            assert expected[key] == (rows, rejects)
        cut_off += bool(open_loads(lake) - open_before)
        if len(loads(lake)) == len(ROWS):
            lake = next(lakes)
    assert {result["status"] for result in land(lake, files)} <= {"landed", "unchanged"}
    assert {key: (rows, rejects) for key, rows, rejects in visible(lake)} == expected
    assert [result["status"] for result in land(lake, files)] == ["unchanged"] * len(ROWS)
    print(f"kills: {KILLS}, after {cut_off} of them a load was open")
    assert cut_off >= KILLS // 2


def suspend_with_a_load_open(loader: subprocess.Popen[str], lake: str) -> None:
    """Suspend a loader between the opening of a load and its end, which is a moment that chance may miss."""
    before = open_loads(lake)
    while loader.poll() is None:
        loader.send_signal(signal.SIGSTOP)
        if open_loads(lake) - before:
            return
        loader.send_signal(signal.SIGCONT)
        time.sleep(0.02)
    raise AssertionError("the loader ended before a load of it was seen open")


def test_loaders_that_compact_the_manifest_at_once(place: Place, tmp_path: Path) -> None:
    """Prevents two loaders that tidy up together from having every load there twice, and its rows read twice."""
    lake = place("lake")
    for number in range(3):
        path = tmp_path / f"{number}_{TRACE_FILE}"
        path.write_text(trace([(1, number)], run=f"run {number}"), encoding="utf-8")
        land(lake, path)
    before = loads(lake)
    first, second = manifest(lake), manifest(lake)
    compact(first)
    with pytest.raises(CommitFailedError):
        compact(second)
    assert loads(lake) == before
    assert len(manifest(lake).file_uris()) == 1


def test_a_manifest_that_was_doubled_is_repaired(place: Place, tmp_path: Path) -> None:
    """Prevents a lake whose loads 0.3.0 has doubled from staying so."""
    lake = place("lake")
    path = tmp_path / TRACE_FILE
    path.write_text(trace([(1, 0.5)]), encoding="utf-8")
    land(lake, path)
    before = loads(lake)
    write_deltalake(manifest(lake), manifest(lake).to_pyarrow_table(), mode="append")
    assert len(table(lake, "landing_loads")) == 2 * len(before)
    compact(manifest(lake))
    assert loads(lake) == before


def manifest(lake: str) -> DeltaTable:
    """Return the manifest as a loader opens it."""
    return Lake(lake).table("landing_loads")


def test_a_lake_that_several_loaders_make_at_once(place: Place) -> None:
    """Prevents a first loader from failing because another one has made a table that both found missing."""
    with ThreadPoolExecutor(LOADERS) as loaders:
        for number in range(LAKES):
            lakes = list(loaders.map(Lake, [place(f"lake {number}")] * LOADERS))
            assert {lake.table("landing_loads").version() for lake in lakes} == {0}


def test_a_commit_whose_answer_is_lost(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a load that was closed from being given up: a store may take a commit, and delta-rs not hear of it."""
    commit, lost = manifest_module._commit, []

    def commit_unheard(opened: DeltaTable, rows: pa.Table) -> None:
        commit(opened, rows)
        if not lost and "opened" not in rows["status"].to_pylist():
            lost.append(rows)
            raise CommitFailedError("the answer was lost")

    monkeypatch.setattr(manifest_module, "_commit", commit_unheard)
    file, lake = tmp_path / TRACE_FILE, place("lake")
    file.write_text(trace([(1, 0.5)]), encoding="utf-8")
    assert [result["status"] for result in land(lake, file)] == ["landed"]
    assert lost
    assert [load["status"] for load in loads(lake).values()] == ["landed"]
    assert [result["status"] for result in land(lake, file)] == ["unchanged"]


def test_many_loaders_at_once(place: Place, tmp_path: Path) -> None:
    """Prevents two loaders from giving out one id, or from landing one content twice, when they begin together."""
    files = tmp_path / "files"
    files.mkdir()
    for number in range(FILES):
        (files / f"{number}_{TRACE_FILE}").write_text(trace([(1, number)], run=f"run {number}"), encoding="utf-8")
    lake = place("lake")
    loaders = [start(lake, files) for _ in range(LOADERS)]
    for loader in loaders:
        output, errors = loader.communicate(timeout=TIMEOUT_SECONDS)
        assert loader.returncode == 0, (output, errors)
    found = loads(lake)
    assert len(found) == FILES
    assert {load["status"] for load in found.values()} == {"landed"}
    assert sorted(len(rows) for rows in rows_by_load(lake, TRACE_KIND).values()) == [1] * FILES
