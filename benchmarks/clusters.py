"""Query clusters of CLINC150 against its intents: agreement, coverage, stability, time, and numbers over refits; JSON.

    python benchmarks/clusters.py [--seeds 101 102] [--parts fit checks refits peers] [--no-peers] [--write]

One configuration, no number of clusters given, MiniLM embeddings of all 22,500 queries in scope. ARI and AMI (the
adjusted Rand index, adjusted mutual information) count rows outside of every radius as one more cluster; `inside`
leaves them out. Stability: two seeds; two 80 % subsamples on their common rows. `held out`: rows that a subsample's
codebook has not seen. `out of scope`: CLINC's queries of no intent that are let in.

checks: 2,000 and 6,000 rows, intents of sizes from 150 to 15, fifteen intents, and directions around random centres of
sizes from 400 to 40. Other draws of the first four were looked at when the method was chosen; the last was not.

refits: twelve weekly refits on the last four weeks of 1,500 calls a week, with two births, two deaths and a split (two
intents around one common centre until then) a week; the share of calls that keep their number, of intents that neither
began, ended nor split within the window.

peers: EVoC in an environment of its own (under --cache); UMAP to 5 dimensions with HDBSCAN and noise to the nearest
centroid, and k-means with the true number, from this checkout's own umap-learn and scikit-learn.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import clinc, documents  # noqa: E402
from benchmarks.peers import installed  # noqa: E402
from sklearn.cluster import HDBSCAN, KMeans  # noqa: E402
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score  # noqa: E402
from umap import UMAP  # noqa: E402

from spanledger_analytics.methods.clusters.assigning import OUTSIDE, assign  # noqa: E402
from spanledger_analytics.methods.clusters.fitting import fit  # noqa: E402
from spanledger_analytics.methods.clusters.matching import match  # noqa: E402
from spanledger_analytics.methods.clusters.neighbours import unit  # noqa: E402

Ints = NDArray[np.int64]
Rows = dict[str, Any]
PARTS = ("fit", "checks", "refits", "peers")


def agreement(truth: Ints, labels: Ints) -> Rows:
    """ARI, AMI and coverage."""
    inside = labels != OUTSIDE
    return {
        "clusters": len(np.unique(labels[inside])),
        "coverage": round(float(inside.mean()), 4),
        "ari": round(float(adjusted_rand_score(truth, labels)), 4),
        "ami": round(float(adjusted_mutual_info_score(truth, labels)), 4),
        "ari_inside": round(float(adjusted_rand_score(truth[inside], labels[inside])), 4),
        "ami_inside": round(float(adjusted_mutual_info_score(truth[inside], labels[inside])), 4),
    }


def halves(count: int, seed: int) -> tuple[Ints, Ints, Ints]:
    """Two 80 % subsamples and their common rows."""
    dice = np.random.default_rng(seed)
    one, other = (np.sort(dice.choice(count, round(0.8 * count), replace=False)) for _ in range(2))
    return one, other, np.intersect1d(one, other)


def fitted(queries: clinc.Queries, seeds: list[int]) -> Rows:
    """The whole: seeds, subsamples, held-out rows, rows out of scope, time."""
    vectors, truth = queries.vectors, queries.intents
    fit(vectors[:600], 1)  # compiles
    made, wall, cpu = [], [], []
    for seed in seeds:
        began, used = time.perf_counter(), time.process_time()
        made.append(fit(vectors, seed))
        wall.append(round(time.perf_counter() - began, 1))
        cpu.append(round(time.process_time() - used, 1))
    again = fit(vectors, seeds[0])
    one, other, common = halves(len(truth), seeds[0])
    first, second = fit(vectors[one], seeds[0]), fit(vectors[other], seeds[1])
    unseen = np.setdiff1d(np.arange(len(truth)), one)
    out, _ = assign(first.codebook, vectors[unseen])
    codebook = made[0].codebook
    domain = [int(np.bincount(queries.domains[made[0].labels == each]).argmax()) for each in codebook.ids]
    return {
        "each_seed": [agreement(truth, each.labels) for each in made],
        "two_seeds_ari": round(float(adjusted_rand_score(made[0].labels, made[1].labels)), 4),
        "same_seed_identical": bool(np.array_equal(again.labels, made[0].labels)),
        "subsamples_ari": round(
            float(
                adjusted_rand_score(
                    first.labels[np.searchsorted(one, common)], second.labels[np.searchsorted(other, common)]
                )
            ),
            4,
        ),
        "held_out": agreement(truth[unseen], out),
        "out_of_scope_let_in": round(float((assign(codebook, queries.outside)[0] != OUTSIDE).mean()), 3),
        "topics_of_topics": int(codebook.topics.max()) + 1,
        "topics_ami_with_domains": round(float(adjusted_mutual_info_score(domain, codebook.topics)), 3),
        "wall_s": wall,
        "cpu_s": cpu,
    }


def checked(queries: clinc.Queries, seed: int) -> Rows:
    """Sets of other sizes and shapes."""
    dice = np.random.default_rng(seed)
    count = len(queries.intents)
    kinds = int(queries.intents.max()) + 1
    share = np.exp(np.linspace(0.0, -np.log(10.0), kinds))
    sizes = dice.permutation(np.round(150 * share).astype(int))
    uneven = np.concatenate(
        [dice.choice(np.flatnonzero(queries.intents == each), sizes[each], replace=False) for each in range(kinds)]
    )
    sets = {
        "2,000 rows": dice.choice(count, 2000, replace=False),
        "6,000 rows": dice.choice(count, 6000, replace=False),
        "sizes 10:1": uneven,
        "15 intents": np.flatnonzero(np.isin(queries.intents, dice.choice(kinds, 15, replace=False))),
    }
    found: Rows = {}
    for name, rows in sets.items():
        made = fit(queries.vectors[rows], seed)
        stability = round(made.codebook.stability, 3)
        found[name] = agreement(queries.intents[rows], made.labels) | {"rows": len(rows), "stability": stability}
    centres = dice.normal(size=(40, 128))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    truth = np.repeat(np.arange(40), np.round(400 * np.exp(np.linspace(0.0, -np.log(10.0), 40))).astype(int))
    made = fit(centres[truth] + dice.normal(0.0, 0.09, (len(truth), 128)), seed)
    stability = round(made.codebook.stability, 3)
    found["mixture 10:1"] = agreement(truth, made.labels) | {"rows": len(truth), "stability": stability}
    return found


def refitted(queries: clinc.Queries, seed: int, weeks: int = 12, window: int = 4, calls: int = 1500) -> Rows:
    """Numbers over weekly refits while intents come, go and split."""
    dice = np.random.default_rng(seed)
    points = unit(queries.vectors)
    kinds = int(queries.intents.max()) + 1
    middle = unit(np.stack([points[queries.intents == each].mean(axis=0) for each in range(kinds)]))
    near = middle @ middle.T
    np.fill_diagonal(near, -1.0)
    # Pairs that are one topic until their week comes: the nearest ones, each intent in one pair at most.
    pairs: list[tuple[int, int]] = []
    for at in np.argsort(-near, axis=None):
        one, other = divmod(int(at), kinds)
        if len(pairs) < weeks and not any({one, other} & set(each) for each in pairs):
            pairs.append((one, other))
    together = {each: pair for pair in pairs for each in pair}
    others = [each for each in dice.permutation(kinds).tolist() if each not in together]
    active, coming = set(others[:90]) | set(together), others[90:]
    changed = dict.fromkeys(range(kinds), -99)
    batches: list[tuple[Any, Ints]] = []
    codebook, next_id = None, 1
    kept = asked = 0
    weekly: list[float] = []
    events: dict[str, int] = {}
    for week in range(weeks + window):
        if week >= window:
            for pair in pairs[week - window : week - window + 1]:
                changed |= dict.fromkeys(pair, week)
                together = {each: two for each, two in together.items() if each not in pair}
            gone = dice.choice(sorted(active - set(together)), 2, replace=False).tolist()
            born = [coming.pop() for _ in range(2) if coming]
            active = (active - set(gone)) | set(born)
            changed |= dict.fromkeys((*gone, *born), week)
        pool = np.flatnonzero(np.isin(queries.intents, sorted(active)))
        rows = dice.choice(pool, calls, replace=False)
        vectors = points[rows].copy()
        for intent, pair in together.items():
            of = queries.intents[rows] == intent
            vectors[of] += (middle[pair[0]] + middle[pair[1]]) / 2 - middle[intent]
        batches = [*batches, (vectors, queries.intents[rows])][-window:]
        if week < window - 1:
            continue
        whole = np.concatenate([each for each, _ in batches])
        truth = np.concatenate([each for _, each in batches])
        made = fit(whole, seed + week, previous=codebook)
        if codebook is None:
            codebook, next_id = made.codebook, len(made.codebook) + 1
            continue
        old, _ = assign(codebook, whole)
        positions = np.where(made.labels == OUTSIDE, -1, made.labels - 1)
        matched = match(codebook.ids.tolist(), next_id, old, positions, len(made.codebook))
        codebook, next_id = made.codebook.numbered(matched.ids), matched.next_id
        new = np.where(made.labels == OUTSIDE, OUTSIDE, codebook.ids[positions])
        same = np.array([changed[each] <= week - window for each in range(kinds)])[truth] & (old != OUTSIDE)
        kept, asked = kept + int((new == old)[same].sum()), asked + int(same.sum())
        weekly.append(round(float((new == old)[same].mean()), 3))
        for event in matched.events:
            events[event.kind.value] = events.get(event.kind.value, 0) + 1
    return {
        "refits": len(weekly),
        "calls_that_keep_their_number": round(kept / asked, 4),
        "least_week": min(weekly),
        "of_calls": asked,
        "events": events,
        "clusters_at_the_end": len(codebook) if codebook is not None else 0,
    }


_EVOC = """
import sys, time, numpy as np
from evoc import EVoC
vectors, out, seed = np.load(sys.argv[1]), sys.argv[2], int(sys.argv[3])
EVoC(random_state=1).fit_predict(vectors[:2000])
began = time.perf_counter(); used = time.process_time()
labels = EVoC(random_state=seed).fit_predict(vectors)
np.savez(out, labels=labels, wall=time.perf_counter() - began, cpu=time.process_time() - used)
"""


def evoc(python: Path, vectors: Any, seed: int) -> tuple[Ints, float, float]:
    """EVoC's labels with its defaults, noise to the nearest centroid; wall and CPU seconds."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.npy", Path(folder) / "out.npz"
        np.save(source, vectors)
        subprocess.run([str(python), "-c", _EVOC, str(source), str(target), str(seed)], check=True, capture_output=True)
        made = np.load(target)
        return nearest_for_noise(vectors, made["labels"]), float(made["wall"]), float(made["cpu"])


