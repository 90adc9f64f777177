"""False alarms and power of the test of everything measured, and of its daily looks, as JSON.

    python benchmarks/drift_measures.py [--repetitions 500] [--power 200] [--streams 100] [--days 90] [--seed 100]

Sessions have a Poisson number of calls (mean 5) with two numbers (lognormal; of the variance half, or all, is
the session's; three tenths of one are unknown) and two names (one of the session, one of the call). The null: days
are drawn from the same. *tested*: 400 sessions against 100 at alpha .05; a drift is a rise of one number by 25 %.
*looks*: streams of days without drift, 40 sessions each, against a random part of 200 sessions of all before, at level
.05 in the horizon: `monitor`; the same streams against their first 200 sessions throughout: `fixed`; `naive` alarms at
alpha .05 every day. The unit of independence is the session.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from spanledger_analytics.methods.drift import measures
from spanledger_analytics.methods.drift.monitoring import FixedMonitor, Monitor, remembered

Rows = dict[str, NDArray[Any]]
ALPHA = 0.05
PAST, DAY = 200, 40


def drawn(dice: np.random.Generator, sessions: int, first: int, alike: float, rise: float = 0.0) -> Rows:
    """The calls of some sessions, `block` among them."""
    blocks = np.repeat(np.arange(sessions), 1 + dice.poisson(4.0, sessions))
    count = len(blocks)
    shared, own = dice.standard_normal(sessions)[blocks] * alike**0.5, dice.standard_normal(count) * (1 - alike) ** 0.5
    other = np.exp(dice.standard_normal(sessions)[blocks])
    other[dice.random(count) < 0.3] = np.nan
    return {
        "block": blocks + first,
        "tokens": np.exp(6 + np.log1p(rise) + shared + own),
        "seconds": other,
        "model": np.array(["a", "b", "c"], dtype=object)[dice.integers(3, size=sessions)][blocks],
        "finish": np.array(["stop", "length"], dtype=object)[(dice.random(count) < 0.1).astype(int)],
    }


def compared(before: Rows, after: Rows, seed: int, resolution: float | None = None) -> measures.Measures:
    """The test of both sides."""
    sides = [{name: values for name, values in side.items() if name != "block"} for side in (before, after)]
    return measures.compare(
        sides[0], sides[1], reference_blocks=before["block"], current_blocks=after["block"], seed=seed,
        repetitions=199, resolution=resolution,
    )  # fmt: skip


def tested(seed: int, repetitions: int, alike: float, rise: float) -> dict[str, Any]:
    """Shares of repetitions that are rejected, by all together and by each quantity's corrected p value."""
    rejected: dict[str, int] = {}
    for number in range(repetitions):
        dice = np.random.default_rng([seed, 1, number])
        before, after = drawn(dice, 400, 0, alike), drawn(dice, 100, 10_000, alike, rise)
        found = compared(before, after, number)
        for name, p in (("together", found.p), *((each.name, each.p_corrected) for each in found.quantities)):
            rejected[name] = rejected.get(name, 0) + (p <= ALPHA)
    shares = {name: round(count / repetitions, 4) for name, count in sorted(rejected.items())}
    return {"alike": alike, "rise": rise, "repetitions": repetitions, "rejected": shares}


def chosen(rows: Rows, kept: NDArray[np.bool_]) -> Rows:
    """Some of the rows."""
    return {name: values[kept] for name, values in rows.items()}


def looks(seed: int, streams: int, days: int) -> dict[str, Any]:
    """Streams without drift of which monitors alarm within the horizon."""
    alarmed = {"monitor": 0, "fixed": 0, "naive": 0}
    for number in range(streams):
        dice = np.random.default_rng([seed, 2, number])
        past = first = drawn(dice, PAST, 0, 0.5)
        monitor, fixed = Monitor(ALPHA, days), FixedMonitor(ALPHA, days)
        heard = dict.fromkeys(alarmed, False)
        for day in range(days):
            today = drawn(dice, DAY, PAST + day * DAY, 0.5)
            draw = int(dice.integers(2**31))
            p = compared(chosen(past, remembered(past["block"], PAST, dice)), today, draw, monitor.resolution).p
            monitor = monitor.look(p)
            fixed = fixed.look(compared(first, today, draw, fixed.resolution).p)
            for name, hears in (("monitor", monitor.alarmed), ("fixed", fixed.alarmed), ("naive", p <= ALPHA)):
                heard[name] |= hears
            past = {name: np.concatenate([values, today[name]]) for name, values in past.items()}
        for name, hears in heard.items():
            alarmed[name] += hears
    return {"streams": streams, "days": days, "alarmed": {name: round(n / streams, 4) for name, n in alarmed.items()}}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=500, help="without drift (default 500)")
    parser.add_argument("--power", type=int, default=200, help="with drift (default 200)")
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--seed", type=int, default=100)
    options = parser.parse_args()
    began = time.process_time()
    cases = [(alike, rise) for rise in (0.0, 0.25) for alike in (0.0, 0.5, 1.0)]
    found = {
        "seed": options.seed,
        "tested": [
            tested(options.seed, options.power if rise else options.repetitions, alike, rise) for alike, rise in cases
        ],
        "looks": looks(options.seed, options.streams, options.days) if options.streams else None,
    }
    print(json.dumps({**found, "cpu_s": round(time.process_time() - began, 1)}, indent=1))


if __name__ == "__main__":
    main()
