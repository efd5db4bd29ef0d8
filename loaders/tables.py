"""The tables of the landing schema: one per kind, the manifest `landing_loads`, and `landing_rejects`.

Landed rows are never changed: a later load of the same key stands beside the earlier one, and staging reads the later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Index, MetaData, PrimaryKeyConstraint, Table, UniqueConstraint, text
from sqlalchemy.dialects import mysql

from afterstate.warehouse.layout import Schemas
from loaders.kinds import Kind
from loaders.recognise import KINDS

VERSION_TABLE = "landing_schema"  # where it is, a warehouse is

STATUSES = "landed, rejected, superseded, withdrawn, or pruned"
CONTENT_NO = "0, or the load_id of a load that was withdrawn: its content may land again"


@dataclass(frozen=True)
class LandingTables:
    """The landing schema as SQLAlchemy tables; `rows` is by the kind's name."""

    metadata: MetaData
    loads: Table
    rejects: Table
    sessions: Table
    version: Table
    rows: dict[str, Table]

    def named(self, name: str) -> Table:
        """Return the table of this name, which is its own in a landing schema."""
        others = {"landing_loads": self.loads, "landing_rejects": self.rejects, "landing_sessions": self.sessions}
        return {**self.rows, **others}[name]


def landing_tables(schemas: Schemas, collation: str) -> LandingTables:
    """Describe the landing tables of a warehouse; `collation` is the engine's exact one."""
    metadata = MetaData(schema=schemas.landing)
    prefix = schemas.prefix("landing")
    return LandingTables(
        metadata=metadata,
        loads=_loads(metadata, prefix, collation),
        rejects=_rejects(metadata, prefix, collation),
        sessions=_sessions(metadata, prefix, collation),
        version=_version(metadata, prefix, collation),
        rows={kind.name: _rows(metadata, prefix, collation, kind) for kind in KINDS},
    )


def _loads(metadata: MetaData, prefix: str, collation: str) -> Table:
    name = mysql.VARCHAR(64, collation=collation)
    return Table(
        f"{prefix}landing_loads",
        metadata,
        Column("load_id", mysql.BIGINT, primary_key=True, autoincrement=True),
        Column("kind", name, nullable=False),
        Column("session_id", name, nullable=False, server_default="", comment="empty for a kind without sessions"),
        Column("run_id", name, nullable=False, server_default="", comment="empty for a kind without sessions"),
        Column("file_path", mysql.TEXT(collation=collation), nullable=False),
        Column("file_bytes", mysql.BIGINT, nullable=False),
        Column("content_sha256", mysql.CHAR(64, collation=collation), nullable=False),
        Column("header", mysql.JSON, nullable=False, comment="the file's column names, in its order"),
        Column("rows_read", mysql.BIGINT, nullable=False, server_default=text("0")),
        Column("rows_landed", mysql.BIGINT, nullable=False, server_default=text("0")),
        Column("rows_rejected", mysql.BIGINT, nullable=False, server_default=text("0")),
        Column("started_at", mysql.DATETIME(fsp=6), nullable=False, comment="UTC"),
        Column("finished_at", mysql.DATETIME(fsp=6), nullable=True, comment="UTC"),
        Column("status", mysql.VARCHAR(16, collation=collation), nullable=False, comment=STATUSES),
        Column("withdrawn_at", mysql.DATETIME(fsp=6), nullable=True, comment="UTC"),
        Column("content_no", mysql.BIGINT, nullable=False, server_default=text("0"), comment=CONTENT_NO),
        Column("notes", mysql.TEXT(collation=collation), comment="what was odd about the file as a whole"),
        # A file is known by its content: the server itself refuses it a second time, however many loaders run. (A core
        # file has no session and run; NULL there would not count as the same.) Once withdrawn, it may come again.
        UniqueConstraint("kind", "content_sha256", "session_id", "run_id", "content_no", name="landing_loads_content"),
        Index("landing_loads_run", "session_id", "run_id", "kind"),
        comment="The manifest: one row for each file that was landed",
        **_options(collation),
    )


def _sessions(metadata: MetaData, prefix: str, collation: str) -> Table:
    return Table(
        f"{prefix}landing_sessions",
        metadata,
        Column("session_id", mysql.VARCHAR(64, collation=collation), primary_key=True),
        Column("folder", mysql.TEXT(collation=collation), nullable=False, comment="where its first files were"),
        comment="One row for each session: two folders of the same name are two timelines, and are never mixed",
        **_options(collation),
    )


def _version(metadata: MetaData, prefix: str, collation: str) -> Table:
    return Table(
        prefix + VERSION_TABLE,
        metadata,
        Column("version", mysql.INTEGER, primary_key=True, autoincrement=False),
        comment="One row: the version of the landing schema",
        **_options(collation),
    )


def _rejects(metadata: MetaData, prefix: str, collation: str) -> Table:
    long = mysql.LONGTEXT(collation=collation)
    return Table(
        f"{prefix}landing_rejects",
        metadata,
        Column("load_id", mysql.BIGINT, nullable=False),
        Column("row_no", mysql.INTEGER, nullable=False, comment="1-based, among the file's rows"),
        Column("line_no", mysql.INTEGER, nullable=False, comment="1-based, where the row begins"),
        Column("kind", mysql.VARCHAR(64, collation=collation), nullable=False),
        Column("file_path", mysql.TEXT(collation=collation), nullable=False),
        Column("column_name", long, comment="NULL when the row as a whole does not fit"),
        Column("value", long, comment="the original text of the column"),
        Column("reason", mysql.TEXT(collation=collation), nullable=False),
        Column("row_text", long, nullable=False, comment="the original text of the row"),
        PrimaryKeyConstraint("load_id", "row_no"),
        comment="Rows that did not fit, with the reason and their original text",
        **_options(collation),
    )


def _rows(metadata: MetaData, prefix: str, collation: str, kind: Kind) -> Table:
    known = [
        Column(column.name, column.type.sql_type(collation), nullable=kind.takes_empty(column.name))
        for column in kind.columns
    ]
    return Table(
        prefix + kind.name,
        metadata,
        Column("_load_id", mysql.BIGINT, nullable=False, comment="landing_loads.load_id"),
        Column("_row_no", mysql.INTEGER, nullable=False, comment="1-based, among the file's rows"),
        Column("_line_no", mysql.INTEGER, nullable=False, comment="1-based, where the row begins in the file"),
        *known,
        Column("_other_columns", mysql.JSON, comment="columns that Afterstate does not know, as texts"),
        PrimaryKeyConstraint("_load_id", "_row_no"),
        # Staging asks for the latest load of a key, and marts look single keys up; InnoDB appends the primary key. What
        # is stated by run is read by load.
        *([Index(f"{kind.name}_key", *kind.key)] if kind.key else []),
        comment=f"Rows of {kind.name} files as they were landed, every load of them",
        **_options(collation),
    )


def _options(collation: str) -> dict[str, Any]:
    options = {"engine": "InnoDB", "charset": "utf8mb4", "collate": collation, "row_format": "DYNAMIC"}
    return {f"{engine}_{key}": value for engine in ("mysql", "mariadb") for key, value in options.items()}
