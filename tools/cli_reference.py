"""docs/cli.md: every command and option, written from the command line's own code.

script/cli-reference writes the page; a test fails where it is not what the code says.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from afterstate.cli.main import CONTEXT, SECTIONS, main
from afterstate.memory.snapshots import KEY

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
HEAD = """\
# The command line

Written by `./script/cli-reference` from the code; do not edit. `afterstate COMMAND --help` shows the same.

- **Exit codes**: 0 done; 1 failed, nothing half-done is left visible; 2 wrong usage; 3 `land --strict` and some rows
  were rejected. An error says what was wrong, where, what was expected and what to do next; `afterstate --debug …`
  adds a traceback.
- **Output**: results go to standard output; progress, notes and the last line, `next: …`, to standard error. Bars
  and colours are for terminals; `NO_COLOR=1` turns colours off.
- **Completion**: `eval "$(afterstate completion bash)"`, or `zsh`, in the shell's start-up file; for fish,
  `afterstate completion fish > ~/.config/fish/completions/afterstate.fish`.
- **Environment**: `AFTERSTATE_HOME` moves `.afterstate/` and `profiles.yml`, `AFTERSTATE_SCHEMA` names the warehouse,
  `AFTERSTATE_MYSQL_URL` the server, `AFTERSTATE_SERVER_PROGRAM` the private server's program.

## What `--json` prints

Nothing but JSON goes to standard output, also when the exit code is not 0; an error's text goes to standard error.
Fields may be added, none is renamed. Times are UTC.
"""
LIST = "a list of "
BACKUP = ("file", "snapshots", "retakes", "loads", "rejects")
FILE = ("file", "kind", "status", "rows_read", "rows_landed", "rows_rejected", "load_id")
# What a command prints, and the fields of each object.
JSON_FIELDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "land": (f"{LIST}files", FILE),
    "withdraw": (f"{LIST}loads", FILE),
    "prune": (f"{LIST}loads", ("file", "kind", "status", "rows_landed", "rows_removed", "load_id")),
    "status": ("an object", ("is_running", "warehouse", "server", "kinds", "notes")),
    "doctor": (f"{LIST}findings", ("level", "what", "fix")),
    "export snapshot": ("an object", ("file", "rule", "snapshots", "incomplete", "drifted")),
    "export phase-counts": ("an object", ("file", "session", "run", "boundary", "counts")),
    "publish": (f"{LIST}tables and views", ("name", "type", "status", "rows", "version")),
    "sessions": ("an object", ("sessions", "governed_runs", "files_not_built")),
    "phase-key": ("an object", ("session", "die", "plane", "at_us", "boundary", "phase_key")),
    "report": ("an object", ("file", "url", "bytes", "seconds")),
    "retake": (f"{LIST}snapshots", (*KEY, "status", "former_snapshot_id", "snapshot_id", "missing_inputs")),
    "backup": ("an object", BACKUP),
    "restore": ("an object", (*BACKUP, "renumbered", "contested")),
}
AFTER_FIELDS = """\

`status` prints `is_running`, `what` and `advice` where no server answers. `explain` prints the content of its text
([why a value is what it is](explain.md)). `watch` prints one object per line: `event` (watching, file, open, away,
back, building, built, stopped), then its details; a `file` has the fields of `land`.
"""
VERBATIM = "\b\n"


def page() -> str:
    """Return the whole page."""
    context = click.Context(main, info_name="afterstate", **CONTEXT)
    lines = [HEAD, *_json_fields(), AFTER_FIELDS]
    for heading, names in SECTIONS.items():
        lines.append(f"## {heading}\n")
        for name in names:
            command = main.get_command(context, name)
            if command is None:
                raise LookupError(f"there is no command {name}")
            lines += _describe(command, click.Context(command, info_name=name, parent=context))
    return "\n".join(lines).rstrip() + "\n"


def _json_fields() -> Iterator[str]:
    yield from ("| command | prints | with |", "|---|---|---|")
    for name, (shape, fields) in JSON_FIELDS.items():
        yield f"| `{name}` | {shape} | {', '.join(f'`{field}`' for field in fields)} |"


def _describe(command: click.Command, context: click.Context) -> Iterator[str]:
    """Yield a command's part of the page, and those of its subcommands."""
    yield f"### {context.command_path}\n"
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"    {usage}\n"
    for paragraph in inspect.cleandoc(command.help or "").split("\n\n"):
        if paragraph.startswith(VERBATIM):
            yield "\n".join(f"    {line}" for line in paragraph.removeprefix(VERBATIM).splitlines()) + "\n"
        else:
            yield paragraph + "\n"
    options = [record for record in _records(command, context) if record]
    if options:
        yield (
            "\n".join(["| option | |", "|---|---|", *(f"| `{name}` | {_cell(text)} |" for name, text in options)])
            + "\n"
        )
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            sub = command.get_command(context, name)
            if sub is not None:
                yield from _describe(sub, click.Context(sub, info_name=name, parent=context))


def _records(command: click.Command, context: click.Context) -> Iterator[tuple[str, str] | None]:
    return (param.get_help_record(context) for param in command.params if isinstance(param, click.Option))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"written: {PAGE}")
