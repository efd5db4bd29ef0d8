"""The page itself: template, style, scripts and data in one HTML file that needs no network and may use none.

The Content-Security-Policy allows the page's own two scripts, by their hashes, and no connection to anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from importlib import resources
from typing import Any

MAX_BYTES = 6_000_000
ASSETS = resources.files("afterstate.report") / "assets"
LIBRARY = ("echarts/echarts.min.js",)
SCRIPTS = (
    "base.js",
    "packed.js",
    "shutdowns.js",
    "lanes.js",
    "timeline.js",
    "picking.js",
    "heatmaps.js",
    "tables.js",
    "main.js",
)


def render(data: dict[str, Any]) -> str:
    """Return the page, HTML, for what `read_report` returned."""
    library, own = _script(*LIBRARY), _script(*SCRIPTS)
    parts = {
        "title": html.escape(f"Afterstate report: {data['made']['warehouse']}"),
        "policy": f"default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; "
        f"script-src {_hash(library)} {_hash(own)}",
        "style": _asset("report.css"),
        "library": library,
        "data": _embedded(data),
        "script": own,
    }
    page = _asset("report.html")
    for name, text in parts.items():
        page = page.replace(f"<!--{name}-->", text, 1)
    return page


def _asset(name: str) -> str:
    return ASSETS.joinpath(name).read_text(encoding="utf-8")


def _script(*names: str) -> str:
    return "\n".join(_asset(name) for name in names)


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _embedded(data: dict[str, Any]) -> str:
    """Serialize data so that no value in it can end the script element that holds it."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
