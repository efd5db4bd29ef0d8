"""Files whose rows, lines or quotes are odd; every value fits, and every well-formed line must land."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from tests.loaders.odd.expect import OddFile, visible
from tests.loaders.odd.kinds import CORE, NAND, OddKind
from tests.loaders.odd.sheet import Sheet, cell

ROWS, LINES, QUOTES, LARGE = "Rows", "Lines", "Broken quotes", "Large"
MEGABYTE = 1 << 20
OPEN, AFTER = "a quote opens here", "text follows a closing quote"
Fill = Callable[[Sheet], object]


def structure_files() -> Iterator[OddFile]:
    """Each oddity in a core kind and a nand kind, in turn; what is large in one of them."""
    number = 0
    for group, oddities in ((ROWS, _ROWS), (LINES, _LINES), (QUOTES, _quotes()), (LARGE, _LARGE)):
        for odd, fill in oddities.items():
            number += 1
            kinds = (CORE[number % len(CORE)], NAND[number % len(NAND)])
            for kind in kinds[number % 2 :][:1] if group == LARGE else kinds:
                sheet = Sheet(kind, f"{group} {number:03d}", [*kind.columns, "note"])
                fill(sheet)
                yield sheet.landed(group, odd)


# -- rows of too many fields, too few, or of something else ------------------------------------------------------------


def _all_widths(sheet: Sheet) -> None:
    sheet.head().row()
    for width in range(1, len(sheet.header) + 4):
        if width != len(sheet.header):
            sheet.cells(["x"] * width).row()


def _with_tails(sheet: Sheet, tail: str) -> None:
    sheet.head().row()
    line = sheet.text.splitlines()[-1]
    width = len(sheet.header)
    fields = width + tail.count(",")
    sheet.broken(line + tail, f"the row has {fields} fields, the header has {width}").row()


def _other_delimiter(sheet: Sheet, delimiter: str, after: int = 0) -> None:
    """Separate the rows by something else than the header, all fields or those after some."""
    sheet.head().row()
    cells = sheet.text.splitlines()[-1].split(",")
    text = ",".join([*cells[:after], delimiter.join(cells[after:])])
    width = len(sheet.header)
    sheet.broken(text, f"the row has {after + 1} fields, the header has {width}").row()


def _header_again(sheet: Sheet) -> None:
    sheet.head().row().cells(sheet.header).row().cells(sheet.header).cells(sheet.header)


def _between(sheet: Sheet, lines: Sequence[str]) -> None:
    """Put lines of one field between the rows."""
    sheet.head().row()
    for line in lines:
        sheet.broken(line, f"the row has {line.count(',') + 1} fields, the header has {len(sheet.header)}").row()


def _nothing_but(sheet: Sheet, text: str) -> None:
    sheet.head().row().cells([text] * len(sheet.header)).row()


def _not_last(sheet: Sheet, tail: str) -> None:
    """End the file with something that is no row."""
    sheet.head().row().broken(tail, f"the row has 1 fields, the header has {len(sheet.header)}", line_break="")


_ROWS: dict[str, Fill] = {
    "rows of every number of fields": _all_widths,
    "a comma more at the end": partial(_with_tails, tail=","),
    "three commas more": partial(_with_tails, tail=",,,"),
    "a field more": partial(_with_tails, tail=",more"),
    **{
        f"a row separated by `{visible(delimiter)}`": partial(_other_delimiter, delimiter=delimiter)
        for delimiter in (";", "\t", "|", " ", ":", "\x1f", "\uff0c")
    },
    **{
        f"a row that changes to `{visible(delimiter)}` after two fields": partial(_other_delimiter, delimiter=delimiter, after=2)
        for delimiter in (";", "\t", "|")
    },
    "the header again, in the middle and at the end": _header_again,
    "comments, titles and sums between the rows": partial(_between, lines=["# a comment", "// x", "Total: 3", "---", "…", "(3 rows)", "--, --"]),
    "SQL between the rows": partial(_between, lines=["drop table landing_loads;", "\\! touch odd_was_here", "commit; begin"]),
    "conflict marks of git": partial(_between, lines=["<<<<<<< HEAD", "=======", ">>>>>>> 1a2b3c"]),
    "a row of empty fields": partial(_nothing_but, text=""),
    "a row of blanks": partial(_nothing_but, text=" "),
    "a row of `nan`": partial(_nothing_but, text="nan"),
    "a row of `NULL`": partial(_nothing_but, text="NULL"),
    r"a row of `\N`": partial(_nothing_but, text="\\N"),
    "a row of quotes": partial(_nothing_but, text='"'),
    "an end-of-file mark of DOS": partial(_not_last, tail="\x1a"),
    "an end of NUL bytes": partial(_not_last, tail="\0" * 4096),
    "a last row that is cut off": partial(_not_last, tail="x"),
}


# -- line ends and blank lines -----------------------------------------------------------------------------------------


def _line_ends(sheet: Sheet, line_breaks: Sequence[str]) -> None:
    """Write header and rows with these line ends in turn."""
    sheet.skipped(",".join(sheet.header), line_breaks[0])
    for number in range(6):
        sheet.row({"note": f"a,{number}"}, line_breaks[(number + 1) % len(line_breaks)])


def _blank_lines(sheet: Sheet, blank: str) -> None:
    sheet.skipped(blank).skipped(blank).head().skipped(blank).row().skipped(blank).skipped(blank).row().skipped(blank)


def _header_only(sheet: Sheet, line_break: str) -> None:
    sheet.header[-1] += sheet.label  # a file is known by its content
    sheet.skipped(",".join(sheet.header), line_break)


def _bom_before(sheet: Sheet) -> None:
    """Put a BOM where files were joined: it is a part of the row's first value."""
    sheet.head().row()
    first = sheet.header[0]
    sheet.row({first: "\ufeff" + sheet.kind.fitting(sheet.label)[first]}).row()


