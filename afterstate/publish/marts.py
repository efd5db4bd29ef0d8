"""What a publish makes on a server, as dbt says it: tables from the contracts of the project, and views over them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

from afterstate import __version__
from afterstate.errors import UsageError
from afterstate.output import write_private
from afterstate.warehouse.build_lock import NAMED_AFTER
from afterstate.warehouse.dbt import dbt_output
from afterstate.warehouse.profile import Warehouse
from afterstate.warehouse.settings import Settings

BESIDE = ("staging", "landing")  # what only views read


@dataclass(frozen=True)
class Mart:
    """A table or view of the server; the fields are those of `macros/published_ddl.sql`."""

    name: str
    lake_name: str
    type: str
    origin: str
    is_seed: bool
    schema: str
    identifier: str
    place: str
    reads: tuple[str, ...]
    ddl: str

    @property
    def is_view(self) -> bool:
        """Whether it is made of its query, and not from rows."""
        return self.type == "view"

    @property
    def ddl_sha256(self) -> str:
        """What tells one definition of it from another."""
        return hashlib.sha256(self.ddl.encode()).hexdigest()

    def beside_name(self, what: str) -> str:
        """Return the name of a table that stands beside it for a while, as a build names one."""
        return f"{self.identifier[:NAMED_AFTER]}__dbt_{what}"

    def beside(self, what: str) -> str:
        """Return the place of such a table."""
        return f"`{self.schema}`.`{self.beside_name(what)}`"


def read_marts(settings: Settings, warehouse: Warehouse) -> list[Mart]:
    """Return all that can be published. dbt says it, which takes seconds: it is kept until the project changes."""
    kept, project = settings.home / "published" / f"{warehouse.schemas.target}.json", _project(settings.root, warehouse)
    found = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    if found.get("project") != project:
        said = dbt_output(settings, "run-operation published_ddl", ["--quiet", "--target", warehouse.schemas.target])
        marts = json.loads(next(line for line in said.splitlines() if line.startswith("[{")))
        found = {"project": project, "marts": marts}
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_private(kept, json.dumps(found))
    return [Mart(**{**item, "reads": tuple(item["reads"])}) for item in found["marts"]]


def select(marts: Sequence[Mart], names: Sequence[str], without: Sequence[str]) -> list[Mart]:
    """Return the marts of these names, all where there are none, with the tables that their views read.

    What is in `without` is left out, and so are the views that read it. The views come last, each behind those that it
    reads. Raises UsageError for a name that no mart has.
    """
    known = {mart.name: mart for mart in marts}
    shown = [mart.name for mart in marts if mart.origin not in BESIDE]
    if unknown := sorted({*names, *without} - set(shown)):
        raise UsageError(f"no mart is called `{unknown[0]}`", f"expected some of: {', '.join(sorted(shown))}")
    in_order = [known[name] for name in TopologicalSorter({mart.name: mart.reads for mart in marts}).static_order()]
    left_out = set(without)
    for mart in in_order:
        left_out |= {mart.name} if left_out & set(mart.reads) else set()
    wanted = set(names or shown) - left_out
    for mart in reversed(in_order):
        wanted |= set(mart.reads) if mart.name in wanted else set()
    return sorted((mart for mart in in_order if mart.name in wanted), key=lambda mart: mart.is_view)


def _project(root: Path, warehouse: Warehouse) -> str:
    """Return a hash of all that the definitions of marts are made from."""
    hashed = hashlib.sha256(f"{__version__} {warehouse.dbt.type} {warehouse.schemas.target}".encode())
    for file in _files(root):
        hashed.update(f"{file.relative_to(root)} {file.stat().st_size}\n".encode() + file.read_bytes())
    return hashed.hexdigest()


def _files(root: Path) -> Iterator[Path]:
    yield root / "dbt_project.yml"
    for folder in ("macros", "models", "seeds"):
        yield from sorted(path for path in (root / folder).rglob("*") if path.suffix in (".sql", ".yml", ".md", ".csv"))
