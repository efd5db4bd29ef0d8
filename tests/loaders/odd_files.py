"""All odd files: made by rule, each with what must become of it."""

from __future__ import annotations

from functools import cache

from tests.loaders.odd.compressed import compressed_files
from tests.loaders.odd.encodings import encoding_files
from tests.loaders.odd.expect import OddFile
from tests.loaders.odd.headers import header_files
from tests.loaders.odd.names import named_files
from tests.loaders.odd.structures import structure_files
from tests.loaders.odd.value_files import value_files


@cache
def odd_files() -> tuple[OddFile, ...]:
    """Return every odd file, group by group."""
    return (
        *structure_files(),
        *header_files(),
        *encoding_files(),
        *compressed_files(),
        *named_files(),
        *value_files(),
    )
