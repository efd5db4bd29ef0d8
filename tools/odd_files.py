"""docs/odd-files.md: every odd file and what became of it, written from a landing on a real server.

script/odd-files                    lands them on MariaDB and writes the page
script/odd-files --server mysql     the same, on MySQL; the page must not differ
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

from tests.bench import ENGINES, ROOT, Server
from tests.loaders.odd.built import Built, build_all
from tests.loaders.odd.expect import OddFile, visible
from tests.loaders.odd.outcome import Landing, Outcome, land_all
from tests.loaders.odd_files import odd_files
from tests.server.helpers import private_home, up
from tools.server_programs import server_program

PAGE = ROOT / "docs" / "odd-files.md"
PLACES_SHOWN, REASONS_SHOWN, SAID_SHOWN = 6, 4, 300
HEAD = """\
# Odd files, and what becomes of them

Written by `./script/odd-files`, which makes these files by rule (`tests/loaders/odd/`), lands and builds them; do not
edit. `tests/loaders/test_odd_files.py` does the same on MariaDB and on MySQL at every run of the tests and compares
every value, in the landing tables and in the marts.

- **landed**: all rows that are not named as rejected are in the table, value for value.
- **rejected** names line and column, or the line alone where the row as a whole does not fit; `landing_rejects` has the
  reason as shown here, and the row's original text. A file whose rows are all rejected is rejected itself.
- **in the marts**: how much of it is there once all files have been built, in one `dbt build` without an error. Rows
  that state the same key or segment again are one. A fallback decision and a reservation show in the marts of a design
  that has a trace or an event. A `phase_key:` line is a decision when its `selected` line follows.
- **failed**: nothing of the file landed, and the exit code is 1. **ignored**: it is not one of Afterstate's files.

{counts}
"""


def main() -> None:
    """Land and build all odd files on a server of its own and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=ENGINES, default="mariadb")
    engine = parser.parse_args().server
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        with private_home(Server(engine, home, server_program(engine)), Path(folder)) as bench:
            up(bench)
            landing = land_all(bench, odd_files())
            PAGE.write_text(page(landing, build_all(bench, landing)), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)} is written", file=sys.stderr)


def page(landing: Landing, built: Built) -> str:
    """Return the page."""
    reached = built.reached()
    files = list(landing.found.values())
    counted = {
        status: sum(found.result["status"] == status for _, found in files)
        for status in ("landed", "rejected", "failed", "ignored")
    }
    rows = sum(found.result["rows_landed"] for _, found in files)
    rejected = sum(found.result["rows_rejected"] for _, found in files)
    counts = f"{len(files):,} files: " + ", ".join(f"{count} {status}" for status, count in counted.items())
    counts += f"; {rows:,} rows landed, {rejected:,} were rejected."
    parts = [HEAD.format(counts=counts)]
    for group, of_group in groupby(landing.found.items(), key=lambda item: item[1][0].group):
        parts.append(f"\n## {group}\n\n| what is odd | file | outcome | in the marts |\n|---|---|---|---|\n")
        for path, (file, found) in of_group:
            cells = (file.odd, _name(file), outcome(found), reached.get(path, ""))
            parts.append(f"| {' | '.join(_cell(text) for text in cells)} |\n")
    return "".join(parts)


def outcome(found: Outcome) -> str:
    """Return in a line what became of a file."""
    result = found.result
    if result["status"] not in ("landed", "rejected"):
        return f"{result['status']}: {visible(found.said, SAID_SHOWN)}"
    said = [f"landed {result['rows_landed']:,}"]
    if found.rejects:
        said.append(f"rejected {len(found.rejects):,}: " + "; ".join(_reasons(found)))
    return ", ".join(said)


def _reasons(found: Outcome) -> Iterator[str]:
    """Return each reason with the places where it was found, the first of them."""
    places: dict[str, list[str]] = {}
    for reject in found.rejects:
        places.setdefault(reject["reason"], []).append(_where(reject))
    for reason, where in list(places.items())[:REASONS_SHOWN]:
        more = f" and {len(where) - PLACES_SHOWN:,} more" if len(where) > PLACES_SHOWN else ""
        yield f"{', '.join(where[:PLACES_SHOWN])}{more}: {visible(reason, SAID_SHOWN)}"
    if len(places) > REASONS_SHOWN:
        yield f"and {len(places) - REASONS_SHOWN} more reasons"


def _where(reject: Mapping[str, object]) -> str:
    column = reject["column_name"]
    return f"line {reject['line_no']}" + ("" if column is None else f" `{visible(str(column))}`")


def _name(file: OddFile) -> str:
    """Return the name without the folder of its group."""
    return f"`{visible(file.name.partition('/')[2], 80)}`"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


if __name__ == "__main__":
    main()
