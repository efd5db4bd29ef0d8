"""Every model and column is documented and keyed, measured by dbt-bouncer over a built warehouse, not by hope."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.bench import ROOT, Bench, missing
from tests.warehouse.phase_key_cases import Case, Proposal, Statement, run_id, write_session

BOUNCER = Path(sys.executable).parent / "dbt-bouncer"


def bounce(artifacts: Path, folder: Path) -> list[dict[str, str]]:
    """Run dbt-bouncer over dbt's artifacts and give what it found."""
    if not BOUNCER.exists():
        missing("dbt-bouncer is not installed; it needs Python 3.11 or newer")
    config = yaml.safe_load((ROOT / "dbt-bouncer.yml").read_text())
    config |= {"dbt_artifacts_dir": str(artifacts), "custom_checks_dir": str(ROOT / "tools" / "dbt_checks")}
    (folder / "dbt-bouncer.yml").write_text(yaml.safe_dump(config))
    findings = folder / "findings.json"
    command = [BOUNCER, "run", "--config-file", folder / "dbt-bouncer.yml", "--output-file", findings]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert findings.exists(), done.stdout + done.stderr
    results = json.loads(findings.read_text())
    assert results, "dbt-bouncer looked at nothing"
    # A check that crashes is a warning to dbt-bouncer; here it is a finding like any other.
    return [result for result in results if result["outcome"] != "success"]


def test_every_model_and_column_is_documented_and_keyed(warehouse: Bench) -> None:
    """Prevents a column that does not explain itself to an analyst, a model whose key nothing guards."""
    warehouse.build_without_tests()
    warehouse.dbt("docs generate")
    artifacts = warehouse.artifacts
    catalog = json.loads((artifacts / "catalog.json").read_text())
    assert len(catalog["nodes"]) >= 8
    assert bounce(artifacts, warehouse.folder) == []

    planted = warehouse.folder / "planted"
    shutil.copytree(artifacts, planted)
    manifest = json.loads((planted / "manifest.json").read_text())
    nodes = manifest["nodes"]
    nodes["model.afterstate.shutdown_state_snapshot"]["columns"]["run_id"]["description"] = ""
    manifest["sources"]["source.afterstate.core.core8_state_trace"]["columns"]["veto_streak"]["description"] = ""
    keyed = [name for name, node in nodes.items() if node.get("attached_node") == "model.afterstate.design_trajectory"]
    for name in keyed:
        del nodes[name]
    nodes["model.afterstate.stg_core__state_trace"]["depends_on"]["nodes"].append("model.afterstate.op_state_spans")
    nodes["model.afterstate.op_state_spans"]["depends_on"]["nodes"].append("source.afterstate.landing.landing_loads")
    (planted / "manifest.json").write_text(json.dumps(manifest))
    found = {result["check_run_id"].split(":")[0] for result in bounce(planted, warehouse.folder)}
    # A tool that never fails guards nothing.
    assert found == {
        "check_column_description_populated",
        "check_lineage_permitted_upstream_models",
        "check_lineage_source_cannot_be_used",
        "check_model_has_unique_test",
        "check_source_columns_are_described",
    }


@pytest.mark.layouts("four_schemas", "one_database")
def test_freshness_of_every_source(warehouse: Bench) -> None:
    """Prevents freshness that fails on a kind which was never landed, or that is off by the server's time zone."""
    never = warehouse.dbt("source freshness")
    assert set(never.values()) == {"warn"}
    warehouse.land(ROOT / "samples" / "core")
    write_session(warehouse.folder / "chip", [Case([Statement(0, 1, "ERASE", "ISSUE", 1)], [Proposal(0, 1)])], runs=1)
    operations = "start,end,die,plane,op_name,op_base,op_uid\n0,1,0,0,Erase,ERASE,1\n"
    warehouse.write(f"chip/operation_timeline_{run_id(1)}.csv", operations)
    warehouse.write(
        f"chip/proposer_debug_{run_id(1)}.log", "[proposer] selected op=Erase base=ERASE start_us=0 len_batch=1\n"
    )
    warehouse.land(warehouse.folder / "chip")
    assert set(warehouse.dbt("source freshness").values()) == {"pass"}
    sources = json.loads((warehouse.artifacts / "sources.json").read_text())
    assert all(0 <= result["max_loaded_at_time_ago_in_s"] < 600 for result in sources["results"])
