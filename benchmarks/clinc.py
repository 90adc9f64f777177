"""Queries of CLINC150 with their MiniLM embeddings (../shared/data/clinc150), drawn as calls of sessions.

Larson et al., "An Evaluation Dataset for Intent Classification and Out-of-Scope Prediction", EMNLP 2019: 150 intents in
ten domains of fifteen, 150 queries each.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.clinc_sessions import DOMAINS
from numpy.typing import NDArray

FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data" / "clinc150"
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Queries:
    """Queries in scope: vectors, the number of each's intent and domain, texts; and vectors of those out of scope."""

    vectors: Floats
    intents: Ints
    domains: Ints
    texts: list[str]
    names: list[str]
    outside: Floats


def load() -> Queries:
    """All of it. Exits with a message where the data is absent."""
    if not (FOLDER / "minilm_l6_v2.npz").exists():
        raise SystemExit(f"CLINC150 is not at {FOLDER}: put data_full.json and minilm_l6_v2.npz there")
    held = np.load(FOLDER / "minilm_l6_v2.npz", allow_pickle=False)
    named = held["intent"].astype(str)
    inside = named != "oos"
    names, intents = np.unique(named[inside], return_inverse=True)
    domain_of = {intent: at for at, each in enumerate(DOMAINS.values()) for intent in each.split()}
    vectors = held["embedding"].astype(np.float32)
    return Queries(
        vectors[inside],
        intents.astype(np.int64),
        np.array([domain_of[name] for name in names])[intents],
        [str(each) for each in held["text"][inside]],
        [str(each) for each in names],
        vectors[~inside],
    )


@dataclass(frozen=True)
class Drawn:
    """Rows of two periods (positions in `Queries`) with their sessions; `fresh` marks current rows that are news."""

    before: Ints
    sessions_before: Ints
    now: Ints
    sessions_now: Ints
    fresh: NDArray[np.bool_]


def periods(
    queries: Queries,
    dice: np.random.Generator,
    sizes: tuple[int, int],
    alike: float | None,
    news: NDArray[np.bool_] | None = None,
    share: float = 0.05,
    length: int = 5,
) -> Drawn:
    """Two periods of `sizes` rows without repetition. `alike` is the chance that a message of a session of `length`
    is of the session's intent (None: every message is a session). `news` marks rows that only the current period may
    have, as `share` of its sessions."""
    news = np.zeros(len(queries.intents), dtype=np.bool_) if news is None else news
    step = 1 if alike is None else length
    earlier, later = sizes[0] // step, sizes[1] // step
    coming = round(share * later) if news.any() else 0
    usual = _sessions(queries.intents, np.flatnonzero(~news), step, alike, dice)[: earlier + later - coming]
    fresh = _sessions(queries.intents, np.flatnonzero(news), step, alike, dice)[:coming]
    if len(usual) < earlier + later - coming or len(fresh) < coming:
        raise SystemExit(f"CLINC150 has too few rows for {sizes} rows of which {share:.0%} are news: take fewer")
    before, now = usual[:earlier], np.concatenate((usual[earlier:], fresh.reshape(-1, step)))
    return Drawn(
        before.ravel(),
        np.repeat(np.arange(len(before)), step),
        now.ravel(),
        np.repeat(np.arange(len(now)), step),
        news[now.ravel()],
    )


def _sessions(intents: Ints, rows: Ints, length: int, alike: float | None, dice: np.random.Generator) -> Ints:
    """All these rows as sessions, in random order: sessions x length."""
    rows = dice.permutation(rows)
    if alike is None or not len(rows):
        return rows[: len(rows) // length * length].reshape(-1, length)
    rows = rows[np.argsort(intents[rows], kind="stable")]
    counts = np.bincount(intents[rows])
    ends = np.cumsum(counts)
    kept = np.concatenate(
        [np.arange(end - count, end - count % length) for end, count in zip(ends, counts, strict=True)]
    )
    made = rows[kept.astype(np.int64)].reshape(-1, length)
    # What is not of the session's intent changes places with others.
    loose = dice.random(made.shape) >= alike
    made[loose] = dice.permutation(made[loose])
    return dice.permutation(made)
