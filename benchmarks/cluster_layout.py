"""How true maps of query clusters are, how much they move at a refit, and what they cost, as JSON.

    python benchmarks/cluster_layout.py [--sets "CLINC150, MiniLM" demo] [--seed 11] [--markdown]

Two thirds of a set are fitted, and figures are of the other third, whose rows a map has never seen (`fitted`: of those
it has), of at most 5,000 of them by chance. Neighbours in the vectors' space are by cosine, on the map by distance.

| figure | is |
|---|---|
| trustworthiness | 1 - penalty for the 15 or 50 nearest on the map that are not by cosine (Venna and Kaski 2001) |
| continuity | the same the other way: neighbours by cosine that the map has torn apart |
| hit | share of the 15 nearest on the map that have the row's own true label |
| global | Spearman's correlation of distances between labels' centroids with those between their medians on the map |
| map_cpu_s, place_cpu_s | CPU seconds for the map of the fitted rows, and for 100,000 later members |
| moved | at weekly refits: mean way of rows that neither map was made of, in units of the map's spread |
| far | share of these that moved by more than half of the spread |

The spread is the root of the mean square distance from the middle. At each of six refits one week of four is new, and
two labels come and two go; rows that are followed have labels that were there always.

Sets: CLINC150 (../shared/data/clinc150; 150 intents) with its MiniLM vectors, the same texts by the lexical embedder
fitted to 8,000 of them, and questions of the demo's 55 topics by the demo's embedder. Maps:

- distances: stress majorisation of centroids (`placing.layout`), members around them.
- UMAP of centroids: `umap_layout.layout`, begun from distances or from the map before; members as above. Anew: begun
  from distances at each refit, then turned.
- UMAP of rows: umap-learn with its defaults, cosine, of all fitted rows; later ones by `transform`, or at the weighted
  mean of the places of the 5 nearest fitted rows. At refits begun from where the map before would place its rows.

The rate of descent (.02, of .02, .05, .1, .25 and 1) was chosen on steadiness with another seed (3); other constants
are umap-learn's own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import clinc, documents  # noqa: E402
from scipy.stats import spearmanr  # noqa: E402
from sklearn.manifold import trustworthiness  # noqa: E402
from sklearn.neighbors import NearestNeighbors  # noqa: E402
from umap import UMAP  # noqa: E402

from spanledger_analytics.methods import lexical, placing, umap_layout  # noqa: E402
from spanledger_analytics.methods.clusters.assigning import OUTSIDE, assign, nearest_centroid  # noqa: E402
from spanledger_analytics.methods.clusters.codebook import Codebook  # noqa: E402
from spanledger_analytics.methods.clusters.fitting import fit  # noqa: E402
from spanledger_analytics.methods.clusters.matching import match  # noqa: E402
from spanledger_analytics.methods.clusters.neighbours import unit  # noqa: E402
from spanledger_cli.demo.embedder import HashEmbedder  # noqa: E402
from spanledger_cli.demo.texts import Speaker, corpus, features  # noqa: E402

Floats = NDArray[Any]
Rows = dict[str, Any]
MOST, MEMBERS = 5_000, 100_000
REFITS, WINDOW, CALLS = 6, 4, 1_500
DISTANCES, CENTROIDS, ROWS = "distances", "UMAP of centroids", "UMAP of rows"


@dataclass(frozen=True)
class Set:
    """Unit vectors and the number of each one's true label."""

    vectors: Floats
    labels: NDArray[np.int64]


def minilm(seed: int) -> Set:
    """CLINC150 as MiniLM has it."""
    queries = clinc.load()
    return Set(unit(queries.vectors), queries.intents)


def by_words(seed: int) -> Set:
    """CLINC150 as the lexical embedder has it."""
    queries = clinc.load()
    some = np.random.default_rng(seed).choice(len(queries.texts), 8_000, replace=False)
    model = lexical.fit([queries.texts[each] for each in some], seed)
    return Set(unit(model.embed(queries.texts)), queries.intents)


