"""Files whose header is odd: what stands in it, what is missing, how its columns are separated."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from tests.loaders.odd.expect import OddFile, code
from tests.loaders.odd.kinds import TABLES, kinds_in_turn
from tests.loaders.odd.sheet import Sheet, cell, failed, slug
from tests.loaders.odd.texts import ODD_TEXTS
from tests.loaders.odd.values import no_text

NAMES, REPEATED, MISSING, DELIMITERS, UNREADABLE = (
    "Column names",
    "Repeated columns",
    "Missing columns",
    "Delimiters",
    "Headers that cannot be read",
)
# Names that mean something to the landing tables, to SQL, to JSON, or to a spreadsheet.
_RESERVED = [
    "_load_id",
    "_row_no",
    "_line_no",
    "_other_columns",
    "load_id",
    "row_no",
    "select",
    "NULL",
    "",
    " ",
    "Unnamed: 0",
    "$",
    "$.a",
]
_RESERVED += [
    "a.b",
    "a[0]",
    "*",
    "**",
    "1",
    "-1",
    "id",
    "{}",
    "[]",
    "true",
    "STEP",
    "Step",
    "step ",
    "Run_ID",
    "Die",
    "START",
    "n" * 65,
    "n" * 5_000,
]


def header_files() -> Iterator[OddFile]:
    """Return all files with odd headers."""
    yield from _odd_names()
    yield from _too_long_a_name()
    yield from _repeated()
    yield from _missing()
    yield from _delimiters()
    yield from _unreadable()


def _odd_names() -> Iterator[OddFile]:
    sets = {f"odd values as names: {group.lower()}": texts for group, texts in ODD_TEXTS.items()}
    sets |= {f"a column {code(name) if name else 'without a name'}": [name] for name in _RESERVED}
    for number, (odd, texts) in enumerate(sets.items(), start=1):
        for kind in kinds_in_turn(number):
            names = [name for name in dict.fromkeys(texts) if not no_text(name) and name not in kind.types]
            if names:
                sheet = Sheet(kind, f"{NAMES} {number:03d}", [*names, *kind.columns][:: 1 if number % 2 else -1])
                sheet.head().row().row({name: f"value of {at}" for at, name in enumerate(names)})
                yield sheet.row(dict.fromkeys(names, "")).row({name: name for name in names}).landed(NAMES, odd)


def _too_long_a_name() -> Iterator[OddFile]:
    """Name a column with more bytes than a name in MySQL's JSON can have: it must fail, and on both servers."""
    for number, name in enumerate(("n" * 65_536, "한" * 21_846), start=1):
        for kind in kinds_in_turn(number):
            sheet = Sheet(kind, f"{NAMES} too long {number}", [*kind.columns, name]).head().row()
            yield sheet.failed(NAMES, f"a column {code(name)}", "line 1: .*(65,?535|too long)")


def _repeated() -> Iterator[OddFile]:
    for kind in TABLES:
        first, last = kind.columns[0], kind.columns[-1]
        headers = {
            f"`{first}` twice": [*kind.columns, first],
            f"`{last}` three times": [last, *kind.columns, last],
            "an unknown column three times": ["note", *kind.columns, "note", "note"],
            "the whole header twice": [*kind.columns, *kind.columns],
            "two names that differ in case, two in a blank": [*kind.columns, "note", "Note", "note ", first.upper()],
        }
        for number, (odd, header) in enumerate(headers.items(), start=1):
            if kind not in kinds_in_turn(number) and kind is not TABLES[0]:
                continue
            sheet = Sheet(kind, f"{REPEATED} {number}", header).head().row()
            fitting = [kind.fitting(sheet.label).get(name, "other") for name in header]
            spoilt = [
                *fitting[: len(kind.columns)],
                *(f"another {cell_at}" for cell_at in range(len(header) - len(kind.columns))),
            ]
            yield sheet.cells(spoilt).cells(spoilt[::-1]).row().landed(REPEATED, odd)


def _missing() -> Iterator[OddFile]:
    """Leave each needed column out in turn, or spell it otherwise."""
    for kind in TABLES:
        for number, name in enumerate(kind.needed):
            others = [column for column in kind.columns if column != name]
            odd = f"`{name}` is missing"
            label = f"{MISSING} {kind.name} {name}"
            if number % 3:
                odd, others = (
                    (f"`{name}` is spelled `{name.upper()}`", [*others, name.upper()])
                    if number % 2
                    else (f"` {name}` has a blank before it", [f" {name}", *others])
                )
            sheet = Sheet(kind, label, others)
            yield (
                sheet.head()
                .skipped(",".join(["1"] * len(others)))
                .failed(MISSING, odd, f"line 1: no column .*`{name}`")
            )


def _delimiters() -> Iterator[OddFile]:
    """Separate all of a file by something else: those that are common are named, for the others columns lack."""
    spoken = {";": "`;`", "\t": "tabs", "|": r"`\|`", ", ": "commas and blanks"}
    for number, (delimiter, quoted) in enumerate(
        product([*spoken, " ", ":", "^", "~", "\x1f", "\uff0c", "\u00a6"], (False, True)), 1
    ):
        odd = f"separated by {code(delimiter)}" + (", all quoted" if quoted else "")
        for kind in kinds_in_turn(number):
            label = f"{DELIMITERS} {number:03d} {kind.name}"
            rows = [kind.columns, list(kind.fitting(label).values())]
            text = "".join(delimiter.join(cell(text, quoted) for text in row) + "\n" for row in rows)
            if delimiter in spoken:
                says = f"line 1: the columns are separated by {spoken[delimiter]}, expected commas"
                yield failed(kind, DELIMITERS, label, odd, says, text.encode(), f"{slug(DELIMITERS)}/{slug(label)}.csv")
            else:
                says = "line 1: (no column|the header cannot be read)"
                yield failed(kind, DELIMITERS, label, odd, says, text.encode())
                unnamed = f"{slug(DELIMITERS)}/{slug(label)}.csv"
                yield OddFile(
                    DELIMITERS, unnamed, f"{odd}, under another name", text.encode() + b"\n", "ignored", says="header"
                )
    for number, line in enumerate(("sep=,", "sep=;", "# made by a tool", "Report of 2026-11-22,,,"), start=1):
        for kind in kinds_in_turn(number):
            label = f"{DELIMITERS} first line {number} {kind.name}"
            content = Sheet(kind, label).skipped(line).head().row().content
            yield failed(
                kind, DELIMITERS, label, f"a first line `{line}` before the header", "line 1: no column", content
            )


def _unreadable() -> Iterator[OddFile]:
    """Spoil the header: of a file that is ours by its name or by the names that can be read, this is a failure."""
    spoilt = {
        "a NUL in a name": ("no\0te", "holds a NUL byte"),
        "Latin-1 in a name": ("Gr\udcf6\udcdfe", "0xF6, which is not UTF-8"),
        "half a character in a name": ("\udcc3", "0xC3, which is not UTF-8"),
        "text behind a quoted name": ('"note"x', "text follows a closing quote"),
        "a name whose quote never closes": ('"note', "a quote opens here"),
    }
    for number, (odd, (name, says)) in enumerate(spoilt.items(), start=1):
        for kind in kinds_in_turn(number):
            label = f"{UNREADABLE} {number} {kind.name}"
            text = f"{','.join(kind.columns)},{name}\n" + ",".join(kind.fitting(label).values()) + ",x\n"
            content = text.encode("utf-8", "surrogateescape")
            yield failed(kind, UNREADABLE, label, odd, f"line 1: the header cannot be read: .*{says}", content)
