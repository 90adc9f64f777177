"""Drift tests on sessions of real queries, where it is known whether anything changed, beside Evidently's, as JSON.

    python benchmarks/drift.py [--parts null power numbers looks delay size peers] [--repetitions 500] [--power 200]
        [--big 100] [--streams 200] [--seed 100] [--no-peers] [--cache DIR] [--markdown]

Sessions are those of `clinc_sessions` (mean length 5): with probability `alike` a message has its session's intent. The
held-out domain of ten goes round. *null*: 2,000 rows against 500 of the same. *power*: a share of the current sessions
(of the messages where they are independent) is of the held-out domain. *numbers*: lognormal values of as many sessions,
a share `alike` of whose variance (in logarithms) is the session's; a drift is a rise of 25 %; beside scipy's usual
tests, row by row. *looks*: streams of 90 days without drift, each day against all before (a random part of it); queries
are drawn again there, so each is turned by a random angle (cosine .8). *delay*: looks until a new domain of 20 % is
told, from its first day on, after four thousand rows without it; six at most. *size*: 50,000 against 50,000 and 100,000
against 100,000 rows of 384. *peers*: Evidently's embedding drift methods on the same windows, by default and with their
bootstrap; in an environment of its own (under --cache), version stated.

Statistics, widths and the number of directions were chosen on seeds 1 to 5 and 77, 78; seeds from 100 on were only
reported.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import documents  # noqa: E402
from benchmarks.clinc_sessions import Queries, Sampler, Window, load  # noqa: E402
from benchmarks.peers import installed  # noqa: E402

from spanledger_analytics.methods.drift import embeddings, scalars  # noqa: E402
from spanledger_analytics.methods.drift.monitoring import Monitor, alarms, remembered  # noqa: E402

Floats = NDArray[np.float32]
PARTS = ("null", "power", "numbers", "looks", "delay", "size", "peers")
ALPHA = 0.05
# (reference rows, current rows, alike, share of the new domain, wanted)
POWER = (
    (8000, 4000, 1.0, 0.05, 0.90),
    (8000, 4000, 1.0, 0.02, 0.40),
    (2000, 500, 1.0, 0.10, 0.35),
    (2000, 500, 1.0, 0.20, 0.70),
    (2000, 500, 0.0, 0.05, 0.50),
)
NULL = (0.0, 0.5, 1.0)


def windows(queries: Queries, case: tuple[float, ...], seed: int, number: int) -> tuple[Window, Window]:
    """The windows of one repetition."""
    before, after, alike, share = case[:4]
    sampler = Sampler(queries, number % 10, np.random.default_rng([seed, number]))
    return sampler.window(int(before), alike), sampler.window(int(after), alike, share)


def tested(queries: Queries, case: tuple[float, ...], seed: int, repetitions: int) -> dict[str, Any]:
    """Shares of repetitions that are rejected, by statistic, at alpha .05."""
    p: dict[str, list[float]] = {}
    began = time.process_time()
    for number in range(repetitions):
        before, after = windows(queries, case, seed, number)
        found = embeddings.compare(
            queries.vectors[before.rows],
            queries.vectors[after.rows],
            reference_blocks=before.sessions,
            current_blocks=after.sessions,
            seed=number,
            repetitions=199,
        )
        p.setdefault("combined", []).append(found.p)
        for each in found.statistics:
            p.setdefault(each.name, []).append(each.p)
    rejected = {name: round(float(np.mean(np.array(values) <= ALPHA)), 4) for name, values in p.items()}
    error = (rejected["combined"] * (1 - rejected["combined"]) / repetitions) ** 0.5
    return {
        "case": list(case),
        "repetitions": repetitions,
        "rejected": rejected,
        "standard_error": round(error, 4),
        "cpu_s_each": round((time.process_time() - began) / repetitions, 3),
    }


def numbers(seed: int, repetitions: int) -> list[dict[str, Any]]:
    """Shares of repetitions that are rejected at alpha .05: ours, and of tests that take every row for itself."""
    rows: list[dict[str, Any]] = []
    for rise in (0.0, 0.25):
        for alike in NULL:
            p: dict[str, list[float]] = {"sessions": [], "Kolmogorov-Smirnov": [], "Mann-Whitney": [], "Welch": []}
            for number in range(repetitions):
                dice = np.random.default_rng([seed, 9, number])
                drawn: list[tuple[NDArray[np.float64], NDArray[np.int64]]] = []
                for first, sessions, up in ((0, 400, 0.0), (400, 100, np.log1p(rise))):
                    blocks = np.repeat(np.arange(sessions), 1 + dice.poisson(4.0, sessions))
                    of_session = dice.standard_normal(sessions)[blocks] * alike**0.5
                    own = dice.standard_normal(len(blocks)) * (1 - alike) ** 0.5
                    drawn.append((np.exp(6 + up + of_session + own), blocks + first))
                (one, ours), (two, theirs) = drawn
                found = scalars.compare(
                    one, two, reference_blocks=ours, current_blocks=theirs, seed=number, repetitions=199
                )
                p["sessions"].append(found.p)
                p["Kolmogorov-Smirnov"].append(float(stats.ks_2samp(one, two).pvalue))
                p["Mann-Whitney"].append(float(stats.mannwhitneyu(one, two).pvalue))
                p["Welch"].append(float(stats.ttest_ind(one, two, equal_var=False).pvalue))
            rejected = {name: round(float(np.mean(np.array(each) <= ALPHA)), 3) for name, each in p.items()}
            rows.append({"rise": rise, "alike": alike, "repetitions": repetitions, "rejected": rejected})
    return rows


def turned(vectors: Floats, dice: np.random.Generator) -> Floats:
    """Each row turned by a random angle, to a cosine of .8."""
    noise = dice.standard_normal(vectors.shape).astype(np.float32) / np.float32(vectors.shape[1] ** 0.5)
    return 0.8 * vectors + 0.6 * noise


class Stream:
    """Days of sessions; each is tested against all days before."""

    def __init__(self, queries: Queries, seed: int, number: int, day: int, past: int) -> None:
        self._queries = queries
        self._dice = np.random.default_rng([seed, 7, number])
        self._sampler = Sampler(queries, number % 10, self._dice, again=True)
        self._day, self._most = day, past
        self._monitor = Monitor()
        first = self._sampler.window(past, 1.0)
        self._vectors, self._blocks = turned(queries.vectors[first.rows], self._dice), first.sessions

    def look(self, share: float = 0.0) -> float:
        """The p value of one more day."""
        window = self._sampler.window(self._day, 1.0, share)
        vectors = turned(self._queries.vectors[window.rows], self._dice)
        # Sessions have a mean length of 5.
        kept = remembered(self._blocks, self._most // 5, self._dice)
        found = embeddings.compare(
            self._vectors[kept],
            vectors,
            reference_blocks=self._blocks[kept],
            current_blocks=window.sessions,
            seed=int(self._dice.integers(2**31)),
            repetitions=99,
            resolution=self._monitor.resolution,
        )
        self._vectors = np.concatenate([self._vectors, vectors])
        self._blocks = np.concatenate([self._blocks, window.sessions])
        return found.p


def looks(queries: Queries, seed: int, streams: int, day: int, past: int) -> dict[str, Any]:
    """Streams without drift that alarm within 90 looks; naive: at alpha .05 every day."""
    began = time.process_time()
    alarmed = naive = naive_month = 0
    p: list[float] = []
    for number in range(streams):
        stream = Stream(queries, seed, number, day, past)
        each = [stream.look() for _ in range(90)]
        alarmed += bool(alarms(each))
        naive += min(each) <= ALPHA
        naive_month += min(each[:30]) <= ALPHA
        p += each
        if number % 20 == 19:
            print(json.dumps({"streams": number + 1, "alarmed": alarmed}), file=sys.stderr, flush=True)
    return {
        "streams": streams,
        "rows_a_day": day,
        "past_rows": past,
        "alarmed": round(alarmed / streams, 4),
        "naive_alarmed": round(naive / streams, 4),
        "naive_alarmed_in_30_days": round(naive_month / streams, 4),
        "looks_at_or_below_05": round(float(np.mean(np.array(p) <= ALPHA)), 4),
        "cpu_s_each": round((time.process_time() - began) / (90 * streams), 3),
    }


def delay(queries: Queries, seed: int, streams: int, day: int, past: int) -> dict[str, Any]:
    """Looks until a new domain of 20 % is told, six at most."""
    found: list[float] = []
    for number in range(streams):
        stream = Stream(queries, seed, 1000 + number, day, past)
        each: list[float] = []
        while len(each) < 6 and not alarms(each):
            each.append(stream.look(0.2))
        found.append(len(each) if alarms(each) else np.inf)
    counts = {str(at): int(np.sum(np.array(found) == at)) for at in range(1, 7)}
    return {"streams": streams, "rows_a_day": day, "past_rows": past, "median": float(np.median(found)), "at": counts}


def size(queries: Queries) -> dict[str, Any]:
    """CPU seconds of the combined test with its default 499 arrangements, one thread or several."""
    made: dict[str, Any] = {}
    for rows in (50_000, 100_000):
        dice = np.random.default_rng(1)
        vectors = turned(queries.vectors[dice.integers(len(queries.vectors), size=2 * rows)], dice)
        blocks = np.arange(2 * rows) // 5
        began = time.process_time()
        embeddings.compare(vectors[:rows], vectors[rows:], reference_blocks=blocks[:rows], current_blocks=blocks[rows:])
        made[f"{rows} x 384 against {rows}"] = round(time.process_time() - began, 2)
    return made


def peers(queries: Queries, seed: int, repetitions: int, cache: Path) -> dict[str, Any]:
    """Evidently's embedding drift methods on the same windows."""
    # It imports what pandas 3 has dropped.
    venv, version = installed("evidently", cache, "pandas<3")
    rows: list[dict[str, Any]] = []
    cases = [(2000, 500, alike, 0.0) for alike in NULL] + [case[:4] for case in POWER if case[0] == 2000]
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            held = {}
            for number in range(repetitions):
                # The windows of `null` and `power`.
                before, after = windows(queries, case, seed + (case[3] > 0), number)
                held |= {
                    f"before_{number}": queries.vectors[before.rows],
                    f"after_{number}": queries.vectors[after.rows],
                }
            source = Path(folder) / "in.npz"
            np.savez(source, **held)
            script = Path(__file__).with_name("drift_peer.py")
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "DO_NOT_TRACK": "1"}
            said = subprocess.run(
                [str(venv / "bin" / "python"), str(script), str(source)],
                check=True,
                env=environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            rows.append({"case": list(case), "repetitions": repetitions, "rejected": json.loads(said.stdout)})
            print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    return {"evidently": version, "rows": rows}


def table(found: dict[str, Any]) -> str:
    """The rates as a table of the docs."""
    names = ["combined", "mean", "kernel 0.7", "novelty", "novel sessions"]
    others: dict[tuple[float, ...], dict[str, float]] = {}
    version = ""
    asked: dict[tuple[float, ...], int] = {}
    if "peers" in found:
        others = {tuple(row["case"]): row["rejected"] for row in found["peers"]["rows"]}
        asked = {tuple(row["case"]): row["repetitions"] for row in found["peers"]["rows"]}
        version = found["peers"]["evidently"]
    methods = sorted({name for row in others.values() for name in row})
    titles = ["repetitions", *names, "Evidently's repetitions", *(f"Evidently {version} {name}" for name in methods)]
    lines = ["| rows | alike | new | " + " | ".join(titles) + " |", "|---" * (3 + len(titles)) + "|"]
    for row in [*found.get("null", []), *found.get("power", [])]:
        before, after, alike, share = row["case"][:4]
        cells = [str(row["repetitions"]), *(f"{row['rejected'][name]:.3f}" for name in names)]
        of_peers = others.get((before, after, alike, share), {})
        cells.append(str(asked.get((before, after, alike, share), "")))
        cells += [f"{of_peers[name]:.2f}" if name in of_peers else "" for name in methods]
        lines.append(f"| {before:,} / {after:,} | {alike:g} | {share:.0%} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--repetitions", type=int, default=500, help="without drift (default 500)")
    parser.add_argument("--power", type=int, default=200, help="repetitions of rows of 2,500 (default 200)")
    parser.add_argument("--big", type=int, default=100, help="repetitions of rows of 12,000 (default 100)")
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--day", type=int, default=100, help="rows a day of streams without drift (default 100)")
    parser.add_argument("--past", type=int, default=1000, help="rows of their past that are read (default 1000)")
    parser.add_argument("--delays", type=int, default=30, help="streams with drift, of 500 rows a day (default 30)")
    parser.add_argument("--peer-repetitions", type=int, default=30)
    parser.add_argument("--seed", type=int, default=100, help="1 to 5, 77 and 78 were chosen on")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "spanledger-peers")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--markdown", action="store_true", help="renew the table in docs/methods.md")
    options = parser.parse_args()
    queries = load()
    found: dict[str, Any] = {"seed": options.seed}
    for part in options.parts:
        if part == "peers" and options.no_peers:
            continue
        if part == "null":
            found[part] = [
                tested(queries, (2000, 500, alike, 0.0), options.seed, options.repetitions) for alike in NULL
            ]
        elif part == "power":
            found[part] = [
                tested(queries, case, options.seed + 1, options.big if case[0] > 2000 else options.power)
                for case in POWER
            ]
        elif part == "numbers":
            found[part] = numbers(options.seed, options.repetitions)
        elif part == "looks":
            found[part] = looks(queries, options.seed, options.streams, options.day, options.past)
        elif part == "delay":
            found[part] = delay(queries, options.seed, options.delays, 500, 4000)
        elif part == "size":
            found[part] = size(queries)
        else:
            found[part] = peers(queries, options.seed, options.peer_repetitions, options.cache)
        print(json.dumps({part: found[part]}), file=sys.stderr, flush=True)
    print(json.dumps(found, indent=1))
    if options.markdown:
        documents.renew(documents.DOCS / "methods.md", "drift", table(found))


if __name__ == "__main__":
    main()
