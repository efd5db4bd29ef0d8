"""Superset's settings for `script/superset`: one person, one machine, everything in one folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pymysql
from sqlalchemy import event
from sqlalchemy.engine import Engine

# Superset asks MySQLdb for the types of a result's columns, whichever driver brought it; PyMySQL has the same.
pymysql.install_as_MySQLdb()

_HOME = Path(os.environ["SUPERSET_HOME"])
SECRET_KEY = (_HOME / "secret_key").read_text(encoding="utf-8").strip()
SQLALCHEMY_DATABASE_URI = f"sqlite:///{_HOME / 'superset.db'}"
# It is served over plain HTTP on loopback, where secure cookies would never come back.
SESSION_COOKIE_SECURE = False
TALISMAN_ENABLED = False
WTF_CSRF_ENABLED = True


@event.listens_for(Engine, "connect")
def _sync_less(connection: Any, _record: Any) -> None:
    """Spare the thousands of syncs with which Superset writes its list of permissions; WAL keeps the file whole."""
    if type(connection).__module__.startswith("sqlite3"):
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
