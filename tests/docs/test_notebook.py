"""docs/first_look.ipynb, run as Jupyter runs it, against a real server."""

from __future__ import annotations

import csv
import json
from base64 import b64decode

import nbformat
import pytest
from nbclient import NotebookClient

from tests.bench import ROOT, Bench

NOTEBOOK = ROOT / "docs" / "first_look.ipynb"
CELLS = 6


@pytest.mark.engines("mysql")  # the notebook's author has one; the calls themselves are tested on both
def test_the_notebook_runs(warehouse: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents the first thing that a notebook's user tries from failing, or from other numbers."""
    for name, value in warehouse.environment.items():
        monkeypatch.setenv(name, value)
    (warehouse.folder / "samples").symlink_to(ROOT / "samples")
    place = warehouse.folder / "docs"
    place.mkdir()
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(place)}}).execute()
    _, landed, snapshot, trajectory, drift, compared = (cell for cell in notebook.cells if cell.cell_type == "code")
    assert _text(landed).count("landed: memory:core") == 4
    assert "7.2" in _text(snapshot)
    with (place / "core10_02_shutdown_snapshot.csv").open(newline="") as stream:
        [row] = csv.DictReader(stream)
    assert list(row)[:4] == ["run_id", "case_id", "antibody_id", "shutdown_step"]
    assert (list(row)[-1], row["shutdown_step"], row["SoMS_cumsum_window"]) == ("snapshot_created_at", "21", "7.2")
    assert [len(_pictures(cell)) for cell in (trajectory, compared)] == [1, 1]
    assert all(word in _text(drift) for word in ("SoMS_cumsum_window", "7.2", "7.4"))


def test_the_notebook_is_kept_without_its_outputs() -> None:
    """Prevents somebody's paths, times and pictures from getting into the repository, and the notebook from growing."""
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert len(cells) == CELLS
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)


def _text(cell: nbformat.NotebookNode) -> str:
    return "\n".join(
        output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in cell["outputs"]
    )


def _pictures(cell: nbformat.NotebookNode) -> list[bytes]:
    data = (output.get("data", {}) for output in cell["outputs"])
    return [b64decode(found["image/png"]) for found in data if "image/png" in found]
