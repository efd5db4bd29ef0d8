"""Former place of the phase-key rule, for programs that import it from here."""

import warnings

from afterstate.phase_key import *  # noqa: F403

warnings.warn("`simulators.nand.phase_key` has moved: use `afterstate.phase_key`", DeprecationWarning, stacklevel=2)
