"""The Dagster UI in a real browser: `make dev`, a backfill started by clicks, and what a user then sees.

With `PIQUE_SCREENSHOTS=docs/images` the screenshots of the documentation are taken anew.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from ports import port_for_later
from waiting import eventually

PROJECT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# Of an `img`: its bytes were a picture that the browser can draw.
LOADED = "image => image.complete && image.naturalWidth > 0"
BACKFILLS = "{partitionBackfillsOrError(limit: 5) {... on PartitionBackfills {results {status numPartitions}}}}"
RUNS = "{runsOrError(limit: 50) {... on Runs {results {tags {key value}}}}}"

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(900),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"),
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what `make dev` needs, so that the checkout's own `.pique` is left alone."""
    copy = tmp_path_factory.mktemp("project")
    for name in ("definitions.py", "workspace.yaml", "pyproject.toml"):
        shutil.copy(PROJECT / name, copy / name)
    for folder in ("examples", "resources"):
        shutil.copytree(PROJECT / folder, copy / folder)
    return copy


@pytest.fixture(scope="module")
def ui(project: Path) -> Iterator[str]:
    """The address of the UI; Ctrl-C at the end stops everything, or the test says what it left behind."""
    port = port_for_later()
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PIQUE_", "DAGSTER_"))}
    # The copy's code location, with the package that is being tested.
    environment["PYTHONPATH"] = str(PROJECT)
    with (project / "dev.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "examples/demo/dev.py", "--port", str(port)],
            cwd=project,
            env=environment,
            stdout=log,
            stderr=log,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: fetch(f"{address}/server_info"))
        yield address
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        left = [line for line in running_processes() if str(project) in line or f"--port {port}" in line]
        assert not left, left


def running_processes() -> list[str]:
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if " ps -eo" not in line]


def fetch(request: str | urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request) as answer:
        return answer.read()


def wait_for(condition) -> None:
    def holds() -> object:
        try:
            return condition()
        except OSError:
            return None

    eventually(holds, every_s=0.5)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        yield page
        browser.close()


def keep_screenshot(page: Page, name: str, folder: Path) -> None:
    folder = Path(os.environ.get("PIQUE_SCREENSHOTS", folder))
    page.wait_for_timeout(2000)
    page.screenshot(path=folder / f"{name}.png")


def backfills(ui: str) -> list[dict[str, object]]:
    query = json.dumps({"query": BACKFILLS}).encode()
    answer = fetch(urllib.request.Request(f"{ui}/graphql", data=query, headers={"Content-Type": "application/json"}))
    return json.loads(answer)["data"]["partitionBackfillsOrError"]["results"]


def the_worst_content_is_shown_as_pictures(page: Page, folder: Path) -> None:
    """On the page of a date's scorecard."""
    row = page.get_by_role("row").filter(has_text="worst_items")
    row.get_by_text("[Show Markdown]").click()
    pictures = page.locator("img[src^='data:image/jpeg']")
    expect(pictures.first).to_be_visible()
    assert pictures.evaluate_all(f"images => images.map({LOADED})") == [True] * pictures.count()
    keep_screenshot(page, "worst_items", folder)
    page.keyboard.press("Escape")


def pass_rates_are_plotted(ui: str, page: Page, folder: Path) -> None:
    """One plot for each number of the scorecard, with a point for each materialisation."""
    page.goto(f"{ui}/assets/acme_videos/scorecard_daily?view=overview")
    page.get_by_role("button", name="Plots").click()
    # By partition, Dagster 1.13 looks at the last 120 days alone, whatever the end date of the partitions.
    page.get_by_role("button", name="Events").click()
    plotted = page.get_by_text("pass_rate/video_specs")
    expect(plotted).to_be_visible()
    expect(page.locator("canvas").first).to_be_visible()
    plotted.scroll_into_view_if_needed()
    keep_screenshot(page, "plots", folder)


