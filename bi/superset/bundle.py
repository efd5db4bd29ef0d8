"""Make Superset's own files of `dashboard.yml`: a zip of a database, its datasets, charts and a dashboard.

    python bi/superset/bundle.py FILE.zip                # for `script/superset`, with the login for BI tools
    python bi/superset/bundle.py FILE.zip --no-password  # to import by hand elsewhere; Superset asks for the password

The database is the warehouse of the profile, over its read-only login. Nothing is asked of the server here: Superset
reads the columns of a dataset, with their descriptions, when the dataset is imported by `script/superset`.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml
from sqlalchemy.engine import make_url

from afterstate.warehouse.layout import MARTS, Schemas
from afterstate.warehouse.profile import read_warehouse
from afterstate.warehouse.server_url import sqlalchemy_url
from afterstate.warehouse.settings import Settings

HERE = Path(__file__).resolve().parent
DATABASE = "Afterstate"
VERSION = "1.0.0"
# What a chart needs beside what `dashboard.yml` says, by its kind.
ROW_LIMIT = 10_000
DEFAULTS: dict[str, dict[str, Any]] = {
    "big_number_total": {"y_axis_format": ",d", "header_font_size": 0.4},
    "table": {"table_timestamp_format": "%Y-%m-%d %H:%M:%S", "server_page_length": 20, "page_length": 20,
              "show_cell_bars": False},
    "heatmap_v2": {"legend_type": "continuous", "linear_color_scheme": "superset_seq_1", "normalize_across": "heatmap",
                   "sort_x_axis": "alpha_asc", "sort_y_axis": "alpha_asc", "value_bounds": [None, None],
                   "show_legend": True, "y_axis_format": "SMART_NUMBER", "xscale_interval": -1, "yscale_interval": -1},
    "echarts_timeseries_line": {"show_legend": True, "rich_tooltip": True, "x_axis_sort_asc": True,
                                "legendOrientation": "top", "legendType": "scroll", "y_axis_format": "SMART_NUMBER"},
    "echarts_timeseries_bar": {"show_legend": True, "rich_tooltip": True, "x_axis_sort_asc": True,
                               "legendOrientation": "top", "legendType": "scroll", "y_axis_format": "SMART_NUMBER"},
}  # fmt: skip
ONE_METRIC = ("big_number_total", "heatmap_v2")


def uuid(*names: str) -> str:
    """Return the same identity for the same thing each time, so that an import replaces what is there."""
    return str(uuid5(NAMESPACE_URL, "/".join(("afterstate", *names))))


def read_dashboard() -> dict[str, Any]:
    """Return what `dashboard.yml` says."""
    dashboard: dict[str, Any] = yaml.safe_load((HERE / "dashboard.yml").read_text(encoding="utf-8"))
    return dashboard


def charts_of(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the charts of all rows."""
    return [chart for row in dashboard["rows"] for chart in row["charts"]]


def files_of(dashboard: dict[str, Any], schemas: Schemas, url: str) -> dict[str, dict[str, Any]]:
    """Return the content of each file of the bundle, by its path."""
    charts = charts_of(dashboard)
    files = {"databases/afterstate.yaml": _database(url)}
    for mart in dict.fromkeys(chart["mart"] for chart in charts):
        files[f"datasets/afterstate/{mart}.yaml"] = _dataset(mart, schemas)
    for number, chart in enumerate(charts):
        files[f"charts/{number:02}.yaml"] = _chart(chart)
    files["dashboards/afterstate.yaml"] = _dashboard(dashboard)
    return files


def _database(url: str) -> dict[str, Any]:
    forbidden = {"allow_dml": False, "allow_ctas": False, "allow_cvas": False, "allow_csv_upload": False}
    return {"database_name": DATABASE, "sqlalchemy_uri": url, "expose_in_sqllab": True, "allow_run_async": False,
            **forbidden, "extra": {}, "uuid": uuid("database"), "version": VERSION}  # fmt: skip


def _dataset(mart: str, schemas: Schemas) -> dict[str, Any]:
    layer, _, name = mart.rpartition(".")
    layer = layer or MARTS
    return {"table_name": schemas.prefix(layer) + name, "schema": schemas.schema(layer), "columns": [], "metrics": [],
            "uuid": uuid("dataset", mart), "database_uuid": uuid("database"), "version": VERSION}  # fmt: skip


