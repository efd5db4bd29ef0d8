"""Fields, rows, headers and files that are large."""

from __future__ import annotations

from functools import partial

from tests.loaders.odd.expect import code, field_count
from tests.loaders.odd.quotes import OPEN
from tests.loaders.odd.sheet import Fill, Sheet

MEGABYTE = 1 << 20


def _megabyte(sheet: Sheet, text: str) -> None:
    """Put a field of a megabyte where any text fits, and where none does: into a column of each type."""
    text *= MEGABYTE // len(text.encode())
    sheet.head().row({"note": text}).row()
    by_type = {type_: name for name, type_ in sheet.kind.types.items()}
    for name in by_type.values():
        sheet.row({name: text})
    sheet.row()


def _many_columns(sheet: Sheet, name: str) -> None:
    sheet.header += [name.format(number) for number in range(5_000)]
    sheet.head()
    for number in range(3):
        sheet.row({column: f"{number} of {column[-9:]}" for column in sheet.header[-5_000:]}).cells(["x"] * 5_000)


def _wide(sheet: Sheet, text: str) -> None:
    sheet.head().row()
    fields = text.count(",") + 1
    sheet.broken(text, field_count(fields, len(sheet.header))).row()


def _long_name(sheet: Sheet, characters: int) -> None:
    sheet.header.append("n" * characters)
    sheet.head().row().row({"note": ""})


def _all_rejected(sheet: Sheet) -> None:
    sheet.head()
    for number in range(5_000):
        sheet.row({sheet.header[3]: f"{number} x"})


def _chained(sheet: Sheet) -> None:
    """From each line on, a quote stays open to the file's end; to look for that again each time takes forever."""
    sheet.head().row()
    for _ in range(30_000):
        sheet.broken('x","', OPEN)
    sheet.row().row()


LARGE_ODDITIES: dict[str, Fill] = {
    **{
        f"fields of a megabyte of {code(text)}": partial(_megabyte, text=text)
        for text in ("x", "1", "한", '"', "a\n", "\\N,")
    },
    "5,000 extra columns": partial(_many_columns, name="c{}"),
    "5,000 extra columns, with long names and quotes": partial(_many_columns, name="열" * 100 + ' "{}", of many'),
    "a row of 300,000 fields": partial(_wide, text="," * 300_000),
    "a row of 100,000 quoted fields": partial(_wide, text=",".join(['""'] * 100_000)),
    "a column name of 60,000 characters": partial(_long_name, characters=60_000),
    "5,000 rows that do not fit": _all_rejected,
    "30,000 lines, each of which closes a quote and opens another": _chained,
}
