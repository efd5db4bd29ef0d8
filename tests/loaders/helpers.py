"""What the tests of landing share: files of each kind, what the notebook's pandas made of them, and how to look inside.

Files are spelled by hand or by `csv.writer`, never by the product's own code.
"""

from __future__ import annotations

import csv
import io
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pandas as pd
from hypothesis import HealthCheck, settings

from afterstate.warehouse.connect import connect
from afterstate.warehouse.profile import Credentials
from tests.bench import LAYOUTS, Bench, Server, one_database_place

KEY = ("run_id", "case_id", "antibody_id", "step")
TRACE = (*KEY, "SoMS_cumsum_window", "action_toggle_rate", "blocked_rate_window", "veto_streak")
TRACE_KIND = "core8_state_trace"
TRACE_FILE = "core8_03_refusal_state_trace_counterfactual.csv"


def fuzz(max_examples: int) -> Callable[[Any], Any]:
    """Limit a property test: no stopwatch, servers may be shared by examples; the session's seed draws them."""
    return settings(
        max_examples=max_examples,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]] = (), line_break: str = "\n") -> str:
    """Spell a CSV file as `csv.writer` does."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=line_break)
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def trace(rows: Iterable[Sequence[object]], run: str = "run", header: Sequence[str] = TRACE) -> str:
    """Spell a state trace; a row is what stands behind run, case and antibody, and is filled up with ones."""
    lead = (run, "B_GOVERNED", "antibody_C")
    return csv_text(header, [(*lead, *row, *["1"] * (len(header) - len(lead) - len(row))) for row in rows])


def pandas_table(content: str | bytes, **options: Any) -> pd.DataFrame:
    """Return a file as the notebook read it, unless told otherwise."""
    return pd.read_csv(io.BytesIO(content.encode() if isinstance(content, str) else content), **options)


def another_warehouse(server: Server, folder: Path, layout: str = LAYOUTS[0]) -> Bench:
    """Bring up one more warehouse on a test's server."""
    name = f"test_{next(server.numbers)}"
    bench = Bench(server, {**server.environment, "AFTERSTATE_SCHEMA": name}, folder)
    if layout == "one_database":
        bench = one_database_place(server, folder, name.capitalize())
    up = bench.run("up")
    assert up.exit_code == 0, up.output
    return bench


def fingerprint(bench: Bench, kind: str = TRACE_KIND) -> dict[str, list[tuple[Any, ...]]]:
    """Sum up what landed of one kind, load ids and times left out: two equal warehouses have equal fingerprints."""
    columns = [
        f"ifnull(cast(`{name}` as char), '<null>')" for name in bench.landing_columns()[kind] if name != "_load_id"
    ]
    return {
        "rows": bench.query(
            f"select count(*), sum(crc32(concat_ws('|', {', '.join(columns)}))), min(_row_no), max(_row_no) "
            f"from {{landing}}.{kind} group by _load_id"
        ),
        "rejects": bench.query(
            "select count(*), sum(crc32(concat_ws('|', row_no, line_no, column_name, value, reason, row_text))) "
            "from {landing}.landing_rejects group by load_id"
        ),
        "loads": bench.query(
            "select kind, file_path, file_bytes, content_sha256, rows_read, rows_landed, rows_rejected, status, "
            "finished_at >= started_at from {landing}.landing_loads order by load_id"
        ),
    }


@contextmanager
def watch_rows(bench: Bench, kind: str = TRACE_KIND) -> Iterator[Callable[[], int]]:
    """Return a function that tells the number of the last row that was written, committed or not; 0 without rows."""
    opened = connect(bench.warehouse.landing)
    place = bench.warehouse.table("landing", kind)

    def last_row() -> int:
        with opened.cursor() as cursor:
            cursor.execute(f"select _row_no from {place} order by _load_id desc, _row_no desc limit 1")
            found = cursor.fetchone()
        opened.commit()
        return int(found[0]) if found else 0

    try:
        opened.query("set session transaction isolation level read uncommitted")
        yield last_row
    finally:
        opened.close()


class AskingServer:
    """A server that answers the first statement with `word` in it by asking the client for a file.

    It speaks just enough of the protocol for PyMySQL; `sent` is what the client gave it in answer.
    """

    def __init__(self, word: str, file_name: str) -> None:
        self._word = word.encode()
        self._file_name = file_name.encode()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.sent: list[bytes] = []

    @property
    def account(self) -> Credentials:
        port = self._listener.getsockname()[1]
        return Credentials("mysql", "127.0.0.1", port, "", "somebody", "secret", collation="utf8mb4_bin")

    def __enter__(self) -> AskingServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join(10)
        self._listener.close()

    def _serve(self) -> None:
        client, _ = self._listener.accept()
        with client, client.makefile("rwb") as wire:
            capabilities = 0x0008_8200  # protocol 4.1, with named ways to log in
            low, high = struct.pack("<I", capabilities)[:2], struct.pack("<I", capabilities)[2:]
            greeting = b"\x0a9.7.4\0" + bytes(4) + b"saltsalt\0" + low + b"\x2e\x02\0" + high + b"\x15" + bytes(10)
            self._write(wire, 0, greeting + b"saltsaltsalt\0mysql_native_password\0")
            while packet := self._read(wire):
                number, payload = packet
                if payload == b"\x01":  # goodbye
                    return
                if self._word in payload:
                    self._write(wire, number + 1, b"\xfb" + self._file_name)
                    number = self._take_answer(wire)
                self._write(wire, number + 1, b"\0\0\0\x02\0\0\0")

    def _take_answer(self, wire: IO[bytes]) -> int:
        while packet := self._read(wire):
            number, payload = packet
            if not payload:
                return number
            if number:  # 0 begins another statement
                self.sent.append(payload)
        return 0

    def _read(self, wire: IO[bytes]) -> tuple[int, bytes] | None:
        head = wire.read(4)
        return (head[3], wire.read(int.from_bytes(head[:3], "little"))) if len(head) == 4 else None

    def _write(self, wire: IO[bytes], number: int, payload: bytes) -> None:
        wire.write(struct.pack("<I", len(payload))[:3] + bytes([number & 0xFF]) + payload)
        wire.flush()
