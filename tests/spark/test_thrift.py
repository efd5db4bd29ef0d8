"""A cluster: dbt sends its statements to a Thrift server, whose Spark reads and writes an object store."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.lake.helpers import land
from tests.lake.object_store import ObjectStore
from tests.spark.thrift import ThriftServer
from tests.spark.world import CORE, FALLBACK

SNAPSHOT = "select run_id, antibody_id, shutdown_step, fallback_stage from {{ ref('shutdown_state_snapshot') }}"
KEY = {"run_id": "core7_04_1767776352", "antibody_id": "antibody_C", "shutdown_step": 21}


def test_a_build_by_a_thrift_server(object_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents models that only a Spark in dbt's own process, or only a lake in a folder, can build, or build on."""
    object_store.enter(monkeypatch)
    lake = f"{object_store.uri}/{tmp_path.name}"
    land(lake, *(path for path in CORE.iterdir() if path != FALLBACK))
    with closing(ThriftServer(lake, tmp_path)) as server:
        server.dbt("run", "--select", "+shutdown_state_snapshot")
        assert server.query(SNAPSHOT) == [{**KEY, "fallback_stage": None}]
        land(lake, FALLBACK)
        server.dbt("run", "--select", "+shutdown_state_snapshot")
        assert server.query(SNAPSHOT) == [{**KEY, "fallback_stage": "PARTIAL_SEAL"}]
