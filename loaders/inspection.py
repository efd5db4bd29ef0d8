"""What a file is, found in one reading and without a server: its kind, its session and run, its columns, its content.

What `inspect` returns is all that landing has to know before it reads the file a second time, into the tables.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from afterstate.errors import LandingError
from loaders import csv_file
from loaders.content import Content, Progress, open_content, plain_name
from loaders.encode import repeated_names
from loaders.encoding import Decoder, guess_encoding, require_encoding
from loaders.kinds import Kind
from loaders.recognise import (
    BEGINNING_BYTES,
    OUR_SUFFIXES,
    UnknownFile,
    kind_by_prefix,
    read_header,
    recognise,
    require_needed,
    require_prefix,
    require_storable,
)
from loaders.runs import NO_RUN, InputFile, Run, RunOptions


@dataclass(frozen=True)
class Inspected:
    """A file that can be landed.

    `header` has its column names in the file's order, `repeated` those that are there more than once. `sha256` and
    `size` (in bytes) are those of its content: decompressed and in UTF-8. `encoding` is the file's own, None for UTF-8.
    """

    found: InputFile
    kind: Kind
    run: Run
    header: list[str]
    sha256: str
    size: int
    encoding: str | None = None

    @property
    def repeated(self) -> list[str]:
        """The column names that the header states more than once."""
        return repeated_names(self.header)


def inspect(
    found: InputFile,
    *,
    kind: Kind | None = None,
    run_options: RunOptions | None = None,
    encoding: str | None = None,
    progress: Progress | None = None,
) -> Inspected:
    """Read a file once and return what it is.

    `kind`, `run_options` and `encoding` (as `known_encoding` returns it) are what the user says about the file; what is
    None comes from the file itself. `progress` is called as `open_content` calls it.

    Raises UnknownFile for a file that is not ours, LandingError for one that cannot be landed, OSError for one that
    cannot be read.
    """
    with open_content(found.file, progress, encoding) as content:
        own_kind, header = _recognise(content, found.file, kind, encoding)
        try:
            run = (run_options or RunOptions()).run_of(found) if own_kind.is_stated_by_run else NO_RUN
            while content.read():
                pass
        except LandingError as error:
            error.kind = own_kind.name
            raise
        return Inspected(found, own_kind, run, header, content.sha256, content.bytes, encoding)


def _recognise(content: Content, path: Path, given: Kind | None, encoding: str | None) -> tuple[Kind, list[str]]:
    """Return a file's kind and column names, from its beginning."""
    try:
        raw = content.peek(BEGINNING_BYTES)
        if encoding:
            require_encoding(path, raw, encoding)
        beginning = Decoder(path, encoding).decode(raw) if encoding else raw
        kind = given or kind_by_prefix(beginning)
        if kind and kind.begins:
            require_prefix(path, kind, beginning)
            return kind, [column.name for column in kind.columns]
        first = csv_file.read_header(content)
    except LandingError as error:
        if given or Path(plain_name(path)).suffix in OUR_SUFFIXES:
            raise
        # Archives of other things are ignored.
        damaged = "it is compressed, and damaged"
        raise UnknownFile(damaged if error.failure == "damaged" else error.reason) from None
    header = read_header(path, first, kind, _guess(raw))
    return _kind_of(path, header, kind), header


def _kind_of(path: Path, header: Sequence[str], given: Kind | None) -> Kind:
    if given:
        require_needed(path, given, header)
    kind = given or recognise(path, header)
    require_storable(path, header)
    return kind


def _guess(beginning: bytes) -> str | None:
    """Return what the encoding of a file seems to be; None for UTF-8, and for bytes that look like no known one."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(beginning)
    except UnicodeDecodeError:
        return guess_encoding(beginning)
    return guess_encoding(beginning) if b"\0" in beginning else None
