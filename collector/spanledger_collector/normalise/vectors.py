"""Embedding vectors as they travel on spans."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from spanledger_collector.normalise.messages import nest
from spanledger_collector.normalise.reading import Reading
from spanledger_collector.normalise.values import parsed

DTYPES = {"float16": "<f2", "float32": "<f4"}
LONGEST = 16_384
QUERY_EVENT = "db.query.embeddings"


def read(
    reading: Reading, kind: str, events: Sequence[tuple[str, Mapping[str, Any], int]]
) -> Iterator[tuple[str, list[float]]]:
    """(model, vector) of the embedding on the span; one that cannot be read becomes a warning.

    A span's identity has room for one vector: of several, the first is kept and a warning says how many there were.
    """
    if packed := reading.get("vector"):
        dtype = DTYPES.get(reading.get("vector_dtype") or "float32")
        try:
            raw = base64.b64decode(packed, validate=True)
            vector = np.frombuffer(raw, dtype=dtype or "<f4").astype(np.float32)
        except (binascii.Error, ValueError):
            vector = np.empty(0, np.float32)
        if dtype is None or not 0 < vector.size <= LONGEST or not bool(np.isfinite(vector).all()):
            reading.warnings.append("unreadable spanledger.embedding")
        else:
            yield reading.get("vector_model"), vector.tolist()
    held = _plain_vectors(reading, kind, events)
    if held:
        if len(held) > 1:
            reading.warnings.append(f"kept 1 of {len(held)} embeddings")
        yield "", held[0]


def _plain_vectors(
    reading: Reading, kind: str, events: Sequence[tuple[str, Mapping[str, Any], int]]
) -> list[list[float]]:
    """The vectors that other dialects write as numbers, or as JSON of numbers."""
    listed: Any = []
    if flat := reading.groups.pop("embedding.embeddings.", None):
        items = nest(flat)
        inner = [item.get("embedding") for item in items if isinstance(item, dict)] if isinstance(items, list) else []
        listed = [item.get("vector") for item in inner if isinstance(item, dict)]
    elif events and any(name == QUERY_EVENT for name, _, _ in events):
        listed = [attributes.get(f"{QUERY_EVENT}.vector") for name, attributes, _ in events if name == QUERY_EVENT]
    elif kind == "embedding" and (several := reading.fields.get("vectors")):  # outer spans repeat them
        listed = [several] if _is_vector(several) else several
    return [[float(x) for x in vector] for item in listed if _is_vector(vector := parsed(item))]


def _is_vector(held: Any) -> bool:
    return isinstance(held, list) and 0 < len(held) <= LONGEST and all(isinstance(x, int | float) for x in held)
