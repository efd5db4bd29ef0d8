"""Find what a change of one of the usual sorts has forgotten; `docs/contributing.md` has the recipe of each.

python -m tools.recipes            # called by script/lint
python -m tools.recipes --fix      # called by script/lint --fix: writes what follows from the rest
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from sqlalchemy.dialects import mysql
from sqlalchemy.schema import CreateTable

from afterstate.report.page import SCRIPTS
from afterstate.warehouse.layout import Schemas
from afterstate.warehouse.requirements import VARIABLES
from loaders.migrations import VERSION
from loaders.recognise import KINDS
from loaders.tables import landing_tables
from tools import measures
from tools.problems import report

ROOT = Path(__file__).resolve().parent.parent
MARTS_PAGE = "docs/marts.md"
LANDING_SCHEMA = "tests/landing_versions/current.sql"
OPTIONAL_VARIABLES = ("local_infile",)  # a matter of speed: no server is refused for it


def find_problems(root: Path) -> Iterator[str]:
    """Yield what is missing in a repository, the file first."""
    yield from measures.find_problems(root)
    yield from _sources(root)
    yield from _marts(root)
    yield from _server_settings(root)
    yield from _landing_tables(root)
    yield from _charts(root)


def fix(root: Path) -> None:
    """Write the YAML of measures, and the landing schema of a new version."""
    measures.fix(root)
    (root / MARTS_PAGE).write_text(_marts_page(root), encoding="utf-8")
    if not _changed(root):
        (root / LANDING_SCHEMA).write_text("\n\n".join(_tables().values()) + "\n", encoding="utf-8")


def _sources(root: Path) -> Iterator[str]:
    """Yield where a kind is not a source, staged, described and tried with odd files, or a source is not a kind."""
    sources = _text_of(root / "models/staging", "*__sources.yml")
    staged = _text_of(root / "models/staging", "*.sql")
    for kind in KINDS:
        if f"- name: {kind.name}\n" not in sources:
            yield f"models/staging/<source>/_<source>__sources.yml: no table `{kind.name}`"
        if not re.search(rf'source\("\w+", "{kind.name}"\)', staged):
            yield f"models/staging/<source>/: no model reads `{kind.name}`"
        if f"| {kind.name} |" not in _text(root / "docs/landing.md"):
            yield f"docs/landing.md: no row for `{kind.name}` among the kinds"
        if kind.name not in _text(root / "tests/loaders/odd/kinds.py"):
            yield f"tests/loaders/odd/kinds.py: `{kind.name}` is not tried with odd files"
    for file in sorted((root / "models/staging").rglob("*__sources.yml")):
        for table in (table["name"] for source in yaml.safe_load(_text(file))["sources"] for table in source["tables"]):
            if table not in _tables():
                yield f"loaders/recognise.py: no kind `{table}`, which {file.relative_to(root)} declares"


def _marts(root: Path) -> Iterator[str]:
    """Yield where a mart is neither described nor tested."""
    tests = _text_of(root / "tests", "test_*.py")
    for mart in sorted((root / "models/marts").rglob("*.sql")):
        place = mart.relative_to(root)
        if not mart.with_suffix(".yml").exists():
            yield f"{place.with_suffix('.yml')}: missing"
        elif f"| `{mart.stem}` | {_described(mart)} |" not in _text(root / MARTS_PAGE):
            yield f"{MARTS_PAGE}: no row says what `{mart.stem}` is; `./script/lint --fix` writes it"
        if not re.search(rf"\b{mart.stem}\b", tests):
            yield f"tests/warehouse/: no test reads `{mart.stem}`"


def _described(mart: Path) -> str:
    """Return what the YAML of a mart says of it, in one line."""
    (model,) = yaml.safe_load(_text(mart.with_suffix(".yml")))["models"]
    return " ".join(model["description"].split())


def _marts_page(root: Path) -> str:
    """Return the page that lists the marts."""
    lines = ["# The marts", "", "Written by `./script/lint --fix` from the descriptions in `models/marts/`."]
    for folder in sorted(path for path in (root / "models/marts").iterdir() if path.is_dir()):
        lines += ["", f"## {folder.name}", "", "| table | what it has |", "|---|---|"]
        lines += [f"| `{mart.stem}` | {_described(mart)} |" for mart in sorted(folder.rglob("*.sql"))]
    return "\n".join(lines) + "\n"


def _server_settings(root: Path) -> Iterator[str]:
    """Yield where a setting that a server must have is neither documented nor tried."""
    for name in (name for name in VARIABLES if name not in OPTIONAL_VARIABLES):
        if f"| `{name}`" not in _text(root / "docs/server.md"):
            yield f"docs/server.md: no row for `{name}` among what a server must allow"
        if f'("{name}"' not in _text(root / "tests/server/test_unfriendly.py"):
            yield f"tests/server/test_unfriendly.py: no server with a bad `{name}`"


def _landing_tables(root: Path) -> Iterator[str]:
    """Yield where a landing table has changed, and warehouses that are there would not."""
    written, now = _written_tables(root), _tables()
    if changed := _changed(root):
        yield f"loaders/migrations.py: add a step, `{', '.join(changed)}` is not that of version {VERSION}"
    elif written != now:
        yield f"{LANDING_SCHEMA}: is not of version {VERSION}, or lacks a table; `./script/lint --fix` writes it"


def _changed(root: Path) -> list[str]:
    """Return the landing tables that are others than the version that they have still says."""
    written, now = _written_tables(root), _tables()
    if written.get("version") != now["version"]:
        return []
    return [name for name in written if name in now and written[name] != now[name]]


def _charts(root: Path) -> Iterator[str]:
    """Yield where a script of the report's page is not on the page, or is in no test."""
    tests = _text_of(root / "tests/report", "test_*.py")
    assets = root / "afterstate/report/assets"
    for script in sorted(path.name for path in assets.glob("*.js")):
        if script not in SCRIPTS:
            yield f"afterstate/report/page.py: `{script}` is not among SCRIPTS"
    drawn = set(re.findall(r'"(\w+-chart)"', _text_of(assets, "*.js")))
    on_page = re.findall(r'class="chart" id="([\w-]+)"', _text(assets / "report.html"))
    for chart in sorted(drawn.difference(on_page)):
        yield f"afterstate/report/assets/report.html: no element `#{chart}`, which a script draws into"
    for chart in on_page:
        if chart not in tests:
            yield f"tests/report/: no test looks at `#{chart}`"


def _tables() -> dict[str, str]:
    """Return the statements that make the landing tables, by table, and their version."""
    metadata = landing_tables(Schemas("warehouse"), "utf8mb4_bin").metadata
    made = {"version": f"-- The landing tables of version {VERSION}, written by `./script/lint --fix`."}
    for table in sorted(metadata.tables.values(), key=lambda table: table.name):
        statement = str(CreateTable(table).compile(dialect=mysql.dialect())).strip()
        made[table.name] = statement.replace("\t", "    ").replace(" \n", "\n") + ";"
    return made


def _written_tables(root: Path) -> dict[str, str]:
    statements = _text(root / LANDING_SCHEMA).strip().split("\n\n")
    names = [re.match(r"CREATE TABLE \w+\.(\w+)", statement) for statement in statements]
    return {name[1] if name else "version": each for name, each in zip(names, statements, strict=True)}


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def _text_of(folder: Path, pattern: str) -> str:
    return "\n".join(_text(path) for path in sorted(folder.rglob(pattern)))


def main() -> int:
    """Fix if asked to, print every problem that is left and return the exit code."""
    if "--fix" in sys.argv[1:]:
        fix(ROOT)
    return report(find_problems(ROOT))


if __name__ == "__main__":
    sys.exit(main())
