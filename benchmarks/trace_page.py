"""How long the page of a trace of 5,000 spans takes in a real browser, as JSON.

    python benchmarks/seed.py --data DIR --spans 5000000
    python benchmarks/trace_page.py --data DIR [--repeat 10]

Two ways to it: `in_app_ms` from a click on its link within the open dashboard, as people get there, and `visit_ms` in a
new tab of a browser that has been there before, which loads the dashboard itself as well. Drawn means: the waterfall's
rows stand in the page; the panel of the chosen span follows. `answer_ms` is the server's whole answer over HTTP with
the rows (query, layout and JSON), `in_app_five_spans_ms` the same way to a small trace, `rows` how many of the spans
were put into the page.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.seed import BIG_TRACE
from playwright.sync_api import Page, Response, sync_playwright
from tests.dashboard.conftest import ARGUMENTS, CHROMIUM
from tests.line.process import Up

ROWS = "#wf-rows [role=treeitem]"
PANEL = "#trace-panel .kv"
# The moment is taken in the page, by what is in it and drawn: a driver's own round trips are no part of it.
CLICK = """([path, rows]) => new Promise((done) => {
    const began = performance.now();
    new MutationObserver((_, watcher) => {
        if (!document.querySelector(rows)) return;
        watcher.disconnect();
        requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
    }).observe(document.body, {childList: true, subtree: true});
    window.spanledger.go(path);
})"""


def in_app(page: Page, base: str, trace: str = BIG_TRACE) -> float:
    """Milliseconds from the list to the trace's rows."""
    page.goto(f"{base}/traces?range=7d")
    page.wait_for_selector("#traces-grid .ag-row .ag-cell, #traces-body > *", state="attached")
    page.wait_for_timeout(500)
    took = page.evaluate(CLICK, [f"/trace/{trace}?range=7d", ROWS])
    page.wait_for_selector(PANEL)
    return float(took)


def visit(page: Page, base: str) -> float:
    """Milliseconds from a new address to the trace's rows."""
    page.goto("about:blank")
    started = time.perf_counter()
    page.goto(f"{base}/trace/{BIG_TRACE}", wait_until="commit")
    page.wait_for_selector(ROWS)
    return (time.perf_counter() - started) * 1000


def summary(times: list[float]) -> dict[str, float]:
    """Median, p95 and slowest."""
    ordered = sorted(times)
    return {
        "p50": round(statistics.median(ordered)),
        "p95": round(ordered[-(-len(ordered) * 95 // 100) - 1]),
        "max": round(ordered[-1]),
    }


def main() -> None:
    """Serve, look, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="directory filled by benchmarks/seed.py")
    parser.add_argument("--repeat", type=int, default=10)
    options = parser.parse_args()
    answers: list[float] = []

    def answered(response: Response) -> None:
        if response.url.split("?")[0].endswith(f"/ui/trace/{BIG_TRACE}/rows"):
            answers.append(response.request.timing["responseStart"])

    up = Up(options.data)
    try:
        with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
            context = playwright.chromium.launch_persistent_context(
                folder, executable_path=str(CHROMIUM), args=ARGUMENTS, viewport={"width": 1440, "height": 900}
            )
            page = context.new_page()
            for _ in range(2):
                visit(page, up.url)
                in_app(page, up.url)
            page.on("response", answered)
            small = up.query("SELECT trace_id FROM span_rows WHERE kind = 'agent' ORDER BY start_time DESC LIMIT 1")[0][
                0
            ]
            found: dict[str, Any] = {
                "in_app_ms": summary([in_app(page, up.url) for _ in range(options.repeat)]),
                "in_app_five_spans_ms": summary([in_app(page, up.url, small) for _ in range(options.repeat)]),
                "visit_ms": summary([visit(page, up.url) for _ in range(options.repeat)]),
                "rows": page.locator(ROWS).count(),
                "cores": os.cpu_count(),
                "load": round(os.getloadavg()[0], 1),
            }
            page.wait_for_selector(PANEL)
            found["answer_ms"] = summary(answers)
            context.close()
    finally:
        up.stop()
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
