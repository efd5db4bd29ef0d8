"""SQLAlchemy over the connections of `connect`; apart from it, since dbt's process has no use for SQLAlchemy."""

from __future__ import annotations

import sqlalchemy
from sqlalchemy.pool import NullPool

from afterstate.warehouse.connect import connect
from afterstate.warehouse.profile import Credentials


def sqlalchemy_engine(credentials: Credentials, *, landing: bool = False) -> sqlalchemy.Engine:
    """Return a SQLAlchemy engine over `connect`, which takes the same arguments; it keeps no connection open."""
    return sqlalchemy.create_engine(
        f"{credentials.type}+pymysql://", creator=lambda: connect(credentials, landing=landing), poolclass=NullPool
    )
