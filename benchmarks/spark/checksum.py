"""A checksum over a mart that comes out the same on a server and on Spark where the values are the same."""

from __future__ import annotations

from benchmarks.landing.servers import Server
from benchmarks.spark.lake import Lake
from benchmarks.warehouse.warehouse import StepFailed
from benchmarks.warehouse.ways import FAMILIES

DIGITS = 8  # behind a double's point; both engines spell out the shortest number that is the double, then round


def require_equal(server: Server, lake: Lake) -> None:
    """Raise StepFailed when a mart of the lake is not the server's."""
    family = FAMILIES["nand"]
    for table in family.compared:
        columns = {name: kind for name, kind in _columns(server, table) if name not in family.own_columns}
        ours = server.ask(_query(f"`{server.schemas.marts}`.{table}", columns, text="char"))[0]
        theirs = lake.ask(_query(f"{{{{ ref('{table}') }}}}", columns, text="string"))
        found = [[int(value or 0) for value in row] for row in (map(str, ours), map(str, theirs))]
        if found[0] != found[1] or not found[0][0]:
            raise StepFailed(f"`{table}` on Spark is not MariaDB's: rows and checksum {found[1]}, expected {found[0]}")


def _query(place: str, columns: dict[str, str], text: str) -> str:
    values = (f"cast({name} as decimal(30, {DIGITS}))" if kind == "double" else name for name, kind in columns.items())
    texts = ", ".join(f"coalesce(cast({value} as {text}), '<null>')" for value in values)
    return f"select count(*) as row_count, cast(sum(crc32(concat_ws('|', {texts}))) as {text}) as checksum from {place}"


def _columns(server: Server, table: str) -> list[tuple[str, str]]:
    rows = server.ask(
        "select column_name, data_type from information_schema.columns "
        f"where table_schema = '{server.schemas.marts}' and table_name = '{table}' order by ordinal_position"
    )
    return [(str(name), str(kind)) for name, kind in rows]
