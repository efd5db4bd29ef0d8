"""Tables and queries as DataFrames, read over the account for BI.

Data flow: a table's name or SQL -> rows of the server -> one column at a time, with the dtype of its SQL type. Nothing
is guessed from values, so that an empty table, or a column of NULLs, has the dtypes of a full one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import pymysql
from pymysql.constants import FIELD_TYPE

from afterstate.errors import AfterstateError, UsageError
from afterstate.warehouse.connect import open_cursor
from afterstate.warehouse.layout import MARTS, table_names
from afterstate.warehouse.profile import Warehouse, read_warehouse
from afterstate.warehouse.settings import Settings

_NAME = re.compile(r"\w+")
_READABLE = (MARTS, "audit")
_INTEGERS = (FIELD_TYPE.TINY, FIELD_TYPE.SHORT, FIELD_TYPE.INT24, FIELD_TYPE.LONG, FIELD_TYPE.LONGLONG, FIELD_TYPE.YEAR)
_FLOATS = (FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE)
_DECIMALS = (FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL)
_MOMENTS = (FIELD_TYPE.DATETIME, FIELD_TYPE.TIMESTAMP)
_TEXTS = (FIELD_TYPE.VARCHAR, FIELD_TYPE.VAR_STRING, FIELD_TYPE.STRING, FIELD_TYPE.JSON, FIELD_TYPE.ENUM)
_LONG_TEXTS = (FIELD_TYPE.TINY_BLOB, FIELD_TYPE.BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.LONG_BLOB)
UTC_MICROSECONDS = "datetime64[us, UTC]"


def read(
    table_or_query: str, values: Sequence[Any] | Mapping[str, Any] | None = None, *, warehouse: Warehouse | None = None
) -> pd.DataFrame:
    """Return a table of the marts or the audit layer, or what a query finds, as a DataFrame.

    In a query, tables of the marts need no schema before their names. `values` replace `%s` or `%(name)s` in it.
    `warehouse` is the environment's unless it is given. The whole result is held in memory.

    Integers are `Int64`, DOUBLE and decimals with a scale `float64`, TINYINT(1) `boolean`, texts `string`, times
    `datetime64[us, UTC]` (every session of Afterstate's counts in UTC); anything else is left as objects.

    Raises UsageError for a table that is not there, AfterstateError for a query that the server refuses; a statement
    that would write is refused, whatever the account may do.
    """
    found = warehouse or read_warehouse(Settings.from_environment())
    name = table_or_query.strip()
    statement = f"select * from {_table(found, name)}" if _NAME.fullmatch(name) else table_or_query
    with open_cursor(found.bi) as cursor:
        cursor.execute("set session transaction read only")
        cursor.execute(f"use `{found.schemas.marts}`")
        try:
            cursor.execute(statement, values)
        except pymysql.MySQLError as error:
            if _NAME.fullmatch(name):
                raise UsageError(f"`{name}` has not been built yet", "run `afterstate build` first") from error
            raise AfterstateError(
                f"the server refused the query: {error.args[-1]}", "`read` takes one SELECT"
            ) from error
        description, rows = cursor.description or (), cursor.fetchall()
    columns = list(zip(*rows, strict=True)) or [()] * len(description)
    series = [_series(field, column) for field, column in zip(description, columns, strict=True)]
    frame = pd.DataFrame(dict(enumerate(series)), index=pd.RangeIndex(len(rows)))
    frame.columns = pd.Index([field[0] for field in description])  # a query may name a column twice
    return frame


def _table(warehouse: Warehouse, name: str) -> str:
    names = table_names(Settings.from_environment().root)
    for layer in _READABLE:
        if name in names[layer]:
            return warehouse.table(layer, name)
    there = ", ".join(sorted(name for layer in _READABLE for name in names[layer]))
    raise UsageError(f"there is no table `{name}`", f"expected a SELECT, or one of: {there}")


def _series(field: Sequence[Any], column: Sequence[Any]) -> pd.Series:
    """Return a column with the dtype of its SQL type; `field` is the driver's description of it (PEP 249)."""
    _, code, _, length, _, scale, _ = field
    make = _maker(code, length, scale)
    values = list(column)
    if any(isinstance(value, bytes) for value in values):
        make = _objects
    return make(values)


def _maker(code: int, length: int, scale: int) -> Callable[[list[Any]], pd.Series]:
    if code == FIELD_TYPE.TINY and length == 1:
        return lambda values: pd.Series(values, dtype="boolean")
    if code in _INTEGERS or (code in _DECIMALS and not scale):
        return _integers
    if code in _FLOATS or code in _DECIMALS:
        return lambda values: pd.Series([None if value is None else float(value) for value in values], dtype="float64")
    if code in _MOMENTS:
        return lambda values: pd.Series(values, dtype="datetime64[us]").dt.tz_localize("UTC")
    if code in _TEXTS or code in _LONG_TEXTS:
        return lambda values: pd.Series(values, dtype="string")
    return _objects


def _integers(values: list[Any]) -> pd.Series:
    """Return whole numbers, those beyond 64 bits as they are: what a sum over many rows may be."""
    numbers = [None if value is None else int(value) for value in values]
    fit = all(number is None or -(2**63) <= number < 2**63 for number in numbers)
    return pd.Series(numbers, dtype="Int64" if fit else "object")


def _objects(values: list[Any]) -> pd.Series:
    return pd.Series(values, dtype="object")
