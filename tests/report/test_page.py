"""The report in a real browser: what it draws, that it says what SQL says, and that everybody can use it."""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from afterstate.marts import phase_key_sql
from afterstate.marts.statements import STATE_COLUMNS
from tests.bench import Bench
from tests.report.browser import Opened, open_profile, open_report, start_browser
from tests.report.conftest import DESIGN, MARKUP, ODD_SESSION, Reported

CHARTS = ("shutdown-chart", "timeline-chart", "pairs-chart", "operations-chart", "loads-chart")
LOOKS = {"light": (1280, False), "dark": (1280, True), "narrow": (400, False), "narrow and dark": (400, True)}
BOUNDARIES = phase_key_sql.KEY_COLUMNS
# How many colours a chart's pixels have: a blank one has one.
COLOURS = """
(id) => {
  const seen = new Set();
  for (const canvas of document.querySelectorAll(`#${id} canvas`)) {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < data.length; at += 4) seen.add(data.slice(at, at + 4).join());
  }
  return seen.size;
}
"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with start_browser() as browser:
        yield browser


@pytest.mark.parametrize("look", LOOKS)
def test_every_chart_is_drawn_and_the_console_is_silent(reported: Reported, chromium: Browser, look: str) -> None:
    """Prevents a blank chart, an error that nobody sees, a page wider than its screen, a request to a network."""
    width, dark = LOOKS[look]
    with open_profile(chromium, width=width, dark=dark) as browser:
        opened = open_report(browser, reported.file)
        opened.page.wait_for_function("document.documentElement.dataset.drawn.split(' ').length === 5")
        assert {chart: opened.evaluate(COLOURS, chart) > 5 for chart in CHARTS} == dict.fromkeys(CHARTS, True)
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        _choose_design(opened)
        assert opened.evaluate("document.getElementById('shutdown-values').getBoundingClientRect().right") <= width
        assert opened.evaluate("document.documentElement.dataset.theme") == ("dark" if dark else "light")
        assert opened.said == []
        assert [url for url in opened.asked if not url.startswith(("file:", "data:", "blob:"))] == []


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_no_barrier(reported: Reported, chromium: Browser, look: str) -> None:
    """Prevents text without contrast, controls without names, regions that no keyboard reaches."""
    width, dark = LOOKS[look]
    with open_profile(chromium, width=width, dark=dark) as browser:
        opened = open_report(browser, reported.file)
        # axe is put in by the test's own hands; the page itself lets no script in
        for details in opened.page.query_selector_all("details"):
            details.evaluate("(one) => { one.open = true }")
        found = Axe().run(opened.page).response["violations"]
        assert [(one["id"], [node["html"][:150] for node in one["nodes"]]) for one in found] == []


def test_the_shutdown_is_the_snapshots(reported: Reported, chromium: Browser) -> None:
    """Prevents a picture of other values than those frozen, a drift that it hides, a line that is not in the file."""
    query = reported.bench.query
    frozen = query(
        f"select {', '.join(STATE_COLUMNS)} from {{marts}}.shutdown_state_snapshot where run_id = %s",
        DESIGN[0],
        role="bi",
    )[0]
    steps = query(
        "select step, SoMS_cumsum_window, veto_streak from {staging}.stg_core__state_trace "
        "where run_id = %s and case_id = %s and antibody_id = %s order by step",
        *DESIGN,
        role="dbt",
    )
    with open_profile(chromium) as browser:
        opened = open_report(browser, reported.file)
        _choose_design(opened)
        assert opened.evaluate(
            "Object.values(SHUTDOWN.items[document.getElementById('shutdown-choice').value].frozen)"
        ) == list(frozen)
        series = {one["id"]: one["data"] for one in opened.option("shutdown-chart")["series"] if "id" in one}
        assert series["SoMS_cumsum_window"] == [[step, value] for step, value, _ in steps]
        assert series["veto_streak"] == [[step, value] for step, _, value in steps]
        assert series["frozen SoMS_cumsum_window"] == [[21, 7.2]]
        table = opened.page.inner_text("#shutdown-values")
        assert "drifted: the files say 7.4" in table
        row = next(line for line in table.splitlines() if line.startswith("veto_streak"))
        file, line = row.split("\t")[-1].partition(" (load")[0].rsplit(", line ", 1)
        assert Path(file).read_text().splitlines()[int(line) - 1].startswith(",".join((*DESIGN, "21")))
        assert opened.page.inner_text("#shutdown-command").endswith("--antibody antibody_C --step 21")


def _choose_design(opened: Opened) -> None:
    opened.page.select_option("#shutdown-choice", label=f"{' / '.join(DESIGN)}, step 21")


def test_the_heat_maps_are_the_marts(reported: Reported, chromium: Browser) -> None:
    """Prevents a heat map that counts otherwise than SQL does, in any session, run and boundary."""
    with open_profile(chromium) as browser:
        opened = open_report(browser, reported.file)
        for session, run in [("chip", ""), ("chip", "261122_0000002"), (ODD_SESSION, "")]:
            opened.page.select_option("#session-choice", session)
            opened.page.wait_for_function("(name) => TIMELINE.session.name === name", arg=session)
            opened.page.select_option("#run-choice", run)
            for boundary, column in BOUNDARIES.items():
                opened.page.select_option("#boundary-choice", boundary)
                where = "where session_id = %s and (%s = '' or run_id = %s)"
                keys = "{marts}.proposal_phase_keys"
                pairs = f"select phase_key_used, {column}, count(*) from {keys} {where} group by 1, 2"
                states = f"select {column}, op_name, count(*) from {keys} {where} group by 1, 2"
                for chart, statement in (("pairs-chart", pairs), ("operations-chart", states)):
                    found = reported.bench.query(statement, session, run, run, role="bi")
                    assert _heatmap(opened, chart) == {(row, key): number for row, key, number in found}
        assert _heatmap(opened, "pairs-chart")


def _heatmap(opened: Opened, chart: str) -> dict[tuple[str, str], int]:
    option = opened.option(chart)
    rows, columns = option["yAxis"][0]["data"], option["xAxis"][0]["data"]
    cells = [cell["value"] for cell in option["series"][0]["data"]]
    return {(rows[y], columns[x]): number for x, y, number in cells}


def test_the_timeline_shows_every_segment_and_says_how(reported: Reported, chromium: Browser) -> None:
    """Prevents segments, gaps or proposals lost between the table and the picture, at any zoom."""
    bench = reported.bench
    with open_profile(chromium) as browser:
        opened = open_report(browser, reported.file, "?session=chip")
        spans = bench.query(
            "select die, plane, start_tick, end_tick, next_start_tick, virtual_end_key from {marts}.op_state_spans "
            "where session_id = 'chip'",
            role="bi",
        )
        ticks = [
            tick
            for (tick,) in bench.query(
                "select propose_tick from {marts}.proposal_phase_keys where session_id = 'chip'", role="bi"
            )
        ]
        drawn = opened.evaluate("TIMELINE.drawn")
        assert drawn["wide"] + drawn["narrow"] == len(spans)
        assert drawn["gaps"] == sum(span[-1] is not None for span in spans)
        assert drawn["proposals"] == len(ticks)
        last = max(span[3] for span in spans)
        dice = random.Random(17)
        for _ in range(12):
            begin = dice.randrange(last)
            opened.evaluate("([from, to]) => showView(from, to)", [begin, begin + dice.choice([60, 3000, last // 2])])
            opened.page.wait_for_timeout(120)
            drawn = opened.evaluate("TIMELINE.drawn")
            assert drawn["wide"] + drawn["narrow"] == _in_view(spans, drawn["from"], drawn["to"])
            assert drawn["proposals"] == sum(drawn["from"] - 1e-6 <= tick <= drawn["to"] for tick in ticks)
        text = opened.page.inner_text("figcaption:has(#timeline-shows)")
        assert f"all {len(spans):,} segments" in text
        assert "In view" in text


def _in_view(spans: list[Any], begin: float, end: float) -> int:
    """Count what holds at some time in view: a segment until it ends, or until the next one of its plane begins."""
    return sum(
        start <= end and min(until, following if following is not None else until) >= begin
        for _, _, start, until, following, _ in spans
    )


def test_looking_closer_by_keyboard_and_pointer(reported: Reported, chromium: Browser) -> None:
    """Prevents a timeline that only a mouse can move, and a proposal whose picture leads nowhere."""
    with open_profile(chromium) as browser:
        opened = open_report(browser, reported.file, "?session=chip&run=261122_0000002")
        assert opened.page.input_value("#run-choice") == "261122_0000002"
        opened.page.focus("#timeline-chart")
        views = []
        for key in ("Home", "+", "ArrowRight", "-", "n"):
            opened.page.keyboard.press(key)
            opened.page.wait_for_timeout(80)
            views.append(tuple(opened.evaluate("currentView()")))
        everything, closer, right = views[:3]
        assert closer[1] - closer[0] < everything[1] - everything[0]
        assert right[0] > closer[0]
        picked = opened.page.inner_text("#timeline-picked")
        assert "Disagreement 1 of" in picked
        command = picked.partition("Why? ")[2].split()
        assert command[:5] == ["afterstate", "explain", "phase-key", "--session", "chip"]
        box = opened.page.locator("#timeline-chart").bounding_box()
        assert box
        opened.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
        assert "die 0 plane 0" in opened.page.inner_text("#tip")
        assert opened.said == []


def test_tables_tiles_and_checks(reported: Reported, chromium: Browser) -> None:
    """Prevents sums and lists beside the charts that differ from the tables, and rejects that nobody is shown."""
    query = reported.bench.query
    landed, rejected = query("select sum(rows_landed), sum(rows_rejected) from {audit}.landing_loads", role="bi")[0]
    with open_profile(chromium) as browser:
        opened = open_report(browser, reported.file)
        tiles = dict(
            zip(*(opened.page.locator(f"#tiles {tag}").all_inner_texts() for tag in ("span", "strong")), strict=True)
        )
        assert tiles["rows landed"] == f"{landed:,}"
        assert tiles["rows rejected"] == f"{rejected:,}" == "1"
        assert tiles["frozen values drifted"] == "1"
        waiting = query("select count(*) from {marts}.shutdown_snapshot_inputs where not is_complete", role="bi")
        assert tiles["incomplete"] == str(waiting[0][0])
        assert "22.5" in opened.page.inner_text("[data-table=rejects]")
        drift = opened.page.inner_text("[data-table=drift]")
        assert "7.2" in drift
        assert "7.4" in drift
        files = opened.page.locator("[data-table=loads] tr").count() - 1
        assert files == query("select count(*) from {audit}.landing_loads", role="bi")[0][0]


def test_names_are_text_and_passwords_stay_at_home(reported: Reported, chromium: Browser) -> None:
    """Prevents a name in a landed file that runs as a script in the reader's browser, and a leaked password."""
    content = reported.file.read_text()
    profile = reported.bench.settings.profiles_path.read_text()
    passwords = {line.split(":", 1)[1].strip() for line in profile.splitlines() if "password:" in line}
    assert passwords
    assert not [password for password in passwords if password in content]
    assert "<img src=x" not in content
    with open_profile(chromium) as browser:
        opened = open_report(browser, reported.file)
        choices = opened.page.locator("#shutdown-choice option").all_inner_texts()
        assert any(MARKUP[:37] in choice for choice in choices)
        assert opened.page.locator("img").count() == 0
        for number in range(len(choices)):
            opened.page.select_option("#shutdown-choice", str(number))
        assert opened.said == []


