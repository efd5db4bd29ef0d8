"""Every command of the command line, and the examples that its help shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import click

from afterstate.cli.main import main


@dataclass(frozen=True)
class Found:
    """A command, by the words that call it."""

    words: tuple[str, ...]
    command: click.Command

    @property
    def name(self) -> str:
        return " ".join(self.words)

    @property
    def examples(self) -> list[str]:
        """Return the lines of the help that call the program."""
        lines = [line.strip() for line in (self.command.help or "").splitlines()]
        call = f"afterstate {self.name}"
        return [line for line in lines if line.startswith(call) or f" {call}" in line or f"({call}" in line]

    @property
    def options(self) -> list[click.Option]:
        return [param for param in self.command.params if isinstance(param, click.Option)]


def all_commands() -> list[Found]:
    """Return every command and group but the first."""
    return list(_below(main, ()))


def _below(group: click.Group, words: tuple[str, ...]) -> Iterator[Found]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command, name
        yield Found((*words, name), command)
        if isinstance(command, click.Group):
            yield from _below(command, (*words, name))
