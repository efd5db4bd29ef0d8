"""A CSV file that is written line by line, together with what must become of each line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from tests.loaders.odd.expect import Landed, OddFile, Rejected, status_of
from tests.loaders.odd.kinds import OddKind
from tests.loaders.odd.values import expected_row, whole_row

Fill = Callable[["Sheet"], object]  # writes a sheet from its header on
_LINE_BREAK = re.compile("\r\n|\r|\n")


def cell(text: str, always: bool = False) -> str:
    """Spell a field: in quotes where it must be, quotes doubled."""
    return '"' + text.replace('"', '""') + '"' if always or re.search('[",\r\n]', text) else text


class Sheet:
    """One file of a kind on its way. The label is the file's name without its ending, and in each row that fits."""

    def __init__(
        self,
        kind: OddKind,
        label: str,
        header: Sequence[str] | None = None,
        line_break: str = "\n",
        quoted: bool = False,
    ) -> None:
        self.kind = kind
        self.label = label
        self.header = list(kind.columns if header is None else header)
        self.rows: list[Landed | Rejected] = []
        self._line_break = line_break
        self._quoted = quoted
        self._parts: list[str] = []
        self._line_no = 1

    def head(self) -> Sheet:
        """Write the header."""
        return self.skipped(self._spell(self.header))

    def row(self, changes: Mapping[str, str] | None = None, line_break: str | None = None) -> Sheet:
        """Write a row that fits, but for the changes; columns of the header that are none of the kind hold `other`."""
        cells = {**self.kind.fitting(self.label), **(changes or {})}
        return self.cells([cells.get(name, "other") for name in self.header], line_break)

    def cells(self, cells: Sequence[str], line_break: str | None = None, text: str | None = None) -> Sheet:
        """Write a row of just these cells; `text` is how they are spelled, when not as usual."""
        text = self._spell(cells) if text is None else text
        self.rows.append(expected_row(self.kind, self.header, cells, self._line_no, text))
        return self.skipped(text, line_break)

    def broken(self, text: str, says: str, line_break: str | None = None) -> Sheet:
        """Write a line that must be rejected as a whole."""
        self.rows.append(whole_row(self._line_no, says, text))
        return self.skipped(text, line_break)

    def skipped(self, text: str, line_break: str | None = None) -> Sheet:
        """Write what is not a row: the header, or a blank line."""
        written = text + (self._line_break if line_break is None else line_break)
        self._parts.append(written)
        self._line_no += len(_LINE_BREAK.findall(written))
        return self

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def content(self) -> bytes:
        """The file's bytes; lone surrogates are the bytes that they stand for."""
        return self.text.encode("utf-8", "surrogateescape")

    def landed(
        self, group: str, odd: str, content: bytes | None = None, packed: bytes | None = None, name: str = ""
    ) -> OddFile:
        """Return the file, of which the rows that fit must land.

        `content` is the same text as other bytes, `packed` is what holds them, compressed.
        """
        plain = self.content if content is None else content
        return OddFile(
            group=group,
            name=name or place(self.kind, group, self.label),
            odd=odd,
            content=plain if packed is None else packed,
            status=status_of(self.rows),
            kind=self.kind.name,
            rows=tuple(self.rows),
            plain=plain,
        )

    def failed(self, group: str, odd: str, says: str, content: bytes | None = None, name: str = "") -> OddFile:
        """Return the file, which must fail as a whole although it is one of ours."""
        return failed(self.kind, group, self.label, odd, says, self.content if content is None else content, name)

    def _spell(self, cells: Sequence[str]) -> str:
        return ",".join(cell(text, self._quoted) for text in cells)


def failed(kind: OddKind, group: str, label: str, odd: str, says: str, content: bytes, name: str = "") -> OddFile:
    """Return a file under its producer's name that must fail as a whole."""
    name = name or f"{slug(group)}/{slug(label)}/{kind.named}"
    return OddFile(group, name, odd, content, "failed", says=says)


def place(kind: OddKind, group: str, label: str) -> str:
    """Name a file: a nand file under its producer's name in a session of its own, a core file under another name."""
    folder = slug(group)
    return f"{folder}/{slug(label)}/{kind.named}" if kind.is_nand else f"{folder}/{slug(label)}/{kind.name}.csv"


def slug(text: str) -> str:
    """Spell a label as a file's name."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
