"""A warehouse that the tests of a module share, which spares bringing one up for each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import Bench, Server
from tests.loaders.helpers import another_warehouse


@pytest.fixture(scope="module")
def common_bench(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return another_warehouse(server, tmp_path_factory.mktemp("common"))


@pytest.fixture
def common(common_bench: Bench, tmp_path: Path) -> Bench:
    """Give a warehouse that other tests land in, too: use a run of your own, and look at your own load only.

    The folder's name, a session's, is the test's own.
    """
    return replace(common_bench, folder=tmp_path)
