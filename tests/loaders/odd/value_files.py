"""One file for each odd value and kind: the value in each column in turn, and rows that fit around it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.loaders.odd.expect import OddFile, visible
from tests.loaders.odd.kinds import CORE, NAND, OddKind
from tests.loaders.odd.log import LogSheet
from tests.loaders.odd.sheet import Sheet
from tests.loaders.odd.texts import ODD_TEXTS

OTHER = "note"  # a column that no kind has


def value_files() -> Iterator[OddFile]:
    """Each value goes into a core kind, a nand kind in turn, and some into a log: every value meets every type."""
    number = 0
    for group, texts in ODD_TEXTS.items():
        for at, text in enumerate(texts, start=1):
            number += 1
            label = f"{group} {at:03d}"
            yield _in_each_column(CORE[number % len(CORE)], group, label, text)
            if number % (len(NAND) + 1) < len(NAND):
                yield _in_each_column(NAND[number % (len(NAND) + 1)], group, label, text)
            elif not re.search("[\r\n]", text):  # a log has no quotes: a line break would end its line
                yield _in_each_field(group, label, text)


def _in_each_column(kind: OddKind, group: str, label: str, text: str) -> OddFile:
    # Every other file quotes all fields: quotes must change nothing.
    quoted = label[-1] in "13579"
    sheet = Sheet(kind, label, header=[*kind.columns, OTHER], quoted=quoted).head().row()
    for column in sheet.header:
        sheet.row({column: text})
    odd = f"`{visible(text)}` in each column" + (", all quoted" if quoted else "")
    return sheet.row().landed(group, odd)


def _in_each_field(group: str, label: str, text: str) -> OddFile:
    sheet = LogSheet(label).talk("# proposer debug log").selected().phase_key()
    for field in sheet.fields["phase_key"]:
        sheet.phase_key({field: text})
    for field in sheet.fields["selected"]:
        sheet.selected({field: text})
    return sheet.phase_key().landed(group, f"`{visible(text)}` in each field of a log's lines")
