"""One seed for all that the tests leave to chance: `AFTERSTATE_TEST_SEED`, else drawn once for a session.

Every process of a session has the same one, since workers inherit the environment. A test draws from a generator of
its own, made of the seed and the test's name, so that it draws the same when it runs alone.
"""

from __future__ import annotations

import os
import random

VARIABLE = "AFTERSTATE_TEST_SEED"


def session_seed() -> int:
    """Return the seed; draw it if the environment has none."""
    return int(os.environ.setdefault(VARIABLE, str(random.SystemRandom().randrange(2**32))))


def dice_of(test: str) -> random.Random:
    """Return the generator of a test, or of another name that is its own."""
    return random.Random(f"{session_seed()} {test}")
