"""`afterstate completion`: the script with which a shell completes commands, options and kinds."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from afterstate.cli import console

SHELLS = ("bash", "zsh", "fish")
# The program's name in capitals, as click expects it; `_AFTERSTATE_COMPLETE=bash_source afterstate` prints the same.
VARIABLE = "_AFTERSTATE_COMPLETE"
WHERE = {
    "bash": 'add `eval "$(afterstate completion bash)"` to ~/.bashrc',
    "zsh": 'add `eval "$(afterstate completion zsh)"` to ~/.zshrc, behind `compinit`',
    "fish": "write it to ~/.config/fish/completions/afterstate.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script for shell completion.

    \b
    eval "$(afterstate completion bash)"      # in ~/.bashrc; needs bash 4.4
    eval "$(afterstate completion zsh)"       # in ~/.zshrc, behind compinit
    afterstate completion fish > ~/.config/fish/completions/afterstate.fish
    """  # noqa: D301 (click wants the character that `\b` spells)
    complete = get_completion_class(shell)
    if complete is None:
        raise LookupError(f"click has no completion for {shell}")
    click.echo(complete(context.find_root().command, {}, "afterstate", VARIABLE).source())
    console.suggest_beside_a_value(WHERE[shell])