def umap_hdbscan(vectors: Any, seed: int) -> tuple[Ints, float, float]:
    """UMAP to 5 dimensions, HDBSCAN, noise to the nearest centroid."""
    began, used = time.perf_counter(), time.process_time()
    flat = UMAP(n_components=5, n_neighbors=15, min_dist=0.0, metric="cosine", random_state=seed, n_jobs=1)
    labels = HDBSCAN(min_cluster_size=30, min_samples=10, copy=True).fit_predict(flat.fit_transform(vectors))
    return nearest_for_noise(vectors, labels), time.perf_counter() - began, time.process_time() - used


def kmeans(vectors: Any, seed: int) -> tuple[Ints, float, float]:
    """k-means of unit vectors, told the true number."""
    began, used = time.perf_counter(), time.process_time()
    labels = KMeans(150, n_init=3, random_state=seed).fit_predict(vectors)
    return labels.astype(np.int64) + 1, time.perf_counter() - began, time.process_time() - used


def nearest_for_noise(vectors: Any, labels: Ints) -> Ints:
    """Labels from 1, those of noise (-1) by the nearest centroid."""
    points = unit(vectors)
    centroids = unit(np.stack([points[labels == each].mean(axis=0) for each in range(labels.max() + 1)]))
    return np.where(labels < 0, (points @ centroids.T).argmax(axis=1), labels).astype(np.int64) + 1


