"""Write the README's picture of a report: a shutdown's charts and, below them, a timeline.

python -m tests.report.picture REPORT.html PICTURE.png
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.report.browser import open_browser, open_report

# What is not needed to see what it is about.
HIDDEN = (
    "header, .tiles, h3, #loads, #checks, #keys, footer, details, .lead, .hint, .command, .choosers, .shows, .picked, "
    "#shutdown-values, #shutdown-text"
)


def take(report: Path, picture: Path) -> None:
    """Write a PNG of a report, 1,000 pixels wide."""
    with open_browser(width=1000) as browser:
        opened = open_report(browser, report.resolve())
        opened.page.add_style_tag(
            content=f"{HIDDEN} {{ display: none !important }} section {{ border: 0; padding: .5rem 0 }}"
        )
        opened.page.wait_for_timeout(500)
        opened.page.locator("main").screenshot(path=picture)


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(sys.argv[2]))
