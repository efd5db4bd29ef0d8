"""Run dbt's own adapter suite on private servers in temporary folders, and print what failed and how it says so.

    script/conformance                                   both servers, dbt-mysql as shipped and with our macros
    script/conformance --server mysql --macros ours -k constraints

All other arguments go to pytest. A full run takes about 5 minutes on MariaDB and 10 on MySQL, twice.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from xml.etree import ElementTree

import dbt.tests.fixtures.project

from tests.bench import ENGINES, ROOT, Server
from tests.server.helpers import private_home
from tools.server_programs import server_program

SUITE = Path(dbt.tests.fixtures.project.__file__).parents[1] / "adapter"
NEEDED = ("type", "server", "port", "username", "password")


def main() -> None:
    """Run the suite as asked and print a line for each test that did not pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", choices=(*ENGINES, "both"), default="both")
    parser.add_argument("--macros", choices=("shipped", "ours", "both"), default="both")
    chosen, others = parser.parse_known_args()
    for engine in ENGINES if chosen.server == "both" else (chosen.server,):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "home"
            home.mkdir()
            with private_home(Server(engine, home, server_program(engine)), home) as bench:
                bench.server.private.start(lambda text: print(text, file=sys.stderr))
                for macros in ("shipped", "ours") if chosen.macros == "both" else (chosen.macros,):
                    outcomes = run(bench.server, macros, Path(folder), others)
                    report(f"{engine}, {macros}", outcomes)


def run(server: Server, macros: str, folder: Path, arguments: list[str]) -> dict[str, str]:
    """Return each test's outcome: empty when it passed, else how it failed."""
    target = {name: value for name, value in asdict(server.admin).items() if name in NEEDED}
    results = folder / f"{macros}.xml"
    options = "-q -p dbt.tests.fixtures.project -p tools.conformance.plugin -p no:cacheprovider --import-mode=importlib"
    places = ["--rootdir", str(folder), "-c", os.devnull, f"--junit-xml={results}", str(SUITE)]
    subprocess.run(
        [sys.executable, "-m", "pytest", *options.split(), *places, *arguments],
        env={
            **os.environ,
            "SUITE_TARGET": json.dumps({**target, "threads": 2}),
            "SUITE_MACROS": macros,
            "PYTHONPATH": str(ROOT),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "0",
        },
        cwd=folder,
        stdout=subprocess.DEVNULL,
        check=False,
    )
    outcomes = {}
    for case in ElementTree.parse(results).iter("testcase"):  # noqa: S314  # written just above
        problem = next((item for item in case if item.tag in ("failure", "error")), None)
        name = f"{case.get('classname', '').rpartition('.')[2]}::{case.get('name')}"
        outcomes[name] = "" if problem is None else " ".join((problem.get("message") or "?").split())[:160]
    return outcomes


def report(title: str, outcomes: dict[str, str]) -> None:
    """Print the counts and what did not pass."""
    failed = {name: how for name, how in outcomes.items() if how}
    print(f"## {title}: {len(outcomes) - len(failed)} passed, {len(failed)} did not")
    for name, how in sorted(failed.items()):
        print(f"{name} - {how}")


if __name__ == "__main__":
    main()
