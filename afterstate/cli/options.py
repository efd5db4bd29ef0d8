"""What several commands take: options, and the types of their values."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from afterstate.errors import READ_PERMISSION, UsageError
from afterstate.output import is_standard_output
from afterstate.phase_key import BOUNDARIES, Boundary

Decorator = Callable[[Callable[..., None]], Callable[..., None]]

JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
JSON_LIST = click.option("--json", "as_json", is_flag=True, help="Print a list of JSON objects and nothing else.")
RULE = click.option("--rule", metavar="RULE", help="The rule of the snapshots; by default the project's current one.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Show what would be done, and change nothing.")
YES = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
_ENTER_PERMISSION = "expected permission to enter its folder, which the folder's owner can give: `chmod a+X`"
ENCODING = click.option(
    "--encoding", metavar="NAME", help="The files' encoding, if not UTF-8: cp949 (Korean Excel), utf-16, …"
)


def boundary_option(default: Boundary) -> Decorator:
    """Return the option that chooses a boundary (design section 5)."""
    return click.option(
        "--boundary",
        type=click.Choice(BOUNDARIES),
        default=default,
        show_default=True,
        help="Use the state that covers the time, or the one just before it.",
    )


def kind_option(text: str) -> Decorator:
    """Return the option that names a kind; `text` is its help, and the names of all kinds follow."""
    from loaders.recognise import KINDS  # what else takes options need not wait for it

    names = [kind.name for kind in KINDS]

    def complete(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in names if name.startswith(begun)]

    return click.option(
        "--kind", "kind_name", metavar="KIND", help=f"{text}: {', '.join(names)}.", shell_complete=complete
    )


class InputPath(click.Path):
    """A path to read from; what may not be read is wrong usage, and the message says who can change that."""

    def __init__(self, *, exists: bool = True, **options: Any) -> None:
        super().__init__(exists, readable=False, path_type=Path, **options)

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """Return the path."""
        if self.allow_dash and value == "-":
            return super().convert(value, parameter, context)
        try:
            Path(value).stat()
        except PermissionError:
            self.fail(f"`{value}` cannot be reached; {_ENTER_PERMISSION}", parameter, context)
        except (OSError, ValueError):
            return super().convert(value, parameter, context)
        if not os.access(value, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
            self.fail(f"`{value}` may not be read; {READ_PERMISSION}", parameter, context)
        return super().convert(value, parameter, context)


class OutputPath(click.Path):
    """A path to write to; an empty one, from a script's unset variable, is wrong usage and not the current folder."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """Return the path."""
        also = ", or `-` for standard output" if self.allow_dash else ""
        if value == "":
            self.fail(f"it is empty: name a path{also}", parameter, context)
        if not self.dir_okay and Path(value).is_dir():
            self.fail(f"`{value}` is a folder: name a file in it{also}", parameter, context)
        if not self.file_okay and Path(value).is_file():
            self.fail(f"`{value}` is a file: name a folder{also}", parameter, context)
        return super().convert(value, parameter, context)


def require_one_output(out: Path, as_json: bool) -> None:
    """Raise UsageError where a file and JSON would both go to standard output."""
    if as_json and is_standard_output(out):
        raise UsageError(
            "`--json` prints nothing but JSON, and the file would go to standard output, too",
            "name a file, or leave out `--json`",
        )
