"""The demo's month on many seeds: is its new topic found and named, what else is told, does drift explain it; JSON.

    python benchmarks/demo_topics.py [--seeds 30] [--quiet 10] [--keep F] [--json F] [--write]

Each month is the demo's own story and traffic, with the vectors of its embedder: calls of language models as the store
holds them, without a store. Every midnight from the eighth day on, the job's own rule looks for new topics among the
week's calls beside the three weeks before (`emerging.new_topics`; drawn by session as the job does, about --now and
--before, half of what the job takes: by all, 12,000 and 6,000, topics of few sessions are found that are missed here).
A codebook is fitted on the 14th, 21st and 28th day, each from the one before, and clusters that are born are counted.
Drift: each day from the eighth on, of the feature that has the topic, by embeddings, with the job's strata, monitor and
level; once alarmed, the baseline begins anew, as in the job.

A told topic is right where most of its calls are about what is new. found: share of months, and days from the topic's
beginning until it was told; recall and purity at that look. named: its label has a word of the topic's own label, or
one that its texts have and those of two others at most; it waits until enough customers (five) have asked for words to
be shown, which may be a later look. false: told topics that are not right, or right and told again. births: clusters
at the two later refits whose calls are mostly of the topic, and others. drift found: alarms while the topic lasts.
first: the cluster that changed most surely grew, and its calls are mostly of the topic: by the month's last codebook
(as where a month is caught up with), and by the one before the topic (as while it happens, where what is new is near
some cluster, or in none). examples: share of its examples of what is new that are about it. drift before: alarms before
it began; after: alarms later than the first. Months without events (--quiet) are of the seeds that follow. The
job's level and its week before the week were set after false topics of seeds 4000 to 4017 had been looked at: take
--first 5000 for seeds that nothing was chosen on.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import documents  # noqa: E402

from spanledger_analytics import emerging  # noqa: E402
from spanledger_analytics.jobs.drift import HORIZON, LEVELS, SLICES  # noqa: E402
from spanledger_analytics.jobs.emergence import OF_SESSION  # noqa: E402
from spanledger_analytics.methods.clusters.assigning import assign  # noqa: E402
from spanledger_analytics.methods.clusters.codebook import Codebook  # noqa: E402
from spanledger_analytics.methods.clusters.fitting import fit  # noqa: E402
from spanledger_analytics.methods.clusters.matching import match  # noqa: E402
from spanledger_analytics.methods.drift import categories, contrast, embeddings  # noqa: E402
from spanledger_analytics.methods.drift.monitoring import Monitor  # noqa: E402
from spanledger_analytics.methods.drift.windows import DriftInput  # noqa: E402
from spanledger_cli.demo.embedder import HashEmbedder  # noqa: E402
from spanledger_cli.demo.events import Event, Story  # noqa: E402
from spanledger_cli.demo.story import story  # noqa: E402
from spanledger_cli.demo.texts import corpus, features  # noqa: E402
from spanledger_cli.demo.traffic import traffic  # noqa: E402
from spanledger_store.quality.sampling import LONGEST, Sample, some  # noqa: E402

END = datetime(2026, 11, 1, tzinfo=UTC)
DAY_NS = 86_400_000_000_000
WEEK, BEFORE = 7, 21
REFITS = (14, 21, 28)
SEED = 20_260_101
_WORD = re.compile(r"[a-z]+")
_SLOT = re.compile(r"\{\w+\}")


@dataclass(frozen=True)
class Month:
    """A month's calls in order of time, day and topic and feature of each, and its new topic."""

    calls: Sample
    days: NDArray[np.int64]
    topics: NDArray[Any]
    features: NDArray[Any]
    event: Event

    @property
    def fresh(self) -> NDArray[np.bool_]:
        """Which calls are about the new topic."""
        return (self.topics == self.event.details["topic"]) & (self.features == self.event.where["feature"])

    @property
    def length(self) -> int:
        """Its days."""
        return int(self.days[-1]) + 1


