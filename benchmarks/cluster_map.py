"""How soon the map of clusters can be used in a real browser, and how soon a selection is summed up, as JSON.

    python benchmarks/cluster_map.py [--calls 50000] [--repeat 5]

The pages are served over a store of its own on the embedded engine, with that many calls in 60 clusters. Warm are
visits of a browser profile that has been there before. Interactive means: points and list are drawn. `lasso` is from
letting go of the pointer to the sum of what was drawn around. `server` is CPU time of the page's parts without HTTP,
nothing read before.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from playwright.sync_api import BrowserContext, sync_playwright
from tests.dashboard import seed
from tests.dashboard.conftest import ARGUMENTS, CHROMIUM, served

from spanledger_dashboard import DashboardSettings
from spanledger_dashboard.data import Data
from spanledger_dashboard.exports_clusters import points_json
from spanledger_dashboard.pages import clusters as page
from spanledger_dashboard.view import View
from spanledger_store.control import Control, projects
from spanledger_store.control import clusters as kept
from spanledger_store.control.clusters import Codebook
from spanledger_store.engine import Engine
from spanledger_store.migrate import migrate
from spanledger_store.quality import clusters
from spanledger_store.quality.clusters import Cluster, Page
from spanledger_store.settings import StoreSettings

CLUSTERS, DAYS, SEED = 60, 20, 7
SEARCH = "?range=30d"


def fill(engine: Engine, control: Control, calls: int, now: datetime) -> None:
    """That many calls of the fictional company, each in a cluster."""
    # Two calls to models a trace.
    seed.seed(engine, traces=calls // 2, days=DAYS, end=now)
    rows = engine.rows(
        "SELECT toUnixTimestamp64Nano(start_time), trace_id, span_id FROM spans WHERE kind = 'llm' AND is_billable "
        "ORDER BY start_time, trace_id, span_id"
    )
    dice = np.random.default_rng(SEED)
    share = dice.dirichlet(np.ones(CLUSTERS) * 0.7)
    numbers = dice.choice(CLUSTERS, size=len(rows), p=share) + 1
    numbers[dice.random(len(rows)) < 0.02] = 0
    middles = dice.normal(size=(CLUSTERS + 1, 2))
    places = (middles[numbers] + 0.12 * dice.normal(size=(len(rows), 2))).astype(np.float32)
    projects.ensure(control, "default")
    book = Codebook(
        "bench", "default", "m", now.replace(microsecond=0), now - timedelta(days=30), now, len(rows), CLUSTERS,
        CLUSTERS + 1, 0.02,
    )  # fmt: skip
    kept.keep(control, book)
    clusters.write(
        engine, book,
        [
            Cluster(at, at // 8, f"topic {at // 8}", f"words of {at}", [f"word{at}"], 10, 10.0, 0.3, [1.0, 0.0],
                    float(middles[at, 0]), float(middles[at, 1]))
            for at in range(1, CLUSTERS + 1)
        ],
    )  # fmt: skip
    for first in range(0, len(rows), clusters.PAGE):
        part = rows[first : first + clusters.PAGE]
        at = slice(first, first + len(part))
        some = Page(
            [row[0] for row in part], [row[1] for row in part], [row[2] for row in part],
            np.zeros((len(part), 2), np.float32), np.ones(len(part), np.float32),
        )  # fmt: skip
        clusters.assign(engine, book, some, numbers[at], np.full(len(part), 0.1, np.float32), places[at])


def parts(engine: Engine, control: Control, now: datetime) -> dict[str, float]:
    """CPU seconds of each part of the page, read from the store; the better of two."""
    view = View.parse({"path": "/clusters", "search": SEARCH}, "default", now)
    area = View.parse({"path": "/clusters", "search": f"{SEARCH}&area=-9,-9,9,-9,0,9"}, "default", now)
    found: dict[str, float] = {}

    async def timed(name: str, work: Any) -> None:
        began = time.process_time()
        await work
        found[name] = round(min(found.get(name, 1e9), time.process_time() - began), 3)

    async def all_() -> None:
        data = Data(engine, control, DashboardSettings())
        await timed("page", page.render(data, view))
        await timed("points", points_json(data, view))
        await timed("selection", page.render_choice(data, area))
        data.close()

    for _ in range(2):
        asyncio.run(all_())
    return found


def visit(context: BrowserContext, url: str) -> tuple[float, float]:
    """Seconds until the page can be used, and until a selection is summed up."""
    tab = context.new_page()
    tab.set_viewport_size({"width": 1440, "height": 900})
    began = time.perf_counter()
    tab.goto(url)
    tab.wait_for_selector("#clusters-table .sheet")
    tab.wait_for_function("document.getElementById('clusters-note').textContent !== ''")
    drawn = time.perf_counter() - began
    tab.wait_for_timeout(600)
    box = tab.locator("#clusters-map").bounding_box()
    assert box is not None
    left, top = box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3
    tab.mouse.move(left, top)
    tab.mouse.down()
    for x, y in ((1, 0), (1, 1), (0, 1)):
        tab.mouse.move(left + x * box["width"] * 0.4, top + y * box["height"] * 0.4, steps=4)
    began = time.perf_counter()
    tab.mouse.up()
    tab.wait_for_selector("#clusters-panel .pill.acc")
    summed = time.perf_counter() - began
    tab.close()
    return drawn, summed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=50_000)
    parser.add_argument("--repeat", type=int, default=5)
    asked = parser.parse_args()
    now = seed.full_hour(datetime.now(UTC))
    result: dict[str, Any] = {"calls": asked.calls, "clusters": CLUSTERS, "seed": SEED}
    with tempfile.TemporaryDirectory() as folder:
        settings = StoreSettings(data=Path(folder))
        with Engine(settings) as engine, Control.open(settings) as control:
            migrate(engine)
            fill(engine, control, asked.calls, now)
            result["server_cpu_s"] = parts(engine, control, now)
            pages = served(engine)
            base = next(pages)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
                for scheme in ("light", "dark"):
                    context = browser.new_context(color_scheme=scheme, timezone_id="UTC", bypass_csp=True)
                    visits = [visit(context, f"{base}/clusters{SEARCH}") for _ in range(asked.repeat + 1)]
                    result[scheme] = {
                        "first_s": round(visits[0][0], 2),
                        "warm_s": round(statistics.median(each for each, _ in visits[1:]), 2),
                        "lasso_s": round(statistics.median(each for _, each in visits[1:]), 2),
                    }
                    context.close()
                browser.close()
            pages.close()
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
