"""The group of all commands: each is imported when it is asked for, and its errors speak to the user.

What talks to servers is imported by who needs it: a shell that completes a name waits for none of it.

Exit codes (design section 2): 0 done; 1 failed, nothing half-done is left visible; 2 wrong usage; 3 `--strict` and
rows were rejected.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from afterstate.errors import AccountRefused, AfterstateError, UsageError

FAILED, WRONG_USAGE, ROWS_REJECTED = 1, 2, 3
Sections = Mapping[str, Mapping[str, str]]  # heading -> command -> the module that has it


class CommandGroup(click.Group):
    """Commands in sections; a traceback only with `--debug`, colours only on terminals and without NO_COLOR."""

    def __init__(self, *arguments: Any, sections: Sections, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._sections = sections
        self._modules = {name: module for section in sections.values() for name, module in section.items()}

    def list_commands(self, _: click.Context) -> list[str]:
        """Return the names of all commands, as the help shows them."""
        return list(self._modules)

    def get_command(self, _: click.Context, name: str) -> click.Command | None:
        """Return a command: the object of its name in its module, with `_` for `-`; None when there is none."""
        if name not in self._modules:
            return None
        command: click.Command = getattr(import_module(self._modules[name]), name.replace("-", "_"))
        return command

    def shell_complete(self, context: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the commands, or the options before one, that begin so."""
        names = [CompletionItem(name) for name in self._modules if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, context, incomplete)]

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a list of commands for each section."""
        width = max(map(len, self._modules))
        for heading, names in self._sections.items():
            commands = ((name, self.get_command(context, name)) for name in names)
            rows = [
                (f"{name:<{width}}", command.get_short_help_str(formatter.width - width - 6))
                for name, command in commands
                if command
            ]
            with formatter.section(heading):
                formatter.write_dl(rows)

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        """Read the options before the command."""
        if os.environ.get("NO_COLOR"):
            context.color = False
        try:
            return super().parse_args(context, arguments)
        except click.UsageError as error:
            raise _spoken(error) from error

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; raises click.UsageError with the nearest name when there is none."""
        name = arguments[0]
        if name in self._modules or context.resilient_parsing or name.startswith("-"):
            return super().resolve_command(context, arguments)
        near = get_close_matches(name, self._modules, n=1)
        meant = f"; did you mean `{near[0]}`?" if near else ""
        raise click.UsageError(f"there is no command `{name}`{meant}", context)

    def invoke(self, context: click.Context) -> Any:
        """Run the command; an error of the user's, the server's or the system's ends it with its text and exit code."""
        try:
            return super().invoke(context)
        except AccountRefused as error:
            _stop(context, _refusal_said(error), FAILED)
        except AfterstateError as error:
            code = WRONG_USAGE if isinstance(error, UsageError) else FAILED
            _stop(context, str(error), code)
        except click.UsageError as error:
            raise _spoken(error) from error
        except _server_errors() as error:
            _stop(context, _server_said(error), FAILED)
        except BrokenPipeError:
            raise  # whoever read our output has seen enough; click ends quietly
        except OSError as error:
            _stop(context, _system_said(error), FAILED)


class _SpokenError(click.UsageError):
    """Wrong usage as Afterstate says it: what is wrong, how it is used, and where examples are."""

    def show(self, file: Any = None) -> None:
        """Print it to standard error."""
        context = self.ctx or click.get_current_context()
        text = self.message.rstrip(".")
        usage = context.get_usage().removeprefix("Usage: ")
        lines = [f"{text[:1].lower()}{text[1:]}", f"usage: {usage}", f"`{context.command_path} --help` has examples"]
        _show_error(context, "\n  ".join(lines), file)


def _spoken(error: click.UsageError) -> click.UsageError:
    if isinstance(error, (click.exceptions.NoArgsIsHelpError, _SpokenError)):
        return error
    return _SpokenError(error.format_message(), error.ctx)


def _server_errors() -> tuple[type[Exception], ...]:
    """Return the errors of both drivers; asked only once something was raised."""
    from pymysql import MySQLError
    from sqlalchemy.exc import DBAPIError

    return (MySQLError, DBAPIError)


def _refusal_said(refusal: AccountRefused) -> str:
    from afterstate.warehouse.private_down import refused_by_whom
    from afterstate.warehouse.settings import Settings

    return str(refused_by_whom(Settings.from_environment(), refusal))


def _server_said(error: Any) -> str:
    from afterstate.warehouse.holders import LOCK_WAIT_TIMEOUT, find_holders, who_may_know
    from afterstate.warehouse.profile import read_warehouse
    from afterstate.warehouse.settings import Settings

    cause = getattr(error, "orig", None) or error
    hint = "`afterstate doctor` finds what is wrong"
    if cause.args[0] == LOCK_WAIT_TIMEOUT:
        settings = Settings.from_environment()
        with suppress(AfterstateError):
            warehouse = read_warehouse(settings)
            hint = find_holders(who_may_know(settings, warehouse), warehouse.schemas.all(), statement="").advice
    return f"the server said: {cause.args[-1]}\n  {hint}"


def _system_said(error: OSError) -> str:
    said = error.strerror or str(error)
    if error.filename:
        return f"{error.filename}: {said}"
    return f"the operating system said: {said}\n  `afterstate --debug …` shows where"


def _stop(context: click.Context, message: str, code: int) -> None:
    if context.params.get("debug"):
        traceback.print_exc()
    _show_error(context, message)
    context.exit(code)


def _show_error(context: click.Context, message: str, file: Any = None) -> None:
    lead = click.style("afterstate:", fg="red", bold=True)
    click.echo(f"{lead} {message}", file=file, err=file is None, color=context.color)
