"""`afterstate doctor`: what could keep the warehouse from working, and how to fix each.

Each check looks at one thing and yields findings; nothing is changed.
"""

from __future__ import annotations

import shlex
import stat
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from afterstate.errors import AccountRefused, AfterstateError, ServerError
from afterstate.memory.snapshot_health import examine_snapshots
from afterstate.warehouse.connect import detect, open_cursor
from afterstate.warehouse.dbt import run_dbt
from afterstate.warehouse.finding import Check, CheckContext, Finding
from afterstate.warehouse.private_down import refused_by_whom
from afterstate.warehouse.profile import ROLES, Credentials, Warehouse, read_warehouse
from afterstate.warehouse.requirements import VARIABLES, server_variables
from afterstate.warehouse.server_checks import SERVER_CHECKS
from afterstate.warehouse.settings import Settings

DBT_SERIES = "1.7"
REINSTALL = "`./script/setup` installs the locked versions again"


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield what every check found; stops early when there is nothing to connect to."""
    try:
        warehouse = read_warehouse(settings)
    except AfterstateError as error:
        yield Finding("bad", error.what, error.hint)
        return
    yield Finding("ok", f"profile `{settings.profiles_path}` has the warehouse `{warehouse.schemas.marts}`")
    entry = list(_entry(settings, warehouse))
    yield from entry
    if any(finding.level == "bad" for finding in entry):
        return
    context = CheckContext(settings, warehouse, detect(warehouse.landing), _variables(warehouse.landing))
    for check in CHECKS:
        yield from check(context)


def _entry(settings: Settings, warehouse: Warehouse) -> Iterator[Finding]:
    """Check that a supported server answers and accepts each account."""
    accounts = {account.username: account for account in (getattr(warehouse, role) for role in ROLES)}
    for account in accounts.values():
        try:
            found = detect(account)
            found.require_supported()
        except AccountRefused as refusal:
            error = refused_by_whom(settings, refusal)
            if error is not refusal:
                yield Finding("bad", error.what, error.hint)
                return
            yield Finding("bad", refusal.what, "`afterstate up` recreates the account and its password")
        except ServerError as error:
            yield Finding("bad", error.what, error.hint)
            return
        else:
            yield Finding("ok", f"{found.title} at {account.place} accepts `{account.username}`")


def _profile_mode(context: CheckContext) -> Iterator[Finding]:
    path = context.settings.profiles_path
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        fix = f"chmod 600 {shlex.quote(str(path))}"
        yield Finding("bad", f"`{path}` holds passwords, and others may read it ({mode:04o})", fix)
    else:
        yield Finding("ok", "only its owner may read the profile")


def _adapter(context: CheckContext) -> Iterator[Finding]:
    written = context.warehouse.dbt.type
    if written == context.engine.name:
        yield Finding("ok", f"dbt's adapter is `{written}`, as the server is")
    else:
        yield Finding(
            "bad", f"the profile says `{written}`, the server is {context.engine.title}", "`afterstate up` corrects it"
        )


def _own_dbt(context: CheckContext) -> Iterator[Finding]:
    """Check that a checkout's `dbt` is ours (dbt_afterstate.py): installing or upgrading dbt-core puts its own there.

    A package leaves `dbt` alone, and builds by `afterstate build` only.
    """
    script = Path(sysconfig.get_path("scripts")) / "dbt"
    version = metadata.version("dbt-core")
    if not context.settings.is_checkout:
        if not version.startswith(f"{DBT_SERIES}."):
            what = f"dbt-core is {version}, but dbt-mysql works with {DBT_SERIES} only"
            yield Finding("bad", what, f"`pip install 'dbt-core=={DBT_SERIES}.*'`")
    elif not script.exists() or "dbt_afterstate" not in script.read_text(encoding="utf-8", errors="replace"):
        what = f"`{script}` is not Afterstate's `dbt`: it connects without the profile's TLS and session settings"
        yield Finding("bad", what, REINSTALL)
    elif not version.startswith(f"{DBT_SERIES}."):
        yield Finding("bad", f"dbt-core is {version}, but dbt-mysql works with {DBT_SERIES} only", REINSTALL)
    else:
        yield Finding("ok", f"`dbt` is Afterstate's, with dbt-core {version}")


def _dbt(context: CheckContext) -> Iterator[Finding]:
    # With --connection, dbt does not look for git, which nothing here needs.
    if run_dbt(context.settings, "debug", ["--connection"], quiet=True):
        folder = shlex.quote(str(context.settings.profiles_path.parent))
        target = shlex.quote(context.warehouse.schemas.target)
        program = ".venv/bin/dbt" if context.settings.is_checkout else f"{sys.executable} -m dbt_afterstate"
        fix = f"run `{program} debug --profiles-dir {folder} --target {target}`: it says why"
        yield Finding("bad", "dbt cannot use the profile", fix)
    else:
        yield Finding("ok", "dbt connects with the profile (`dbt debug`)")


def _snapshots(context: CheckContext) -> Iterator[Finding]:
    """Pass on what there is to know of the snapshots; nothing of it keeps the warehouse from working."""
    notes = examine_snapshots(context.settings, context.warehouse)
    for what, advice in notes:
        yield Finding("note", what, advice)
    if not notes:
        yield Finding("ok", "the snapshots are built, complete, and agree with the files")


CHECKS: tuple[Check, ...] = (_profile_mode, _adapter, *SERVER_CHECKS, _snapshots, _own_dbt, _dbt)


def _variables(credentials: Credentials) -> dict[str, str]:
    with open_cursor(credentials) as cursor:
        return server_variables(cursor, (*VARIABLES, "time_zone", "system_time_zone", "sort_buffer_size"))