def month(seed: int, days: int, spans: int, *, quiet: bool) -> Month:
    """The month that the demo tells of a seed; a `quiet` one is without its events, whose topic then is of nothing."""
    told: Story = story(seed, END, days=days, spans=spans)
    (event,) = told.of_type("new_topic")
    played = told.without(*{each.type for each in told.events}) if quiet else told
    embed = HashEmbedder()
    vectors: dict[str, NDArray[np.float16]] = {}
    rows: list[tuple[Any, ...]] = []
    for plan in traffic(played):
        for number, span in enumerate(plan.root.walk()):
            if span.kind != "llm":
                continue
            text = next((said for role, said in reversed(span.messages) if role == "user"), "")
            if text not in vectors:
                vectors[text] = embed.embed(text)
            trace = f"{plan.trace_id():032x}"
            rows.append((plan.start_ns + number, trace, plan.session or trace, plan.customer, plan.user, text,
                         plan.topic, plan.feature))  # fmt: skip
    starts, traces, sessions, customers, users, texts, about, of = map(list, zip(*rows, strict=True))
    calls = Sample(
        starts, traces, [f"{at:016x}" for at in range(len(rows))],
        np.stack([vectors[text] for text in texts]).astype(np.float32), np.ones(len(rows), np.float32),
        sessions, [each or "" for each in customers], [each or "" for each in users], texts,
        [each or "" for each in of], np.ones(len(rows), np.float32),
    )  # fmt: skip
    day = (np.array(starts) - told.start_ns) // DAY_NS
    return Month(calls, day, np.array(about), np.array([each or "" for each in of]), event)


def drawn(held: Month, first: int, end: int, most: int, longest: int = LONGEST) -> NDArray[np.int64]:
    """Rows of the days [first, end) that have a direction: of about `most` of them, whole sessions by their names, and
    no more than `longest` calls of each, as the job draws them."""
    rows = np.flatnonzero((held.days >= first) & (held.days < end) & held.calls.vectors.any(axis=1))
    names, of = np.unique(np.array(held.calls.sessions)[rows], return_inverse=True)
    order = np.lexsort((np.random.default_rng(0).random(len(held.calls))[rows], of))
    place = np.empty(len(rows), np.int64)
    place[order] = np.arange(len(rows)) - np.searchsorted(of[order], of[order])
    codes = [int.from_bytes(hashlib.blake2b(each.encode(), digest_size=4).digest()) for each in names.tolist()]
    short = place < longest
    chosen = np.array(codes, dtype=np.float64) / 2**32 < most / max(int(short.sum()), 1)
    return rows[short & chosen[of]]


def looks(held: Month, most: tuple[int, int]) -> dict[str, Any]:
    """What is told as new, looking at every midnight."""
    known: list[NDArray[Any]] = []
    right: list[bool] = []
    began = (held.event.start_ns - held.calls.starts[0]) / DAY_NS + held.calls.starts[0] % DAY_NS / DAY_NS
    row: dict[str, Any] = {"found": False, "named": False, "false": []}
    fresh = held.fresh
    for day in range(WEEK + 1, held.length + 1):
        before = drawn(held, day - WEEK - BEFORE, day - WEEK, most[0], OF_SESSION)
        now = drawn(held, day - WEEK, day, most[1], OF_SESSION)
        for topic in emerging.new_topics(some(held.calls, before), some(held.calls, now), list(known)) or ():
            members, label = now[topic.group.members], topic.words.label
            if topic.known is None:
                known.append(topic.middle)
                right.append(bool(fresh[members].mean() > 0.5))
            elif not right[topic.known]:
                continue
            if right[len(known) - 1 if topic.known is None else topic.known] and label and "name" not in row:
                # The job names a topic once enough people ask about it, at the look that told it or a later one.
                row |= {"name": label, "named": named(label, held.event), "named_days": round(day - began, 2)}
            if topic.known is not None:
                continue
            if right[-1] and not row["found"]:
                row |= {
                    "found": True,
                    "days": round(day - began, 2),
                    "recall": round(float(fresh[members].sum() / fresh[now].sum()), 3),
                    "purity": round(float(fresh[members].mean()), 3),
                    "sessions": topic.group.sessions,
                }
            else:
                most_of = Counter(zip(held.features[members].tolist(), held.topics[members].tolist(), strict=True))
                row["false"].append(
                    {"day": day, "name": label, "again": right[-1], "sessions": topic.group.sessions,
                     "before": topic.group.sessions_before, "mostly": "/".join(most_of.most_common(1)[0][0])}
                )  # fmt: skip
    return row