def peers(queries: clinc.Queries, seeds: list[int], cache: Path) -> Rows:
    """The same figures of others."""
    venv, evoc_version = installed("evoc", cache)
    python = venv / "bin" / "python"
    systems = {
        f"EVoC {evoc_version}": lambda vectors, seed: evoc(python, vectors, seed),
        f"UMAP {version('umap-learn')} + HDBSCAN": umap_hdbscan,
        "k-means, true number": kmeans,
    }
    one, other, common = halves(len(queries.intents), seeds[0])
    found: Rows = {}
    for name, run in systems.items():
        vectors = unit(queries.vectors)
        (first, wall, cpu), (second, _, _) = run(vectors, seeds[0]), run(vectors, seeds[1])
        (left, _, _), (right, _, _) = run(vectors[one], seeds[0]), run(vectors[other], seeds[1])
        found[name] = agreement(queries.intents, first) | {
            "two_seeds_ari": round(float(adjusted_rand_score(first, second)), 4),
            "subsamples_ari": round(
                float(adjusted_rand_score(left[np.searchsorted(one, common)], right[np.searchsorted(other, common)])), 4
            ),
            "wall_s": round(wall, 1),
            "cpu_s": round(cpu, 1),
        }
        print(json.dumps({name: found[name]}), file=sys.stderr, flush=True)
    return found


