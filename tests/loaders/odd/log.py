"""A proposer's log that is written line by line, together with what must become of each line."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.loaders.odd.expect import Landed, OddFile, Rejected, printable, status_of
from tests.loaders.odd.kinds import LOG
from tests.loaders.odd.sheet import place
from tests.loaders.odd.values import expected_row, whole_row

_LINES = {
    "phase_key": "[proposer] phase_key: now={now_us} die={die} plane={plane} rm_state={rm_state} "
    "hook_label={hook_label} -> key={phase_key}",
    "selected": "[proposer] selected op={op_name} base={op_base} start_us={start_us} len_batch={len_batch}",
}
FIELDS = {word: re.findall(r"\{(\w+)\}", line) for word, line in _LINES.items()}
_ONE_WORD = {"now_us", "die", "plane", "start_us", "len_batch"}


class LogSheet:
    """One log on its way."""

    def __init__(self, label: str, line_break: str = "\n") -> None:
        self.label = label
        self.rows: list[Landed | Rejected] = []
        self._fitting = LOG.fitting(label)
        self._line_break = line_break
        self._lines: list[str] = []

    def talk(self, line: str) -> LogSheet:
        """Write a line that is not a row."""
        self._lines.append(line)
        return self

    def phase_key(self, changes: Mapping[str, str] | None = None) -> LogSheet:
        """Write what key was chosen."""
        return self._line("phase_key", changes or {})

    def selected(self, changes: Mapping[str, str] | None = None) -> LogSheet:
        """Write what operation was chosen."""
        return self._line("selected", changes or {})

    def broken(self, line: str) -> LogSheet:
        """Write a line that is cut short or spoilt."""
        self.rows.append(whole_row(len(self._lines) + 1, "the line is not as the proposer writes it", line))
        return self.talk(line)

    @property
    def content(self) -> bytes:
        text = "".join(line + self._line_break for line in self._lines)
        return text.encode("utf-8", "surrogateescape")

    def landed(
        self, group: str, odd: str, content: bytes | None = None, packed: bytes | None = None, name: str = ""
    ) -> OddFile:
        """Return the file, as a `Sheet` does."""
        plain = self.content if content is None else content
        return OddFile(
            group=group,
            name=name or place(LOG, group, self.label),
            odd=odd,
            content=plain if packed is None else packed,
            status=status_of(self.rows),
            kind=LOG.name,
            rows=tuple(self.rows),
            plain=plain,
        )

    def _line(self, word: str, changes: Mapping[str, str]) -> LogSheet:
        values = {name: {**self._fitting, **changes}[name] for name in FIELDS[word]}
        line = _LINES[word].format(**values)
        if not all(values.values()) or any(values[name].split() != [values[name]] for name in _ONE_WORD & set(values)):
            return self.broken(line)
        header, cells = list(LOG.columns), {"line_kind": word, **values}
        row = expected_row(LOG, header, [cells.get(name, "") for name in header], len(self._lines) + 1, line)
        if isinstance(row, Rejected):
            row = Rejected(row.line_no, row.column, row.value, row.says, printable(line))
        self.rows.append(row)
        return self.talk(line)
