"""What simulators refuse."""

from __future__ import annotations


class ConfigurationError(ValueError):
    """A configuration that cannot be simulated.

    `path` leads to the key, such as `op_bases.ERASE.states[1].duration_us`; `reason` says what is wrong with it and
    what was expected.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}" if path else reason)
        self.path = path
        self.reason = reason