def _joined(sheet: Sheet) -> None:
    """Join two files with their headers, BOM and all."""
    sheet.head().row().cells(["\ufeff" + sheet.header[0], *sheet.header[1:]]).row()


_LINES: dict[str, Fill] = {
    "CRLF": partial(_line_ends, line_breaks=["\r\n"]),
    "CR only": partial(_line_ends, line_breaks=["\r"]),
    "LF and CRLF mixed": partial(_line_ends, line_breaks=["\n", "\r\n"]),
    "LF, CR and CRLF mixed": partial(_line_ends, line_breaks=["\n", "\r", "\r\n"]),
    "LF then CR": partial(_line_ends, line_breaks=["\n\r"]),
    "CR CR LF, as a twice converted file has it": partial(_line_ends, line_breaks=["\r\r\n"]),
    **{f"lines of nothing but `{visible(blank)}`": partial(_blank_lines, blank=blank) for blank in ("", " ", "\t ", "\r", "\r\r")},
    "no line end after the last row": lambda sheet: sheet.head().row().row(line_break=""),
    "CR after the last row only": lambda sheet: sheet.head().row().row(line_break="\r"),
    **{
        f"a header only, and then {what}": partial(_header_only, line_break=line_break)
        for what, line_break in (("nothing", ""), ("LF", "\n"), ("CR", "\r"), ("blank lines", "\r\n \n\n"))
    },
    "a BOM before a row": _bom_before,
    "two files with BOM, one behind the other": _joined,
}


# -- quotes ------------------------------------------------------------------------------------------------------------

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


def _quotes() -> dict[str, Fill]:
    oddities: dict[str, Fill] = {}
    for text, (says, value) in _SPELLED.items():
        if value is not None:
            oddities[f"fields that are spelled `{text}`"] = partial(_spelled, text=text, value=value)
            continue
        for at, where in enumerate(("first", "second", "last")):
            oddities[f"the {where} field is spelled `{text}`"] = partial(_misspelled, text=text, says=says, at=(0, 1, -1)[at])
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


# -- much of it --------------------------------------------------------------------------------------------------------


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
    sheet.broken(text, f"the row has {fields} fields, the header has {len(sheet.header)}").row()


def _long_name(sheet: Sheet, characters: int) -> None:
    sheet.header.append("n" * characters)
    sheet.head().row().row({"note": ""})


def _all_rejected(sheet: Sheet) -> None:
    sheet.head()
    for number in range(5_000):
        sheet.row({sheet.header[3]: f"{number} x"})


def _chained(sheet: Sheet) -> None:
    """From each line on, a quote stays open to the file's end; to look for that anew each time takes for ever."""
    sheet.head().row()
    for _ in range(30_000):
        sheet.broken('x","', OPEN)
    sheet.row().row()


_LARGE: dict[str, Fill] = {
    **{f"fields of a megabyte of `{visible(text)}`": partial(_megabyte, text=text) for text in ("x", "1", "한", '"', "a\n", "\\N,")},
    "5,000 columns more": partial(_many_columns, name="c{}"),
    "5,000 columns more, with long names and quotes": partial(_many_columns, name="열" * 100 + ' "{}", of many'),
    "a row of 300,000 fields": partial(_wide, text="," * 300_000),
    "a row of 100,000 quoted fields": partial(_wide, text=",".join(['""'] * 100_000)),
    "a column name of 60,000 characters": partial(_long_name, characters=60_000),
    "a column name of 70,000 characters": partial(_long_name, characters=70_000),
    "5,000 rows of which none fits": _all_rejected,
    "30,000 lines, each of which closes a quote and opens another": _chained,
}
