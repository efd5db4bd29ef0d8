"""Lakes with marts of random rows, written by delta-rs as Spark would build them, and what a server must hold then.

No value is spelled by the product's own code: rows are Python's values in Arrow's types.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from afterstate.publish.marts import Mart, read_marts
from tests.bench import ROOT, Bench
from tests.lake.helpers import land
from tools.cli_reference import JSON_FIELDS

COLUMN = re.compile(r"^\s*`?(\w+)`? (\w+)(?:\((\d+)\))?( .*)", re.MULTILINE)
KEY = re.compile(r"(?:primary key|unique)[^(]*\(([^)]*)\)")
TYPES = {
    "bigint": pa.int64(),
    "int": pa.int32(),
    "integer": pa.int32(),
    "boolean": pa.bool_(),
    "double": pa.float64(),
    "datetime": pa.timestamp("us", tz="UTC"),
}
TEXTS = (
    "",
    "NULL",
    "\\N",
    '"',
    '""',
    "'",
    "\\",
    "a,b",
    "line\nbreak",
    "cr\r\n",
    "tab\t",
    " blank ",
    "nul\0",
    "항체",
    "🧬",
    "NaN",
    '{"a": "\\n"}',
)
DOUBLES = (0.0, -0.0, 0.1 + 0.2, 7.2, 5e-324, 1.7976931348623157e308, -1e21, 1e22, 123456789012345.67, 1 / 3)
INTEGERS = {"bigint": (-(2**63), 2**63 - 1), "int": (-(2**31), 2**31 - 1)}
FIRST, LAST = datetime(1000, 1, 1, tzinfo=timezone.utc), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=timezone.utc)
Rows = list[dict[str, Any]]


@dataclass
class Built:
    """A lake, and the rows of each mart as they were written last."""

    uri: str
    marts: Sequence[Mart]
    dice: random.Random
    rows: dict[str, Rows] = field(default_factory=dict)

    @property
    def tables(self) -> list[Mart]:
        """The marts that are built, with what views read."""
        return [mart for mart in self.marts if not mart.is_view and mart.origin != "landing"]

    def place(self, name: str) -> str:
        """Return where a table is, as Spark places it."""
        mart = next(mart for mart in self.tables if mart.name == name)
        return f"{self.uri}/warehouse/afterstate{'_staging' if mart.origin == 'staging' else ''}.db/{name}"

    def build(self, name: str, number_of_rows: int, mode: str = "overwrite", **constants: Any) -> None:
        """Write random rows of a table; `constants` are values that all of them have."""
        mart = next(mart for mart in self.tables if mart.name == name)
        first = len(self.rows[name]) if mode == "append" else 0
        rows = [{**_row(mart, number, self.dice), **constants} for number in range(first, first + number_of_rows)]
        self.rows[name] = self.rows[name] + rows if mode == "append" else rows
        self.write(name, rows, mode)

    def write(self, name: str, rows: Rows, mode: str = "overwrite") -> None:
        """Write rows of a table, whatever they are."""
        mart = next(mart for mart in self.tables if mart.name == name)
        table = pa.Table.from_pylist(rows, schema=_schema(mart))
        write_deltalake(self.place(name), table, mode=mode)  # type: ignore[call-overload]

    def delete(self, name: str, predicate: str, is_gone: Callable[[dict[str, Any]], bool]) -> None:
        """Delete rows of a table: those of the predicate, which Delta takes, and Python has again."""
        DeltaTable(self.place(name)).delete(predicate)
        self.rows[name] = [row for row in self.rows[name] if not is_gone(row)]

    def forget(self, name: str) -> None:
        """Remove a table, whose next build makes another one."""
        shutil.rmtree(self.place(name))


def make_lake(bench: Bench, place: str | Path, dice: random.Random, rows: int = 40) -> Built:
    """Return a lake with the samples of one run landed, and random rows in every mart."""
    land(place, ROOT / "samples" / "core")
    built = Built(str(place), read_marts(bench.settings, bench.warehouse), dice)
    for mart in built.tables:
        built.build(mart.name, dice.randint(0, rows))
    return built


def publish(bench: Bench, lake: Built, *options: str) -> dict[str, str]:
    """Publish with `--json`, which must succeed, and return each mart's status."""
    done = bench.run("publish", "--lake", lake.uri, "--json", *options)
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert all(tuple(item) == JSON_FIELDS["publish"][1] for item in printed)
    return {item["name"]: item["status"] for item in printed}


def start(bench: Bench, lake: Built) -> subprocess.Popen[str]:
    """Start a publish as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "afterstate", "publish", "--lake", lake.uri, "--json"],
        env={**os.environ, **bench.environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def differing(bench: Bench, lake: Built) -> list[str]:
    """Return the tables whose rows differ between server and lake."""
    return [mart.name for mart in lake.tables if held(bench, mart) != stated(lake.rows[mart.name])]


def held(bench: Bench, mart: Mart) -> list[str]:
    """Return the rows of a table on the server, in an order of their own."""
    columns = ", ".join(f"`{name}`" for name in _schema(mart).names)
    return sorted(map(repr, bench.query(f"select {columns} from {mart.place}", role="dbt")))


def stated(rows: Rows) -> list[str]:
    """Return rows as the server must hold them: times without a zone, booleans as numbers, no negative zero."""
    return sorted(repr(tuple(_held(value) for value in row.values())) for row in rows)


def _held(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return value + 0.0 if isinstance(value, float) else value


def _schema(mart: Mart) -> pa.Schema:
    fields = [
        pa.field(name, TYPES.get(type_, pa.string()), nullable="not null" not in rest)
        for name, type_, _, rest in COLUMN.findall(mart.ddl)
        if name not in ("primary", "unique", "constraint")
    ]
    return pa.schema(fields)


def _row(mart: Mart, number: int, dice: random.Random) -> dict[str, Any]:
    keys = {name.strip(" `") for columns in KEY.findall(mart.ddl) for name in columns.split(",")}
    row = {}
    for name, type_, length, rest in COLUMN.findall(mart.ddl):
        if name in ("primary", "unique", "constraint"):
            continue
        if name not in keys and "not null" not in rest and dice.random() < 0.2:
            row[name] = None
        else:
            row[name] = _value(type_, int(length or 200), number if name in keys else None, dice)
    return row


def _value(type_: str, length: int, number: int | None, dice: random.Random) -> Any:
    """Return a random value of a type; one of its own for a row with a number."""
    if type_ == "boolean":
        return dice.random() < 0.5
    if type_ in ("bigint", "int", "integer"):
        least, greatest = INTEGERS["bigint" if type_ == "bigint" else "int"]
        return dice.choice((least, greatest, dice.randint(least, greatest), 0)) if number is None else number + 1
    if type_ == "double":
        drawn = dice.choice((*DOUBLES, dice.uniform(-1, 1) * 10.0 ** dice.randint(-300, 300)))
        return drawn if number is None else float(number)
    if type_ == "datetime":
        if number is not None:
            return FIRST + timedelta(microseconds=number)
        return dice.choice((FIRST, LAST, FIRST + timedelta(microseconds=dice.randrange(280_000_000_000_000_000))))
    text = dice.choice(TEXTS)
    text = text * (length // len(text)) if text and dice.random() < 0.1 else text
    return text[:length] if number is None else f"{text[: length - 8]}{number}"
