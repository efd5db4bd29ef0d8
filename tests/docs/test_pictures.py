"""The pictures of the explanation: what they show is what the rules answer."""

from __future__ import annotations

from pathlib import Path

from tests.bench import ROOT
from tools import pictures


def test_the_pictures_are_those_of_the_rules(tmp_path: Path) -> None:
    """Prevents a picture that still shows what a rule said before it changed."""
    pictures.write(tmp_path)
    for name in pictures.DRAWINGS:
        drawn, kept = ((folder / name).read_text() for folder in (tmp_path, ROOT / "docs"))
        assert drawn == kept, f"`python -m tools.pictures docs` draws {name} again"
