"""Which slices a change comes from: `methods/root_cause.py` beside Adtributor on public sets, and on the demo.

    python benchmarks/root_cause.py [--cases 200] [--seeds 10] [--data FOLDER] [--json FILE] [--docs]

Sets S and L are drawn after their published description (benchmarks/root_causes/sets.py); `--data` adds those of a
folder in the form of the Squeeze sets (A, B0 to B4: https://zenodo.org/record/8153367), each subfolder a set. A slice
counts as found where it is named exactly. F1 is over all causes of a set, and by how many dimensions the deepest cause
of a case names. The demo's part compares each injected cost event with the same hours a week before, on so many seeds.
`--docs` writes the tables into docs/methods.md.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from benchmarks.documents import DOCS, renew
from benchmarks.root_causes.adtributor import adtributor, recursive
from benchmarks.root_causes.sets import SETS, Case, Cause, drawn, read
from tests.support.demo_events import COST_EVENTS, Verdict, verdict
from tests.support.demo_lines import lines

from spanledger_analytics.methods.changes.root_cause import Params, search
from spanledger_cli.demo.story import story
from spanledger_cli.demo.traffic import traffic

Method = Callable[[np.ndarray, np.ndarray, np.ndarray], list[Cause]]
# Not the seed on which the method was worked out.
SEED = 9
END = datetime(2026, 3, 2, 9, tzinfo=UTC)
# A set's causes name any number of dimensions, and there may be many of them; its noise is estimated from its leaves.
OURS = Params(layers=6, most=20, spread=0.01)


def ours(codes: np.ndarray, before: np.ndarray, after: np.ndarray) -> list[Cause]:
    """What the product finds."""
    return [each.values for each in search(codes, before, after, params=OURS)]


# Adtributor's own settings, and the one that does best on these sets: one dimension, little to be explained.
METHODS: dict[str, Method] = {
    "spanledger": ours,
    "Adtributor, as published": adtributor,
    "Adtributor, best setting": partial(adtributor, all_over=0.1, most=1),
    "recursive Adtributor": partial(recursive, most=1),
}


def score(cases: Iterable[Case]) -> dict[str, dict[str, Any]]:
    """Method -> precision, recall, F1, F1 by layer, seconds a case."""
    counts: dict[str, dict[int, list[int]]] = {name: defaultdict(lambda: [0, 0, 0]) for name in METHODS}
    seconds: dict[str, list[float]] = {name: [] for name in METHODS}
    for case in cases:
        for name, method in METHODS.items():
            began = time.perf_counter()
            found = set(method(case.codes, case.before, case.after))
            seconds[name].append(time.perf_counter() - began)
            right = len(found & case.causes)
            for at, count in enumerate((right, len(found) - right, len(case.causes) - right)):
                counts[name][case.layer][at] += count
    return {name: _summary(by_layer, seconds[name]) for name, by_layer in counts.items()}


def _summary(by_layer: dict[int, list[int]], seconds: list[float]) -> dict[str, Any]:
    right, wrong, missed = (sum(each[at] for each in by_layer.values()) for at in range(3))
    return {
        "precision": right / max(right + wrong, 1),
        "recall": right / max(right + missed, 1),
        "f1": _f1([right, wrong, missed]),
        "by_layer": {layer: _f1(each) for layer, each in sorted(by_layer.items())},
        "seconds": statistics.mean(seconds),
    }


def _f1(counts: list[int]) -> float:
    right, wrong, missed = counts
    return 2 * right / max(2 * right + wrong + missed, 1)


def demo(seeds: int) -> list[Verdict]:
    """What became of every cost event of so many demo months."""
    found: list[Verdict] = []
    for seed in range(seeds):
        told = story(seed, END)
        ledger = lines(traffic(told))
        found += [verdict(told, event, ledger) for event in told.events if event.type in COST_EVENTS]
    return found


def table(results: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Markdown: a line per set and method."""
    layers = sorted({layer for methods in results.values() for each in methods.values() for layer in each["by_layer"]})
    rows = [["set", "method", "F1", "precision", "recall", *(f"F1, {layer} dim." for layer in layers), "s a case"]]
    for name, methods in results.items():
        for method, each in methods.items():
            deep = [f"{each['by_layer'][layer]:.2f}" if layer in each["by_layer"] else "" for layer in layers]
            sums = [f"{each[key]:.2f}" for key in ("f1", "precision", "recall")]
            rows.append([name, method, *sums, *deep, f"{each['seconds']:.2f}"])
    return _markdown(rows)


def demo_table(verdicts: list[Verdict]) -> str:
    """Markdown: a line per type of event."""
    rows = [["event", "months", "slice named", "first of all", "first but for other events", "driver right"]]
    for kind in COST_EVENTS:
        own = [each for each in verdicts if each.event == kind]
        held = (sum(values) for values in (
            [each.rank is not None for each in own], [each.rank == 1 for each in own],
            [each.rank_alone == 1 for each in own], [each.driver_right for each in own],
        ))  # fmt: skip
        rows.append([kind.replace("_", " "), str(len(own)), *(f"{count}" for count in held)])
    return _markdown(rows)


def _markdown(rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in [rows[0], ["---"] * len(rows[0]), *rows[1:]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=200, help="of each set that is drawn")
    parser.add_argument("--seeds", type=int, default=10, help="demo months")
    parser.add_argument("--data", type=Path, help="folder of sets in the form of Squeeze's")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--docs", action="store_true", help="write the tables into docs/methods.md")
    options = parser.parse_args()
    results = {name: score(drawn(name, options.cases, SEED)) for name in SETS}
    if options.data:
        results |= {each.name: score(read(each)) for each in sorted(options.data.iterdir()) if each.is_dir()}
    print(table(results))
    verdicts = demo(options.seeds)
    print(demo_table(verdicts))
    if options.json:
        document = {"sets": results, "demo": [each._asdict() for each in verdicts]}
        options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if options.docs:
        renew(DOCS / "methods.md", "root causes", table(results))
        renew(DOCS / "methods.md", "root causes of the demo", demo_table(verdicts))


if __name__ == "__main__":
    main()
