"""Where a warehouse keeps its layers: in a schema each, or all in one database.

There is one idea for both: a layer is a schema and a prefix of its tables' names. dbt has the same idea in
`macros/layer_relation.sql`, told by the target's name.

| layer | four schemas | one database |
|---|---|---|
| marts | `<name>` | `<name>` |
| landing | `<name>_landing` | `<name>`, tables `landing__…` |
| staging | `<name>_staging` | `<name>`, tables `staging__…` |
| audit | `<name>_audit` | `<name>`, tables `audit__…` |
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from afterstate.errors import UsageError

MARTS = "marts"
LAYERS = (MARTS, "landing", "staging", "audit")
# Ends the name of dbt's target where all layers share one database; macros and sources look for it.
ONE_DATABASE = "__one_database"
# A warehouse's own parts have these endings, as schemas and as outputs of the profile.
RESERVED_SUFFIXES = ("_landing", "_staging", "_audit", "_bi", ONE_DATABASE)
SYSTEM_SCHEMAS = ("information_schema", "mysql", "performance_schema", "sys")
NAME_CHARACTERS = 64
# A schema's name has 64 characters at most, also as GRANT spells it: each `_` as `\_`. `_landing` takes 9 of them.
SCHEMA_NAME_CHARACTERS = 55
# What quotes, separates or stands for something in SQL, URLs, dbt's templates or drivers' placeholders.
NOT_IN_A_NAME = "`'\"\\./?%{}"


@dataclass(frozen=True)
class Schemas:
    """The places of a warehouse's layers; `marts` is the schema of the marts and the warehouse's name."""

    marts: str
    is_one_database: bool = False

    @property
    def landing(self) -> str:
        """The schema in which the loaders write: landed rows, the manifest and the rejects."""
        return self.schema("landing")

    @property
    def staging(self) -> str:
        """The schema in which dbt keeps its views over the landed rows."""
        return self.schema("staging")

    @property
    def audit(self) -> str:
        """The schema in which BI sees loads and rejects."""
        return self.schema("audit")

    def all(self) -> tuple[str, ...]:
        """Return every schema of the warehouse once, the marts' first."""
        return tuple(dict.fromkeys(self.schema(layer) for layer in LAYERS))

    def schema(self, layer: str) -> str:
        """Return the schema of a layer."""
        return self.marts if self.is_one_database or layer == MARTS else f"{self.marts}_{layer}"

    def prefix(self, layer: str) -> str:
        """Return what a table's name begins with in a layer."""
        return f"{layer}__" if self.is_one_database and layer != MARTS else ""

    def table(self, layer: str, name: str) -> str:
        """Return the qualified, quoted name of a layer's table or view, for SQL."""
        return f"`{self.schema(layer)}`.`{self.prefix(layer)}{name}`"

    @property
    def target(self) -> str:
        """Return the name of dbt's target for this warehouse."""
        return self.marts + (ONE_DATABASE if self.is_one_database else "")

    @classmethod
    def of_target(cls, target: str) -> Schemas:
        """Return the layout that a target's name tells."""
        name = target.removesuffix(ONE_DATABASE)
        return cls(name, is_one_database=name != target)


def require_name(name: str, origin: str) -> None:
    """Raise UsageError when a server would not take the name of a database, or tools would take it for something else.

    `origin` is the setting that has the name, for the message.
    """
    place = f"{origin} is `{name}`, which cannot name a warehouse"
    odd = sorted({character for character in name if _is_odd(character)})
    if odd or name != name.strip():
        shown = ", ".join(f"U+{ord(character):04X}" for character in odd) or "a blank at its beginning or end"
        raise UsageError(f"{place}: it has {shown}", f"expected a name without any of {' '.join(NOT_IN_A_NAME)}")
    if name.lower() in SYSTEM_SCHEMAS:
        raise UsageError(f"{place}: it belongs to the server", "choose another name")
    if len(name) > NAME_CHARACTERS:
        raise UsageError(f"{place}: it is too long", f"expected at most {NAME_CHARACTERS} characters")


def require_room_for_schemas(name: str, origin: str) -> None:
    """Raise UsageError when schemas cannot be named after the warehouse: `<name>_landing` and the others."""
    place = f"{origin} is `{name}`, which cannot name a warehouse with schemas of its own"
    if len(name) + name.count("_") > SCHEMA_NAME_CHARACTERS:
        raise UsageError(
            f"{place}: it is too long for the server's rights",
            f"expected at most {SCHEMA_NAME_CHARACTERS} characters, each `_` counted as two",
        )
    if name.lower().endswith(RESERVED_SUFFIXES):
        raise UsageError(
            f"{place}: it could be part of another one",
            f"choose a name that does not end in {', '.join(RESERVED_SUFFIXES)}",
        )


def mart_names(root: Path) -> set[str]:
    """Return the names of the tables that dbt builds in the marts' schema, from the files of the project."""
    models = {path.stem for path in (root / "models" / "marts").rglob("*.sql")}
    return models | {path.stem for path in (root / "seeds").rglob("*.csv")}


def table_names(root: Path) -> dict[str, set[str]]:
    """Return the names of the tables and views that dbt builds in each layer, from the files of the project."""
    folders = {"staging": ("staging", "intermediate"), "audit": ("audit",)}
    found = {
        layer: {path.stem for folder in below for path in (root / "models" / folder).rglob("*.sql")}
        for layer, below in folders.items()
    }
    return {MARTS: mart_names(root), **found}


def _is_odd(character: str) -> bool:
    # Servers take names from the basic plane only.
    is_control = unicodedata.category(character).startswith("C")
    return character in NOT_IN_A_NAME or is_control or ord(character) > 0xFFFF
