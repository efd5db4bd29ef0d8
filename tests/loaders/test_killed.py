"""Landing that ends by a kill, of the loader or of the server, at any moment.

Whatever happens, a file is visible entirely or not at all, and the same command again ends as if nothing had happened.
"""

from __future__ import annotations

import random
import signal
from functools import partial
from pathlib import Path

import pytest

from tests.bench import Bench
from tests.loaders.faults import (
    LONG,
    LOST,
    ROWS,
    TIMELINE_KIND,
    TIMEOUT_SECONDS,
    Undisturbed,
    at_reject,
    at_row,
    empty,
    failure,
    moments,
    results,
    start,
    visible,
)
from tests.loaders.helpers import TRACE_KIND

LOADER_KILLS, SERVER_KILLS = (100, 30) if LONG else (3, 1)
FINISHED_EVERY = 5
LANDED_BEFORE = ("landed", "unchanged")


def require_whole(bench: Bench, undisturbed: Undisturbed, moment: str) -> int:
    """Return the number of visible loads; fails where one is not as it would be had nothing happened."""
    loads = visible(bench)
    wrong = {key: load for key, load in loads.items() if undisturbed.loads.get(key) != load}
    assert (moment, wrong) == (moment, {})
    return len(loads)


def require_finished(bench: Bench, chip: Path, undisturbed: Undisturbed) -> None:
    """Require that the same command again finishes the job, and that one more has nothing to do."""
    assert {result["status"] for result in bench.land(chip)} <= set(LANDED_BEFORE)
    assert visible(bench) == undisturbed.loads
    assert [result["status"] for result in bench.land(chip)] == ["unchanged"] * len(ROWS)


def test_a_loader_that_is_killed(warehouse: Bench, chip: Path, undisturbed: Undisturbed, dice: random.Random) -> None:
    """Prevents half of a file from being visible, or its second landing from doubling rows, after kill -9.

    An id that was given to a load and is not a load's tells of a landing that the kill cut off.
    """
    committed = 0
    for number, (name, moment) in enumerate(moments(dice, LOADER_KILLS, undisturbed.seconds), 1):
        loader = start(warehouse, chip)
        moment(warehouse, loader)
        loader.kill()
        loader.communicate(timeout=TIMEOUT_SECONDS)
        loads = require_whole(warehouse, undisturbed, name)
        if loads or number % FINISHED_EVERY == 0:
            require_finished(warehouse, chip, undisturbed)
            committed += len(ROWS)
            empty(warehouse)
    require_finished(warehouse, chip, undisturbed)
    [(given,)] = warehouse.query("select max(load_id) from {landing}.landing_loads")
    interrupted = given - committed - len(ROWS)
    print(f"kills: {LOADER_KILLS}, of which {interrupted} cut a landing off")
    assert interrupted >= LOADER_KILLS // 10 + 1


INTERRUPTIONS = {
    "first row": at_row(TRACE_KIND, 1),
    "a later file": at_row(TIMELINE_KIND, ROWS[TIMELINE_KIND] // 2),
    "rejects": at_reject(TRACE_KIND),
}


@pytest.mark.parametrize("at", INTERRUPTIONS if LONG else ["first row"])
def test_a_loader_that_is_interrupted(emptied: Bench, chip: Path, undisturbed: Undisturbed, at: str) -> None:
    """Prevents Ctrl-C from leaving half of a file, from going unheard, or from being a traceback."""
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a job in the background is deaf to it otherwise
    loader = start(emptied, chip, preexec_fn=heeding)
    INTERRUPTIONS[at](emptied, loader)
    loader.send_signal(signal.SIGINT)
    output, errors = loader.communicate(timeout=TIMEOUT_SECONDS)
    assert (output, errors.split(), loader.returncode) == ("", ["Aborted!"], 1)
    assert require_whole(emptied, undisturbed, "Ctrl-C") < len(ROWS)
    require_finished(emptied, chip, undisturbed)


def test_a_server_that_is_killed(own_server: Bench, chip: Path, undisturbed: Undisturbed, dice: random.Random) -> None:
    """Prevents a power cut from leaving half of a file; `up` and the same command again must be all that it takes."""
    lost = 0
    for number, (name, moment) in enumerate(moments(dice, SERVER_KILLS, undisturbed.seconds), 1):
        loader = start(own_server, chip)
        moment(own_server, loader)
        process = own_server.server.private.process()
        assert process
        process.kill()
        process.wait(TIMEOUT_SECONDS)
        if loader.wait(TIMEOUT_SECONDS):
            lost += LOST in failure(loader, "`afterstate up`")
        else:
            results(loader)
        up = own_server.run("up")
        assert up.exit_code == 0, up.output
        loads = require_whole(own_server, undisturbed, name)
        if loads or number % FINISHED_EVERY == 0:
            require_finished(own_server, chip, undisturbed)
            empty(own_server)
    require_finished(own_server, chip, undisturbed)
    print(f"kills: {SERVER_KILLS}, of which {lost} cut a landing off")
    assert lost >= SERVER_KILLS // 10 + (SERVER_KILLS > 1)
