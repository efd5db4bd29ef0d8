"""Files whose rows, lines or quotes are odd; every value fits, and every well-formed line must land."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from tests.loaders.odd.expect import OddFile, code, field_count
from tests.loaders.odd.kinds import kinds_in_turn
from tests.loaders.odd.large import LARGE_ODDITIES
from tests.loaders.odd.quotes import quote_oddities
from tests.loaders.odd.sheet import Fill, Sheet

ROWS, LINES, QUOTES, LARGE = "Rows", "Lines", "Quotes", "Large"


def structure_files() -> Iterator[OddFile]:
    """Each oddity in a kind in turn, or in all; what is large in one of them."""
    number = 0
    for group, oddities in ((ROWS, _ROWS), (LINES, _LINES), (QUOTES, quote_oddities()), (LARGE, LARGE_ODDITIES)):
        for odd, fill in oddities.items():
            number += 1
            for kind in kinds_in_turn(number)[: 1 if group == LARGE else None]:
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
    sheet.broken(line + tail, field_count(fields, width)).row()


def _other_delimiter(sheet: Sheet, delimiter: str, after: int = 0) -> None:
    """Separate the rows by something else than the header, all fields or those after some."""
    sheet.head().row()
    cells = sheet.text.splitlines()[-1].split(",")
    text = ",".join([*cells[:after], delimiter.join(cells[after:])])
    width = len(sheet.header)
    sheet.broken(text, field_count(after + 1, width)).row()


def _header_again(sheet: Sheet) -> None:
    sheet.head().row().cells(sheet.header).row().cells(sheet.header).cells(sheet.header)


def _between(sheet: Sheet, lines: Sequence[str]) -> None:
    """Put lines of one field between the rows."""
    sheet.head().row()
    for line in lines:
        sheet.broken(line, field_count(line.count(",") + 1, len(sheet.header))).row()


def _nothing_but(sheet: Sheet, text: str) -> None:
    sheet.head().row().cells([text] * len(sheet.header)).row()


def _not_last(sheet: Sheet, tail: str) -> None:
    """End the file with something that is not a row."""
    sheet.head().row().broken(tail, field_count(1, len(sheet.header)), line_break="")


_ROWS: dict[str, Fill] = {
    "rows with every number of fields": _all_widths,
    "an extra comma at the end": partial(_with_tails, tail=","),
    "three extra commas": partial(_with_tails, tail=",,,"),
    "an extra field": partial(_with_tails, tail=",more"),
    **{
        f"a row separated by {code(delimiter)}": partial(_other_delimiter, delimiter=delimiter)
        for delimiter in (";", "\t", "|", " ", ":", "\x1f", "\uff0c")
    },
    **{
        f"a row that changes to {code(delimiter)} after two fields": partial(
            _other_delimiter, delimiter=delimiter, after=2
        )
        for delimiter in (";", "\t", "|")
    },
    "the header again, in the middle and at the end": _header_again,
    "comments, titles and sums between the rows": partial(
        _between, lines=["# a comment", "// x", "Total: 3", "---", "…", "(3 rows)", "--, --"]
    ),
    "SQL between the rows": partial(
        _between, lines=["drop table landing_loads;", "\\! touch odd_was_here", "commit; begin"]
    ),
    "git conflict markers": partial(_between, lines=["<<<<<<< HEAD", "=======", ">>>>>>> 1a2b3c"]),
    "a row of empty fields": partial(_nothing_but, text=""),
    "a row of blanks": partial(_nothing_but, text=" "),
    "a row of `nan`": partial(_nothing_but, text="nan"),
    "a row of `NULL`": partial(_nothing_but, text="NULL"),
    r"a row of `\N`": partial(_nothing_but, text="\\N"),
    "a row of quotes": partial(_nothing_but, text='"'),
    "a DOS end-of-file mark": partial(_not_last, tail="\x1a"),
    "NUL bytes at the end": partial(_not_last, tail="\0" * 4096),
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
    "CR CR LF, as in a file converted twice": partial(_line_ends, line_breaks=["\r\r\n"]),
    **{
        (f"lines of nothing but {code(blank)}" if blank else "empty lines"): partial(_blank_lines, blank=blank)
        for blank in ("", " ", "\t ", "\r", "\r\r")
    },
    "no line end after the last row": lambda sheet: sheet.head().row().row(line_break=""),
    "CR after the last row only": lambda sheet: sheet.head().row().row(line_break="\r"),
    **{
        f"a header only, and then {what}": partial(_header_only, line_break=line_break)
        for what, line_break in (("nothing", ""), ("LF", "\n"), ("CR", "\r"), ("blank lines", "\r\n \n\n"))
    },
    "a BOM before a row": _bom_before,
    "two files with BOM, one behind the other": _joined,
}
