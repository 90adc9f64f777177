"""New topics between two periods of CLINC150's queries: how often they are found, and what is found without news; JSON.

    python benchmarks/emergence.py [--trials 100] [--first-seed 1000] [--kinds ...] [--write]

8,000 rows before, 2,000 now, MiniLM embeddings. News are one intent (at random) or all fifteen intents of a domain that
only the current period has, as 5 % of its sessions. `independent`: every message is a session. `sessions`: five
messages of one intent. `half`: each message of a session is of its intent with probability one half.

The kinds with a share in their name have fewer news: what the test can and cannot see.

Sessions are of 25 customers, whose shares fall as 1 / rank: at random, so that who asks says nothing. In `mix` each
customer has six intents of its own, which nobody else asks about, and one of them asks for 1 % of sessions before and
10 % now: nothing is new. In `newcomer` all news are asked by one more customer, who was not there before. Sessions are
exchanged within their customer, as the job does it, or with --pooled among all, as if nobody knew whose they are.

found: trials in which a told group is for the most part news. as new: trials in which one of these is called new, not
grown (the job tells no others). recall: share of all rows of news that are in such groups, over trials in which one was
found. false groups: told groups that are not for the most part news, a trial; false alarms: trials with at least one,
with Clopper and Pearson's interval of 95 %. The null of the kinds `none` is that sessions can be exchanged between
before and now, and holds in them exactly. Settings were chosen on seeds below 100; those reported begin at
--first-seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import clinc, documents  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from spanledger_analytics.methods.clusters.emergence import Settings, emergence  # noqa: E402

SIZES = (8000, 2000)
# kind -> (what is new, how alike a session's messages are, the share of current sessions that is new); a kind's place
# in the list is part of its seeds.
KINDS: dict[str, tuple[str, float | None, float]] = {
    "intent-independent": ("intent", None, 0.05),
    "intent-sessions": ("intent", 1.0, 0.05),
    "domain-sessions": ("domain", 1.0, 0.05),
    "none-independent": ("", None, 0.0),
    "none-half": ("", 0.5, 0.0),
    "none-sessions": ("", 1.0, 0.0),
    "intent-sessions-2%": ("intent", 1.0, 0.02),
    "intent-independent-1%": ("intent", None, 0.01),
    "mix-sessions": ("", 1.0, 0.0),
    "newcomer-sessions": ("intent", 1.0, 0.05),
}
CUSTOMERS, GREW = 25, (0.01, 0.1)


@dataclass(frozen=True)
class Asked:
    """Rows of two periods, and whose they are."""

    drawn: clinc.Drawn
    before: NDArray[np.int64]
    now: NDArray[np.int64]


def asked(queries: clinc.Queries, kind: str, dice: np.random.Generator) -> Asked:
    """What a trial compares."""
    what, alike, share = KINDS[kind]
    if kind.startswith("mix"):
        return mixed(queries, dice)
    news = None
    if what:
        labels = queries.intents if what == "intent" else queries.domains
        news = labels == dice.integers(labels.max() + 1)
    drawn = clinc.periods(queries, dice, SIZES, alike, news, share)
    shares = 1 / np.arange(1, CUSTOMERS + 1)
    of_before, of_now = (
        dice.choice(CUSTOMERS, int(sessions.max()) + 1, p=shares / shares.sum())[sessions]
        for sessions in (drawn.sessions_before, drawn.sessions_now)
    )
    return Asked(drawn, of_before, np.where(drawn.fresh, CUSTOMERS, of_now) if kind.startswith("newcomer") else of_now)


def mixed(queries: clinc.Queries, dice: np.random.Generator, length: int = 5) -> Asked:
    """Sessions of customers with intents of their own, of whom one asks more than before."""
    pool = clinc.periods(queries, dice, (len(queries.intents) // length * length - length, length), 1.0, length=length)
    sessions = np.concatenate((pool.before, pool.now)).reshape(-1, length)
    owner = dice.permutation(np.arange(queries.intents.max() + 1) % CUSTOMERS)[queries.intents[sessions[:, 0]]]
    it = dice.integers(CUSTOMERS)
    mine, others = np.flatnonzero(owner == it), np.flatnonzero(owner != it)
    counts = [size // length for size in SIZES]
    grew = [round(share * count) for share, count in zip(GREW, counts, strict=True)]
    before = np.concatenate((mine[: grew[0]], others[: counts[0] - grew[0]]))
    now = np.concatenate((mine[grew[0] : sum(grew)], others[counts[0] - grew[0] :][: counts[1] - grew[1]]))
    numbers = [np.repeat(np.arange(len(each)), length) for each in (before, now)]
    drawn = clinc.Drawn(
        sessions[before].ravel(), numbers[0], sessions[now].ravel(), numbers[1], np.zeros(now.size * length, np.bool_)
    )
    return Asked(drawn, np.repeat(owner[before], length), np.repeat(owner[now], length))


def trial(queries: clinc.Queries, kind: str, seed: int, settings: Settings, *, pooled: bool) -> dict[str, float]:
    """One trial's counts."""
    of = asked(queries, kind, np.random.default_rng((seed, list(KINDS).index(kind))))
    drawn = of.drawn
    began = time.process_time()
    made = emergence(
        queries.vectors[drawn.before],
        drawn.sessions_before,
        queries.vectors[drawn.now],
        drawn.sessions_now,
        seed,
        settings,
        strata=None if pooled else (of.before, of.now),
    )
    spent = time.process_time() - began
    right = [each for each in made.groups if drawn.fresh[each.members].mean() > 0.5]
    held = np.zeros(len(drawn.now), dtype=np.bool_)
    for each in right:
        held[each.members] = True
    return {
        "found": float(bool(right)),
        "recall": float(held[drawn.fresh].mean()) if drawn.fresh.any() else np.nan,
        "purity": float(drawn.fresh[held].mean()) if held.any() else np.nan,
        "false": float(len(made.groups) - len(right)),
        "groups": float(len(right)),
        "as_new": float(any(each.new for each in right)),
        "false_new": float(sum(each.new for each in made.groups) - sum(each.new for each in right)),
        "cpu": spent,
    }


