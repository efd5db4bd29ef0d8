"""dbt says and compiles the same with what makes it quick."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from dbt.adapters.mariadb.connections import MariaDBCredentials
from dbt.clients.jinja import MacroFuzzEnvironment, MacroGenerator, get_rendered
from dbt.contracts.graph.nodes import ColumnLevelConstraint, Macro, ModelNode
from dbt.contracts.project import Project
from dbt.dataclass_schema import dbtClassMixin
from dbt.events import types
from dbt.events.base_types import BaseEvent
from dbt.events.eventmgr import EventManager
from dbt.node_types import NodeType

from afterstate.warehouse import quick_events, quick_jinja, quick_schemas

EVENTS: list[tuple[type[BaseEvent], dict[str, Any]]] = [
    (types.MainReportVersion, {"version": "=1.7", "log_version": 3}),
    (types.LogTestResult, {"name": "unique", "status": "fail", "index": 2, "num_models": 9, "num_failures": 4}),
    (types.NodeStart, {"node_info": {"node_name": "op_state_spans", "unique_id": "model.afterstate.op_state_spans"}}),
    (types.Formatting, {"msg": "a line"}),
]


@pytest.fixture(autouse=True)
def dbt_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo what the tests install, and let dbt have the flags that a command gives it."""
    monkeypatch.setattr("dbt.flags.GLOBAL_FLAGS", Namespace(PRINTER_WIDTH=80, USE_COLORS=False, MACRO_DEBUGGING=False))
    for owner, names in (
        (BaseEvent, ("__init__", "__getattr__", "__setattr__")),
        (EventManager, ("fire_event",)),
        (MacroFuzzEnvironment, ("compile",)),
        (MacroGenerator, ("get_macro",)),
    ):
        for name in names:
            monkeypatch.setattr(owner, name, getattr(owner, name))
    monkeypatch.setattr(dbtClassMixin, "json_schema", vars(dbtClassMixin)["json_schema"])


@pytest.mark.parametrize(("event", "values"), EVENTS)
def test_an_event_says_what_it_was_given(event: type[BaseEvent], values: dict[str, Any]) -> None:
    """Prevents messages that lose a value because they are packed when they are read."""
    quick_events.install()
    packed = event(**values)
    said = packed.to_dict()
    assert {name: said[name] for name in values if name != "node_info"} == {
        name: value for name, value in values.items() if name != "node_info"
    }
    assert said.get("node_info", {}).get("node_name") == values.get("node_info", {}).get("node_name")
    assert packed.message()


def test_an_event_that_no_log_takes_is_never_packed() -> None:
    """Prevents builds that spend a tenth of their time on messages that nobody reads."""
    quick_events.install()
    event = types.MainReportVersion(version="=1.7", log_version=3)
    EventManager().fire_event(event)
    assert "pb_msg" not in vars(event)
    event.version = "=1.8"
    assert (event.version, event.log_version) == ("=1.8", 3)


def test_a_template_is_compiled_once_and_again_when_it_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prevents models that go on with the code of a former text, or with code that a crash has cut off."""
    compiled: list[str] = []
    original = quick_jinja._compile

    def count(environment: Any, source: str, *arguments: Any, **options: Any) -> Any:
        compiled.append(source)
        return original(environment, source, *arguments, **options)

    monkeypatch.setattr(quick_jinja, "_compile", count)
    quick_jinja.install(tmp_path / "templates")
    first, second = "select {{ number + 1 }}", "select {{ number + 2 }}"
    for text, expected in ((first, "select 2"), (first, "select 2"), (second, "select 3")):
        assert get_rendered(text, {"number": 1}) == expected
    assert compiled == [first, second]
    for file in (tmp_path / "templates").iterdir():
        file.write_bytes(file.read_bytes()[:-9])
    assert get_rendered(first, {"number": 1}) == "select 2"
    assert compiled == [first, second, first]


def test_templates_are_compiled_where_nothing_can_be_kept(tmp_path: Path) -> None:
    """Prevents commands that fail where the target folder cannot be written to."""
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    quick_jinja.install(tmp_path / "file" / "templates")
    assert get_rendered("select {{ 1 + 1 }}", {}) == "select 2"


def test_nothing_of_the_configuration_is_kept(tmp_path: Path) -> None:
    """Prevents the passwords of the profile, which dbt renders as templates, from being written beside models' code."""
    quick_jinja.install(tmp_path)
    for value in ("Owner-pass-1", "{{ 'Owner-pass-1' }}"):
        assert get_rendered(value, {}, native=True) == "Owner-pass-1"
    assert list(tmp_path.iterdir()) == []
    assert get_rendered("select {{ 1 + 1 }}", {}) == "select 2"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_macro_sees_its_context_and_what_jinja_brings(tmp_path: Path) -> None:
    """Prevents macros that lose `range`, or go on with a value that the node's context had earlier."""
    quick_jinja.install(tmp_path)
    context: dict[str, Any] = {"number": 1}
    macro = Macro(
        "counted", NodeType.Macro, "afterstate", "counted.sql", "counted.sql", "macro.afterstate.counted",
        macro_sql="{% macro counted(by) %}{% for n in range(2) %}{{ number * by + n }} {% endfor %}{% endmacro %}",
    )  # fmt: skip
    counted = MacroGenerator(macro, context)
    assert counted(10) == "10 11 "
    context["number"] = 2
    assert counted(10) == "20 21 "


@pytest.mark.parametrize("described", [MariaDBCredentials, Project, ModelNode, ColumnLevelConstraint])
def test_a_schema_is_made_once(described: type[dbtClassMixin], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents configurations from being checked by another class's schema, or by what a crash has cut off."""
    made: list[type] = []
    original = quick_schemas._make

    def count(made_of: type[dbtClassMixin]) -> dict[str, Any]:
        made.append(made_of)
        schema: dict[str, Any] = original(made_of)
        return schema

    expected = described.json_schema()
    monkeypatch.setattr(quick_schemas, "_make", count)
    for count_of_made in (1, 1):  # made, then read
        quick_schemas.install(tmp_path)
        assert described.json_schema() == expected
        assert len(made) == count_of_made
    [file] = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    quick_schemas.install(tmp_path)
    assert described.json_schema() == expected
    assert len(made) == 2


def test_schemas_are_made_where_nothing_can_be_kept(tmp_path: Path) -> None:
    """Prevents commands that fail where the target folder cannot be written to."""
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    quick_schemas.install(tmp_path / "file" / "schemas")
    assert Project.json_schema()["title"] == "Project"
