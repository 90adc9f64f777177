"""Embedding vectors as span attributes: base64 of little-endian floats."""

from __future__ import annotations

import base64
import math
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from spanledger import semconv

Embedder = Callable[[list[str]], Sequence[Iterable[float]]]
"""Takes texts, returns one vector per text (lists or a NumPy array). Called on a thread of its own."""


def vector_attributes(vector: Iterable[float], model: str | None) -> dict[str, Any]:
    """Return the attributes of one vector, as float16 where its values fit, else as float32.

    ValueError for an empty vector or one that holds NaN or infinity.
    """
    listed = getattr(vector, "tolist", None)  # a NumPy array: much faster than its items one by one
    values = cast("list[float]", listed()) if callable(listed) else [float(value) for value in vector]
    if not values or not math.isfinite(sum(values)):  # NaN and infinity survive addition
        raise ValueError(f"an embedding of {len(values)} values is empty or not finite")
    # float16 halves the bytes and costs normalised embeddings nothing in recall; it ends at 65504.
    small = max(values) < 65_000 and min(values) > -65_000
    packed = struct.pack(f"<{len(values)}{'e' if small else 'f'}", *values)
    attributes: dict[str, Any] = {
        semconv.EMBEDDING: base64.b64encode(packed).decode("ascii"),
        semconv.EMBEDDING_DTYPE: "float16" if small else "float32",
        semconv.EMBEDDING_DIMENSIONS: len(values),
    }
    if model:
        attributes[semconv.EMBEDDING_MODEL] = model
    return attributes


def name_of(embedder: object) -> str | None:
    """Return the model's name as an embedder tells it (`model`, `model_name`, or its function's name)."""
    for attribute in ("model", "model_name", "__name__"):
        value = getattr(embedder, attribute, None)
        if isinstance(value, str):
            return None if value == "<lambda>" else value
    return type(embedder).__name__
