"""What people see: progress while files are read, and a line for each thing that was done.

Results go to standard output, all else to standard error, so that output can be piped. Bars only on a terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from afterstate.errors import UsageError
from afterstate.output import is_standard_output
from afterstate.warehouse.doctor import Finding
from loaders.content import Progress as Watcher
from loaders.land import FileResult
from loaders.prune import Superseded
from loaders.reader import visible
from loaders.withdraw import Withdrawal

MARKS = {"ok": "ok  ", "note": "note", "bad": "BAD "}


def say(text: str) -> None:
    """Show what is being done."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def byte_progress(quiet: bool) -> Iterator[Watcher | None]:
    """Show a bar a file, in bytes read, on a terminal; give None where nobody would see it."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    # Nobody waits for these where there is no bar.
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bars:
        tasks = {}

        def watch(file: Path, read: int, size: int) -> None:
            if file not in tasks:
                tasks[file] = bars.add_task(file.name, total=size)
            bars.update(tasks[file], completed=read, visible=read < size)

        yield watch


def show_results(results: Sequence[FileResult]) -> None:
    """Print a line a file, what was odd about it below, and the sums."""
    for result in results:
        if result.status == "ignored":
            print(f"ignored     {visible(result.file)}: {' '.join(result.messages)}")
            continue
        if result.status == "failed":
            print(f"failed      {visible(result.file)}")
        else:
            counts = f"landed {result.rows_landed:,}, rejected {result.rows_rejected:,}"
            print(f"{result.status:<11} {result.kind}: {counts} (load {result.load_id})  {visible(result.file)}")
        show_messages([result])
    new = [result for result in results if result.status in ("landed", "rejected")]
    landed, rejected = sum(result.rows_landed for result in new), sum(result.rows_rejected for result in new)
    counted = {status: sum(result.status == status for result in results) for status in STATUSES}
    files = ", ".join(f"{count} {status}" for status, count in counted.items() if count) or "none found"
    print(f"files: {files}; new rows landed: {landed:,}, rejected: {rejected:,}")


STATUSES = ("landed", "rejected", "unchanged", "superseded", "ignored", "failed")


def show_messages(results: Sequence[FileResult]) -> None:
    """Print what was odd about files to standard error."""
    sys.stdout.flush()
    for result in results:
        for message in result.messages:
            text = f"{visible(result.file)}: ignored: {message}" if result.status == "ignored" else message
            print("  " + text.replace("\n", "\n  "), file=sys.stderr, flush=True)


def show_superseded(loads: Sequence[Superseded]) -> None:
    """Print the loads whose rows can be pruned, and the sums."""
    for load in loads:
        belongs = f" of {visible(load.session_id)}, run {visible(load.run_id)}" if load.session_id else ""
        print(f"load {load.load_id}: {load.kind}{belongs}: {load.rows_landed:,} rows  {visible(load.file_path)}")
    print(f"loads to prune: {len(loads):,}; their rows: {sum(load.rows_landed for load in loads):,}")


def show_withdrawal(withdrawal: Withdrawal) -> None:
    """Print the loads that are withdrawn, those that hold again, and what is gone for good."""
    for what, loads in (
        ("withdraw", withdrawal.withdrawn),
        ("holds again", withdrawal.held_again),
        ("was pruned", withdrawal.pruned),
    ):
        for load in loads:
            belongs = f" of {load.session_id}, run {load.run_id}" if load.session_id else ""
            counts = f"{load.rows_landed:,} rows  {visible(load.file_path)}"
            print(f"{what:<12}load {load.load_id}: {load.kind}{belongs}: {counts}")
    for message in withdrawal.messages:
        say(f"  {message}")
    rows = sum(load.rows_landed for load in withdrawal.withdrawn)
    print(f"loads to withdraw: {len(withdrawal.withdrawn):,}; their rows: {rows:,}")


def confirm(question: str) -> None:
    """Ask on a terminal, and abort unless the answer is yes; raises UsageError where there is nobody to ask."""
    if not sys.stdin.isatty():
        raise UsageError("there is nobody to ask", "`--yes` says so beforehand, `--dry-run` only looks")
    if not click.confirm(question):
        raise click.Abort


def show_exported(marts: str, out: Path, rows: int, incomplete: int, drifted: int) -> None:
    """Print what an export of snapshots holds, and to standard error which tables explain its gaps and its drift."""
    show_written("snapshots", rows, out, f" (incomplete: {incomplete:,}, drifted: {drifted:,})")
    if incomplete:
        say(f"  what incomplete snapshots wait for: `{marts}.shutdown_snapshot_inputs`, column missing_inputs")
    if drifted:
        say(f"  what the files say now: `{marts}.shutdown_snapshot_drift`, or `afterstate status`")


def show_written(what: str, rows: int, out: Path, more: str = "") -> None:
    """Print what was exported, and where to; beside what went to standard output itself, to standard error."""
    if is_standard_output(out):
        say(f"{what}: {rows:,}{more}, written to standard output")
    else:
        print(f"{what}: {rows:,}{more}, written to {visible(str(out))}", flush=True)


def show_finding(finding: Finding) -> None:
    """Print what a check of `doctor` found, and how to mend it."""
    print(f"{MARKS[finding.level]}  {finding.what}")
    if finding.mend:
        print(f"      mend: {finding.mend}")
