"""How fast the embedders are on one core, and how well their vectors tell real queries apart.

    python benchmarks/embedders.py [--only lexical] [--texts 2000]

Texts are the queries of CLINC150 where `../shared/data/clinc150` is present, made ones otherwise. "one_nn" is how often
a query's nearest neighbour by cosine, among queries it has not seen, has its intent (150 of them): chance is 0.007.
Where the folder has them, the same is computed for all-MiniLM-L6-v2's vectors, as a model to compare with. Embedders
whose package is missing are left out. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import time
from pathlib import Path
from typing import Any

import numpy as np

from spanledger._internal.content.vectors import vector_attributes
from spanledger._internal.embedders.spec import chosen

DATA = Path(__file__).resolve().parents[2] / "shared/data/clinc150"
SPECS = ("lexical", "sentence-transformers:all-MiniLM-L6-v2", "fastembed:BAAI/bge-small-en-v1.5")


def queries() -> tuple[list[str], list[str], np.ndarray | None]:
    """(texts, intents, MiniLM's vectors or None), in an order of their own."""
    found = sorted(DATA.glob("*.json"))
    if not found:
        r = random.Random(1)
        words = [f"{a}{b}" for a in ("or", "pay", "tra", "bil", "lo") for b in ("der", "ment", "vel", "ling", "gin")]
        return [" ".join(r.choices(words, k=9)) for _ in range(4000)], [], None
    held: dict[str, Any] = json.loads(found[0].read_text())
    rows = [row for part in ("train", "val", "test") for row in held.get(part, [])]
    return [row[0] for row in rows], [row[1] for row in rows], None


def one_nn(vectors: np.ndarray, intents: list[str], seen: int) -> float:
    """The share of the later vectors whose nearest earlier one has the same intent."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    nearest = np.argmax(unit[seen:] @ unit[:seen].T, axis=1)
    return float(np.mean([intents[seen + i] == intents[j] for i, j in enumerate(nearest)]))


def measure(spec: str, texts: list[str], intents: list[str]) -> dict[str, Any]:
    embedder, model, problem = chosen(spec)
    if embedder is None:
        return {"left_out": problem}
    embedder(texts[:32])  # what is loaded is loaded
    before = time.process_time()
    vectors = [list(vector) for vector in embedder(texts)]
    seconds = time.process_time() - before
    result: dict[str, Any] = {
        "model": model,
        "dimensions": len(vectors[0]),
        "texts_per_s_of_cpu": round(len(texts) / seconds),
        "us_per_text": round(seconds / len(texts) * 1e6, 1),
        "bytes_on_a_span": sum(len(str(v)) for v in vector_attributes(vectors[0], model).values()),
    }
    if intents:
        result["one_nn"] = round(one_nn(np.array(vectors), intents, len(texts) * 3 // 4), 4)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=8000)
    parser.add_argument("--only", help="one embedder, such as lexical")
    options = parser.parse_args()
    texts, intents, _ = queries()
    order = list(range(len(texts)))
    random.Random(1).shuffle(order)
    order = order[: options.texts]
    texts, intents = [texts[i] for i in order], [intents[i] for i in order] if intents else []
    result: dict[str, Any] = {
        "texts": len(texts),
        "mean_characters": round(sum(map(len, texts)) / len(texts), 1),
        "embedders": {spec: measure(spec, texts, intents) for spec in SPECS if options.only in (None, spec)},
        "python": platform.python_version(),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
