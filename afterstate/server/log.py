"""What the private server says: the log of its last start, and the ends of the logs before it."""

from __future__ import annotations

from pathlib import Path

FORMER, FORMER_BYTES = 3, 1 << 20


def former(log: Path, number: int = 1) -> Path:
    """Return the place of a former log; 1 is the latest."""
    return log.with_name(f"{log.name}.{number}")


def begin_log(log: Path) -> None:
    """Make way for the log of another start: keep the end of this one, where a crash says why, and of some before."""
    if not log.exists():
        return
    for number in range(FORMER, 1, -1):
        if former(log, number - 1).exists():
            former(log, number - 1).replace(former(log, number))
    with log.open("rb+") as file:
        size = file.seek(0, 2)
        if size > FORMER_BYTES:
            file.seek(size - FORMER_BYTES)
            end = file.read()
            file.seek(0)
            file.write(end)
            file.truncate()
    log.replace(former(log))


def read_log(log: Path) -> str:
    """Return a log's text, empty where there is none."""
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def tail(text: str) -> str:
    """Return the few lines of a program's output that say why it ended."""
    lines = text.strip().splitlines()
    return " / ".join(([line for line in lines if "ERROR" in line] or lines)[-3:])
