"""A pytest plugin for dbt's own adapter suite: where its projects connect to, and whose macros they have.

SUITE_TARGET is a profile's output as JSON. With SUITE_MACROS=ours, each of the suite's projects gets `macros/adapter/`,
and connections are made as the environment's `dbt` makes them; otherwise dbt-mysql is tried as it was shipped.

It goes behind `-p dbt.tests.fixtures.project`, whose fixtures it replaces.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

import dbt_afterstate

MACROS = Path(__file__).resolve().parents[2] / "macros" / "adapter"
HAS_OURS = os.environ.get("SUITE_MACROS") == "ours"


def pytest_configure() -> None:
    """Connect as our own `dbt` does, where our macros are tried."""
    if HAS_OURS:
        dbt_afterstate.prepare()


@pytest.fixture(scope="session")
def dbt_profile_target() -> dict[str, Any]:
    """Return the server that the suite is run on."""
    return dict(json.loads(os.environ["SUITE_TARGET"]))


@pytest.fixture(scope="class", autouse=True)
def _our_macros(request: pytest.FixtureRequest) -> None:
    """Put our macros beside the project's own, once the suite has written it."""
    if HAS_OURS and "project" in request.fixturenames:
        shutil.copytree(MACROS, Path(request.getfixturevalue("project").project_root) / "macros" / "ours")