def demo(seed: int, count: int = 9_000) -> Set:
    """Questions of the demo: sessions of one to four on one topic."""
    dice, embedder = random.Random(seed), HashEmbedder()
    topics = [(name, topic) for name in features() for topic in (*corpus(name).topics, corpus(name).latent)]
    vectors: list[Any] = []
    labels: list[int] = []
    while len(vectors) < count:
        label = dice.randrange(len(topics))
        speaker = Speaker(corpus(topics[label][0]), topics[label][1], dice)
        for turn in range(dice.randint(1, 4)):
            vectors.append(embedder.embed(speaker.question(turn)))
            labels.append(label)
    return Set(unit(np.array(vectors)), np.array(labels))


SETS: dict[str, Callable[[int], Set]] = {"CLINC150, MiniLM": minilm, "CLINC150, lexical": by_words, "demo": demo}


def figures(held: Set, rows: Any, places: Floats, seed: int) -> Rows:
    """How true the places of these rows are."""
    if len(rows) > MOST:
        some = np.sort(np.random.default_rng(seed).choice(len(rows), MOST, replace=False))
        rows, places = rows[some], places[some]
    vectors, labels = held.vectors[rows].astype(np.float64), held.labels[rows]
    places = np.asarray(places, dtype=np.float64)
    found: Rows = {}
    for near in (15, 50):
        found[f"trustworthiness_{near}"] = trustworthiness(vectors, places, n_neighbors=near, metric="cosine")
        # Of unit rows the order of distances is that of cosines.
        found[f"continuity_{near}"] = trustworthiness(places, vectors, n_neighbors=near)
    beside = NearestNeighbors(n_neighbors=15).fit(places).kneighbors(return_distance=False)
    found["hit"] = (labels[beside] == labels[:, None]).mean()
    each = np.unique(labels)
    middles = unit(np.stack([vectors[labels == one].mean(axis=0) for one in each]))
    there = np.stack([np.median(places[labels == one], axis=0) for one in each])
    pairs = np.triu_indices(len(each), 1)
    apart = np.linalg.norm(there[:, None] - there[None, :], axis=2)
    found["global"] = spearmanr((1 - middles @ middles.T)[pairs], apart[pairs])[0]
    return {name: round(float(value), 3) for name, value in found.items()}


def around(codebook: Codebook, places: Floats, vectors: Floats) -> Floats:
    """Members around their clusters' places."""
    near, _ = nearest_centroid(codebook.centroids, vectors)
    return placing.place(vectors, near, codebook.centroids, codebook.radii, places)


def between(anchors: Floats, places: Floats, vectors: Floats, count: int = 5, fall: float = 0.03) -> Floats:
    """Rows at the weighted mean of the places of their nearest anchors."""
    made = np.zeros((len(vectors), 2))
    for first in range(0, len(vectors), 4_096):
        alike = vectors[first : first + 4_096] @ anchors.T
        near = np.argpartition(-alike, count - 1, axis=1)[:, :count]
        held = np.take_along_axis(alike, near, axis=1)
        weight = np.exp((held - held.max(axis=1, keepdims=True)) / fall)
        made[first : first + 4_096] = np.einsum("ij,ijd->id", weight / weight.sum(axis=1, keepdims=True), places[near])
    return made