def runs_by_date(ui: str) -> Counter[str]:
    """How many runs the backfill made for each date; the judge has none."""
    query = json.dumps({"query": RUNS}).encode()
    answer = fetch(urllib.request.Request(f"{ui}/graphql", data=query, headers={"Content-Type": "application/json"}))
    tags = [
        {tag["key"]: tag["value"] for tag in run["tags"]}
        for run in json.loads(answer)["data"]["runsOrError"]["results"]
    ]
    return Counter(one.get("dagster/partition", "judge") for one in tags if "dagster/backfill" in one)


def test_a_three_day_backfill_started_in_the_ui_completes_and_shows_what_it_did(ui, page, tmp_path):
    page.goto(f"{ui}/locations/pique_assets/asset-groups/acme_videos/lineage")
    for asset in ("raw_media", "judge", "content", "uploads", "evaluation_results", "scorecard_daily"):
        expect(page.get_by_text(asset, exact=True).first).to_be_visible()

    page.goto(f"{ui}/assets/acme_videos/scorecard_daily?view=overview")
    # Before any run.
    expect(page.get_by_text("pass_rate", exact=True).first).to_be_visible()
    expect(page.get_by_text("double", exact=True).first).to_be_visible()
    keep_screenshot(page, "columns", tmp_path)

    page.goto(f"{ui}/locations/pique_assets/asset-groups/acme_videos/lineage")
    page.get_by_role("button", name="Materialize all").click()
    dates = page.get_by_placeholder("ex: ")
    dates.fill("[2026-03-02...2026-03-04]")
    dates.press("Enter")
    keep_screenshot(page, "backfill", tmp_path)
    page.get_by_role("button", name="Launch backfill").click()
    wait_for(lambda: backfills(ui) and "REQUESTED" not in str(backfills(ui)[0]["status"]))
    assert backfills(ui) == [{"status": "COMPLETED_SUCCESS", "numPartitions": 3}]
    # An inventory need not wait for the judge's run; the README says how each date is one run.
    assert runs_by_date(ui) == {"judge": 1, "2026-03-02": 2, "2026-03-03": 2, "2026-03-04": 2}

    page.goto(f"{ui}/assets/acme_videos/submissions?view=partitions&partition=2026-03-03")
    expect(page.get_by_text("dagster/partition_row_count")).to_be_visible()
    page.get_by_text("[Show Markdown]").first.click()
    expect(page.get_by_text("The file is empty.").first).to_be_attached()

    page.goto(f"{ui}/assets/acme_videos/content?view=checks")
    expect(page.get_by_text("all_content_is_readable").first).to_be_visible()
    page.get_by_role("tab", name="Partitions").last.click()
    page.get_by_text("2026-03-03", exact=True).first.click(force=True)
    expect(page.get_by_text("1 of 3: never_written.mp4, empty")).to_be_visible()
    keep_screenshot(page, "check", tmp_path)

    page.goto(f"{ui}/assets/acme_videos/scorecard_daily?view=partitions&partition=2026-03-04")
    expect(page.get_by_text("Nothing was evaluated on this date.").first).to_be_visible()
    page.goto(f"{ui}/assets/acme_videos/scorecard_daily?view=partitions&partition=2026-03-02")
    expect(page.get_by_text("pass_rates")).to_be_visible()
    # Shown without a click, from the event alone.
    chart = page.locator("img[src^='data:image/svg+xml']").first
    expect(chart).to_be_visible()
    assert chart.evaluate(LOADED)
    keep_screenshot(page, "partition", tmp_path)

    the_worst_content_is_shown_as_pictures(page, tmp_path)
    pass_rates_are_plotted(ui, page, tmp_path)

    page.set_viewport_size({"width": 2200, "height": 1100})
    page.goto(f"{ui}/locations/pique_assets/asset-groups/acme_videos/lineage")
    expect(page.get_by_text("75% filled").first).to_be_visible()
    keep_screenshot(page, "graph", tmp_path)
