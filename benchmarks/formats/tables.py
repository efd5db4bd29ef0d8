"""A lake of two tables in a folder, rows and manifest, by each way.

`conflicts` are what `append` raises when others were faster; `own_retries` counts how often the library wrote a commit
again by itself, None where it does not tell.
"""

from __future__ import annotations

import logging

import pyarrow as pa

from benchmarks.formats.batches import LOADS, ROWS

TABLES = {"rows": ROWS, "loads": LOADS}
MOST_RETRIES = 1_000  # of a commit, by both: as often as it takes


class Delta:
    """By delta-rs, as `loaders/lake` writes: rows are partitioned by load."""

    own_retries = None

    def __init__(self, folder: str) -> None:
        """Open nothing: a table is a folder."""
        from deltalake.exceptions import CommitFailedError

        self._folder = folder
        self.conflicts = (CommitFailedError,)

    def make(self) -> None:
        """Make both tables, empty."""
        from deltalake import DeltaTable

        for name, schema in TABLES.items():
            partitions = ["_load_id"] if name == "rows" else None
            DeltaTable.create(f"{self._folder}/{name}", schema, partition_by=partitions)

    def append(self, name: str, rows: pa.RecordBatchReader) -> None:
        """Commit rows to a table, all or none."""
        from deltalake import CommitProperties, WriterProperties, write_deltalake

        write_deltalake(
            f"{self._folder}/{name}",
            rows,
            mode="append",
            writer_properties=WriterProperties(compression="ZSTD"),
            commit_properties=CommitProperties(max_commit_retries=MOST_RETRIES),
        )

    def read(self, name: str) -> pa.Table:
        """Return all rows of a table."""
        from deltalake import DeltaTable

        return DeltaTable(f"{self._folder}/{name}").to_pyarrow_table()


class Iceberg:
    """By pyiceberg, which writes Parquet with ZSTD by default; the catalog is a SQLite file in the same folder."""

    is_partitioned = True  # by load, as Delta's

    def __init__(self, folder: str) -> None:
        """Open the catalog, with all imports that would be made later."""
        import pyiceberg.io.pyarrow  # noqa: F401
        from pyiceberg.catalog.sql import SqlCatalog
        from pyiceberg.exceptions import CommitFailedException
        from sqlalchemy.exc import OperationalError

        self.conflicts = (CommitFailedException, OperationalError)  # the latter where the database is locked
        self.own_retries = 0
        self._catalog = SqlCatalog("lake", uri=f"sqlite:///{folder}/catalog.db", warehouse=f"file://{folder}")
        logging.getLogger("pyiceberg.table").addHandler(_Counting(self))

    def make(self) -> None:
        """Make both tables, empty."""
        self._catalog.create_namespace("landing")
        properties = {"commit.retry.num-retries": str(MOST_RETRIES)}
        for name, schema in TABLES.items():
            table = self._catalog.create_table(f"landing.{name}", schema=schema, properties=properties)
            if name == "rows" and self.is_partitioned:
                with table.update_spec() as change:
                    change.add_identity("_load_id")

    def append(self, name: str, rows: pa.RecordBatchReader) -> None:
        """Commit rows to a table, all or none."""
        table = self._catalog.load_table(f"landing.{name}")
        # pyiceberg takes no stream for a table that has partitions
        table.append(rows.read_all() if self.is_partitioned else rows)

    def read(self, name: str) -> pa.Table:
        """Return all rows of a table."""
        return self._catalog.load_table(f"landing.{name}").scan().to_arrow()


class IcebergStream(Iceberg):
    """The same without partitions, so that it takes a stream."""

    is_partitioned = False


class _Counting(logging.Handler):
    """Counts what pyiceberg warns of when it writes a commit again."""

    def __init__(self, lake: Iceberg) -> None:
        super().__init__()
        self._lake = lake

    def emit(self, record: logging.LogRecord) -> None:
        self._lake.own_retries += "retrying" in record.getMessage()


Lake = Delta | Iceberg
LAKES: dict[str, type[Lake]] = {"delta": Delta, "iceberg": Iceberg, "iceberg_stream": IcebergStream}
