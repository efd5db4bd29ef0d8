"""The JSON schemas by which dbt checks its configuration, made once.

dbt 1.7 makes them from its classes in each command, a fourteenth of what a small build costs. They depend on nothing
but the packages that the classes come from. `dbt clean` removes them.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dbt.dataclass_schema import dbtClassMixin

from afterstate.output import open_output

PACKAGES = ("dbt-core", "dbt-mysql", "mashumaro")
_make = vars(dbtClassMixin)["json_schema"].__func__


def install(folder: Path) -> None:
    """Let dbt, in this process, keep its schemas in a folder; nothing is kept where it cannot be written to."""
    versions = "-".join(map(version, PACKAGES))

    @cache
    def json_schema(made_of: type[dbtClassMixin]) -> dict[str, Any]:
        file = folder / f"{made_of.__module__}.{made_of.__qualname__}-{versions}.json"
        with suppress(OSError, ValueError):
            kept: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return kept
        schema: dict[str, Any] = _make(made_of)
        with suppress(OSError), open_output(file) as out:
            json.dump(schema, out)
        return schema

    dbtClassMixin.json_schema = classmethod(json_schema)  # type: ignore[arg-type]
