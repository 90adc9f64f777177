"""What each card of the finance pages costs on a data directory that nobody serves, as JSON.

    spanledger demo --no-serve --data DIR
    python benchmarks/finance_pages.py --data DIR [--repeat 7] [--range 30d]

A card is drawn by the coroutine that its callback runs, whole, with every query it makes; queries of one card run at
once. `wall_ms` is the median of so many, `cpu_ms` the median of the process's CPU time, which other programs on the
machine do not lengthen, `kilobytes` what would go to the browser, uncompressed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from plotly.utils import PlotlyJSONEncoder

from spanledger_analytics import explaining
from spanledger_dashboard import DashboardSettings
from spanledger_dashboard.data import Data
from spanledger_dashboard.pages import (
    advice,
    budgets,
    forecast,
    spend,
    spend_bills,
    spend_classes,
    spend_matrix,
    spend_month,
    spend_why,
)
from spanledger_dashboard.view import View
from spanledger_store.control import Control
from spanledger_store.engine import Engine
from spanledger_store.settings import StoreSettings

Render = Callable[[Data, View], Awaitable[Sequence[Any]]]
CARDS: Sequence[tuple[str, str, Render]] = (
    ("spend", "/spend", spend.render),
    ("spend: month", "/spend", spend_month.render),
    ("spend: why", "/spend", spend_why.render),
    ("spend: matrix", "/spend", spend_matrix.render),
    ("spend: classes, caching, waste, units", "/spend", spend_classes.render),
    ("spend: bills and margins", "/spend", spend_bills.render),
    ("budgets", "/budgets", budgets.render),
    ("budgets: forecast", "/budgets", forecast.render),
    ("budgets: accuracy", "/budgets", forecast.render_accuracy),
    ("advice", "/advice", advice.render),
)


def measured(data: Data, path: str, render: Render, search: str, repeat: int) -> dict[str, float]:
    """Medians of one card."""
    wall: list[float] = []
    cpu: list[float] = []
    size = 0
    for _ in range(repeat):
        view = View.parse({"path": path, "search": search}, data.settings.project)
        began, spent = time.perf_counter(), time.process_time()
        drawn = asyncio.run(_drawn(data, view, render))
        wall.append((time.perf_counter() - began) * 1e3)
        cpu.append((time.process_time() - spent) * 1e3)
        size = len(json.dumps(drawn, cls=PlotlyJSONEncoder))
    return {
        "wall_ms": round(statistics.median(wall), 1),
        "cpu_ms": round(statistics.median(cpu), 1),
        "kilobytes": round(size / 1024, 1),
    }


async def _drawn(data: Data, view: View, render: Render) -> list[Any]:
    return list(await render(data, view))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--range", default="30d")
    asked = parser.parse_args()
    settings = StoreSettings(data=asked.data)
    with Engine(settings) as engine, Control.open(settings) as control:
        data = Data(engine, control, DashboardSettings(), partial(explaining.answer, engine))
        spans = int(engine.rows("SELECT count() FROM spans")[0][0])
        found = {
            name: measured(data, path, render, f"?range={asked.range}", asked.repeat) for name, path, render in CARDS
        }
        data.close()
    json.dump({"spans": spans, "range": asked.range, "cards": found}, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
