"""Which tests go to one worker: those of a file on one server and layout, which share what the file sets up."""

from __future__ import annotations

import re
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

_SHARED = re.compile("mariadb|mysql|four_schemas|one_database")


class ByFileAndServer(LoadScopeScheduling):
    """Hand out a file's tests together, in the order in which pytest found them: those on MariaDB, then on MySQL.

    Otherwise each worker would land and build for itself what a file's tests look at.
    """

    def __init__(self, config: pytest.Config, log: Any) -> None:
        config.option.loadscopereorder = False  # a worker stops one server before it starts the other
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        return " ".join([file, *_SHARED.findall(test.partition("[")[2])])
