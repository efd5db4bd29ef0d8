"""What the repository as a whole must keep to."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import yaml

from afterstate import __version__
from afterstate.warehouse.layout import ONE_DATABASE
from tests.bench import ROOT


def tracked() -> list[Path]:
    """Return the files that are, or would be, in version control."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def test_the_locks_pin_everything_with_hashes_and_name_no_index() -> None:
    """Prevents an install that takes something else than what was tested, or works only where one index is reached."""
    locks = list((ROOT / "requirements").glob("*.lock"))
    assert {lock.stem for lock in locks} >= {"runtime", "dev"}
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text
        assert "index" not in text
        entries = re.split(r"\n(?=[a-z])", text)
        pinned = [entry for entry in entries if re.match(r"[a-z0-9._-]+(\[\w+\])?==", entry)]
        # `lake` is added to an environment; each of the others is a whole one
        assert len(pinned) > (0 if lock.stem == "lake" else 50)
        assert all("--hash=sha256:" in entry for entry in pinned)


def test_what_is_generated_is_not_in_version_control() -> None:
    """Prevents a password, a log or a build product being committed."""
    names = {str(path.relative_to(ROOT)) for path in tracked()}
    assert "afterstate/cli/main.py" in names
    forbidden = ("profiles.yml", ".afterstate/", "target/", "logs/", "artifact/", ".venv/")
    assert not [name for name in names if name.startswith(forbidden)]


def test_every_source_is_placed_by_the_layout() -> None:
    """Prevents a source that a warehouse in one database does not find; YAML knows no macros that could place it."""
    files = (ROOT / "models").rglob("*__sources.yml")
    sources = [source for path in files for source in yaml.safe_load(path.read_text())["sources"]]
    assert sources
    condition = f"target.name.endswith('{ONE_DATABASE}')"
    for source in sources:
        assert source["schema"] == f"{{{{ target.schema }}}}{{{{ '' if {condition} else '_landing' }}}}"
        for table in source["tables"]:
            assert table["identifier"] == f"{{{{ 'landing__' if {condition} }}}}{table['name']}"
    macro = (ROOT / "macros" / "layer_relation.sql").read_text()
    assert f'target.name.endswith("{ONE_DATABASE}")' in macro


def test_macros_ask_for_a_models_name_not_for_its_tables() -> None:
    """Prevents `this.name` in SQL, which has the prefix of its layer in one database, where a model is looked up."""
    files = [path for folder in ("macros", "models") for path in (ROOT / folder).rglob("*.sql")]
    assert not [path.name for path in files if "this.name" in path.read_text()]


def test_each_test_says_what_it_prevents() -> None:
    """Prevents a test whose failure tells nobody what is at stake."""
    silent = []
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                said = ast.get_docstring(node) or ""
                if not said.startswith("Prevents "):
                    silent.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.name}")
    assert not silent, 'expected a docstring that begins with "Prevents …"'


def test_the_changelog_has_the_version() -> None:
    """Prevents a release that the changelog does not know, and versions that disagree."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    released = re.findall(r"^## (\d+\.\d+\.\d+) \(\d{4}-\d\d-\d\d\)$", changelog, re.MULTILINE)
    headings = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert len(headings) == 1 + len(released)
    (project,) = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    dbt_version = yaml.safe_load((ROOT / "dbt_project.yml").read_text())["version"]
    assert released[0] == project == dbt_version == __version__
