"""A small dbt project over a test's warehouse, to try one macro or one feature at a time."""

from __future__ import annotations

import shutil
from typing import Any

import yaml
from dbt.cli.main import dbtRunnerResult

from tests.bench import ROOT, Bench, invoke_dbt


class Project:
    """A dbt project of one model that uses the macros of this one."""

    def __init__(self, warehouse: Bench) -> None:
        self.warehouse = warehouse
        self.folder = warehouse.folder / "project"
        (self.folder / "models").mkdir(parents=True)
        (self.folder / "macros").symlink_to(ROOT / "macros")
        (self.folder / "tests").mkdir()
        (self.folder / "tests" / "generic").symlink_to(ROOT / "tests" / "dbt" / "generic")
        project = yaml.safe_load((ROOT / "dbt_project.yml").read_text())
        kept = {key: project[key] for key in ("config-version", "profile", "flags")}
        (self.folder / "dbt_project.yml").write_text(yaml.safe_dump({"name": "probe", "version": "1.0.0", **kept}))
        self._take_parsed_macros()

    def model(self, sql: str, columns: dict[str, str], *, key: str = "id", **config: Any) -> None:
        """Write the model `probe`: its SQL, its columns with their types, its configuration."""
        described = [
            {
                "name": name,
                "data_type": data_type,
                "description": f"Says what {name} is.",
                **({"constraints": [{"type": "not_null"}]} if name == key else {}),
            }
            for name, data_type in columns.items()
        ]
        model = {
            "name": "probe",
            "description": "It's a probe.",
            "config": {"contract": {"enforced": True}, "on_schema_change": "fail", **config},
            "constraints": [{"type": "primary_key", "columns": [key]}] if key else [],
            "columns": described,
        }
        (self.folder / "models" / "probe.sql").write_text(sql)
        (self.folder / "models" / "probe.yml").write_text(yaml.safe_dump({"version": 2, "models": [model]}))

    def write(self, path: str, content: str | dict[str, Any]) -> None:
        """Write another of the project's files: its text, or what its YAML says."""
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content if isinstance(content, str) else yaml.safe_dump({"version": 2, **content}))

    def configure(self, **settings: Any) -> None:
        """Add to the project's `dbt_project.yml`."""
        place = self.folder / "dbt_project.yml"
        place.write_text(yaml.safe_dump({**yaml.safe_load(place.read_text()), **settings}))

    def run(self, *arguments: str) -> str:
        """Run `dbt run` and give the model's message, empty when all went well."""
        done = self.invoke("run", *arguments)
        if done.success:
            return ""
        return "\n".join([str(done.exception or ""), *(str(result.message) for result in done.result or [])])

    def statuses(self, command: str, *arguments: str) -> dict[str, str]:
        """Run a dbt command and give each node's status by its name."""
        done = self.invoke(command, *arguments)
        assert done.exception is None, done.exception
        return {result.node.name: str(result.status) for result in done.result}

    def invoke(self, command: str, *arguments: str) -> dbtRunnerResult:
        """Run a dbt command; its artifacts are in `target`."""
        return invoke_dbt([*self.line(command), *arguments], self.folder / "target")

    def line(self, command: str) -> list[str]:
        """Return the words of a dbt command."""
        profiles = str(self.warehouse.settings.profiles_path.parent)
        target = self.warehouse.warehouse.schemas.target
        return [*command.split(), "--project-dir", str(self.folder), "--profiles-dir", profiles, "--target", target]

    def _take_parsed_macros(self) -> None:
        """Begin with the macros as dbt parsed them for the first project of this warehouse."""
        parsed = self.warehouse.artifacts / "macros.msgpack"
        own = self.folder / "target" / "partial_parse.msgpack"
        if not parsed.exists():
            assert self.invoke("parse").success
            parsed.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(own, parsed)
        own.parent.mkdir(exist_ok=True)
        shutil.copy(parsed, own)

    def rows(self) -> list[tuple[Any, ...]]:
        """Return what the model's table holds."""
        return self.warehouse.query("select * from {marts}.probe order by 1", role="bi")
