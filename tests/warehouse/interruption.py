"""A server that dies in the middle of a build."""

from __future__ import annotations

import random
import time
from contextlib import closing

from afterstate.warehouse.connect import connect
from tests.bench import WITHOUT_TESTS, Bench
from tests.server.helpers import kill, start_command, up

START_SECONDS, MIDST_SECONDS = 120, 1.0


def interrupt_build(bench: Bench, dice: random.Random, *selection: str) -> bool:
    """Build, kill the server at some moment of it, and bring it up again; tell whether the build was not done yet."""
    parsed = str(bench.artifacts)
    build = start_command(bench, "build", "--quiet", *WITHOUT_TESTS, *selection, DBT_TARGET_PATH=parsed)
    wait_for_dbt(bench)
    time.sleep(dice.uniform(0, MIDST_SECONDS))
    kill(bench)
    build.communicate(timeout=START_SECONDS)
    up(bench)
    return build.returncode != 0


def wait_for_dbt(bench: Bench) -> None:
    """Wait until dbt, which reads the project for some seconds first, is at work on the server."""
    account = bench.warehouse.dbt.username
    deadline = time.monotonic() + START_SECONDS
    with closing(connect(bench.server.admin)) as admin, admin.cursor() as cursor:
        while time.monotonic() < deadline:
            cursor.execute("show processlist")
            if account in {user for _, user, *_ in cursor.fetchall()}:
                return
            time.sleep(0.02)
    raise AssertionError(f"`{account}` did not connect within {START_SECONDS} s")
