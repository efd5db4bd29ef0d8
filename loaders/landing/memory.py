"""Former place of `land_simulation`, for programs that import it from here."""

import warnings

from loaders.memory import land_simulation

__all__ = ["land_simulation"]

warnings.warn(
    "`loaders.landing.memory` has moved: use `from afterstate import land_simulation`", DeprecationWarning, stacklevel=2
)
