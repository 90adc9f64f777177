"""How long the pages take in a real browser over about 100,000 spans, as JSON.

    python benchmarks/pages.py [--traces 15000] [--repeat 3]

The server is a `spanledger up` of its own. Cold is the first visit of a new browser profile; warm are later
visits of the same profile, which keeps its caches and compiled scripts on disk as a person's browser does.
Every visit is a new tab. Interactive means: charts drawn and the grid filled. `transfer` counts bytes over the wire.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from playwright.sync_api import BrowserContext, sync_playwright
from tests.dashboard import seed
from tests.dashboard.conftest import ARGUMENTS, CHROMIUM
from tests.line.process import Up

from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.settings import StoreSettings

READY = {
    "/": "#overview-body .js-plotly-plot .xaxislayer-above",
    "/spend": "#spend-body .js-plotly-plot .xaxislayer-above",
    "/traces": "#traces-grid .ag-row .ag-cell",
    "/trace/": "#trace-panel .kv",
}


def visit(context: BrowserContext, url: str, ready: str) -> dict[str, float]:
    """Seconds until the page is interactive, and bytes it took."""
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    received = {"bytes": 0, "requests": 0}

    def finished(event: dict[str, Any]) -> None:
        received["bytes"] += event["encodedDataLength"]
        received["requests"] += 1

    network.on("Network.loadingFinished", finished)
    start = time.perf_counter()
    page.goto(url)
    page.wait_for_selector(ready)
    if not ready.endswith(".kv"):
        page.wait_for_selector(".ag-row .ag-cell")
    took = time.perf_counter() - start
    # What is fetched after the page can be used still counts as its transfer.
    page.wait_for_timeout(500)
    page.close()
    return {"seconds": round(took, 3), "transfer": received["bytes"], "requests": received["requests"]}


def navigate(context: BrowserContext, base: str) -> float:
    """Seconds from a click in the navigation to the other page's content."""
    page = context.new_page()
    page.goto(base)
    page.wait_for_selector(READY["/"])
    start = time.perf_counter()
    page.click('a[data-nav="/spend"]')
    page.wait_for_selector(READY["/spend"])
    took = time.perf_counter() - start
    page.close()
    return round(took, 3)


def measure(base: str, trace: str, repeat: int) -> dict[str, Any]:
    """Cold and warm times of every page."""
    found: dict[str, Any] = {}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        for path, ready in READY.items():
            url = base + path + (trace if path == "/trace/" else "")
            context = playwright.chromium.launch_persistent_context(
                Path(folder) / path.strip("/"),
                executable_path=str(CHROMIUM),
                args=ARGUMENTS,
                viewport={"width": 1440, "height": 900},
            )
            cold = visit(context, url, ready)
            # The browser keeps a script's compiled form after it has seen the script twice.
            for _ in range(2):
                visit(context, url, ready)
            warm = [visit(context, url, ready) for _ in range(repeat)]
            found[path] = {
                "cold": cold,
                "warm": {
                    "seconds_median": statistics.median(run["seconds"] for run in warm),
                    "seconds_best": min(run["seconds"] for run in warm),
                    "seconds_worst": max(run["seconds"] for run in warm),
                    "transfer": warm[-1]["transfer"],
                },
            }
            if path == "/":
                found["in_app_overview_to_spend_seconds"] = statistics.median(
                    navigate(context, base) for _ in range(repeat)
                )
            context.close()
    return found


def main() -> None:
    """Seed, serve, look, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=int, default=15_000, help="traces of seven spans (default 15000)")
    parser.add_argument("--repeat", type=int, default=5, help="warm visits per page (default 5)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        with Engine(StoreSettings(data=data)) as engine:
            migrate(engine)
            start = time.perf_counter()
            seed.seed(engine, traces=options.traces, days=30, end=seed.full_hour(datetime.now(UTC)))
            seeded = round(time.perf_counter() - start, 1)
            trace = engine.rows("SELECT trace_id FROM spans ORDER BY start_time DESC LIMIT 1")[0][0]
        result: dict[str, Any] = {"spans": options.traces * seed.SPANS_PER_TRACE, "seed_seconds": seeded}
        up = Up(data)
        result["pages"] = measure(up.url, trace, options.repeat)
        up.stop()
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
