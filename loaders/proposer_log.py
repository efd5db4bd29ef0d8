"""A proposer's debug log as records.

A `phase_key:` line says what key was chosen, where and when; a `selected` line says what operation came of the choice
above it; all other lines are talk. Each record has the columns of its line and leaves the others empty.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator

from loaders.reader import Bytes, Reading, Record, batches_of, read_lines

BEGINS = ("# proposer debug log", "[proposer] ")
_LINES = {
    "phase_key": re.compile(
        r"\[proposer\] phase_key: now=(?P<now_us>\S+) die=(?P<die>\S+) plane=(?P<plane>\S+) rm_state=(?P<rm_state>.+) "
        r"hook_label=(?P<hook_label>.+) -> key=(?P<phase_key>.+)"
    ),
    "selected": re.compile(
        r"\[proposer\] selected op=(?P<op_name>.+) base=(?P<op_base>.+) "
        r"start_us=(?P<start_us>\S+) len_batch=(?P<len_batch>\S+)"
    ),
}
COLUMNS = ("line_kind", *(name for line in _LINES.values() for name in line.groupindex))
# What the lines of a kind say without exception: `now=nan` says nothing.
FILLED = {"phase_key": ("now_us", "die", "plane", "phase_key"), "selected": ("op_name",)}
_EXPECTED = {
    "phase_key": "now=… die=… plane=… rm_state=… hook_label=… -> key=…",
    "selected": "op=… base=… start_us=… len_batch=…",
}
_WORD = re.compile(r"\[proposer\] (phase_key|selected)\b")


def read(stream: Bytes) -> Reading:
    """Read a log: its columns, and a row for each line that matters; a line cut short has a problem."""
    return Reading(list(COLUMNS), batches_of(_records(stream), len(COLUMNS)))


def _records(stream: Bytes) -> Iterator[Record]:
    row_no = 0
    for line_no, line in enumerate(read_lines(stream), start=1):
        text = line.removeprefix(BOM_UTF8).decode("utf-8", "surrogateescape").rstrip("\r\n")
        word = _WORD.match(text)
        if not word:
            continue
        row_no += 1
        found = _LINES[word[1]].fullmatch(text)
        values = {"line_kind": word[1], **(found.groupdict() if found else {})}
        problem = "" if found else f"the line is not as the proposer writes it, expected `{_EXPECTED[word[1]]}`"
        yield Record(row_no, line_no, [values.get(name, "") for name in COLUMNS], text, problem)
