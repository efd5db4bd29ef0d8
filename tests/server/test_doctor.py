"""`afterstate doctor`: each thing that keeps the warehouse from working is found, and its advice helps.

dbt itself is asked only where the test is about it, since that takes seconds.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from afterstate.warehouse import doctor
from afterstate.warehouse.accounts import grant_pattern
from afterstate.warehouse.requirements import LEAST_PACKET
from afterstate.warehouse.server_checks import LEAST_SORT_BUFFER
from tests.bench import Bench, Server
from tests.server.helpers import ROLES, as_admin, bench_in, global_setting, up

# it looks at each account and each schema
pytestmark = pytest.mark.layouts("four_schemas")


def examined(bench: Bench) -> tuple[int, str]:
    """Run `afterstate doctor`; give its exit code and what it said."""
    result = bench.run("doctor")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def bad_findings(bench: Bench) -> list[tuple[str, str]]:
    """Return what doctor found bad, with its advice; the exit code must agree."""
    code, output = examined(bench)
    found = re.findall(r"^BAD +(.*)\n +fix: (.*)$", output, re.MULTILINE)
    assert len(found) == len(re.findall("^BAD", output, re.MULTILINE)), f"a bad finding without advice:\n{output}"
    assert code == (1 if found else 0), output
    return found


def change_profile(bench: Bench, role: str, **settings: object) -> None:
    """Change an output of the profile by hand; None takes a line away."""
    path = bench.settings.profiles_path
    profile = yaml.safe_load(path.read_text(encoding="utf-8"))
    marts = profile["afterstate"]["target"]
    output = profile["afterstate"]["outputs"][marts if role == "dbt" else f"{marts}_{role}"]
    for name, value in settings.items():
        output[name] = value
        if value is None:
            del output[name]
    path.write_text(yaml.safe_dump(profile), encoding="utf-8")


def test_a_warehouse_that_came_up_is_well(warehouse: Bench) -> None:
    """Prevents `up` leaving something behind that `doctor` then complains about; a doctor that cannot say "well"."""
    code, output = examined(warehouse)
    assert code == 0, output
    assert "BAD" not in output
    assert "\nno problems found\n" in output
    for word in ("utf8mb4", "local_infile", "time zone", "sort_buffer_size", "dbt debug", *ROLES):
        assert word in output


def test_what_dbt_cannot_use_is_bad(warehouse: Bench) -> None:
    """Prevents doctor passing a profile that only the loaders can use."""
    path = warehouse.settings.profiles_path
    path.write_text(path.read_text(encoding="utf-8") + "config:\n  printer_width: wide\n", encoding="utf-8")
    ((what, fix),) = bad_findings(warehouse)
    assert "dbt" in what
    assert f"dbt debug --profiles-dir {path.parent}" in fix


@pytest.mark.usefixtures("without_dbt_debug")
@pytest.mark.parametrize("script", [None, "from dbt.cli.main import cli\n"])
def test_another_dbt_is_bad(
    warehouse: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None
) -> None:
    """Prevents `pip install -U dbt-core` putting a `dbt` in place that builds with the server's defaults, unnoticed."""
    if script:
        (tmp_path / "dbt").write_text(script)
    monkeypatch.setattr(doctor.sysconfig, "get_path", lambda _: str(tmp_path))
    ((what, fix),) = bad_findings(warehouse)
    assert f"`{tmp_path / 'dbt'}` is not Afterstate's `dbt`" in what
    assert "./script/setup" in fix


