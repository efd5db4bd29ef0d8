"""A landing schema that an older Afterstate made, brought to what this one expects, in place and with all its rows.

`landing_schema` holds the version. Each step is one ALTER TABLE, which the server does entirely or not at all (MySQL
manual, "Atomic Data Definition Statement Support"; MariaDB 10.6 and newer), and says which column it brings, so that a
step whose version was not written down any more is not done twice; one that brings no column can be repeated. Tables
that are new need no step: they are made.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, inspect, select

from afterstate.errors import ServerError
from loaders.tables import CONTENT_NO, STATUSES, LandingTables


@dataclass(frozen=True)
class Migration:
    """One step: to which version it leads, its table, its SQL, and the column that shows that it was done.

    A step without such a column can be taken again and changes nothing then.
    """

    version: int
    table: str
    sql: str
    column: str = ""


_WIDE = "{} varchar(160) collate {{collation}}"


def _widened(version: int, table: str, *columns: str) -> Migration:
    changes = ", ".join(f"modify column {column}" for column in columns)
    return Migration(version, table, f"alter table {{table}} {changes}")


MIGRATIONS = (
    Migration(
        version=2,  # nand files belong to a session and a run, and are known by them, too
        table="landing_loads",
        column="session_id",
        sql="""
            alter table {table}
                add column session_id varchar(64) collate {collation} not null default ''
                    comment 'empty for a kind without sessions' after kind,
                add column run_id varchar(64) collate {collation} not null default ''
                    comment 'empty for a kind without sessions' after session_id,
                drop index landing_loads_content,
                add unique index landing_loads_content (kind, content_sha256, session_id, run_id),
                add index landing_loads_run (session_id, run_id, kind)
        """,
    ),
    # whatever is a phase key or becomes one has one width, that of the marts
    _widened(3, "nand_op_state_timeline", "op_state varchar(160) collate {collation} not null"),
    _widened(4, "nand_proposal_rows", *(_WIDE.format(name) for name in ("op_base", "phase_key", "phase_hook_label"))),
    _widened(
        5,
        "nand_operation_timeline",
        *(_WIDE.format(name) for name in ("op_base", "op_state", "phase_key_used", "phase_key_virtual")),
    ),
    _widened(
        6, "nand_proposer_log", *(_WIDE.format(name) for name in ("rm_state", "hook_label", "phase_key", "op_base"))
    ),
    Migration(
        version=7,  # loads can be withdrawn, and their content can land again
        table="landing_loads",
        column="content_no",
        sql=f"""
            alter table {{table}}
                modify column status varchar(16) collate {{collation}} not null comment '{STATUSES}',
                add column withdrawn_at datetime(6) null comment 'UTC' after status,
                add column content_no bigint not null default 0 comment '{CONTENT_NO}' after withdrawn_at,
                drop index landing_loads_content,
                add unique index landing_loads_content (kind, content_sha256, session_id, run_id, content_no)
        """,
    ),
)
VERSION = 1 + len(MIGRATIONS)


def bring_up_to_date(connection: Connection, tables: LandingTables, collation: str) -> list[int]:
    """Create missing landing tables, apply the pending migrations, and return their versions.

    Raises ServerError for a schema that a newer Afterstate has changed.
    """
    schema = tables.metadata.schema
    there = inspect(connection).get_table_names(schema=schema)
    found = _version(connection, tables, there)
    if found > VERSION:
        raise ServerError(
            f"the landing schema `{schema}` has version {found}, this Afterstate knows up to {VERSION}",
            "use the Afterstate that brought it there, or a newer one",
        )
    steps = [step for step in MIGRATIONS if step.version > found]
    for step in steps:
        table = tables.named(step.table).name
        if table in there and not _has(connection, schema, table, step):
            connection.exec_driver_sql(step.sql.format(table=f"`{schema}`.`{table}`", collation=collation))
    tables.metadata.create_all(connection, checkfirst=True)
    if connection.scalars(select(tables.version.c.version)).all() != [VERSION]:
        connection.execute(tables.version.delete())
        connection.execute(tables.version.insert().values(version=VERSION))
    connection.commit()
    return [step.version for step in steps]


def _has(connection: Connection, schema: str | None, table: str, step: Migration) -> bool:
    columns = inspect(connection).get_columns(table, schema=schema)
    return step.column in [column["name"] for column in columns]


def _version(connection: Connection, tables: LandingTables, there: list[str]) -> int:
    """Return the schema's version: a new one has the latest, and the first one had no place to say so."""
    if tables.loads.name not in there:
        return VERSION
    if tables.version.name not in there:
        return 1
    return int(connection.scalar(select(tables.version.c.version)) or 1)