def of_rows(vectors: Floats, seed: int, begin: Any = "spectral") -> Any:
    """umap-learn's own, fitted."""
    return UMAP(metric="cosine", random_state=seed, n_jobs=1, init=begin).fit(vectors)


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives and its CPU seconds."""
    began = time.process_time()
    made = work()
    return made, time.process_time() - began


def truth(held: Set, seed: int) -> Rows:
    """Each map's figures on one set."""
    order = np.random.default_rng(seed).permutation(len(held.labels))
    cut = 2 * len(order) // 3
    fitted, later = np.sort(order[:cut]), np.sort(order[cut:])
    vectors, others = held.vectors[fitted], held.vectors[later]
    codebook, needed = timed(lambda: fit(vectors, seed).codebook)
    found: Rows = {"fitted": len(fitted), "later": len(later), "clusters": len(codebook), "fit_cpu_s": round(needed, 1)}

    def told(name: str, here: Floats, map_s: float, place: Callable[[], Floats], *, same: bool) -> None:
        there, place_s = timed(place)
        found[name] = figures(held, later, there, seed) | {
            "fitted": figures(held, fitted, here, seed),
            "map_cpu_s": round(map_s, 2),
            "place_cpu_s": round(place_s * MEMBERS / len(later), 2),
            "same_again": same,
        }
        print(json.dumps({name: found[name]}), file=sys.stderr, flush=True)

    for name, draw in (
        (DISTANCES, lambda: placing.layout(codebook.centroids)),
        (CENTROIDS, lambda: umap_layout.layout(codebook.centroids, placing.layout(codebook.centroids))),
    ):
        again = draw()
        places, needed = timed(draw)
        told(
            name, around(codebook, places, vectors), needed, lambda at=places: around(codebook, at, others),
            same=np.array_equal(again, places),
        )  # fmt: skip
    # First runs compile.
    again = of_rows(vectors, seed).embedding_
    made, needed = timed(lambda: of_rows(vectors, seed))
    places = made.embedding_
    made.transform(others[:100])
    same = np.array_equal(places, again)
    told(f"{ROWS}, transform", places, needed, lambda: made.transform(others), same=same)
    told(f"{ROWS}, nearest rows", places, needed, lambda: between(vectors, places, others), same=same)
    return found


