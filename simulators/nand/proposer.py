"""Which operation to propose: drawn from the distribution of the phase that a plane is in."""

from __future__ import annotations

import random
from collections.abc import Iterator

from afterstate.phase_key import DEFAULT
from simulators.nand.configuration import Configuration


class Proposer:
    """Draws operations from `phase_conditional`."""

    def __init__(self, configuration: Configuration, rng: random.Random) -> None:
        self._distributions = configuration.phase_conditional
        self._max_tries = configuration.policies.max_tries
        self._rng = rng

    def phase_key(self, op_state: str | None, label: str) -> str:
        """Return the key that is used: the plane's state, else the hook's label; DEFAULT if that has no distribution.

        It is never `<BASE>.END`, which is for analysis only: a plane that has just left its last state is asked with
        that state as the label.
        """
        key = op_state or label
        return key if key in self._distributions else DEFAULT

    def candidates(self, key: str) -> Iterator[str]:
        """Return the operations to try, drawn without putting back."""
        left = list(self._distributions[key])
        total = 1.0
        for _ in range(min(self._max_tries, len(left))):
            drawn = self._rng.random() * total
            at = 0
            while at < len(left) - 1 and drawn >= left[at][1]:
                drawn -= left[at][1]
                at += 1
            name, share = left.pop(at)
            total -= share
            yield name
