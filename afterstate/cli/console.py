"""What people see: results on standard output, all else on standard error, so that output can be piped.

Colours are for terminals (click drops them elsewhere, and where NO_COLOR is set). With `--json`, standard output holds
nothing but JSON, and no `next:` line is printed.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from typing import Any

import click

from afterstate.errors import UsageError

# What a word says of a file, a load or a check, as colours.
COLOURS = {
    "landed": "green",
    "ok": "green",
    "rejected": "yellow",
    "note": "yellow",
    "withdraw": "yellow",
    "failed": "red",
    "bad": "red",
}


def say(text: str) -> None:
    """Print what is being done, to standard error."""
    click.echo(text, err=True)


def suggest(text: str) -> None:
    """Print what to do next, to standard error: the last line of a command that people read."""
    sys.stdout.flush()
    click.echo(f"{click.style('next:', bold=True)} {text}", err=True)


def suggest_beside_a_value(text: str) -> None:
    """Print what to do next for people, and not for scripts that capture the command's value."""
    if sys.stdout.isatty():
        suggest(text)


def print_json(value: Any) -> None:
    """Print an object or a list as JSON; times are UTC."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_serialized))


def print_json_line(value: Any) -> None:
    """Print an object as JSON on a line of its own, at once."""
    click.echo(json.dumps(value, ensure_ascii=False, default=_serialized))
    sys.stdout.flush()


def coloured(word: str, width: int = 0) -> str:
    """Return a word in the colour of what it says, filled up to `width` characters."""
    colour = COLOURS.get(word)
    return click.style(f"{word:<{width}}", fg=colour) if colour else f"{word:<{width}}"


def confirm(question: str) -> None:
    """Ask on a terminal, and abort unless the answer is yes; raises UsageError without a terminal."""
    if not sys.stdin.isatty():
        raise UsageError("cannot ask for confirmation: no terminal", "use `--yes` to confirm, `--dry-run` to look")
    if not click.confirm(question):
        raise click.Abort


def require_answered(as_json: bool, yes: bool, dry_run: bool) -> None:
    """Raise UsageError where `--json` would need a confirmation."""
    if as_json and not (yes or dry_run):
        raise UsageError("`--json` cannot ask for confirmation", "use `--yes` to confirm, `--dry-run` to look")


def _serialized(value: Any) -> str:
    """Serialize what JSON does not know: times, in UTC."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    raise TypeError(f"`{value!r}` cannot be written as JSON")
