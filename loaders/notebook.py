"""Landing from Python, as a notebook does it: files and folders, and DataFrames (design sections 2 and 3).

A frame goes the same way as a file: it is written as pandas would write its CSV, so that the frame and that file
land the same, and the file counts as landed when the frame is.
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from afterstate.errors import UsageError
from afterstate.warehouse.profile import Warehouse, read_warehouse
from afterstate.warehouse.settings import Settings
from loaders.encoding import known_encoding
from loaders.find import find_files
from loaders.kinds import Kind
from loaders.land import Lander
from loaders.memory import MEMORY, in_json, plain, require_landed
from loaders.recognise import UnknownFile, kind_named, recognise
from loaders.result import FileResult
from loaders.runs import InputFile, RunOptions
from loaders.side_by_side import land_files

if TYPE_CHECKING:
    import pandas as pd

_CONTAINERS = (dict, list, tuple, set, frozenset)


class RowsRejected(UserWarning):
    """Some rows did not fit and are in landing_rejects; all others have landed."""


def land(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    kind: str | None = None,
    session: str | None = None,
    run: str | None = None,
    encoding: str | None = None,
    warehouse: Warehouse | None = None,
) -> list[FileResult]:
    """Land files, and all files in folders, exactly once, as `afterstate land` does; return what became of each.

    `paths` is one path or several, of files or folders. `kind` is a kind's name (`core8_state_trace`), `encoding` one
    that Python knows (`cp949`); `session` and `run` are those of nand files, `run` where a file's name has none. What
    is None is told from each file, its name and its folder. `warehouse` is the environment's unless it is given.

    Warns with RowsRejected when rows did not fit. Raises UsageError for a path that is neither a file nor a folder, for
    an unknown kind or encoding, and for names that cannot be kept; raises LandingError, when all others have landed,
    for files that could not.
    """
    named = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    lander = Lander(
        warehouse or read_warehouse(Settings.from_environment()),
        kind_named(kind) if kind else None,
        run_options=RunOptions(session, run),
        encoding=known_encoding(encoding) if encoding is not None else None,
    )
    results = land_files(lander, find_files([Path(path).expanduser() for path in named]))
    _require_landed(results)
    return results


def land_frame(
    frame: pd.DataFrame,
    *,
    kind: str | None = None,
    session: str | None = None,
    run: str | None = None,
    warehouse: Warehouse | None = None,
) -> FileResult:
    """Land a DataFrame under every rule that its CSV would land under; return what became of it.

    `kind` is told from the columns unless it is given. A nand kind needs `session` and `run`, since a frame has neither
    a folder nor a name. A named index counts as columns, an unnamed one as row numbers, which are left out. NaN, None,
    pd.NA and empty texts are empty; dicts and lists are stored as JSON. `warehouse` is the environment's unless it is
    given.

    Warns with RowsRejected when rows did not fit: `row_no` in landing_rejects is the row's position, counted from 1.
    Raises UsageError for a frame whose kind cannot be told, for a session or run that is missing or cannot be kept, and
    for column names that no file could have; raises LandingError when a needed column is missing or no row fits.
    """
    flat = _flat(frame)
    header = [str(name) for name in flat.columns]
    chosen = _kind_of(header, kind)
    if chosen.is_stated_by_run and not (session and run):
        raise UsageError(
            f"a {chosen.name} belongs to a session and a run", "name them: `land_frame(…, session='…', run='…')`"
        )
    lander = Lander(warehouse or read_warehouse(Settings.from_environment()), run_options=RunOptions(session, run))
    with tempfile.TemporaryDirectory(prefix="afterstate-") as folder:
        file = Path(folder) / chosen.name
        _write(flat, file)
        result = lander.land_found(InputFile(file, file, f"{MEMORY}:{chosen.name}", MEMORY), chosen)
    _require_landed([result])
    return result


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with the levels of its index that have names of their own as columns."""
    if frame.columns.nlevels > 1:
        raise UsageError("the frame's columns have several levels", "expected one name for each column; flatten them")
    names = [name for name in frame.index.names if name is not None and name not in frame.columns]
    flat = frame.reset_index(level=names) if names else frame.copy(deep=False)
    for name in map(str, flat.columns):
        if "\0" in name or name.encode("utf-8", "replace").decode() != name:
            raise UsageError(f"the frame has the column {name!a}", "expected a name that can be written in UTF-8")
    return flat


def _kind_of(header: Sequence[str], name: str | None) -> Kind:
    try:
        kind = kind_named(name) if name else recognise(Path("the frame"), header)
    except UnknownFile as unknown:
        raise UsageError(f"the frame's kind is unclear: {unknown}", "name it: `land_frame(…, kind='…')`") from None
    if kind.begins:
        raise UsageError(f"a {kind.name} is a log, not a table", "land its file: `land('….log')`")
    return kind


def _write(flat: pd.DataFrame, file: Path) -> None:
    """Write a frame as `to_csv(index=False)` does, except for what a CSV of pandas' loses: structures, and lone CRs."""
    quoting = csv.QUOTE_MINIMAL
    for position in range(flat.shape[1]):
        column = flat.iloc[:, position]
        if column.dtype.kind == "O":  # texts of all sorts, categories, and whatever else may be an object
            column = column.map(_as_json)
            flat.isetitem(position, column)
            if any(isinstance(value, str) and "\r" in value for value in column):
                quoting = csv.QUOTE_NONNUMERIC
    flat.to_csv(file, index=False, quoting=quoting, lineterminator="\n", encoding="utf-8", errors="surrogatepass")


def _as_json(value: Any) -> Any:
    """Return a structure as JSON, and any other value as it is."""
    item = plain(value)
    if not isinstance(item, _CONTAINERS):
        return value
    listed = sorted(item, key=str) if isinstance(item, set | frozenset) else item
    return json.dumps(listed, ensure_ascii=False, default=in_json)


def _require_landed(results: Sequence[FileResult]) -> None:
    """Warn of rejected rows; raise LandingError for what could not land at all."""
    for result in results:
        if result.rows_rejected and result.rows_landed:
            lead = f"{result.file}: {result.rows_rejected:,} of {result.rows_read:,} rows do not fit"
            warnings.warn("\n  ".join([lead, *result.messages]), RowsRejected, stacklevel=3)
    require_landed(results, "all else has landed; fix this, then land the same again")