def measure(
    queries: clinc.Queries, kind: str, trials: int, first: int, settings: Settings, *, pooled: bool
) -> dict[str, Any]:
    """One kind's row."""
    made = [trial(queries, kind, seed, settings, pooled=pooled) for seed in range(first, first + trials)]
    found = np.array([each["found"] for each in made])
    alarms = int(sum(each["false"] > 0 for each in made))
    interval = stats.binomtest(alarms, trials).proportion_ci()
    row: dict[str, Any] = {
        "trials": trials,
        "false_groups_a_trial": round(float(np.mean([each["false"] for each in made])), 3),
        "false_as_new_a_trial": round(float(np.mean([each["false_new"] for each in made])), 3),
        "false_alarms": alarms,
        "false_alarms_interval": [round(float(interval.low), 3), round(float(interval.high), 3)],
    }
    if KINDS[kind][0]:
        row["found"] = round(float(found.mean()), 3)
        row["as_new"] = round(float(np.mean([each["as_new"] for each in made])), 3)
        for name in ("recall", "purity", "groups"):
            values = [each[name] for each in made if each["found"]]
            row[name] = round(float(np.mean(values)), 3) if values else None
    row["cpu_s"] = round(float(np.mean([each["cpu"] for each in made])), 2)
    return row


def table(rows: dict[str, dict[str, Any]]) -> str:
    """The figures as a table of the docs."""
    lines = [
        "| news at 5 % | trials | found | as new | recall | purity | false a trial; as new | false alarms | CPU s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for kind, row in rows.items():
        names = ("found", "as_new", "recall", "purity")
        shown = ["" if row.get(name) is None else f"{row[name]:.2f}" for name in names]
        alarms = "{} ({:.3f} to {:.3f})".format(row["false_alarms"], *row["false_alarms_interval"])
        lines.append(
            f"| {kind.replace('-', ', ')} | {row['trials']} | {' | '.join(shown)} | "
            f"{row['false_groups_a_trial']:.2f}; {row['false_as_new_a_trial']:.2f} | {alarms} | {row['cpu_s']:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--first-seed", type=int, default=1000, help="default 1000; those below 100 were tuned on")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--pooled", action="store_true", help="exchange sessions among all customers")
    parser.add_argument("--write", action="store_true", help="renew the table in docs/methods.md")
    options = parser.parse_args()
    queries, settings = clinc.load(), Settings()
    rows: dict[str, dict[str, Any]] = {}
    for kind in options.kinds:
        rows[kind] = measure(queries, kind, options.trials, options.first_seed, settings, pooled=options.pooled)
        print(json.dumps({kind: rows[kind]}), file=sys.stderr, flush=True)
    print(
        json.dumps(
            {"sizes": SIZES, "first_seed": options.first_seed, "alpha": settings.alpha, "pooled": options.pooled}
            | {"rows": rows},
            indent=1,
        )
    )
    if options.write:
        documents.renew(documents.DOCS / "methods.md", "emergence", table(rows))


if __name__ == "__main__":
    main()