def named(label: str, event: Event) -> bool:
    """Whether a label has a word of the topic's label, or one that its texts have and those of two others at most."""
    topic = corpus(event.where["feature"]).latent
    used: Counter[str] = Counter()
    for feature in features():
        for each in (*corpus(feature).topics, corpus(feature).latent):
            used.update(_words(" ".join(each.ask + each.follow)))
    own = _words(" ".join(topic.ask + topic.follow))
    telling = {word for word in own if used[word] <= 3} | (_words(topic.label) & own)
    return bool(_words(label) & telling)


def _words(text: str) -> set[str]:
    return {word for word in _WORD.findall(_SLOT.sub(" ", text.lower())) if len(word) > 2}


def refits(held: Month, most: int) -> tuple[dict[str, Any], list[Codebook]]:
    """Weekly codebooks, and what was born at the later ones."""
    books: list[Codebook] = []
    next_id, row = 1, dict[str, Any](clusters=[], births_of_topic=0, births=0)
    for day in REFITS:
        rows = drawn(held, 0, day, most)
        vectors = held.calls.vectors[rows]
        previous = books[-1] if books else None
        fitted = fit(vectors, SEED, previous=previous)
        at: NDArray[np.int64] = np.full(len(rows), -1, np.int64)
        at[fitted.rows] = fitted.labels - 1
        old = assign(previous, vectors)[0] if previous is not None else np.zeros(len(rows), np.int64)
        made = match(previous.ids.tolist() if previous is not None else [], next_id, old, at, len(fitted.codebook))
        for event in made.events if previous is not None else ():
            if event.kind.value == "birth":
                mine = rows[at == made.ids.index(event.cluster)]
                row["births_of_topic" if held.fresh[mine].mean() > 0.5 else "births"] += 1
        next_id = made.next_id
        books.append(fitted.codebook.numbered(np.asarray(made.ids)))
        row["clusters"].append(len(books[-1]))
    return row, books


def drift(held: Month, books: list[Codebook]) -> dict[str, Any]:
    """The days of the topic's feature, each beside all since the baseline began."""
    feature = held.event.where["feature"]
    mine = np.flatnonzero((held.features == feature) & held.calls.vectors.any(axis=1))
    days, vectors = held.days[mine], held.calls.vectors[mine]
    sessions = np.unique(np.array(held.calls.sessions)[mine], return_inverse=True)[1]
    strata = np.unique(np.array(held.calls.customers)[mine], return_inverse=True)[1]
    monitor = Monitor(level=LEVELS["embedding"][1], horizon=HORIZON)
    ended = held.event.start_ns
    first_day = (ended - held.calls.starts[0] + held.calls.starts[0] % DAY_NS) // DAY_NS
    row: dict[str, Any] = {"drift_found": False, "drift_before": 0, "drift_after": 0}
    begins = 0
    for day in range(WEEK, held.length):
        before, now = (days >= begins) & (days < day), days == day
        sides: dict[str, Any] = {"reference_blocks": sessions[before], "current_blocks": sessions[now]}
        own: dict[str, Any] = {"reference_strata": strata[before], "current_strata": strata[now]}
        try:
            found = embeddings.compare(
                vectors[before], vectors[now], **sides, **own, seed=day, resolution=monitor.resolution
            )
        except DriftInput:
            continue
        monitor = monitor.look(found.p)
        if not monitor.alarmed:
            continue
        if day < first_day:
            row["drift_before"] += 1
        elif row["drift_found"]:
            row["drift_after"] += 1
        else:
            row |= {"drift_found": True, "drift_days": round(day + 1 - (ended - held.calls.starts[0]) / DAY_NS, 2)}
            row |= explained(held, mine[before], mine[now], sides | own, books)
        begins = day + 1 - max(monitor.since, 1)
    return row


