"""Nothing in the repository names what is not in it: links, their anchors, and the names of files in pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.bench import ROOT
from tests.test_repository import tracked

PAGES = [path for path in tracked() if path.suffix in (".md", ".ipynb")]
SAYS = (".md", ".py", ".sql", ".yml")
LEFT_OUT = ("tests", "CHANGELOG.md")  # tests write files of their own; the changelog says what was
EXAMPLES = {"fab", "mine"}  # what the guides tell to make
_LINK = re.compile(r"\]\(([^)\s]+)\)")
# In backticks: a path below one of our folders. `…`, `<…>`, `*` and `NAME` stand for something.
_FOLDERS = (
    "afterstate|benchmarks|bi|docs|loaders|macros|models|requirements|samples|script|seeds|simulators|tests|tools"
)
_NAMED = re.compile(rf"(?<![\w./-])((?:\./)?(?:{_FOLDERS})/[\w./-]*\w)(?![\w<*…{{])")


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    """Return the relative links of a page that lead nowhere."""
    broken = []
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if "://" in link or link.startswith("mailto:"):
            continue
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    return broken


def missing_names(text: str) -> list[str]:
    """Return the files of ours that a text names, and that are not there."""
    names = {name.removeprefix("./").rstrip(".") for name in _NAMED.findall(text)}
    return sorted(
        name for name in names if not _is_there(name) and not EXAMPLES & set(Path(name).with_suffix("").parts)
    )


def _is_there(name: str) -> bool:
    place = ROOT / name
    return place.exists() or any(place.parent.glob(f"{place.name}.*")) or any(place.parent.glob(f"{place.name}*"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """Prevents a reader from following a link to nothing."""
    assert broken_links(page) == []


def test_every_file_that_is_named_is_there() -> None:
    """Prevents a page, or a comment, from sending a reader to a file that has moved."""
    texts = [path for path in tracked() if path.suffix in SAYS or path.parent.name == "script"]
    read = [path for path in texts if path.relative_to(ROOT).parts[0] not in LEFT_OUT]
    assert len(read) > 200
    missing = {
        str(path.relative_to(ROOT)): names
        for path in read
        if (names := missing_names(path.read_text(encoding="utf-8")))
    }
    assert missing == {}


def test_what_is_not_there_is_found(tmp_path: Path) -> None:
    """Prevents the checks above from finding nothing because they look nowhere."""
    page = tmp_path / "page.md"
    page.write_text(
        "# One two\n[a](#one-two) [b](#three) [c](gone.md) [d](page.md) `tests/no_such.py` `tests/conftest.py`\n"
    )
    assert broken_links(page) == ["#three", "gone.md"]
    assert missing_names(page.read_text()) == ["tests/no_such.py"]


def commands(page: Path) -> set[str]:
    """Return the commands of a page: lines of its indented blocks without their comments, and code in its tables."""
    text = page.read_text(encoding="utf-8")
    lines = {line.partition(" #")[0].strip() for line in re.findall(r"^    (.+)$", text, re.MULTILINE)}
    rows = re.findall(r"^\| .*$", text, re.MULTILINE)
    return lines | {code for row in rows for code in re.findall(r"`([^`]+)`", row)}


def test_the_korean_page_has_every_command() -> None:
    """Prevents the Korean README from falling behind the English one: it has each of its commands and links."""
    english, korean = ROOT / "README.md", ROOT / "README.ko.md"
    assert len(commands(english)) > 40
    assert commands(english) <= commands(korean)
    links = [set(_LINK.findall(page.read_text(encoding="utf-8"))) for page in (english, korean)]
    assert links[0] - {"README.ko.md"} <= links[1]
