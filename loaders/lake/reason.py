"""What delta-rs says when something fails, as one line."""

from __future__ import annotations

import re

COLOR = re.compile(r"\x1b\[[0-9;]*m")
BACKTRACE = re.compile(r"\s*\n\s*0: .*", re.DOTALL)  # RUST_BACKTRACE asks for it
CAUSE = re.compile(r"\s*\n\s*(?:↳\s*)?")  # causes come below each other, each behind an arrow
LAYER = re.compile(r"^\w+ error -> ")
OS_ERROR = re.compile(r'(?:Error: )?Os \{ code: \d+, kind: \w+, message: "([^"]*)" \}')
ALL_SCHEMES = re.compile(r"\. Known schemes: \S+$")  # some forty
CREDENTIALS = (
    "for an object store, set its credentials in the environment (AWS_ACCESS_KEY_ID and others: docs/scale.md)"
)


def reason_of(error: Exception) -> str:
    """Return why delta-rs failed: its causes, the first one first, in one line."""
    causes = CAUSE.sub(": ", BACKTRACE.sub("", COLOR.sub("", str(error))).strip())
    return ALL_SCHEMES.sub("", OS_ERROR.sub(r"\1", LAYER.sub("", causes)))