def explained(
    held: Month, before: NDArray[np.int64], now: NDArray[np.int64], windows: dict[str, Any], books: list[Codebook]
) -> dict[str, Any]:
    """What leads the explanation of an alarm, as `drift_detail` makes it."""
    told: dict[str, Any] = {}
    for name, book in (("early", books[0]), ("late", books[-1])):
        ids = [assign(book, held.calls.vectors[rows])[0] for rows in (before, now)]
        shares = categories.compare(*ids, **windows).shares
        first = shares[0]
        inside = now[ids[1] == first.name]
        told[f"first_{name}"] = bool(first.change > 0 and len(inside) and held.fresh[inside].mean() > 0.5)
    blocks = {key: value for key, value in windows.items() if key.endswith("blocks")}
    vectors = held.calls.vectors[before], held.calls.vectors[now]
    new = contrast.examples(contrast.contrast(*vectors, **blocks), *vectors, **blocks).new
    told["examples"] = round(float(held.fresh[now[new]].mean()), 2)
    return told


def watched(held: Month) -> bool:
    """Whether the job watches the topic's feature by itself, when the topic begins."""
    begins = np.searchsorted(np.array(held.calls.starts), held.event.start_ns)
    day = int(held.days[begins])
    week = (held.days >= day - WEEK) & (held.days < day)
    sessions = np.array(held.calls.sessions)
    counts = {each: len(set(sessions[week & (held.features == each)])) for each in set(held.features) - {""}}
    return held.event.where["feature"] in sorted(counts, key=lambda each: -counts[each])[: SLICES["embedding"]]


def one(seed: int, chosen: argparse.Namespace, before: dict[str, Any], *, quiet: bool = False) -> dict[str, Any]:
    """A month's row: what is not in it yet."""
    needs = {"found"} if quiet else {"found", "clusters", "drift_found"}
    if needs <= before.keys():
        return before
    began = time.process_time()
    held = month(seed, chosen.days, chosen.spans, quiet=quiet)
    event = held.event
    row: dict[str, Any] = {"seed": seed, "quiet": quiet, "feature": event.where["feature"]}
    row |= before | {"topic": event.details["topic"], "calls": len(held.calls), "watched": watched(held)}
    if "found" not in row:
        row |= looks(held, (chosen.before, chosen.now))
    if not needs <= row.keys():
        weeks, books = refits(held, chosen.fitted)
        row |= weeks | drift(held, books)
    return row | {"cpu_s": round(row.get("cpu_s", 0.0) + time.process_time() - began, 1)}


