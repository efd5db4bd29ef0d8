"""`afterstate simulate`: files of simulated NAND sessions and governed runs (design section 2; docs/simulators.md).

Progress goes to standard error; standard output has a line for each session, and the paths of the files.
"""

from __future__ import annotations

import re
import shlex
import sys
import time
from datetime import date as calendar
from datetime import datetime
from pathlib import Path

import click

from afterstate.cli.console import say, suggest
from afterstate.cli.land import land_paths, next_step
from afterstate.cli.options import InputPath, OutputPath
from afterstate.cli.results import show_results
from afterstate.errors import UsageError
from afterstate.phase_key import BOUNDARIES, Boundary, tick
from afterstate.progress import sharing
from loaders.runs import RunOptions
from simulators.core.governed_files import write_governed_runs
from simulators.core.governed_runs import Size
from simulators.errors import ConfigurationError
from simulators.nand.configuration import PRESETS, Configuration, load_configuration
from simulators.nand.session import Order, SiteResult, simulate_session, simulate_sites

LAND = click.option("--land", is_flag=True, help="Land the folder, too.")


@click.group()
def simulate() -> None:
    """Write files of simulated sessions, as their producers would.

    \b
    afterstate simulate nand --out out/nand
    afterstate simulate core --out out/core
    """  # noqa: D301 (click wants the character that `\b` spells)


@simulate.command()
@click.option(
    "--out", required=True, type=OutputPath(file_okay=False, path_type=Path), help="The folder to write into."
)
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same bytes.")
@click.option(
    "--pc-demo", "preset", default="default", show_default=True, type=click.Choice(PRESETS), help="The preset."
)
@click.option("--config", type=InputPath(exists=False, dir_okay=False), help="A YAML file instead of the default one.")
@click.option("--run-until", default=20000.0, show_default=True, metavar="US", help="How long a run lasts, in µs.")
@click.option("--num-runs", default=1, show_default=True, type=click.IntRange(min=1), help="Runs of one timeline.")
@click.option("--sites", default=1, show_default=True, type=click.IntRange(1, 100), help="Independent sessions.")
@click.option("--date", metavar="YYMMDD", help="The date in the files' names; today by default.")
@click.option(
    "--boundary", default="before", show_default=True, type=click.Choice(BOUNDARIES), help="The boundary of the counts."
)
@LAND
def nand(
    out: Path,
    seed: int,
    preset: str,
    config: Path | None,
    run_until: float,
    num_runs: int,
    sites: int,
    date: str | None,
    boundary: Boundary,
    land: bool,
) -> None:
    """Simulate NAND operation sequences.

    \b
    afterstate simulate nand --out out/nand
    afterstate simulate nand --out out/nand --pc-demo mix --seed 7 --run-until 100000 --num-runs 3
    afterstate simulate nand --out out/lab --sites 4 --land
    """  # noqa: D301 (click wants the character that `\b` spells)
    files = simulate_nand(
        out,
        seed=seed,
        preset=preset,
        config=config,
        run_until_us=run_until,
        runs=num_runs,
        sites=sites,
        date=date,
        boundary=boundary,
    )
    _print_paths(files)
    # Sites of one folder are called after it, since every folder has a site_00.
    _land_or_suggest(out, RunOptions(out.resolve().name if sites > 1 else None), land)


@simulate.command()
@click.option(
    "--out", required=True, type=OutputPath(file_okay=False, path_type=Path), help="The folder to write into."
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="The same seed gives the same bytes."
)
@click.option("--runs", default=1, show_default=True, type=click.IntRange(min=1), help="Number of runs.")
@click.option(
    "--cases",
    default=2,
    show_default=True,
    type=click.IntRange(min=1),
    help="Cases of each run: A_BASELINE, B_GOVERNED, …",
)
@click.option("--antibodies", default=3, show_default=True, type=click.IntRange(min=1), help="Antibodies of each run.")
@click.option("--steps", default=30, show_default=True, type=click.IntRange(min=1), help="Steps of each series.")
@LAND
def core(out: Path, seed: int, runs: int, cases: int, antibodies: int, steps: int, land: bool) -> None:
    """Simulate governed antibody-design runs.

    \b
    afterstate simulate core --out out/core
    afterstate simulate core --out out/core --runs 1000 --antibodies 50 --steps 100
    """  # noqa: D301 (click wants the character that `\b` spells)
    _print_paths(simulate_core(out, Size(runs, cases, antibodies, steps), seed=seed))
    _land_or_suggest(out, RunOptions(), land)


