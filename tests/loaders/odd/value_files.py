"""One file for each odd value and kind: the value in each column in turn, and rows that fit around it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.loaders.odd.expect import OddFile, code
from tests.loaders.odd.kinds import LONG, NAND, OddKind, kinds_in_turn
from tests.loaders.odd.log import FIELDS, LogSheet
from tests.loaders.odd.sheet import Sheet
from tests.loaders.odd.texts import ODD_STATES, ODD_TEXTS

LOG_EVERY = 5
STATES = "States"
OTHER = "note"  # a column that no kind has


def value_files() -> Iterator[OddFile]:
    """Yield a file for each state, and for each other value one of a kind in turn, logs among them, or of all."""
    for number, text in enumerate(ODD_STATES, start=1):
        yield _in_each_column(NAND[0], STATES, f"{STATES} {number:03d}", text)
    number = 0
    for group, texts in ODD_TEXTS.items():
        for at, text in enumerate(texts, start=1):
            number += 1
            label = f"{group} {at:03d}"
            in_log = not re.search("[\r\n]", text)  # a log has no quotes: a line break would end its line
            if LONG or number % LOG_EVERY or not in_log:
                for kind in kinds_in_turn(number):
                    yield _in_each_column(kind, group, label, text)
            if in_log and (LONG or number % LOG_EVERY == 0):
                yield _in_each_field(group, label, text)


def _in_each_column(kind: OddKind, group: str, label: str, text: str) -> OddFile:
    # Every other file quotes all fields: quotes must change nothing.
    quoted = label[-1] in "13579"
    sheet = Sheet(kind, label, header=[*kind.columns, OTHER], quoted=quoted).head().row()
    for column in sheet.header:
        sheet.row({column: text})
    odd = f"{code(text)} in each column" + (", all quoted" if quoted else "")
    return sheet.row().landed(group, odd)


def _in_each_field(group: str, label: str, text: str) -> OddFile:
    sheet = LogSheet(label).talk("# proposer debug log").selected().phase_key()
    for field in FIELDS["phase_key"]:
        sheet.phase_key({field: text})
    for field in FIELDS["selected"]:
        sheet.selected({field: text})
    return sheet.phase_key().landed(group, f"{code(text)} in each field of a log's lines")