def summary(rows: list[dict[str, Any]], quiet: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of all months."""
    found = [each for each in rows if each["found"]]
    fitted = [each for each in rows if "clusters" in each]
    drifted = [each for each in fitted if each["drift_found"]]

    def mean(of: list[dict[str, Any]], name: str) -> float | None:
        return round(float(np.mean([each[name] for each in of])), 3) if of else None

    def median(of: list[dict[str, Any]], name: str) -> float | None:
        held = [each[name] for each in of if name in each]
        return round(float(np.median(held)), 2) if held else None

    def told(of: list[dict[str, Any]]) -> float | None:
        return round(float(np.mean([len(each["false"]) for each in of])), 3) if of else None

    return {
        "months": len(rows),
        "found": mean(rows, "found"),
        "median_days": median(found, "days"),
        "recall": mean(found, "recall"),
        "purity": mean(found, "purity"),
        "named": mean(found, "named"),
        "median_named_days": median(found, "named_days"),
        "false_a_month": told(rows),
        "told_again_a_month": told([{"false": [e for e in each["false"] if e["again"]]} for each in rows]),
        "quiet_months": len(quiet),
        "false_a_quiet_month": told(quiet),
        "missed_seeds": [each["seed"] for each in rows if not each["found"]],
        "false_seeds": [each["seed"] for each in rows if each["false"]],
        "months_fitted": len(fitted),
        "clusters": round(float(np.mean([each["clusters"][-1] for each in fitted])), 1) if fitted else None,
        "births_a_month": mean(fitted, "births"),
        "watched": mean(rows, "watched"),
        "drift_found": mean(fitted, "drift_found"),
        "drift_median_days": median(drifted, "drift_days"),
        "drift_missed_seeds": [each["seed"] for each in fitted if not each["drift_found"]],
        "drift_first_late": mean(drifted, "first_late"),
        "drift_first_early": mean(drifted, "first_early"),
        "drift_examples": mean(drifted, "examples"),
        "drift_before_a_month": mean(fitted, "drift_before"),
        "drift_after_a_month": mean(fitted, "drift_after"),
        "cpu_s": mean([each for each in rows if "cpu_s" in each], "cpu_s"),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=30)
    parser.add_argument("--first", type=int, default=4000)
    parser.add_argument("--quiet", type=int, default=0, help="months without events, of the seeds after these")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--spans", type=int, default=110_000)
    parser.add_argument("--before", type=int, default=6_000, help="calls of the three weeks before, at most")
    parser.add_argument("--now", type=int, default=3_000, help="calls of the week, at most")
    parser.add_argument("--fitted", type=int, default=4_000, help="calls that a codebook is made of, at most")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--keep", type=Path, help="a file of months done, a line each: they are not gone through again")
    parser.add_argument("--kept-only", action="store_true", help="sum up what --keep has, and go through nothing")
    parser.add_argument("--write", action="store_true", help="renew the table of docs/methods.md")
    chosen = parser.parse_args()
    done: dict[tuple[int, bool], dict[str, Any]] = {}
    if chosen.keep and chosen.keep.exists():
        lines = map(json.loads, chosen.keep.read_text(encoding="utf-8").splitlines())
        done = {(each["seed"], each["quiet"]): each for each in lines}
    rows: list[dict[str, Any]] = []
    quiet: list[dict[str, Any]] = []
    for seed in range(chosen.first, chosen.first + chosen.seeds + chosen.quiet):
        into = rows if seed < chosen.first + chosen.seeds else quiet
        before = done.get((seed, into is quiet), {})
        if chosen.kept_only:
            into += [before] if "found" in before else []
            continue
        made = one(seed, chosen, before, quiet=into is quiet)
        into.append(made)
        print(json.dumps(made), file=sys.stderr, flush=True)
        if chosen.keep and made != before:
            with chosen.keep.open("a", encoding="utf-8") as kept:
                kept.write(json.dumps(made) + "\n")
    result = {"summary": summary(rows, quiet), "seeds": rows, "quiet": quiet}
    print(json.dumps(result, indent=1))
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if chosen.write:
        documents.renew(documents.DOCS / "methods.md", "demo topics", table(result["summary"]))


def table(told: dict[str, Any]) -> str:
    """The figures as a table of the docs."""

    def shown(*names: str) -> str:
        return "; ".join("none" if told[name] is None else f"{told[name]:.2f}" for name in names)

    lines = [
        ("new topic found; days until then (median)", shown("found", "median_days")),
        ("recall; purity of its calls at that look", shown("recall", "purity")),
        ("named with a word of its own; days until then (median)", shown("named", "median_named_days")),
        ("other topics told, a month; of these the same once more", shown("false_a_month", "told_again_a_month")),
        (f"topics told, a month of {told['quiet_months']} without events", shown("false_a_quiet_month")),
        ("clusters of 4,000 calls (55 topics); births of others at two refits", shown("clusters", "births_a_month")),
        ("drift of its feature found; days until then (median)", shown("drift_found", "drift_median_days")),
        ("its cluster first in the explanation, by a later codebook; by an earlier one",
         shown("drift_first_late", "drift_first_early")),
        ("examples of what is new that are about it", shown("drift_examples")),
        ("drift told of that feature before it began, a month; again later",
         shown("drift_before_a_month", "drift_after_a_month")),
    ]  # fmt: skip
    if not told["quiet_months"]:
        lines = [each for each in lines if "without events" not in each[0]]
    months = f"{told['months']} months; of clusters and drift {told['months_fitted']}"
    return "\n".join([f"| {months} | |", "|---|---|", *(f"| {name} | {values} |" for name, values in lines)])


if __name__ == "__main__":
    main()
