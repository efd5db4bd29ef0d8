"""One inspected file on its way into its tables, inside the caller's transaction.

While the server takes one block of rows in, a thread reads and checks the next. Rejects wait in a temporary file until
the rows are there: a connection sends one thing at a time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Protocol

from sqlalchemy import Connection

from afterstate.errors import LandingError
from loaders import store
from loaders.content import Content, Progress, changed, open_content
from loaders.encode import Encoder, Reject
from loaders.encoding import advice, guess_encoding
from loaders.inspection import Inspected
from loaders.prefetch import prefetched
from loaders.reader import Unreadable, visible
from loaders.send import insert_lines
from loaders.tables import LandingTables
from loaders.temporary import no_room_for_temporary_files

# A packet holds up to 16 MiB; smaller ones let the server begin sooner.
SEND_BYTES = 1 << 20
REJECTS_IN_MEMORY_BYTES = 16 << 20
SHOWN_REJECTS = 3


@dataclass(frozen=True)
class Destination:
    """The tables, a connection in a transaction, and how lines are sent over it (`send`)."""

    connection: Connection
    tables: LandingTables
    send: store.Send


class SentRows(Protocol):
    """What is known of a file's rows once they are sent: their numbers, the first rejects, and what its bytes were."""

    encoder: Encoder
    landed: int
    rejected: int
    first_rejects: list[Reject]


class EncodedRows:
    """A file's rows as blocks of encoded lines, to be gone through once; its rejects go to `spool` meanwhile.

    Afterwards `landed` and `rejected` are their numbers, `first_rejects` the few that are shown, and `encoder` knows of
    bytes that are not of the file's encoding. Raises Unreadable where a line is too long.
    """

    def __init__(self, inspected: Inspected, content: Content, spool: IO[bytes], *, quotes_all: bool) -> None:
        reading = inspected.kind.read(content)
        self.encoder = Encoder(inspected.kind, reading.header, inspected.encoding, quotes_all=quotes_all)
        self.landed = self.rejected = 0
        self.first_rejects: list[Reject] = []
        self._shown = inspected.found.shown
        self._batches = reading.batches
        self._spool = spool

    def __iter__(self) -> Iterator[memoryview]:
        for batch in self._batches:
            for lines, count, rejects in self.encoder.encode(batch):
                self.landed += count
                self._keep(rejects)
                yield lines

    def _keep(self, rejects: Sequence[Reject]) -> None:
        self.rejected += len(rejects)
        self.first_rejects += rejects[: SHOWN_REJECTS - len(self.first_rejects)]
        with no_room_for_temporary_files(self._shown):
            self._spool.writelines(reject.line() for reject in rejects)


def send_file(
    destination: Destination, inspected: Inspected, load_id: int, progress: Progress | None = None
) -> EncodedRows:
    """Send a file's rows and rejects into their tables, and return the rows that were sent.

    `progress` is called as `open_content` calls it. Raises LandingError unless all of them arrived as they were sent,
    and the file is still what was inspected.
    """
    with (
        open_content(inspected.found.file, progress, inspected.encoding) as content,
        tempfile.SpooledTemporaryFile(REJECTS_IN_MEMORY_BYTES) as spool,
    ):
        rows = _send_rows(destination, inspected, load_id, content, spool)
        if content.sha256 != inspected.sha256:
            raise changed(inspected.found.shown)
        spool.seek(0)
        stored = store.stream_rejects(
            destination.send,
            destination.connection,
            destination.tables.rejects,
            load_id,
            inspected.kind,
            inspected.found.place,
            _read_all(spool),
        )
        _require_all(stored, rows.rejected, "rejects")
    return rows


def _send_rows(
    destination: Destination, inspected: Inspected, load_id: int, content: Content, spool: IO[bytes]
) -> EncodedRows:
    with readable():
        rows = EncodedRows(inspected, content, spool, quotes_all=destination.send is insert_lines)
        with prefetched(rows) as blocks:
            stored = store.stream_rows(
                destination.send,
                destination.connection,
                destination.tables.rows[inspected.kind.name],
                rows.encoder.columns,
                load_id,
                packets(blocks),
            )
    _require_all(stored, rows.landed, "rows")
    return rows


@contextmanager
def readable() -> Iterator[None]:
    """Turn Unreadable into the LandingError that says so."""
    try:
        yield
    except Unreadable as error:
        hint = "expected CSV, one row per line; nothing of the file was landed"
        raise LandingError(str(error), hint, failure="too_long") from error


def _require_all(stored: int, sent: int, what: str) -> None:
    if stored != sent:
        raise LandingError(
            f"the server stored {stored} of {sent} {what}; nothing of the file was landed",
            "run the same command again; if that fails again, please report it with the file's header",
            failure="server",
        )


def oddities(inspected: Inspected, rows: SentRows) -> list[str]:
    """Return what is worth knowing about a file that has landed, a message each."""
    shown = inspected.found.shown
    found = [f"{shown}: column `{visible(name)}` is there twice, the first is kept" for name in inspected.repeated]
    found += [f"{shown}: {reject}" for reject in rows.first_rejects]
    if rows.rejected > SHOWN_REJECTS:
        found.append(f"… and {rows.rejected - SHOWN_REJECTS} more in landing_rejects")
    if rows.encoder.undecoded_rows and not inspected.encoding:
        lead = f"{shown}: rows with bytes that are not UTF-8: {rows.encoder.undecoded_rows:,}"
        found.append(f"{lead}\n  {advice(guess_encoding(rows.encoder.undecoded))}")
    return found


def _read_all(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(SEND_BYTES):
        yield block


def packets(blocks: Iterable[memoryview]) -> Iterator[memoryview]:
    """Cut blocks into what is sent at once."""
    for block in blocks:
        for start in range(0, len(block), SEND_BYTES):
            yield block[start : start + SEND_BYTES]
