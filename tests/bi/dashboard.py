"""Superset's dashboard in a real browser: what each chart asks for, what it gets, and a picture of it.

python -m tests.bi.dashboard http://127.0.0.1:8088 PASSWORD_FILE PICTURE.png
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, Response

from tests.report.browser import open_browser

WAIT_MS = 120_000
CHART_DATA = "/api/v1/chart/data"


@dataclass
class Dashboard:
    """An open dashboard, and what its charts asked for: one query context for each chart, with the answer's status."""

    page: Page
    base: str
    asked: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    def request(self, method: str, path: str, content: Any = None) -> tuple[int, Any]:
        """Ask Superset's API as the browser's user, and return the status and the answer."""
        token = self.page.request.get(f"{self.base}/api/v1/security/csrf_token/").json()["result"]
        headers = {"X-CSRFToken": token, "Referer": self.base}
        answer = self.page.request.fetch(
            f"{self.base}{path}", method=method, headers=headers, data=content, timeout=WAIT_MS
        )
        return answer.status, answer.json()

    def rows(self, query_context: dict[str, Any]) -> list[dict[str, Any]]:
        """Run a chart's query as it stands, without what the chart then does to its rows."""
        queries = [{**query, "post_processing": []} for query in query_context["queries"]]
        status, answer = self.request("POST", CHART_DATA, {**query_context, "queries": queries, "force": True})
        assert status == 200, answer
        return list(answer["result"][0]["data"])


def open_dashboard(context: BrowserContext, base: str, password: str, charts: int) -> Dashboard:
    """Log in, open the dashboard and wait until this many charts have their data and are drawn."""
    page = context.new_page()
    dashboard = Dashboard(page, base)

    def note(response: Response) -> None:
        if CHART_DATA in response.url:
            dashboard.asked.append((response.status, json.loads(response.request.post_data or "{}")))

    page.goto(f"{base}/login/", timeout=WAIT_MS)
    page.fill("input[name=username], input#username", "admin", timeout=WAIT_MS)
    page.fill("input[name=password], input#password", password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "login" not in url, timeout=WAIT_MS)
    page.on("response", note)
    page.set_viewport_size({"width": 1400, "height": 3000})  # a chart asks once it is in sight
    page.goto(f"{base}/superset/dashboard/afterstate/?standalone=2", timeout=WAIT_MS)
    page.wait_for_selector(".dashboard-grid, .grid-container", timeout=WAIT_MS)
    for _ in range(WAIT_MS // 500):
        page.wait_for_timeout(500)
        if len(dashboard.asked) >= charts and not page.locator(".loading").count():
            break
    return dashboard


def take(base: str, password: str, picture: Path) -> None:
    """Write a PNG of the dashboard."""
    with open_browser(width=1400) as browser:
        dashboard = open_dashboard(browser, base, password, charts=15)
        dashboard.page.wait_for_timeout(3000)  # until what is drawn has moved into its place
        dashboard.page.locator(".dashboard-grid, .grid-container").first.screenshot(path=picture)


if __name__ == "__main__":
    take(sys.argv[1], Path(sys.argv[2]).read_text(encoding="utf-8").strip(), Path(sys.argv[3]))
