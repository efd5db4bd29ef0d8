"""A backup's file: a zip with one JSON object per row and line, and `backup.json`, which has versions and checksums.

Nothing in it belongs to one engine: times are UTC texts to the microsecond, and numbers are spelled so that they read
back to the same double.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from afterstate import __version__
from afterstate.errors import AfterstateError
from afterstate.output import open_new

FORMAT = "afterstate backup"
FORMAT_VERSION = 1
CONTENTS = "backup.json"
HINT = "nothing was restored; take another backup's file"

Row = dict[str, Any]


def is_archive(file: Path) -> bool:
    """Return whether a file is a backup."""
    return zipfile.is_zipfile(file)


def rows_of(file: Path) -> int | None:
    """Return how many rows a backup says that it has; None for a file that does not say it."""
    try:
        with zipfile.ZipFile(file) as opened:
            return sum(int(entry["rows"]) for entry in json.loads(opened.read(CONTENTS))["tables"].values())
    except (OSError, KeyError, TypeError, ValueError, AttributeError, zipfile.BadZipFile, zlib.error):
        return None


def write_archive(file: Path, tables: Mapping[str, Iterable[Row]]) -> dict[str, int]:
    """Write a backup, readable by its owner only, and return the number of rows of each table.

    The file appears when it is whole; `-`, a device and a pipe are written through (afterstate/output.py). Raises
    AfterstateError when it is there already or cannot be written.
    """
    try:
        with open_new(file) as opened, zipfile.ZipFile(opened, "w", zipfile.ZIP_DEFLATED) as archive:
            contents = {name: _write_table(archive, name, rows) for name, rows in tables.items()}
            made = {"format": FORMAT, "version": FORMAT_VERSION, "afterstate": __version__, "tables": contents}
            archive.writestr(CONTENTS, json.dumps(made, indent=2))
    except FileExistsError as error:
        raise AfterstateError(f"`{file}` is there already", "name another file: no backup replaces another") from error
    except BrokenPipeError:
        raise  # whoever read our output has seen enough
    except OSError as error:
        raise AfterstateError(f"`{file}` cannot be written: {error.strerror or error}") from error
    return {name: entry["rows"] for name, entry in contents.items()}


def _write_table(archive: zipfile.ZipFile, name: str, rows: Iterable[Row]) -> dict[str, Any]:
    count, digest = 0, hashlib.sha256()
    with archive.open(f"{name}.jsonl", "w", force_zip64=True) as member:
        for row in rows:
            line = json.dumps(row, ensure_ascii=False, default=_spell).encode() + b"\n"
            digest.update(line)
            member.write(line)
            count += 1
    return {"rows": count, "sha256": digest.hexdigest()}


def _spell(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="microseconds")
    raise TypeError(f"a backup cannot hold {type(value)}")


class Archive:
    """A backup that was opened for reading; all of it is checked before any row is returned."""

    def __init__(self, file: Path) -> None:
        """Open and check a backup. Raises AfterstateError when it is damaged, or made by a newer Afterstate."""
        self._file = file
        try:
            self._zip = zipfile.ZipFile(file)
            made = json.loads(self._zip.read(CONTENTS))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise AfterstateError(f"`{file}` is not a backup of Afterstate: {error}", HINT) from error
        if made.get("format") != FORMAT or made.get("version", 0) > FORMAT_VERSION:
            raise AfterstateError(
                f"`{file}` was written by Afterstate {made.get('afterstate')} in a form that this one does not know",
                "restore it with that Afterstate, or a newer one",
            )
        self.counts = {name: int(entry["rows"]) for name, entry in made["tables"].items()}
        for name, entry in made["tables"].items():
            self._check(name, str(entry["sha256"]))

    def _check(self, name: str, sha256: str) -> None:
        digest = hashlib.sha256()
        try:
            with self._zip.open(f"{name}.jsonl") as member:
                for line in member:
                    digest.update(line)
        except (OSError, KeyError, zipfile.BadZipFile, zlib.error) as error:
            raise AfterstateError(f"`{self._file}` is damaged: {name}: {error}", HINT) from error
        if digest.hexdigest() != sha256:
            raise AfterstateError(f"`{self._file}` is damaged: {name} has another checksum", HINT)

    def rows(self, name: str) -> Iterator[Row]:
        """Yield a table's rows; columns that end in `_at` are times."""
        with self._zip.open(f"{name}.jsonl") as member:
            for line in member:
                yield {column: _read(column, value) for column, value in json.loads(line).items()}


def _read(column: str, value: Any) -> Any:
    return dt.datetime.fromisoformat(value) if column.endswith("_at") and value is not None else value
