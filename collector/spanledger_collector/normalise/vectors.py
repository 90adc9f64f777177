"""Embedding vectors as they travel on spans."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

import numpy as np

from spanledger_collector.normalise.messages import nest
from spanledger_collector.normalise.reading import Reading
from spanledger_collector.normalise.values import parsed

DTYPES = {"float16": "<f2", "float32": "<f4"}
LONGEST = 16_384


def read(reading: Reading) -> Iterator[tuple[str, list[float]]]:
    """(model, vector) of each embedding on the span; one that cannot be read becomes a warning."""
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
    if flat := reading.groups.pop("embedding.embeddings.", None):
        for item in nest(flat) if isinstance(nest(flat), list) else []:
            held = parsed(item.get("embedding", {}).get("vector")) if isinstance(item, dict) else None
            if isinstance(held, list) and 0 < len(held) <= LONGEST and all(isinstance(x, int | float) for x in held):
                yield "", [float(x) for x in held]
                return  # one vector a span: identity has no room for more
