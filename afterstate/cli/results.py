"""The results of landing, for people: a line per file with what was odd about it, and the totals."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from afterstate.cli.console import coloured
from loaders.reader import visible
from loaders.result import FileResult

STATUSES = ("landed", "rejected", "unchanged", "superseded", "ignored", "failed")
NEW = ("landed", "rejected")
WIDTH = 12


def show_results(results: Sequence[FileResult]) -> None:
    """Print a line per file with what was odd about it, and the totals."""
    for result in results:
        show_result(result)
    new = [result for result in results if result.status in NEW]
    landed, rejected = sum(result.rows_landed for result in new), sum(result.rows_rejected for result in new)
    counted = {status: sum(result.status == status for result in results) for status in STATUSES}
    files = ", ".join(f"{count} {status}" for status, count in counted.items() if count) or "none found"
    click.echo(f"files: {files}; new rows landed: {landed:,}, rejected: {rejected:,}")


def show_result(result: FileResult) -> None:
    """Print a file's line, and what was odd about it."""
    lead = coloured(result.status, WIDTH)
    if result.status == "ignored":
        click.echo(f"{lead}{visible(result.file)}: {' '.join(result.messages)}")
        return
    if result.status == "failed":
        click.echo(f"{lead}{visible(result.file)}")
    else:
        counts = f"landed {result.rows_landed:,}, rejected {result.rows_rejected:,}"
        click.echo(f"{lead}{result.kind}: {counts} (load {result.load_id})  {visible(result.file)}")
    show_messages([result])


def show_messages(results: Sequence[FileResult]) -> None:
    """Print what was odd about files to standard error."""
    sys.stdout.flush()
    for result in results:
        for message in result.messages:
            text = f"{visible(result.file)}: ignored: {message}" if result.status == "ignored" else message
            click.echo("  " + text.replace("\n", "\n  "), err=True)
    sys.stderr.flush()