def _chart(chart: dict[str, Any]) -> dict[str, Any]:
    viz = chart["viz"]
    metrics = [_metric(sql, label) for label, sql in chart.get("metrics", {}).items()]
    where = chart.get("where")
    filters = [{"expressionType": "SQL", "clause": "WHERE", "sqlExpression": where}] if where else []
    params = {"viz_type": viz, "adhoc_filters": filters, "row_limit": ROW_LIMIT, **DEFAULTS[viz]}
    params |= {"metric": metrics[0]} if viz in ONE_METRIC else {"metrics": metrics}
    if viz == "table":
        params |= _table(chart)
    for series, rank in chart.get("latest", {}).items():
        params |= {"limit": series, "timeseries_limit_metric": _metric(rank, "latest"), "row_limit": 50_000}
    if "x_axis" in chart:
        groups = chart.get("by", [])
        params |= {"x_axis": chart["x_axis"], "groupby": groups[0] if viz == "heatmap_v2" else groups}
    return {"slice_name": chart["name"], "viz_type": viz, "params": params | chart.get("params", {}),
            "uuid": uuid("chart", chart["name"]), "dataset_uuid": uuid("dataset", chart["mart"]),
            "version": VERSION}  # fmt: skip


def _metric(sql: str, label: str) -> dict[str, str]:
    return {"expressionType": "SQL", "sqlExpression": sql, "label": label, "optionName": f"metric_{label}"}


def _table(chart: dict[str, Any]) -> dict[str, Any]:
    """Return what a table asks for; its headings are the columns' names in words, so that they can wrap."""
    columns, groups = chart.get("columns", []), chart.get("group", [])
    headings: dict[str, dict[str, Any]] = {
        column: {"customColumnName": re.sub("_us$", " (µs)", column).replace("_", " ")} for column in columns + groups
    }
    for column, number_format in chart.get("formats", {}).items():
        headings.setdefault(column, {})["d3NumberFormat"] = number_format
    newest = [json.dumps([chart["newest_by"], False])] if "newest_by" in chart else []
    return {"query_mode": "raw" if columns else "aggregate", "all_columns": columns, "groupby": groups,
            "order_by_cols": newest, "column_config": headings}  # fmt: skip


def _dashboard(dashboard: dict[str, Any]) -> dict[str, Any]:
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"type": "ROOT", "id": "ROOT_ID", "children": ["GRID_ID"]},
        "GRID_ID": {"type": "GRID", "id": "GRID_ID", "parents": ["ROOT_ID"], "children": []},
        "HEADER_ID": {"type": "HEADER", "id": "HEADER_ID", "meta": {"text": dashboard["title"]}},
    }
    intro = {"type": "MARKDOWN", "children": [], "meta": {"width": 12, "height": 14, "code": dashboard["intro"]}}
    _place(position, "ROW-intro", [("MARKDOWN-intro", intro)])
    for number, row in enumerate(dashboard["rows"]):
        placed = []
        for chart in row["charts"]:
            known = uuid("chart", chart["name"])
            meta = {"width": chart["width"], "height": row["height"], "uuid": known, "chartId": 0,
                    "sliceName": chart["name"]}  # fmt: skip
            placed.append((f"CHART-{known}", {"type": "CHART", "children": [], "meta": meta}))
        _place(position, f"ROW-{number}", placed)
    return {"dashboard_title": dashboard["title"], "slug": dashboard["slug"], "position": position, "metadata": {},
            "css": "", "uuid": uuid("dashboard"), "version": VERSION}  # fmt: skip


def _place(position: dict[str, Any], row: str, components: list[tuple[str, dict[str, Any]]]) -> None:
    above = ["ROOT_ID", "GRID_ID"]
    names = [name for name, _ in components]
    position["GRID_ID"]["children"].append(row)
    position[row] = {"type": "ROW", "id": row, "parents": above, "children": names,
                     "meta": {"background": "BACKGROUND_TRANSPARENT"}}  # fmt: skip
    position |= {name: {**component, "id": name, "parents": [*above, row]} for name, component in components}


def write_bundle(out: Path, *, with_password: bool = True) -> None:
    """Write the bundle; with its password, for nobody else to read."""
    warehouse = read_warehouse(Settings.from_environment())
    url = sqlalchemy_url(warehouse.bi)
    shown = url if with_password else make_url(url).set(password="XXXXXXXXXX").render_as_string(hide_password=False)  # noqa: S106 (what Superset writes for a password that is asked for)
    files = files_of(read_dashboard(), warehouse.schemas, shown)
    files["metadata.yaml"] = {"version": VERSION, "type": "Dashboard", "timestamp": "2026-01-01T00:00:00+00:00"}
    out.unlink(missing_ok=True)
    out.touch(mode=0o600)
    with zipfile.ZipFile(out, "w") as bundle:
        for path, content in files.items():
            text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
            bundle.writestr(f"afterstate/{path}", text)


if __name__ == "__main__":
    write_bundle(Path(sys.argv[1]), with_password="--no-password" not in sys.argv[2:])