@pytest.mark.usefixtures("without_dbt_debug")
def test_another_dbt_core_is_bad(warehouse: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prevents a dbt-core that dbt-mysql does not know failing in ways that nobody can read."""
    monkeypatch.setattr(doctor.metadata, "version", lambda _: "1.10.3")
    ((what, fix),) = bad_findings(warehouse)
    assert what == "dbt-core is 1.10.3, but dbt-mysql works with 1.7 only"
    assert "./script/setup" in fix


@pytest.mark.usefixtures("without_dbt_debug")
def test_local_infile_off_is_noted(warehouse: Bench) -> None:
    """Prevents landing at half its speed for years, since nobody said what would make it faster."""
    with global_setting(warehouse, "local_infile", 0):
        code, output = examined(warehouse)
        assert code == 0
        noted = re.search("^note +local_infile is off: .*INSERT.*\n +fix: .*: (set global .*?);", output, re.MULTILINE)
        assert noted
        as_admin(warehouse, noted[1])
        assert "local_infile is on" in examined(warehouse)[1]


@pytest.mark.usefixtures("without_dbt_debug")
def test_small_buffers_are_noted_and_small_packets_are_bad(warehouse: Bench) -> None:
    """Prevents minutes of sorting, or long fields that do not fit, without a hint why."""
    with global_setting(warehouse, "sort_buffer_size", 262144):
        code, output = examined(warehouse)
        assert code == 0
        assert re.search("^note +sort_buffer_size is 262144.*\n +fix: .*sort_buffer_size", output, re.MULTILINE)
        assert LEAST_SORT_BUFFER > 262144
    with global_setting(warehouse, "max_allowed_packet", 1 << 20):
        ((what, fix),) = bad_findings(warehouse)
        assert "max_allowed_packet" in what
        as_admin(warehouse, fix.partition(";")[0])
        assert bad_findings(warehouse) == []
        assert LEAST_PACKET > 1 << 20


@pytest.mark.usefixtures("without_dbt_debug")
def test_a_schema_under_another_collation_is_bad(warehouse: Bench) -> None:
    """Prevents `antibody_C` and `antibody_c` becoming one key in tables that are made from now on."""
    for schema in warehouse.warehouse.schemas.all():
        as_admin(warehouse, f"alter database `{schema}` character set latin1 collate latin1_swedish_ci")
        ((what, fix),) = bad_findings(warehouse)
        assert schema in what
        assert "latin1_swedish_ci" in what
        as_admin(warehouse, fix.partition(";")[0])
        assert bad_findings(warehouse) == []


@pytest.mark.usefixtures("without_dbt_debug")
def test_a_missing_schema_is_bad_and_up_makes_it(warehouse: Bench) -> None:
    """Prevents dbt's error about an unknown database being the first that one hears of it."""
    as_admin(warehouse, f"drop database `{warehouse.warehouse.schemas.audit}`")
    assert any(warehouse.warehouse.schemas.audit in what and "up" in fix for what, fix in bad_findings(warehouse))
    up(warehouse)
    assert bad_findings(warehouse) == []


@pytest.mark.usefixtures("without_dbt_debug")
def test_missing_landing_tables_are_bad_and_up_makes_them(warehouse: Bench) -> None:
    """Prevents an account with every right, and nothing to land into."""
    as_admin(warehouse, f"drop table `{warehouse.warehouse.schemas.landing}`.landing_loads")
    ((what, fix),) = bad_findings(warehouse)
    assert "landing_loads" in what
    assert "afterstate up" in fix
    up(warehouse)
    assert bad_findings(warehouse) == []


@pytest.mark.usefixtures("without_dbt_debug")
def test_a_dropped_account_and_a_changed_password_are_bad_and_up_mends_them(warehouse: Bench) -> None:
    """Prevents doctor itself failing, or sending people in a circle, when an account is gone."""
    found = warehouse.warehouse
    for name, change in (
        (found.landing.username, "drop user '{}'@'%'"),
        (found.dbt.username, "drop user '{}'@'%'"),
        (found.bi.username, "alter user '{}'@'%' identified by 'Another-1-password'"),
    ):
        as_admin(warehouse, change.format(name))
        ((what, fix),) = bad_findings(warehouse)
        assert name in what
        assert "afterstate up" in fix
        up(warehouse)
        assert bad_findings(warehouse) == []


TOO_FEW = [
    ("landing", "revoke insert on `{landing}`.* from", "INSERT"),
    ("dbt", "revoke create on `{marts}`.* from", "CREATE"),
    ("dbt", "revoke select on `{landing}`.* from", "SELECT"),
    ("bi", "revoke select on `{audit}`.* from", "SELECT"),
]
TOO_MANY = [
    ("bi", "grant delete on `{marts}`.* to", "DELETE"),
    ("bi", "grant select on `{landing}`.* to", "SELECT"),
    ("bi", "grant process on *.* to", "PROCESS"),
    ("dbt", "grant update on `{landing}`.* to", "UPDATE"),
    ("landing", "grant select on `{marts}`.* to", "SELECT"),
]


@pytest.mark.usefixtures("without_dbt_debug")
@pytest.mark.parametrize(("changes", "verb"), [(TOO_FEW, "lacks"), (TOO_MANY, "beyond")], ids=["few", "many"])
def test_rights_too_few_or_too_many_are_bad_and_up_mends_them(
    warehouse: Bench, changes: list[tuple[str, str, str]], verb: str
) -> None:
    """Prevents a role that quietly can no longer do its work, or can do what it must not."""
    schemas = warehouse.warehouse.schemas
    places = {part: grant_pattern(getattr(schemas, part), True) for part in ("marts", "landing", "audit")}
    for role, change, _ in changes:
        name = getattr(warehouse.warehouse, role).username
        as_admin(warehouse, f"{change.format(**places)} '{name}'@'%'")
    found = bad_findings(warehouse)
    for role, _, named in changes:
        name = getattr(warehouse.warehouse, role).username
        assert any(name in what and named in what and verb in what and "`afterstate up`" in fix for what, fix in found)
    assert len([what for what, _ in found if verb in what]) == len(changes), found
    up(warehouse)
    assert bad_findings(warehouse) == []


@pytest.mark.usefixtures("without_dbt_debug")
def test_a_profile_that_others_may_read_is_bad(warehouse: Bench) -> None:
    """Prevents passwords in a file that every user of the machine can open."""
    path = warehouse.settings.profiles_path
    path.chmod(0o644)
    ((what, fix),) = bad_findings(warehouse)
    assert str(path) in what
    assert fix == f"chmod 600 {path}"


@pytest.mark.usefixtures("without_dbt_debug")
def test_the_wrong_adapter_is_bad_and_up_mends_it(warehouse: Bench) -> None:
    """Prevents the `mysql` adapter on MariaDB, whose SQL that server does not take."""
    other = {"mysql": "mariadb", "mariadb": "mysql"}[warehouse.server.engine]
    change_profile(warehouse, "dbt", type=other)
    ((what, fix),) = bad_findings(warehouse)
    assert other in what
    assert "afterstate up" in fix
    up(warehouse)
    assert bad_findings(warehouse) == []


@pytest.mark.usefixtures("without_dbt_debug")
def test_an_incomplete_profile_is_bad_and_up_mends_it(warehouse: Bench) -> None:
    """Prevents a traceback about a missing argument after a slip of the hand in profiles.yml."""
    for line in ("server", "username", "schema"):
        change_profile(warehouse, "landing", **{line: None})
        ((what, fix),) = bad_findings(warehouse)
        assert line in what
        assert "afterstate up" in fix
        up(warehouse)
        assert bad_findings(warehouse) == []


@pytest.mark.parametrize("text", ["afterstate: [", "password: 'secret", "afterstate: 3", "- a list", "\x00"])
def test_a_profile_that_is_no_profile_is_bad(server: Server, tmp_path: Path, text: str) -> None:
    """Prevents a traceback about YAML, or a message that quotes the line with the password."""
    bench = bench_in(server, tmp_path)
    bench.settings.profiles_path.write_text(text)
    ((what, fix),) = bad_findings(bench)
    assert str(bench.settings.profiles_path) in what
    assert "secret" not in what
    assert "afterstate up" in fix


def test_no_profile_yet_is_bad(server: Server, tmp_path: Path) -> None:
    """Prevents a newcomer's first command ending in a traceback."""
    ((what, fix),) = bad_findings(bench_in(server, tmp_path / "nothing-here"))
    assert "profiles.yml" in what
    assert "afterstate up" in fix


def test_a_server_that_does_not_run_is_bad(warehouse: Bench) -> None:
    """Prevents advice about accounts or dbt when it is the server that is missing."""
    path = warehouse.settings.profiles_path
    before = path.read_text(encoding="utf-8")
    try:
        for role in ROLES:
            change_profile(warehouse, role, port=1)
        ((what, fix),) = bad_findings(warehouse)
    finally:  # the next file's tests bring their warehouses up in this home
        path.write_text(before, encoding="utf-8")
    assert ":1" in what
    assert "afterstate up" in fix
