"""Columns of numbers as text for a page: gzip and Base64, in the smallest type that holds each column exactly.

`assets/packed.js` is the other half. The widest columns come first, so that each begins where its type allows.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

TYPES = ("<u1", "<u2", "<u4", "<f8")


def pack(columns: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Pack columns of whole numbers (0 to 2**53), of any lengths; returns what the page needs to unpack them."""
    arrays = {name: _smallest(values) for name, values in columns.items()}
    ordered = sorted(arrays.items(), key=lambda item: -item[1].itemsize)
    content = b"".join(array.tobytes() for _, array in ordered)
    return {
        "columns": [[name, array.dtype.str[1:], len(array)] for name, array in ordered],
        "data": base64.b64encode(gzip.compress(content, compresslevel=6, mtime=0)).decode(),
    }


def _smallest(values: Sequence[int]) -> np.ndarray[Any, Any]:
    array = np.asarray(values, dtype=np.int64)
    high = int(array.max(initial=0))
    for name in TYPES[:-1]:
        if high <= np.iinfo(name).max:
            return array.astype(name)
    return array.astype(TYPES[-1])


class Names:
    """Numbers for names, in the order in which they are first asked for."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __getitem__(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers))

    def all(self) -> list[str]:
        """Return every name; its place is its number."""
        return list(self._numbers)
