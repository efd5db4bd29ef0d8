"""The results of dbt's statements, without what dbt 1.7 makes for each: the parsers that guess a column's type."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from dbt.clients import agate_helper

_build: Callable[..., Any] = agate_helper.build_type_tester


def install() -> None:
    """Let dbt, in this process, make the parsers once for each set of columns that are text."""
    agate_helper.build_type_tester = _build_once


def _build_once(text_columns: Iterable[str], string_null_values: Iterable[str] = ("null", "")) -> Any:
    return _kept(tuple(text_columns), tuple(string_null_values))


@cache
def _kept(text_columns: tuple[str, ...], string_null_values: tuple[str, ...]) -> Any:
    return _build(text_columns, string_null_values)