def simulate_nand(
    out: Path,
    *,
    seed: int = 0,
    preset: str = "default",
    config: Path | None = None,
    run_until_us: float = 20000.0,
    runs: int = 1,
    sites: int = 1,
    date: str | None = None,
    boundary: Boundary = "before",
) -> list[Path]:
    """Simulate sessions, print a line for each, and return the files that were written.

    One site writes into `out` itself, more into `site_NN` folders below. Raises UsageError for a configuration, a time
    or a date that cannot be used.
    """
    date = date or calendar.today().strftime("%y%m%d")
    _require_usable(date, run_until_us)
    order = Order(_configuration(config, preset), seed, run_until_us, runs, date, boundary)
    began = time.monotonic()
    names = ["simulating"] if sites == 1 else [f"site_{site:02d}" for site in range(sites)]
    with sharing("simulating", names) as watch:
        if sites == 1:
            results = [simulate_session(order, out, progress=watch)]
        else:
            results = simulate_sites(order, out, sites, watch)
    for name, result in zip(names, results, strict=True):
        print(f"{out.name if sites == 1 else name}: {_describe(result)}")
    say(f"simulated in {time.monotonic() - began:.1f} s")
    return [file for result in results for file in result.files]


def _require_usable(date: str, run_until_us: float) -> None:
    try:
        if not re.fullmatch(r"[0-9]{6}", date):
            raise ValueError(date)  # `strptime` takes digits of other scripts, and months of one digit
        datetime.strptime(date, "%y%m%d")
    except ValueError as error:
        raise UsageError(f"`--date {date}` is not a date", "write it as YYMMDD, such as 261122") from error
    try:
        is_some_time = tick(run_until_us) > 0
    except ValueError as error:
        raise UsageError(f"`--run-until`: {error}") from error
    if not is_some_time:
        raise UsageError(f"`--run-until {run_until_us}` is too short", "write µs, at least 0.01")


def _configuration(file: Path | None, preset: str) -> Configuration:
    try:
        return load_configuration(file, preset)
    except ConfigurationError as error:
        where = file or "the default configuration"
        raise UsageError(f"{where}: {error}", "docs/simulators.md describes every key") from error


def simulate_core(out: Path, size: Size | None = None, *, seed: int = 0) -> list[Path]:
    """Simulate governed runs, print a line about them, and return the files that were written."""
    size = size or Size()
    began = time.monotonic()
    with sharing("simulating", ["simulating"]) as watch:
        files = write_governed_runs(size, seed, out, lambda share: watch(0, share))
    print(f"{out.name}: {size.runs:,} runs, {size.rows:,} rows in each of three files")
    say(f"simulated in {time.monotonic() - began:.1f} s")
    return files


def _describe(result: SiteResult) -> str:
    first, last = result.summaries[0], result.summaries[-1]
    operations = sum(summary.operations for summary in result.summaries)
    return f"{len(result.summaries)} runs, {first.start_us} to {last.end_us} µs, {operations:,} operations"


def _land_or_suggest(folder: Path, run_options: RunOptions, land: bool) -> None:
    """Land the folder where that is asked for; otherwise say how."""
    if not land:
        suggest(f"`afterstate land {shlex.quote(str(folder))}` lands the files")
        return
    results = land_paths([folder], run_options=run_options)
    show_results(results)
    suggest(next_step(results))
    if any(result.status == "failed" for result in results):
        sys.exit(1)


def _print_paths(files: list[Path]) -> None:
    for file in files:
        print(file)
