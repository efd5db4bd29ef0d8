"""What became of one file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from afterstate.errors import AfterstateError
from loaders import store


@dataclass
class FileResult:
    """What became of one file; `messages` are for people, `error` for programs, the rest is the contract of `--json`.

    `status` is landed, rejected (no row fitted), unchanged, superseded, withdrawn, ignored or failed; `error` is why a
    file has failed.
    """

    file: str
    kind: str | None = None
    status: str = "ignored"
    rows_read: int = 0
    rows_landed: int = 0
    rows_rejected: int = 0
    load_id: int | None = None
    messages: list[str] = field(default_factory=list)
    error: AfterstateError | OSError | None = None

    def __str__(self) -> str:
        """Return the line that a notebook prints, like the command's."""
        counts = f"{self.rows_landed:,} landed, {self.rows_rejected:,} rejected"
        return f"{self.status}: {self.file}, {counts} (load {self.load_id})"

    @property
    def is_rejected(self) -> bool:
        """Whether the file has rows, and none of them fitted, now or when it landed."""
        return self.rows_rejected > 0 and not self.rows_landed

    def as_json(self) -> dict[str, Any]:
        """Return the object that `land --json` prints (design section 2)."""
        names = ("file", "kind", "status", "rows_read", "rows_landed", "rows_rejected", "load_id")
        return {name: getattr(self, name) for name in names}

    def fail(self, error: AfterstateError | OSError, message: str) -> None:
        """Note that nothing of the file has landed, and why."""
        self.status, self.error = "failed", error
        self.messages.append(message)

    def note_known(self, load: store.KnownLoad) -> None:
        """Note that the file was landed before."""
        self.status = "unchanged" if load.status in (store.LANDED, store.REJECTED) else "superseded"
        self.load_id = load.load_id
        self.rows_read, self.rows_landed, self.rows_rejected = load.rows_read, load.rows_landed, load.rows_rejected
        if self.status == "superseded":
            self.messages.append(f"landed before as load {load.load_id}; later loads have restated all of its rows")

    def note_landed(self, load_id: int, landed: int, rejected: int, messages: list[str]) -> None:
        """Note what has landed, in rows, and what was odd about it."""
        self.load_id = load_id
        self.rows_read, self.rows_landed, self.rows_rejected = landed + rejected, landed, rejected
        self.status = store.REJECTED if self.is_rejected else store.LANDED
        self.messages += messages
