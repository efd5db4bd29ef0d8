"""The command line `afterstate` (design section 2): which commands there are, and in which module each is."""

from __future__ import annotations

import click

from afterstate import __version__
from afterstate.cli.group import CommandGroup

SECTIONS = {
    "The warehouse": {
        "up": "afterstate.cli.server",
        "down": "afterstate.cli.server",
        "status": "afterstate.cli.health",
        "doctor": "afterstate.cli.health",
        "url": "afterstate.cli.server",
    },
    "Files": {
        "land": "afterstate.cli.land",
        "watch": "afterstate.cli.watch",
        "withdraw": "afterstate.cli.withdraw",
        "prune": "afterstate.cli.prune",
        "simulate": "afterstate.cli.simulate",
    },
    "Tables and answers": {
        "build": "afterstate.cli.build",
        "publish": "afterstate.cli.publish",
        "export": "afterstate.cli.export",
        "sessions": "afterstate.cli.sessions",
        "phase-key": "afterstate.cli.phase_key",
        "explain": "afterstate.cli.explain",
        "report": "afterstate.cli.report",
    },
    "What is remembered": {
        "retake": "afterstate.cli.memory",
        "backup": "afterstate.cli.memory",
        "restore": "afterstate.cli.memory",
    },
    "The shell": {
        "completion": "afterstate.cli.completion",
    },
}


CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=CommandGroup, sections=SECTIONS, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="afterstate")
@click.option("--debug", is_flag=True, help="Show a traceback with an error.")
def main(debug: bool) -> None:
    """Remember the state a system was in at the moment that mattered.

    \b
    afterstate up                       start the server, create the warehouse, write profiles.yml
    afterstate land artifact/           land every file there that Afterstate knows
    afterstate build                    the same as `dbt build`
    afterstate export snapshot --out snapshot.csv

    Exit codes: 0 done; 1 failed (nothing half-done is left visible); 2 wrong usage;
    3 `land --strict` and some rows were rejected.
    """  # noqa: D301 (click wants the character that `\b` spells)
