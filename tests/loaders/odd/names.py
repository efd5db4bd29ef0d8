"""Files whose names are odd, or say something else than the files are; and strangers' files."""

from __future__ import annotations

import os
from collections.abc import Iterator

from tests.loaders.odd.expect import OddFile, code
from tests.loaders.odd.kinds import CORE, LOG, NAND, TABLES, kinds_in_turn
from tests.loaders.odd.log import LogSheet
from tests.loaders.odd.sheet import Sheet, failed, slug

NAMES, EMPTY, STRANGERS, LOGS = "Names", "Empty files", "Strangers' files", "Logs"
_ODD_NAMES = [
    "한글 🧬.csv",
    "two\nlines.csv",
    "\x1b[2J.csv",
    "'; drop table landing_loads; --.csv",
    '"quoted".csv',
    "a,b;c|d.csv",
]
_ODD_NAMES += [
    "%s%n{0}.csv",
    "$(touch odd_was_here).csv",
    "`touch odd_was_here`.csv",
    "back\\slash\\N.csv",
    " blanks .csv ",
    "-rf.csv",
]
_ODD_NAMES += [
    "\u202egnp.csv",
    "[red]x[/red].csv",
    "x" * 250 + ".csv",
    "NULL",
    "no ending",
    "trace.csv.bak",
    "trace.xlsx",
    "TRACE.CSV",
    "a: b: c.csv",
]
_ODD_NAMES += [os.fsdecode(b"Gr\xf6\xdfe.csv"), "e\u0301.csv", "\u00e9.csv", "~$trace.csv", "*.csv", "?"]


def named_files() -> Iterator[OddFile]:
    """Return all files that are odd by their names, or none of ours."""
    for number, name in enumerate(_ODD_NAMES, start=1):
        sheet = (
            Sheet(CORE[number % len(CORE)], f"{NAMES} {number:03d}")
            .head()
            .row({"step": "x", "shutdown_step": "x"})
            .row()
        )
        yield sheet.landed(NAMES, f"the name {code(name)}", name=f"{slug(NAMES)}/{name}")
    yield from _lying_names()
    yield from _runs_and_sessions()
    yield from _empty()
    yield from _strangers()
    yield from _logs()


def _lying_names() -> Iterator[OddFile]:
    """Return each kind's file the name of the next kind: the header tells."""
    for kind, other in zip(TABLES, [*TABLES[1:], TABLES[0]], strict=True):
        sheet = Sheet(kind, f"{NAMES} lies {kind.name}").head().row()
        odd = f"a {kind.name} that is named like a {other.name}"
        name = f"{slug(NAMES)}/lies-{slug(kind.name)}/{other.named}"
        if kind.is_nand and not other.is_nand:
            yield sheet.failed(NAMES, odd, "the name contains no run", name=name)
        else:
            yield sheet.landed(NAMES, odd, name=name)


def _runs_and_sessions() -> Iterator[OddFile]:
    """Name nand files so that no run is told, or their folder so that it can name no session."""
    names = [
        "op_state_timeline.csv",
        "op_state_timeline_261122_0000001.csv.bak",
        "op_state_timeline_261122_0000001 (1).csv",
    ]
    names += [
        "op_state_timeline_261122-0000001.csv",
        "op_state_timeline_26112_0000001.csv",
        "op_state_timeline_261122_.csv",
    ]
    names += ["op_state_timeline_\u0662\u0666\u0661\u0661\u0662\u0662_\u0661.csv", "261122_0000001x.csv"]
    for number, name in enumerate(names, start=1):
        sheet = Sheet(NAND[0], f"{NAMES} run {number}").head().row()
        place = f"{slug(NAMES)}/run-{number}/{name}"
        yield sheet.failed(NAMES, f"{code(name)} contains no run", "the name contains no run", name=place)
    sessions = {
        "x" * 65: "it has 65 characters",
        "two\nlines": "it holds a control character",
        os.fsdecode(b"\xff"): "it holds a byte that is not UTF-8",
    }
    for number, (folder, says) in enumerate(sessions.items(), start=1):
        sheet = Sheet(NAND[0], f"{NAMES} session {number}").head().row()
        odd = f"a session's folder is named {code(folder)}"
        yield sheet.failed(NAMES, odd, f"cannot name a session: {says}", name=f"sessions/{folder}/{NAND[0].named}")
    for number, folder in enumerate(
        ["'; drop table landing_sessions; --", "한글 🧬", "NULL", "%s", "\\N", "x" * 64, 'a"b`c'], start=1
    ):
        sheet = Sheet(NAND[1], f"{NAMES} odd session {number}").head().row()
        odd = f"a session's folder is named {code(folder)}"
        yield sheet.landed(NAMES, odd, name=f"sessions/{folder}/{NAND[1].named}")


