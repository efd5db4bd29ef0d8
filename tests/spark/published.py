"""What Spark built, published into another warehouse of a server: the same as what a build there made."""

from __future__ import annotations

from pathlib import Path

from tests.bench import Bench
from tests.loaders.helpers import another_warehouse
from tests.warehouse.checksums import mart_checksums


def differences_published(bench: Bench, lake: Path, folder: Path) -> list[str]:
    """Return the tables and views of a built warehouse that one with the lake's marts has otherwise, or not at all."""
    published = another_warehouse(bench.server, folder)
    done = published.run("publish", "--lake", lake)
    assert done.exit_code == 0, done.output
    built, there = mart_checksums(bench), mart_checksums(published)
    return sorted(name for name in built.keys() | there.keys() if built.get(name) != there.get(name))
