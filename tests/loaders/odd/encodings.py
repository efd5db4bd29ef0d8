"""Files in other encodings than UTF-8: rows that hold nothing else land, the others are named; nothing is guessed."""

from __future__ import annotations

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, BOM_UTF32_LE
from collections.abc import Iterator

from tests.loaders.odd.expect import OddFile, code
from tests.loaders.odd.kinds import CORE, NAND, OddKind, kinds_in_turn
from tests.loaders.odd.sheet import Sheet, failed, slug

ENCODINGS, BOMS = "Encodings", "Byte order marks"
# What each can write; where it writes ASCII as ASCII, the header can be read.
_LIKE_ASCII = {
    "latin-1": "Größe ½",
    "cp1252": "“Größe” 5 €",
    "iso8859-15": "5 €",
    "cp437": "Größe ½",
    "mac-roman": "Größe",
    "koi8-r": "Ключ",
    "cp1251": "Ключ",
    "cp949": "한글 똠",
    "euc-kr": "한글",
    "shift_jis": "表示ソ",
    "euc-jp": "表示",
    "big5": "許功蓋",
    "gb18030": "汉字🧬",
    "tis-620": "ไทย",
    "utf-7": "Größe 한글",
    "iso2022-kr": "한글",
    "hz": "汉字",
    "cp1255": "שלום",
}
_UNLIKE_ASCII = ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "cp037", "cp500"]


def encoding_files() -> Iterator[OddFile]:
    """Return the files in each encoding."""
    for number, (encoding, text) in enumerate(_LIKE_ASCII.items(), start=1):
        for kind in kinds_in_turn(number):
            yield _like_ascii(kind, encoding, text)
    for number, encoding in enumerate(_UNLIKE_ASCII, start=1):
        for kind in kinds_in_turn(number):
            yield from _unlike_ascii(kind, encoding)
    yield from _marked()


def _like_ascii(kind: OddKind, encoding: str, text: str) -> OddFile:
    """Write rows of plain text and others in each text column; bytes that are not UTF-8 are surrogates on their way."""
    seen = text.encode(encoding).decode("utf-8", "surrogateescape")
    sheet = Sheet(kind, f"{ENCODINGS} {encoding}", [*kind.columns, "note"]).head().row()
    for name in sheet.header:
        if kind.types.get(name, "text").startswith("text"):
            sheet.row({name: seen}).row()
    return sheet.landed(ENCODINGS, f"{encoding}, with {code(text)} in each text column")


def _unlike_ascii(kind: OddKind, encoding: str) -> Iterator[OddFile]:
    label = f"{ENCODINGS} {encoding} {kind.name}"
    content = Sheet(kind, label).head().row().text.encode(encoding)
    says = "the header cannot be read: it holds "
    yield failed(kind, ENCODINGS, label, f"{encoding}, under its producer's name", f"line 1: {says}", content)
    name = f"{slug(ENCODINGS)}/{slug(label)}.csv"
    status, hint = ("ignored", "") if encoding.startswith("cp") else ("failed", f".*`--encoding {encoding}`")
    yield OddFile(ENCODINGS, name, f"{encoding}, under another name", content + b"\n", status, says=says + hint)


def _marked() -> Iterator[OddFile]:
    """Put a byte order mark before the file: one of UTF-8 is normal, what follows a second one is part of a name."""
    for number, kind in enumerate((CORE[0], CORE[3], NAND[0], NAND[1]), start=1):
        sheet = Sheet(kind, f"{BOMS} {number}", quoted=bool(number % 2)).head().row().row()
        yield sheet.landed(BOMS, "a BOM of UTF-8", BOM_UTF8 + sheet.content)
        first = kind.columns[0]
        for at, (odd, mark) in enumerate(
            {
                "two BOMs of UTF-8": BOM_UTF8 * 2,
                "a BOM of UTF-8 and a zero-width blank": BOM_UTF8 + "\u200b".encode(),
            }.items()
        ):
            says = f"line 1: no column `{first}`|line 1: the header cannot be read: text follows"
            yield failed(kind, BOMS, f"{BOMS} {number} {at} {kind.name}", odd, says, mark + sheet.content)
        marks = {"UTF-16 LE": BOM_UTF16_LE, "UTF-16 BE": BOM_UTF16_BE, "UTF-32 LE": BOM_UTF32_LE}
        for at, (of, mark) in enumerate(marks.items()):
            label = f"{BOMS} {number} wrong {at} {kind.name}"
            says = "line 1: the header cannot be read: it holds "
            yield failed(kind, BOMS, label, f"a BOM of {of} before UTF-8", says, mark + sheet.content)