def table(made: Rows) -> str:
    """The figures as a table of the docs."""
    lines = [
        "| system | clusters | coverage | ARI | AMI | two seeds | two 80 % subsamples | CPU s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows: Rows = {}
    if "fit" in made:
        whole = made["fit"]
        stable = {each: whole[each] for each in ("two_seeds_ari", "subsamples_ari")}
        rows["spanledger"] = whole["each_seed"][0] | stable | {"cpu_s": whole["cpu_s"][0]}
    for name, row in (rows | made.get("peers", {})).items():
        lines.append(
            f"| {name} | {row['clusters']} | {row['coverage']:.3f} | {row['ari']:.3f} | {row['ami']:.3f} | "
            f"{row['two_seeds_ari']:.3f} | {row['subsamples_ari']:.3f} | {row['cpu_s']:.0f} |"
        )
    return "\n".join(lines)


def checks_table(made: Rows) -> str:
    """The other sets as a table of the docs."""
    lines = [
        "| set | rows | clusters | coverage | ARI | AMI | stability, own estimate |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {row['rows']:,} | {row['clusters']} | {row['coverage']:.3f} | {row['ari']:.3f} | "
        f"{row['ami']:.3f} | {row['stability']:.3f} |"
        for name, row in made.items()
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs=2, default=[101, 102], help="default 101 102; 1 to 5 were tuned on")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "spanledger-peers")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--write", action="store_true", help="renew the tables in docs/methods.md")
    options = parser.parse_args()
    queries = clinc.load()
    steps = {
        "fit": lambda: fitted(queries, options.seeds),
        "checks": lambda: checked(queries, options.seeds[0]),
        "refits": lambda: refitted(queries, options.seeds[0]),
        "peers": lambda: peers(queries, options.seeds, options.cache),
    }
    made: Rows = {}
    for part in options.parts:
        if part == "peers" and options.no_peers:
            continue
        made[part] = steps[part]()
        print(json.dumps({part: made[part]}), file=sys.stderr, flush=True)
    print(json.dumps({"seeds": options.seeds} | made, indent=1))
    if options.write:
        if "fit" in made:
            documents.renew(documents.DOCS / "methods.md", "clusters", table(made))
        if "checks" in made:
            documents.renew(documents.DOCS / "methods.md", "clusters elsewhere", checks_table(made["checks"]))


if __name__ == "__main__":
    main()