def _empty() -> Iterator[OddFile]:
    contents = {"nothing at all": b"", "a BOM": b"\xef\xbb\xbf", "line ends": b"\n\r\n\r", "blanks": b" \t \n  \n"}
    for number, (odd, content) in enumerate(contents.items(), start=1):
        for kind in kinds_in_turn(number):
            yield failed(
                kind,
                EMPTY,
                f"{EMPTY} {number} {kind.name}",
                f"{odd}, named like a {kind.name}",
                "line 1: the file is empty",
                content,
            )
        yield OddFile(
            EMPTY, f"{slug(EMPTY)}/{number}.csv", f"{odd}, under another name", content, "ignored", says="it is empty"
        )


def _strangers() -> Iterator[OddFile]:
    things = {
        "a PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "a PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
        "an ELF program": b"\x7fELF\x02\x01\x01" + bytes(9),
        "an SQLite database": b"SQLite format 3\0" + bytes(84),
        "a Parquet file": b"PAR1\x15\x04" + bytes(20) + b"PAR1",
        "a pickle": b"\x80\x04\x95\x10\0\0\0",
        "JSON": b'{"run_id": 1,\n "case_id": 2}\n',
        "JSON lines": b'{"run_id": 1}\n{"run_id": 2}\n',
        "HTML": b"<!DOCTYPE html>\n<table><tr><td>run_id</td></tr></table>\n",
        "YAML": b"run_id: 1\ncase_id: 2\n",
        "an SQL dump": b"DROP TABLE landing_loads;\nINSERT INTO x VALUES (1);\n",
        "a shell script": b"#!/bin/sh\ntouch odd_was_here\n",
        "an INI file": b"[client]\nuser=x\n",
        "a CSV of prices": b"date,open,close\n2026-11-22,1,2\n",
        "a header of a single column": b"run_id\n1\n",
        "numbers without a header": b"1,2,3,4\n5,6,7,8\n",
        "an open quote": b'"' + b"x" * 10_000,
        "a million NUL bytes": bytes(1 << 20),
        "a line of three million characters": b"x" * (3 << 20),
        "a key alone, which three kinds have": b"run_id,case_id,antibody_id,step\nr,c,a,1\n",
        "an exported snapshot": b"snapshot_rule_id,snapshot_created_at," + ",".join(CORE[3].columns).encode() + b"\n",
    }
    for number, (odd, content) in enumerate(things.items(), start=1):
        yield OddFile(
            STRANGERS, f"{slug(STRANGERS)}/{number:02d}", odd, content, "ignored", says="header|quote|holds|not needed"
        )


def _logs() -> Iterator[OddFile]:
    """Return logs that are odd as a whole; odd values in their lines are with the other values."""
    for number, (odd, line_break) in enumerate({"CRLF": "\r\n", "CR only": "\r"}.items(), start=1):
        sheet = LogSheet(f"{LOGS} {number}", line_break).talk("# proposer debug log").phase_key().selected()
        yield sheet.landed(LOGS, f"a log with {odd}")
    sheet = LogSheet(f"{LOGS} 3").talk("# proposer debug log").phase_key()
    for line in (
        "[proposer] selected",
        "[proposer] phase_key: now=1 die=0",
        "[proposer] selected op=x base=y start_us=1 len_batch=2 more",
    ):
        sheet.broken(line).selected()
    sheet.talk("").talk("drop table landing_loads;").talk(" [proposer] selected op=x").talk(
        "[proposer] selectedly"
    ).talk("\0\udcff")
    yield sheet.phase_key().landed(LOGS, "a log with lines that are cut off, blank, or talk")
    sheet = LogSheet(f"{LOGS} 4").phase_key()
    yield sheet.landed(LOGS, "a log with a BOM and no title", b"\xef\xbb\xbf" + sheet.content)
    sheet = LogSheet(f"{LOGS} 5").talk("# proposer debug log")
    yield sheet.landed(LOGS, "a log with its title only")
    sheet = (
        LogSheet(f"{LOGS} 6")
        .talk("# proposer debug log")
        .talk("x" * (1 << 20))
        .phase_key({"rm_state": "y" * (1 << 20)})
        .selected()
    )
    yield sheet.landed(LOGS, "a log with lines of a megabyte")
    content = b"\n" + LogSheet(f"{LOGS} 7").phase_key().content
    yield OddFile(
        LOGS, f"{slug(LOGS)}/7/{LOG.named}", "a log that begins with a blank line", content, "ignored", says="header"
    )
