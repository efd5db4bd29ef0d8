"""Ways for encoded lines into a table: LOAD DATA, and INSERT where the server's `local_infile` is off.

Both take the same blocks of the same lines, and both end at the same gate: the number of rows as the server counted it,
and no warning. The lines' quoting is also SQL's once backslashes are data, so that INSERT has only to find where each
line ends. Numbers then come in quotes, too: their text is read by the rules by which LOAD DATA reads it, a bare one by
those of SQL's literals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import numpy as np
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import mysql

from afterstate.errors import LandingError
from afterstate.warehouse.connect import SQL_MODE, STREAM_NAME, LandingConnection
from loaders.encode import LOAD_FORMAT
from loaders.prefetch import prefetched

Buffer = bytes | memoryview
# A statement's length: what comes at once is parsed at once, and servers take 16 MiB or more.
STATEMENT_BYTES = 1 << 20
QUOTE, LINE_END = b'"'[0], b"\n"[0]


def load_data(
    connection: Connection, table: Table, columns: Sequence[str], constants: dict[str, Any], lines: Iterable[Buffer]
) -> int:
    """Stream lines through LOAD DATA LOCAL and return the number of rows as the server counted it.

    `constants` are the values of columns that are the same in each row. Raises LandingError when the server warns of
    anything: with LOCAL it would convert or skip instead of failing (MySQL manual, "LOAD DATA Statement").
    """
    raw = _raw(connection)
    names = ", ".join(f"`{name}`" for name in columns)
    # All bytes are UTF-8, as are the columns. To say so makes the servers look at each byte for what it might begin,
    # which takes MariaDB a twentieth of its time; but MySQL makes no JSON of bytes (error 3144).
    has_json = any(isinstance(table.c[name].type, mysql.JSON) for name in columns)
    settings = ", ".join(f"`{name}` = {raw.escape(value)}" for name, value in constants.items())
    settings = f" set {settings}" if settings else ""
    stored, warnings = raw.load(
        f"load data local infile '{STREAM_NAME}' into table `{table.schema}`.`{table.name}` "
        f"character set {'utf8mb4' if has_json else 'binary'} {LOAD_FORMAT} ({names}){settings}",
        lines,
    )
    _require_no_warnings(raw, table, warnings)
    return int(stored)


def insert_lines(
    connection: Connection, table: Table, columns: Sequence[str], constants: dict[str, Any], lines: Iterable[Buffer]
) -> int:
    """Send lines as INSERTs of many rows and return the number of rows as the server counted it.

    The arguments are those of `load_data`. Raises LandingError as that does, and for a row that is longer than a
    statement may be.
    """
    raw = _raw(connection)
    longest = _longest_statement(raw)
    raw.query(f"set session sql_mode = '{SQL_MODE},NO_BACKSLASH_ESCAPES'")
    names = ", ".join(f"`{name}`" for name in (*constants, *columns))
    head = f"insert into `{table.schema}`.`{table.name}` ({names}) values\n".encode()
    before = ("(" + "".join(f"{raw.escape(value)}," for value in constants.values())).encode()
    stored = 0
    statements = (head + before + (b"),\n" + before).join(rows) + b")" for rows in _statements(lines))
    with prefetched(statements) as made:
        for statement in made:
            if len(statement) >= longest:
                raise LandingError(
                    f"a row takes {len(statement):,} bytes, the server's max_allowed_packet is {longest:,}",
                    "as an administrator: set global max_allowed_packet = 1073741824;",
                    failure="too_long",
                )
            stored += raw.query(cast(str, statement))  # PyMySQL sends bytes as they are
            _require_no_warnings(raw, table, raw.warning_count)
    raw.query(f"set session sql_mode = '{SQL_MODE}'")
    return stored


def _statements(lines: Iterable[Buffer]) -> Iterator[list[bytes]]:
    """Yield the lines, without their ends, in lists that are about as long as a statement may be."""
    gathered: list[bytes] = []
    size = 0
    for rows in _split(lines):
        for row in rows:
            if gathered and size + len(row) > STATEMENT_BYTES:
                yield gathered
                gathered, size = [], 0
            gathered.append(row)
            size += len(row)
    if gathered:
        yield gathered


def _split(blocks: Iterable[Buffer]) -> Iterator[list[bytes]]:
    """Yield the whole lines of each block; a line ends at a line break that is not in quotes."""
    rest = b""
    for block in blocks:
        text = rest + bytes(block)
        codes = np.frombuffer(text, np.uint8)
        is_inside = np.bitwise_xor.accumulate(codes == QUOTE)  # a doubled quote leaves and enters again
        ends = np.flatnonzero((codes == LINE_END) & ~is_inside).tolist()
        starts = [0, *(end + 1 for end in ends)]
        yield [text[start:end] for start, end in zip(starts, ends, strict=False)]
        rest = text[starts[-1] :]
    if rest:
        yield [rest]  # no whole line: for the server to refuse


def _longest_statement(raw: LandingConnection) -> int:
    with raw.cursor() as cursor:
        cursor.execute("select @@max_allowed_packet")
        return int(cursor.fetchone()[0])


def _raw(connection: Connection) -> LandingConnection:
    return cast(LandingConnection, connection.connection.driver_connection)


def _require_no_warnings(raw: LandingConnection, table: Table, warnings: int) -> None:
    if not warnings:
        return
    with raw.cursor() as cursor:
        cursor.execute("show warnings limit 3")
        shown = "; ".join(_without_data(str(row[2])) for row in cursor.fetchall())
    raise LandingError(
        f"the server would have changed {warnings} values on their way into {table.name}: {shown}",
        "nothing was landed; please report this with the file's header",
        failure="server",
    )


def _without_data(message: str) -> str:
    """Keep a server's warning to one line of bearable length."""
    return re.sub(r"\s+", " ", message)[:200]
