"""The built-in lexical embedder: how well its vectors tell intents apart, and how fast it is, as JSON.

    OMP_NUM_THREADS=1 python benchmarks/lexical.py [--seeds 11 12 13 14 15] [--restarts 3] [--markdown]

Texts are the 22,500 in-scope queries of CLINC150 (../shared/data/clinc150; 150 intents). Per seed the embedder is
fitted to a random half and embeds the other half, which it has not seen; that half alone is clustered by k-means with
the true number of intents, from `--restarts` starting points of which the one with the least inertia counts, and
compared with the intents (AMI, ARI). `hash` is the SDK's embedder, which is fitted to nothing; `minilm` are the
vectors of all-MiniLM-L6-v2 that the folder holds. Weights were chosen on seeds 1 and 2; others were only reported.
Rates are texts per second of CPU time of one core, by an embedder that has met none of their words; `--repeat` times.
`--markdown` writes the table into docs/methods.md.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks import documents  # noqa: E402

from spanledger.lexical import HashEmbedder  # noqa: E402
from spanledger_analytics.methods.lexical import fit, loads  # noqa: E402

DATA = ROOT.parent / "shared" / "data" / "clinc150"
Floats = NDArray[np.float32]


def queries() -> tuple[list[str], NDArray[np.str_], Floats]:
    """(texts, intents, MiniLM's vectors) of the in-scope queries."""
    found: dict[str, Any] = json.loads((DATA / "data_full.json").read_text())
    rows = [row for part in ("train", "val", "test") for row in found[part]]
    with np.load(DATA / "minilm_l6_v2.npz") as held:
        vectors = minilm(held, [row[0] for row in rows])
    return [row[0] for row in rows], np.array([row[1] for row in rows]), vectors


def minilm(held: Any, texts: list[str]) -> Floats:
    """The stored vectors in the order of these texts."""
    stored = {name: held[name] for name in held.files}
    named = [name for name, each in stored.items() if each.ndim == 1 and each.dtype.kind in "UO"]
    vectors = next(each for each in stored.values() if each.ndim == 2)
    for name in named:
        at = {str(text): row for row, text in enumerate(stored[name])}
        if all(text in at for text in texts):
            return vectors[[at[text] for text in texts]].astype(np.float32)
    return vectors[: len(texts)].astype(np.float32)


def agreement(vectors: Floats, intents: NDArray[np.str_], restarts: int) -> dict[str, float]:
    """AMI and ARI of k-means with the true number of clusters."""
    from sklearn.cluster import KMeans
    from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labels = KMeans(len(set(intents.tolist())), n_init=restarts, random_state=0, max_iter=100).fit(vectors).labels_
    return {
        "ami": round(float(adjusted_mutual_info_score(intents, labels)), 4),
        "ari": round(float(adjusted_rand_score(intents, labels)), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14, 15])
    parser.add_argument("--restarts", type=int, default=3)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--markdown", action="store_true", help="write the table into docs/methods.md")
    options = parser.parse_args()
    if not DATA.exists():
        raise SystemExit(f"{DATA} is not there; the figures need CLINC150")
    texts, intents, reference = queries()
    scores: dict[str, list[dict[str, float]]] = {"fitted": [], "hash": [], "minilm": []}
    rates: list[float] = []
    fits: list[float] = []
    sizes: list[int] = []
    unseen: list[float] = []
    expected: list[float] = []
    for seed in options.seeds:
        order = np.random.default_rng(seed).permutation(len(texts))
        known, rest = order[: len(texts) // 2], order[len(texts) // 2 :]
        before = time.process_time()
        embedder = fit([texts[at] for at in known], seed)
        fits.append(time.process_time() - before)
        raw = embedder.dumps()
        sizes.append(len(raw))
        asked = [texts[at] for at in rest]
        before = time.process_time()
        for _ in range(options.repeat):
            # Opened anew, so that no word has been met.
            vectors, words, missing = loads(raw).look(asked)
        rates.append(options.repeat * len(asked) / (time.process_time() - before))
        unseen.append(missing / words)
        expected.append(embedder.expected_unseen)
        scores["fitted"].append(agreement(vectors, intents[rest], options.restarts))
        scores["hash"].append(agreement(np.array(HashEmbedder()(asked), np.float32), intents[rest], options.restarts))
        scores["minilm"].append(agreement(reference[rest], intents[rest], options.restarts))
    result: dict[str, Any] = {
        "texts": len(texts),
        "seeds": options.seeds,
        "agreement": {
            name: {key: round(float(np.mean([each[key] for each in found])), 4) for key in ("ami", "ari")}
            | {"least_ami": min(each["ami"] for each in found)}
            for name, found in scores.items()
        },
        "texts_per_s_of_cpu": {"mean": round(float(np.mean(rates))), "least": round(min(rates))},
        "fit_cpu_s": round(float(np.mean(fits)), 2),
        "bytes": max(sizes),
        "unseen_words": {"share": round(float(np.mean(unseen)), 4), "expected": round(float(np.mean(expected)), 4)},
    }
    print(json.dumps(result, indent=1))
    if options.markdown:
        documents.renew(documents.DOCS / "methods.md", "lexical", table(result))


def table(result: dict[str, Any]) -> str:
    """The figures as Markdown."""
    names = {
        "fitted": "lexical, fitted to the other half",
        "hash": "the SDK's hashed n-grams, 256 d",
        "minilm": "all-MiniLM-L6-v2, 384 d",
    }
    lines = ["| vectors | AMI (mean; least) | ARI |", "|---|---|---|"]
    for name, label in names.items():
        found = result["agreement"][name]
        lines.append(f"| {label} | {found['ami']:.3f}; {found['least_ami']:.3f} | {found['ari']:.3f} |")
    rate = result["texts_per_s_of_cpu"]
    lines += [
        "",
        f"k-means with the true 150 intents on {result['texts'] // 2:,} unseen queries, "
        f"{len(result['seeds'])} seeds. {rate['mean'] // 1000:,}k texts per second of one core (least "
        f"{rate['least'] // 1000}k), fitted in {result['fit_cpu_s']} s of CPU, "
        f"{result['bytes'] / 1e6:.1f} MB. Words that it did not know: {result['unseen_words']['share']:.1%}, "
        f"expected {result['unseen_words']['expected']:.1%}.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
