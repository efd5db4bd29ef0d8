"""Fields that are quoted wrongly, and fields whose quotes are odd and fine: what is broken costs its own line only."""

from __future__ import annotations

from functools import partial

from tests.loaders.odd.expect import code
from tests.loaders.odd.sheet import Fill, Sheet, cell

OPEN, AFTER = "a quote opens here", "text follows a closing quote"
# In each: how a field is spelled, and what is wrong with it; None: all is well, and this is its value.
_SPELLED: dict[str, tuple[str, str | None]] = {
    '"x': (OPEN, None),
    '"': (OPEN, None),
    '"x""': (OPEN, None),
    '"""': (OPEN, None),
    '"x"y': (AFTER, None),
    '"x" ': (AFTER, None),
    '""x': (AFTER, None),
    '"x"y"': (AFTER, None),
    '"x"y"z"': (AFTER, None),
    '"x\\"y"': (AFTER, None),
    '""""x': (AFTER, None),
    'x"': ("", 'x"'),
    'x"y"z': ("", 'x"y"z'),
    ' "x"': ("", ' "x"'),
    "'x'": ("", "'x'"),
    '\\"x\\"': ("", '\\"x\\"'),
    '12" wafer': ("", '12" wafer'),
    '"x,""y"""': ("", 'x,"y"'),
    '""': ("", ""),
    '""""': ("", '"'),
    "“x”": ("", "“x”"),
}


def quote_oddities() -> dict[str, Fill]:
    """Return what fills a sheet, by what is odd about it."""
    oddities: dict[str, Fill] = {}
    for text, (says, value) in _SPELLED.items():
        if value is not None:
            oddities[f"fields that are spelled {code(text)}"] = partial(_spelled, text=text, value=value)
            continue
        for at, where in enumerate(("first", "second", "last")):
            oddities[f"the {where} field is spelled {code(text)}"] = partial(
                _misspelled, text=text, says=says, at=(0, 1, -1)[at]
            )
    return oddities | {
        "a quote that opens in the last line": partial(_open_last, text='"x'),
        "a quote that opens at the very end": partial(_open_last, text='"'),
        "every line opens a quote": _all_open,
        "an open quote, and quoted fields further on": _open_before_quoted,
    }


def _raw(sheet: Sheet, at: int, text: str) -> str:
    """Spell a row that fits, one field of it as the text says."""
    fitting = sheet.kind.fitting(sheet.label)
    raw = [cell(fitting.get(name, "other")) for name in sheet.header]
    raw[at] = text
    return ",".join(raw)


def _spelled(sheet: Sheet, text: str, value: str) -> None:
    sheet.head().row()
    fitting = sheet.kind.fitting(sheet.label)
    for at, odd in enumerate(sheet.header):
        cells = [value if name == odd else fitting.get(name, "other") for name in sheet.header]
        sheet.cells(cells, text=_raw(sheet, at, text)).row()


def _misspelled(sheet: Sheet, text: str, says: str, at: int) -> None:
    sheet.head().row().broken(_raw(sheet, at, text), says).row().row()


def _open_last(sheet: Sheet, text: str) -> None:
    sheet.head().row().broken(_raw(sheet, -1, text), OPEN, line_break="")


def _all_open(sheet: Sheet) -> None:
    sheet.head().row()
    for _ in range(5):
        sheet.broken(_raw(sheet, 1, '"x'), f"{OPEN}|{AFTER}")
    sheet.row()


def _open_before_quoted(sheet: Sheet) -> None:
    sheet.head().row().broken(_raw(sheet, 1, '"x'), f"{OPEN}|{AFTER}")
    for note in ("a,b", 'say "x"', "", "two\nlines", "a,b"):
        sheet.row({"note": note})