def test_it_prints(reported: Reported, chromium: Browser) -> None:
    """Prevents paper with dark charts, or charts that are cut at its edge."""
    with open_profile(chromium, dark=True) as browser:
        opened = open_report(browser, reported.file)
        opened.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert opened.evaluate("document.documentElement.dataset.theme") == "light"
        opened.page.emulate_media(media="print")
        opened.page.set_viewport_size({"width": 720, "height": 1000})
        opened.page.wait_for_timeout(300)  # until it is drawn for this width
        assert opened.evaluate("document.documentElement.scrollWidth") <= 720
        assert len(opened.page.pdf(format="A4")) > 20_000
        opened.evaluate("dispatchEvent(new Event('afterprint'))")
        assert opened.evaluate("document.documentElement.dataset.theme") == "dark"
        assert opened.said == []


def test_the_real_example(warehouse: Bench, nand_example: Path, chromium: Browser) -> None:
    """Prevents a picture of the real simulator's session that differs from what its own lookup gave."""
    warehouse.land(nand_example)
    warehouse.build_without_tests("--select", "tag:nand", "models/audit")
    out = warehouse.folder / "report.html"
    assert warehouse.run("report", "--out", out).exit_code == 0
    expected = Counter[tuple[str, str]]()
    for run in ("261122_0000001", "261122_0000002"):
        keys = read_rows(nand_example / f"expected_phase_keys_{run}.csv")
        used = read_rows(nand_example / f"proposal_rows_{run}.csv")
        expected.update((row["phase_key"] or "DEFAULT", key["before"]) for row, key in zip(used, keys, strict=True))
    with open_profile(chromium) as browser:
        opened = open_report(browser, out)
        assert opened.evaluate("TIMELINE.drawn.proposals") == sum(expected.values()) == 102
        assert _heatmap(opened, "pairs-chart") == expected
        assert {chart: opened.evaluate(COLOURS, chart) > 5 for chart in CHARTS[1:]} == dict.fromkeys(CHARTS[1:], True)
        assert opened.said == []


def read_rows(file: Path) -> list[dict[str, str]]:
    """Read a CSV file by its header."""
    with file.open(newline="") as content:
        return list(csv.DictReader(content))
