"""The tutorial and the how-tos, followed word for word in a copy of the checkout, on real servers."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from afterstate.warehouse.connect import open_cursor
from afterstate.warehouse.layout import Schemas
from afterstate.warehouse.settings import DEFAULT_SCHEMA
from tests.bench import ROOT, Server
from tests.docs.pages import follow, matches, steps
from tests.server.helpers import url_of

DOCS = ROOT / "docs"
# Each page on one server: that its commands work on both is what their own tests are for.
PAGES = {
    "tutorial.md": "mariadb",
    "how-to/backup.md": "mysql",
    "how-to/notebook.md": "mysql",
    "how-to/own-mart.md": "mariadb",
    "how-to/own-server.md": "mysql",
    "how-to/simulator.md": "mariadb",
    "how-to/upgrade.md": "mariadb",
}
COPIED = ("afterstate", "loaders", "simulators", "models", "macros", "seeds", "samples", "tests/dbt")
FILES = ("dbt_project.yml", "selectors.yml", "dbt_afterstate.py")
BUILT_UPON = {
    "how-to/backup.md",
    "how-to/notebook.md",
    "how-to/own-mart.md",
    "how-to/simulator.md",
    "how-to/upgrade.md",
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the checkout, which pages may write into."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in COPIED:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy2(ROOT / name, copy / name)
    return copy


@pytest.fixture
def environment(server: Server, checkout: Path, tmp_path: Path, page: str) -> Iterator[dict[str, str]]:
    """Return what leads to a server without a warehouse; what a page makes in the copy is removed again."""
    with open_cursor(server.admin) as cursor:
        for schema in Schemas(DEFAULT_SCHEMA).all():
            cursor.execute(f"drop database if exists `{schema}`")
    profile = server.home / "profiles.yml"
    kept = profile.read_bytes() if profile.exists() else None
    profile.unlink(missing_ok=True)  # else `up` goes on with the warehouse that another test left in it
    before = set(checkout.rglob("*"))
    moved = {"AFTERSTATE_HOME": str(tmp_path / "home"), "SERVER_URL": url_of(server)}
    yield {
        **os.environ,
        **server.environment,
        **(moved if page == "how-to/own-server.md" else {}),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(checkout),
        "DBT_TARGET_PATH": str(server.home / "target" / "pages"),
    }
    for path in sorted(set(checkout.rglob("*")) - before, reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    if kept is not None:
        profile.write_bytes(kept)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "page" in metafunc.fixturenames:
        marked = [pytest.param(page, marks=pytest.mark.engines(engine)) for page, engine in PAGES.items()]
        metafunc.parametrize("page", marked)


def test_a_page_is_right_word_for_word(page: str, checkout: Path, environment: dict[str, str]) -> None:
    """Prevents a page that tells people to type what fails, or shows them what does not come out."""
    if page in BUILT_UPON:
        run_up(checkout, environment)
    follow(DOCS / page, checkout, environment)


def run_up(checkout: Path, environment: dict[str, str]) -> None:
    """Bring up the warehouse that a how-to takes for granted."""
    first = checkout / "first.md"
    first.write_text("```console\n$ afterstate up\n...\n```\n")
    follow(first, checkout, environment)


def test_every_page_is_followed() -> None:
    """Prevents a new how-to from being left out here, and a page from having nothing that can be followed."""
    assert {str(path.relative_to(DOCS)) for path in (DOCS / "how-to").iterdir()} | {"tutorial.md"} == set(PAGES)
    assert all(steps(DOCS / page) for page in PAGES)


@pytest.mark.parametrize(
    ("shown", "said", "fits"),
    [
        ("a\nb", "a\nb", True),
        ("a", "a\nb", False),
        ("a … c", "a bb c", True),
        ("a …", "b c", False),
        ("...\nb", "x\ny\nb", True),
        ("...\nb\n...", "b", True),
        ("...\nb", "x\nbc", False),
        ("a.c", "abc", False),
        ("…b", "a\nb", False),
    ],
)
def test_what_is_shown_is_compared(shown: str, said: str, fits: bool) -> None:
    """Prevents `…` from matching whatever comes, and with it every page from passing."""
    assert matches(shown.splitlines(), said.splitlines()) is fits


def test_a_page_that_is_wrong_fails(tmp_path: Path) -> None:
    """Prevents the pages from passing because nothing is run or compared."""
    for text in ("$ false", "$ echo a\nb", "$ echo a\na\n$ exit 3"):
        page = tmp_path / "page.md"
        page.write_text(f"```console\n{text}\n```\n")
        with pytest.raises(AssertionError):
            follow(page, tmp_path, dict(os.environ))
    page.write_text("```console\n$ cd /\n$ pwd\n/\n$ false\n...\n```\n```python\nprint(1 + 1)\n```\n```text\n2\n```\n")
    follow(page, tmp_path, dict(os.environ))
