"""The streaming detector on the Numenta Anomaly Benchmark, with the benchmark's own scoring.

python benchmarks/nab.py --data DIR            # DIR has windows.json and the series; prints the table
python benchmarks/nab.py --data DIR --json F   # and writes it
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from benchmarks import nab_scoring
from benchmarks.nab_scoring import FEW_FALSE, FEW_MISSED, STANDARD, Series

from spanledger_analytics.methods.anomalies.streaming import strangeness

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "nab"


def main() -> None:
    """Score and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    if not (chosen.data / "windows.json").exists():
        raise SystemExit(f"{chosen.data} has no windows.json: name the benchmark's directory with --data")
    result = run(chosen.data)
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps({name: value for name, value in result.items() if name != "series"}, indent=1))
    for each in result["series"]:
        print(
            f"{each['score']:8.1f}  {each['found']}/{each['windows']} found, {each['false']:4d} false  {each['name']}"
        )


def run(data: Path) -> dict[str, Any]:
    """Scores of the whole corpus under the three profiles, and of each series at the corpus's threshold."""
    listed = json.loads((data / "windows.json").read_text(encoding="utf-8"))
    started = time.perf_counter()
    corpus = {name: read(data, name, windows) for name, windows in sorted(listed.items())}
    seconds = time.perf_counter() - started
    outcomes = {
        label: nab_scoring.evaluate(list(corpus.values()), profile)
        for label, profile in (("standard", STANDARD), ("few_false", FEW_FALSE), ("few_missed", FEW_MISSED))
    }
    best = outcomes["standard"]
    points = sum(len(each.scores) for each in corpus.values())
    return {
        **{label: round(each.score, 1) for label, each in outcomes.items()},
        "threshold": best.threshold,
        "windows": best.windows,
        "found": best.found,
        "false": best.false,
        "points": points,
        "microseconds_a_point": round(1e6 * seconds / points, 1),
        "series": [_one(name, each, best.threshold) for name, each in corpus.items()],
    }


def read(data: Path, name: str, windows: list[list[str]]) -> Series:
    """One series with its scores, and its windows as places in it."""
    frame = pl.read_csv(data / name)
    times = frame["timestamp"].str.to_datetime("%Y-%m-%d %H:%M:%S").to_list()
    place = {at.isoformat(sep=" "): number for number, at in enumerate(times)}
    spans = [(place[first.split(".")[0]], place[last.split(".")[0]]) for first, last in windows]
    values = frame["value"].cast(pl.Float64).to_numpy()
    scores = strangeness(values, nab_scoring.probation(len(values)))
    return Series([float(each) for each in scores], spans)


def _one(name: str, series: Series, threshold: float) -> dict[str, Any]:
    detected = [
        float(score >= threshold) if number >= nab_scoring.probation(len(series.scores)) else 0.0
        for number, score in enumerate(series.scores)
    ]
    hits = np.array(detected) > 0
    inside = np.zeros(len(hits), bool)
    found = 0
    for first, last in series.windows:
        inside[first : last + 1] = True
        found += bool(hits[first : last + 1].any())
    worth = nab_scoring.total(series, threshold)
    false = int((hits & ~inside).sum())
    return {"name": name, "score": round(worth, 2), "windows": len(series.windows), "found": found, "false": false}


if __name__ == "__main__":
    main()