def weekly(held: Set, seed: int) -> tuple[list[tuple[Codebook, Floats]], Any]:
    """(codebooks of weekly refits with their vectors; rows that none has seen, whose labels were there always)."""
    dice = np.random.default_rng(seed)
    order = dice.permutation(len(held.labels))
    pool, unseen = order[: 2 * len(order) // 3], order[2 * len(order) // 3 :]
    kinds = dice.permutation(int(held.labels.max()) + 1).tolist()
    cut = round(0.85 * len(kinds))
    active, coming = set(kinds[:cut]), kinds[cut:]
    always = set(active)
    batches: list[Any] = []
    made: list[tuple[Codebook, Floats]] = []
    next_id = 1
    for week in range(REFITS + WINDOW):
        if week >= WINDOW:
            gone = set(dice.choice(sorted(active), 2, replace=False).tolist())
            born = {coming.pop() for _ in range(2) if coming}
            active, always = (active - gone) | born, always - gone
        some = pool[np.isin(held.labels[pool], sorted(active))]
        batches = [*batches, dice.choice(some, min(CALLS, len(some) // 2), replace=False)][-WINDOW:]
        if week < WINDOW - 1:
            continue
        vectors = held.vectors[np.concatenate(batches)]
        before = made[-1][0] if made else None
        fitted = fit(vectors, seed + week, previous=before)
        codebook = fitted.codebook
        if before is not None:
            positions = np.where(fitted.labels == OUTSIDE, -1, fitted.labels - 1)
            matched = match(before.ids.tolist(), next_id, assign(before, vectors)[0], positions, len(codebook))
            codebook, next_id = codebook.numbered(np.asarray(matched.ids)), matched.next_id
        else:
            next_id = len(codebook) + 1
        made.append((codebook, vectors))
    return made, unseen[np.isin(held.labels[unseen], sorted(always))]


def steadiness(held: Set, seed: int) -> Rows:
    """How far what stays moves at a refit, in the mean of refits, and how true the last map is."""
    books, rows = weekly(held, seed)
    points = held.vectors[rows]
    found: Rows = {"refits": len(books) - 1, "clusters": len(books[-1][0])}
    for name in (DISTANCES, CENTROIDS, f"{CENTROIDS}, anew", ROWS):
        before: tuple[Any, Floats, Floats] | None = None
        moved: list[tuple[float, float]] = []
        here = np.zeros((0, 2))
        for codebook, vectors in books:
            if name == ROWS:
                begin = "spectral" if before is None else between(before[0], before[1], vectors)
                places = np.asarray(of_rows(vectors, seed, begin).embedding_, dtype=np.float64)
                here = between(vectors, places, points)
                if before is not None:
                    there = before[2] - before[2].mean(axis=0)
                    here = placing.turned(here - here.mean(axis=0), there, np.arange(len(here)))
                    moved.append(displacement(here, there))
                before = (vectors, places, here)
                continue
            ids = codebook.ids.tolist()
            places = placing.layout(codebook.centroids)
            if before is None:
                places = places if name == DISTANCES else umap_layout.layout(codebook.centroids, places)
            else:
                where = {number: at for at, number in enumerate(before[0])}
                kept = np.array([at for at, number in enumerate(ids) if number in where])
                earlier = before[1][[where[ids[at]] for at in kept.tolist()]]
                if name != DISTANCES:
                    begin = placing.continued(codebook.centroids, earlier, kept) if name == CENTROIDS else places
                    places = umap_layout.layout(codebook.centroids, begin)
                places = placing.turned(places, earlier, kept)
            here = np.asarray(around(codebook, places, points), dtype=np.float64)
            if before is not None:
                moved.append(displacement(here, before[2]))
            before = (ids, places, here)
        mean, far = np.mean(moved, axis=0)
        last = figures(held, rows, here, seed)
        found[name] = {"moved": round(float(mean), 3), "far": round(float(far), 3), "last": last}
        print(json.dumps({name: found[name]}), file=sys.stderr, flush=True)
    return found


def displacement(here: Floats, there: Floats) -> tuple[float, float]:
    """(mean way in units of the map's spread, share of ways above one half)."""
    spread = np.sqrt(((here - here.mean(axis=0)) ** 2).sum(axis=1).mean())
    way = np.linalg.norm(here - there, axis=1) / spread
    return float(way.mean()), float((way > 0.5).mean())


def table(made: Rows) -> str:
    """The figures as a table of the docs."""
    lines = [
        "| vectors | map | trustworthiness, 15; 50 nearest | continuity, 15; 50 | neighbours of the same label "
        "| whole | CPU s, map | CPU s, 100,000 members | moved at a refit; far |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, whole in made.items():
        for which, row in whole["truth"].items():
            if not isinstance(row, dict):
                continue
            moves = whole["steadiness"].get(ROWS if which == f"{ROWS}, nearest rows" else which)
            way = f"{moves['moved']:.2f}; {moves['far']:.1%}" if moves else ""
            lines.append(
                f"| {name} | {which} | {row['trustworthiness_15']:.3f}; {row['trustworthiness_50']:.3f} | "
                f"{row['continuity_15']:.3f}; {row['continuity_50']:.3f} | {row['hit']:.3f} | {row['global']:.2f} | "
                f"{row['map_cpu_s']:.1f} | {row['place_cpu_s']:.1f} | {way} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--markdown", action="store_true", help="renew the table in docs/methods.md")
    options = parser.parse_args()
    made: Rows = {}
    for name in options.sets:
        print(name, file=sys.stderr, flush=True)
        held = SETS[name](options.seed)
        made[name] = {"truth": truth(held, options.seed), "steadiness": steadiness(held, options.seed)}
    versions = {each: version(each) for each in ("umap-learn", "scikit-learn", "numba")}
    print(json.dumps({"seed": options.seed, "versions": versions} | made, indent=1))
    if options.markdown:
        documents.renew(documents.DOCS / "methods.md", "cluster layout", table(made))


if __name__ == "__main__":
    main()
