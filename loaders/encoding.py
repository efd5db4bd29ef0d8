"""Files that are not UTF-8: told by their bytes, so that a message can name the encoding; decoded where the user does.

A guess is said and never used. What lands is what the user's `--encoding` makes of the bytes. A file that is UTF-8
already is refused under another encoding: it would land as other letters, silently.
"""

from __future__ import annotations

import codecs
from pathlib import Path

from afterstate.errors import LandingError, UsageError

_SPOKEN = {"cp949": "CP949, which Korean Excel writes"}
_WIDE = ("utf_16", "utf_32")
_LOOKED_AT_BYTES = 1 << 12
_MOSTLY = 0.8  # of the odd characters, so that text is taken for Korean


def known_encoding(name: str) -> str | None:
    """Return the codec's own name for an encoding that the user names; None for UTF-8.

    Raises UsageError where Python knows no such text encoding.
    """
    try:
        "a".encode(name)
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        raise UsageError(
            f"`--encoding {name}` is not an encoding", "expected one such as cp949, utf-16, latin-1 or shift_jis"
        ) from None
    return None if found == "utf-8" else found


def guess_encoding(sample: bytes) -> str | None:
    """Return the encoding that bytes which are not UTF-8 seem to have, as `--encoding` takes it; None where unclear."""
    return _guess_wide(sample.partition(b"\n")[0][:_LOOKED_AT_BYTES]) or ("cp949" if _is_korean(sample) else None)


def advice(guess: str | None) -> str:
    """Return how to land a file that is not UTF-8."""
    if guess:
        looks = f"it looks like {_SPOKEN.get(guess, guess.upper())}: land it with `--encoding {guess}`"
    else:
        looks = "name its encoding with `--encoding NAME`"
    return f"{looks}, or save the file as CSV in UTF-8 and land that"


def require_encoding(path: Path, beginning: bytes, encoding: str) -> None:
    """Raise LandingError for a file that is UTF-8 and would read differently in the encoding that the user names."""
    is_wide = encoding.replace("-", "_").startswith(_WIDE)
    try:
        # the beginning may end inside of a character
        text = codecs.getincrementaldecoder("utf-8")().decode(beginning)
    except UnicodeDecodeError:
        return
    if beginning and "\0" not in text and (is_wide or not text.isascii()):
        raise LandingError(
            f"it is UTF-8, not {encoding}", "land it without `--encoding`, by itself", failure="encoding", file=path
        )


class Decoder:
    """Turns the bytes of one file from the encoding that the user names into UTF-8, block by block.

    A byte that is not part of a character passes unchanged, so that its row is rejected.
    """

    def __init__(self, file: Path, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogateescape")
        self._seen = 0

    def decode(self, block: bytes) -> bytes:
        """Return a block in UTF-8; an empty block ends the file.

        Raises LandingError where rows can no longer be told apart.
        """
        self._seen += len(block)
        try:
            return self._decoder.decode(block, final=not block).encode("utf-8", "surrogateescape")
        except UnicodeError as error:
            place = ""
            if isinstance(error, UnicodeDecodeError):
                place = f": byte {self._seen - len(error.object) + error.start + 1:,}: {error.reason}"
            raise LandingError(
                f"cannot be read as {self._encoding}{place}",
                "the file is damaged, or in another encoding; nothing of it was landed",
                failure="encoding",
                file=self._file,
            ) from error


def _guess_wide(sample: bytes) -> str | None:
    """Recognize UTF-16 and UTF-32 by the NULs beside plain letters, such as those of a header."""
    for name, width in (("utf-32", 4), ("utf-16", 2)):
        for order, at in (("le", 0), ("be", width - 1)):
            others = [sample[place::width] for place in range(width) if place != at]
            letters = sample[at::width]
            if (
                letters
                and 10 * letters.count(0) < len(letters)
                and all(2 * other.count(0) > len(other) for other in others)
            ):
                marked = sample.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE))
                return name if marked else f"{name}-{order}"
    return None


def _is_korean(sample: bytes) -> bool:
    if b"\0" in sample:
        return False
    try:
        text = codecs.getincrementaldecoder("cp949")().decode(sample)
    except UnicodeDecodeError:
        return False
    odd = [character for character in text if not character.isascii()]
    return sum("가" <= character <= "힣" for character in odd) > _MOSTLY * len(odd)
