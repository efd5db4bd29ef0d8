"""Which session and run a file belongs to (design section 3).

A session is one continuous timeline for each (die, plane) across its runs: `--session`, else the folder's name. A run
is `YYMMDD_RUNID` from the file's name, else `--run`. `site_NN` folders are sessions of their own, always.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from afterstate.errors import LandingError, UsageError
from loaders.content import plain_name
from loaders.reader import printable, visible

MAX_CHARACTERS = 64
# To the name's end: a backup beside the file, such as `….csv.bak`, is not the run stated again.
_RUN_IN_NAME = re.compile(r"(?:^|_)([0-9]{6}_[0-9]+)\.(?:csv|log|txt)$")
_SITE = re.compile(r"site_[0-9]+")
# By Unicode's general category. All else lands as it is, blanks of any width and joined emoji included: keys are exact.
_REFUSED = {
    "Cc": "a control character",
    "Cs": "a byte that is not UTF-8",
    "Zl": "a line break",
    "Zp": "a line break",
}


@dataclass(frozen=True)
class Run:
    """One run of one session; `folder` is where its file is. Kinds without sessions have empty names."""

    session_id: str = ""
    run_id: str = ""
    folder: str = ""
    is_session_named: bool = False


NO_RUN = Run()


@dataclass(frozen=True)
class InputFile:
    """A file to land, and the path that the user named, by which it was found.

    A passing file holds what came from memory or a pipe: `origin` is what the manifest and messages call it, `folder`
    what the session says of where it came from. The user names its session and run, as its name says nothing.
    """

    file: Path
    root: Path
    origin: str | None = None
    folder: str = ""

    @property
    def name(self) -> str:
        """What results call it; bytes that are not UTF-8 are escaped."""
        return self.origin or printable(str(self.file))

    @property
    def shown(self) -> str:
        """What messages call it, in one line: a name may hold line breaks, and what steers a terminal."""
        return visible(self.name)

    @property
    def place(self) -> str:
        """What the manifest calls it: its full path."""
        return self.origin or printable(str(self.file.resolve()))


@dataclass(frozen=True)
class RunOptions:
    """What the user says of the session and the run; None is left to the folder's and the file's name.

    Raises UsageError for names that cannot be kept.
    """

    session: str | None = None
    run: str | None = None

    def __post_init__(self) -> None:
        for option, name in (("session", self.session), ("run", self.run)):
            problem = None if name is None else _problem(option, name)
            if problem:
                shown = f" {visible(printable(name))}" if name else ""
                raise UsageError(f"`--{option}{shown}`: {problem}", f"expected 1 to {MAX_CHARACTERS} characters")

    def run_of(self, found: InputFile) -> Run:
        """Return a file's session and run; raises LandingError when neither its name nor the user tells one."""
        if found.origin is not None:
            return Run(str(self.session), str(self.run), found.folder, is_session_named=True)
        folder = found.file.parent.resolve()  # of a file that is a link, too: it belongs where it is named
        session = self._session(found) if self.session else folder.name
        in_name = _RUN_IN_NAME.search(plain_name(found.file))
        run = in_name[1] if in_name else self.run
        if not run:
            raise LandingError(
                "the name contains no run; expected one like `op_state_timeline_261122_0000001.csv`",
                "name the run with `--run RUN`",
                failure="name",
                file=found.file,
            )
        for option, name in (("session", session), ("run", run)):
            problem = _problem(option, name)
            if problem:
                raise LandingError(
                    f"`{visible(printable(name))}` cannot name a {option}: {problem}",
                    f"name the {option} with `--{option} NAME`",
                    failure="name",
                    file=found.file,
                )
        return Run(session, run, printable(str(folder)), is_session_named=self.session is not None)

    def _session(self, found: InputFile) -> str:
        """Return the session that the user names; sites stay apart, also those that the user names one by one."""
        session, root = str(self.session), found.root if found.root.is_dir() else found.file.parent
        folders = (root.resolve().name, *found.file.parent.relative_to(root).parts)
        sites = [name for name in folders if _SITE.fullmatch(name)]
        if sites[:1] == session.split("/")[-1:]:
            sites = sites[1:]  # the user has named the site as well
        return "/".join([session, *sites])


def _problem(option: str, name: str) -> str | None:
    if not name:
        return "it is empty"
    if len(name) > MAX_CHARACTERS:
        return f"it has {len(name)} characters"
    refused = next((character for character in name if unicodedata.category(character) in _REFUSED), None)
    if refused:
        return f"it holds {_REFUSED[unicodedata.category(refused)]}, `{visible(printable(refused))}`"
    if option == "run" and ("/" in name or "\\" in name):
        return "it holds a slash, but exported files are named after it"
    return None
