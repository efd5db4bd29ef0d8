"""`afterstate watch`: land what arrives in a folder, and build when it has been quiet."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from afterstate.cli import console
from afterstate.cli.options import ENCODING, InputPath, kind_option
from afterstate.cli.results import show_messages, show_result
from afterstate.errors import AfterstateError
from afterstate.progress import byte_progress
from afterstate.warehouse.settings import Settings
from afterstate.watch.builds import Built
from afterstate.watch.watcher import Order, Watcher
from afterstate.watch.whole import ignore_broken_leases
from loaders.content import Progress
from loaders.encoding import known_encoding
from loaders.reader import visible
from loaders.recognise import kind_named
from loaders.result import FileResult
from loaders.runs import RunOptions


@click.command()
@click.argument("folder", metavar="DIR", type=InputPath(file_okay=False))
@click.option("--settle", default=5.0, show_default=True, type=click.FloatRange(min=0.1), metavar="SECONDS",
              help="Land a file once it has not changed for this long.")  # fmt: skip
@click.option("--build-after", default=30.0, show_default=True, type=click.FloatRange(min=0), metavar="SECONDS",
              help="Build once nothing has landed for this long.")  # fmt: skip
@click.option("--no-build", is_flag=True, help="Land only.")
@click.option("--session", metavar="NAME", help="The session of nand files; by default, their folder's name.")
@kind_option("Treat every file as one of")
@ENCODING
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per event and line, and nothing else.")
def watch(
    folder: Path,
    settle: float,
    build_after: float,
    no_build: bool,
    session: str | None,
    kind_name: str | None,
    encoding: str | None,
    as_json: bool,
) -> None:
    """Land what arrives in a folder, and build when it is quiet.

    Runs until Ctrl-C or SIGTERM. A file lands once it is complete: it has not changed for a while, and nobody writes to
    it. Hidden files, and names such as `….part` and `….tmp`, are left alone. While the server or the folder is
    unavailable, the watch waits. It can be stopped and started at any time: nothing lands twice, and a build that is
    due is made.

    \b
    afterstate watch artifact/
    afterstate watch artifact/ --settle 10 --build-after 300
    afterstate watch /mnt/lab --session chip_7 --no-build --json
    """  # noqa: D301 (click wants the character that `\b` spells)
    order = Order(
        folder,
        settle,
        None if no_build else build_after,
        RunOptions(session),
        kind_named(kind_name) if kind_name else None,
        known_encoding(encoding) if encoding is not None else None,
    )
    shown = _JsonLines() if as_json else _Lines()
    watcher = Watcher(Settings.from_environment(), order, shown)
    ignore_broken_leases()

    def interrupt(*_: object) -> None:
        watcher.stop()
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as a script's background jobs have SIGINT
            signal.signal(number, interrupt)
    shown.begins(order)
    try:
        watcher.run()
    except KeyboardInterrupt:
        shown.ends(order)


class _Lines:
    """What a watch does, as people read it."""

    def begins(self, order: Order) -> None:
        then = "" if order.build_after is None else f", a build starts after {order.build_after:g} s without another"
        console.say(f"watching {order.folder}: files land once they have not changed for {order.settle:g} s{then}")

    def ends(self, order: Order) -> None:
        console.say("stopped; nothing half-done is visible")
        console.suggest(f"`afterstate watch {order.folder}` continues where this one stopped")

    def landed(self, results: Sequence[FileResult]) -> None:
        known = sum(result.status == "unchanged" for result in results)
        for result in results:
            if result.status != "unchanged":
                show_result(result)
        if known:
            click.echo(f"{'unchanged':<12}{known:,} files that had landed before")
        sys.stdout.flush()

    def still_open(self, file: Path) -> None:
        console.say(f"{visible(str(file))}: still open for writing; it lands once it is closed")

    def away(self, error: Exception) -> None:
        hint = f"\n  {error.hint}" if isinstance(error, AfterstateError) and error.hint else ""
        console.say(f"{_what(error)}{hint}\n  waiting until it is back; what arrives meanwhile lands then")

    def back(self, seconds: float) -> None:
        console.say(f"back after {seconds:.0f} s; landing continues")

    def building(self) -> None:
        console.say("building")

    def built(self, built: Built) -> None:
        sys.stdout.flush()
        if built.said:
            console.say(built.said)
        if built.exit_code:
            console.say(f"the build failed after {built.seconds:.0f} s; the next one starts when something lands")
        else:
            click.echo(f"{'built':<12}in {built.seconds:.0f} s")
            sys.stdout.flush()

    def progress(self) -> AbstractContextManager[Progress | None]:
        return byte_progress(quiet=False)


class _JsonLines:
    """What a watch does, as programs read it: one object per line, the event first."""

    def begins(self, order: Order) -> None:
        _event("watching", folder=str(order.folder), settle_seconds=order.settle, build_after_seconds=order.build_after)

    def ends(self, _: Order) -> None:
        _event("stopped")

    def landed(self, results: Sequence[FileResult]) -> None:
        show_messages(results)
        for result in results:
            _event("file", **result.as_json())

    def still_open(self, file: Path) -> None:
        _event("open", file=str(file))

    def away(self, error: Exception) -> None:
        _event("away", what=_what(error))

    def back(self, seconds: float) -> None:
        _event("back", seconds=round(seconds, 3))

    def building(self) -> None:
        _event("building")

    def built(self, built: Built) -> None:
        if built.said:
            console.say(built.said)
        _event("built", exit_code=built.exit_code, seconds=round(built.seconds, 3))

    def progress(self) -> AbstractContextManager[Progress | None]:
        return byte_progress(quiet=True)


def _event(event: str, **values: Any) -> None:
    console.print_json_line({"event": event, **values})


def _what(error: Exception) -> str:
    """Return what an error says, without what a person at a prompt would do next."""
    if isinstance(error, AfterstateError):
        return error.what
    if isinstance(error, OSError):
        return f"{error.filename or 'the system'}: {error.strerror or error}"
    return str(error.args[-1] if error.args else error)
