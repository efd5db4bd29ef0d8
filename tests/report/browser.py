"""A real browser for tests: Debian's chromium, headless, in a profile of its own, which may reach nothing but files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from afterstate.errors import ServerError
from afterstate.server.programs import install_by_apt
from tests.bench import missing

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PACKAGES = ("chromium", "fonts-dejavu-core")  # without a font, no label has a width
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WAIT_MS = 60_000


def find_browser() -> Path:
    """Return chromium's path, installing it where it is missing."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if not found:
        try:
            install_by_apt(PACKAGES, print)
        except (ServerError, OSError) as error:
            missing(f"there is no chromium, and it cannot be installed: {error}")
        found = shutil.which(PROGRAMS[0])
    if not found:
        missing("there is no chromium, also after installing it")
    return Path(found)


@contextmanager
def start_browser() -> Iterator[Browser]:
    """Start chromium once for several tests, since starting takes a second; each test opens its own profile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), headless=True, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_profile(browser: Browser, *, width: int = 1280, dark: bool = False) -> Iterator[BrowserContext]:
    """Open a fresh profile in a running browser; `width` is that of its window in pixels."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
    try:
        yield context
    finally:
        context.close()


@contextmanager
def open_browser(*, width: int = 1280) -> Iterator[BrowserContext]:
    """Start chromium for one test alone, with a fresh profile; `width` is that of its window in pixels."""
    with start_browser() as browser, open_profile(browser, width=width) as context:
        yield context


@dataclass
class Opened:
    """A page that is open, what its console said, and what it asked the network for."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def evaluate(self, script: str, *values: Any) -> Any:
        """Run JavaScript in the page and return what it gives."""
        return self.page.evaluate(script, *values)

    def option(self, chart: str) -> Any:
        """Return what ECharts was told to draw."""
        return self.evaluate(f"JSON.parse(JSON.stringify(charts['{chart}'].getOption()))")


def open_report(context: BrowserContext, file: Path, query: str = "") -> Opened:
    """Open a report and wait until all of it is drawn."""
    opened = Opened(context.new_page())
    opened.page.on("console", lambda message: _note(opened, message))
    opened.page.on("pageerror", lambda error: opened.said.append(str(error)))
    opened.page.on("request", lambda request: opened.asked.append(request.url))
    opened.page.goto(f"{file.as_uri()}{query}")
    opened.page.wait_for_selector("html[data-complete]", timeout=WAIT_MS)
    return opened


def _note(opened: Opened, message: ConsoleMessage) -> None:
    if message.type in ("error", "warning"):
        opened.said.append(message.text)
