"""What options of several commands take."""

from __future__ import annotations

from typing import Any

import click


class OutputPath(click.Path):
    """A path to write to; an empty one, from a script's unset variable, is wrong usage and not the current folder."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """Return the path."""
        if value == "":
            also = ", or `-` for standard output" if self.allow_dash else ""
            self.fail(f"it is empty: name a path{also}", parameter, context)
        return super().convert(value, parameter, context)
