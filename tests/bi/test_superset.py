"""Apache Superset, installed and started by `script/superset`: each chart's query is run, and compared with SQL."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bench import ROOT, Bench
from tests.bi.dashboard import Dashboard, open_dashboard
from tests.programs import free_port
from tests.report.browser import open_browser

# a BI tool's account that may read only
pytestmark = pytest.mark.layouts("four_schemas")
START_SECONDS = 600
CHARTS = [
    chart
    for row in yaml.safe_load((ROOT / "bi" / "superset" / "dashboard.yml").read_text())["rows"]
    for chart in row["charts"]
]
# What each chart must show, asked in other words than its own.
EXPECTED = {
    "Snapshots": "select count(id) from {marts}.shutdown_state_snapshot",
    "Incomplete snapshots": "select count(*) from {marts}.shutdown_snapshot_inputs where not is_complete",
    "Drifted snapshots": "select count(distinct snapshot_id) from {marts}.shutdown_snapshot_drift",
    "Rejected rows": "select count(*) from {audit}.landing_rejects",
    "SoMS by step, 20 latest shut-down designs": (
        "select trace.step, trace.run_id, trace.case_id, trace.antibody_id, trace.SoMS_cumsum_window, "
        "case when snapshots.id is not null then trace.SoMS_cumsum_window end "
        "from {audit}.core_state_trace_history as trace left join {marts}.shutdown_state_snapshot as snapshots "
        "on trace.run_id = snapshots.run_id and trace.case_id = snapshots.case_id "
        "and trace.antibody_id = snapshots.antibody_id and trace.step = snapshots.shutdown_step "
        "where trace.valid_to is null and (trace.run_id, trace.case_id, trace.antibody_id) in "
        "(select run_id, case_id, antibody_id from {marts}.shutdown_state_snapshot)"
    ),
    "Steps by fallback stage": (
        "select fallback_stage, sum(not is_after), sum(is_after) from (select decisions.fallback_stage, exists "
        "(select 1 from {marts}.post_shutdown_timeline as later where later.case_id = decisions.case_id "
        "and later.antibody_id = decisions.antibody_id and later.step = decisions.step) as is_after "
        "from {audit}.core_fallback_decisions_history as decisions where valid_to is null) as steps group by 1"
    ),
    "Shutdown snapshots": (
        "select run_id, case_id, antibody_id, shutdown_step, shutdown_trigger_final, SoMS_cumsum_window, "
        "action_toggle_rate, blocked_rate_window, veto_streak, fallback_stage, reservation_status, 1, null, 0, 1 "
        "from {marts}.shutdown_state_snapshot"
    ),
    "Phase key used (columns) vs. true phase key (rows)": (
        "select phase_key_used, phase_key_before, count(*) from {marts}.proposal_phase_keys group by 1, 2"
    ),
    "Proposals by true phase key and operation": (
        "select phase_key_before, op_name, count(*) from {marts}.proposal_phase_keys group by 1, 2"
    ),
    "Plane utilisation": (
        "select session_id, die, plane, busy_us, virtual_end_us, busy_us / (max_end - min_start) from "
        "{marts}.plane_utilisation inner join (select session_id, die, plane, min(start_us) as min_start, "
        "max(end_us) as max_end from {marts}.op_state_spans group by 1, 2, 3) as spans using (session_id, die, plane)"
    ),
    "Plane time by phase key (µs)": (
        "select phase_key, session_id, sum(ticks) / 100 from (select session_id, concat(op_base, '.', state) "
        "as phase_key, least(end_tick, coalesce(next_start_tick, end_tick)) - start_tick as ticks "
        "from {marts}.op_state_spans union all select session_id, virtual_end_key, "
        "virtual_end_until_tick - virtual_end_from_tick from {marts}.op_state_spans "
        "where virtual_end_until_tick > virtual_end_from_tick) as held group by 1, 2"
    ),
    "Operation counts and durations": (
        "select loads.session_id, op_base, count(*), avg(end_tick - start_tick) / 100, "
        "sum(end_tick - start_tick) / 100 "
        "from {staging}.stg_nand__operations as operations inner join {landing}.landing_loads as loads "
        "on operations.load_id = loads.load_id group by 1, 2"
    ),
    "Simulated runs": (
        "select session_id, run_id, count(*), sum(if(kind = 'nand_op_state_timeline', rows_landed, 0)), "
        "sum(if(kind = 'nand_proposal_rows', rows_landed, 0)), sum(if(kind = 'nand_operation_timeline', rows_landed, "
        "0)), 'time' from {landing}.landing_loads where session_id <> '' group by 1, 2"
    ),
    "Governed runs": (
        "select run_id, count(distinct case_id, antibody_id), count(distinct case_id, antibody_id, step), 1, 0, 1 "
        "from {audit}.core_state_trace_history group by 1"
    ),
    "Landed files": (
        "select load_id, kind, nullif(session_id, ''), nullif(run_id, ''), rows_landed, rows_rejected, status, 'time' "
        "from {landing}.landing_loads"
    ),
}
ROLES = {"Operation counts and durations": "dbt", "Simulated runs": "landing", "Landed files": "landing"}
CORRECTED = "run_id,case_id,antibody_id,step,SoMS_cumsum_window,action_toggle_rate,blocked_rate_window,veto_streak\n"
DESIGN = "core7_04_1767776352,B_GOVERNED,antibody_C"


@contextmanager
def superset(bench: Bench) -> Iterator[str]:
    """Start Superset over a warehouse with the script that people use, and give its address."""
    port = free_port()
    said = bench.folder / "superset.log"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [ROOT / "script" / "superset", "--port", str(port)],
            env={**os.environ, **bench.environment},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    base = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(base):
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < deadline, said.read_text()
            time.sleep(0.5)
        yield base
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _answers(base: str) -> bool:
    try:
        with urllib.request.urlopen(f"{base}/health", timeout=5) as answer:  # noqa: S310 (our own address)
            return bool(answer.status == 200)
    except OSError:
        return False


def shown(value: Any) -> Any:
    """Return a value as charts and SQL both spell it: numbers to nine digits, times by being there."""
    if value is None or value == "time" or isinstance(value, str):
        return value
    number = float(value)
    return "time" if number > 1e12 else float(f"{number:.9g}")


@pytest.mark.engines("mariadb")  # the server does not matter to Superset, and starting it takes a minute
def test_each_chart_shows_what_sql_says(warehouse: Bench) -> None:
    """Prevents a dashboard that cannot be imported, a chart that fails or lies, a login that may do too much."""
    warehouse.land(ROOT / "samples", ROOT / "tests" / "data" / "nandseqgen_example")
    warehouse.build_without_tests()
    # drift, and a row that is rejected, so that no number is 0 for want of anything to count
    warehouse.land(warehouse.write("corrected.csv", f"{CORRECTED}{DESIGN},21,7.2,0.333333,0.2,3\n{DESIGN},2.5,,,,\n"))
    warehouse.build_without_tests()
    with superset(warehouse) as base, open_browser(width=1400) as browser:
        password = (Path(warehouse.environment["AFTERSTATE_HOME"]) / "superset" / "password").read_text().strip()
        dashboard = open_dashboard(browser, base, password, charts=len(CHARTS))
        assert [status for status, _ in dashboard.asked] == [200] * len(CHARTS)
        compare(warehouse, dashboard)
        refuses(warehouse, dashboard)
        _, answer = dashboard.request("GET", "/api/v1/dataset/?q=(page_size:100)")
        for dataset in answer["result"]:
            _, found = dashboard.request("GET", f"/api/v1/dataset/{dataset['id']}")
            columns = found["result"]["columns"]
            is_view = dataset["table_name"] == "landing_loads"
            assert columns
            assert is_view or all(column["description"] for column in columns), dataset["table_name"]


def compare(bench: Bench, dashboard: Dashboard) -> None:
    """Compare the rows of each chart with what SQL gives for it."""
    _, answer = dashboard.request("GET", "/api/v1/chart/?q=(page_size:100)")
    names = {chart["id"]: chart["slice_name"] for chart in answer["result"]}
    assert sorted(names.values()) == sorted(EXPECTED) == sorted(chart["name"] for chart in CHARTS)
    asked = {names[context["form_data"]["slice_id"]]: context for _, context in dashboard.asked}
    assert asked.keys() == EXPECTED.keys()
    for name, context in asked.items():
        got = [tuple(map(shown, row.values())) for row in dashboard.rows(context)]
        expected = bench.query(EXPECTED[name], role=ROLES.get(name, "bi"))
        assert got, name
        assert sorted(got, key=repr) == sorted((tuple(map(shown, row)) for row in expected), key=repr), name


def refuses(bench: Bench, dashboard: Dashboard) -> None:
    """Try to write, and to look at landing, through Superset: the server itself refuses, whatever Superset allows."""
    _, answer = dashboard.request("GET", "/api/v1/database/")
    ((database,),) = ([each["id"]] for each in answer["result"])
    status, answer = dashboard.request("PUT", f"/api/v1/database/{database}", {"allow_dml": True})
    assert status == 200, answer
    schemas = bench.warehouse.schemas
    for statement in (
        f"delete from {schemas.marts}.governed_runs",
        f"create table {schemas.marts}.mine (n int)",
        f"select * from {schemas.landing}.landing_loads",
        f"select * from {schemas.staging}.stg_landing__loads",
    ):
        query = {"database_id": database, "sql": statement, "schema": schemas.marts, "runAsync": False}
        status, answer = dashboard.request("POST", "/api/v1/sqllab/execute/", query)
        assert status >= 400, statement
        assert "denied" in str(answer), (statement, answer)
    query = {"database_id": database, "sql": "select count(*) as n from governed_runs", "schema": schemas.marts}
    status, answer = dashboard.request("POST", "/api/v1/sqllab/execute/", query)
    assert (status, answer["data"]) == (200, [{"n": 1}])
