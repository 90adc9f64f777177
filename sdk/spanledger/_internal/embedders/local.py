"""Models that run in this process, by packages that are imported only when the first text comes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any


class SentenceTransformers:
    """A model of the sentence-transformers package; its vectors have length 1."""

    def __init__(self, model: str) -> None:
        self.model = model
        self._loaded: Any = None

    def __call__(self, texts: list[str]) -> Sequence[Iterable[float]]:
        """Return one vector per text; the first call loads the model, and may fetch it."""
        if self._loaded is None:
            self._loaded = import_module("sentence_transformers").SentenceTransformer(self.model)
        return self._loaded.encode(texts, batch_size=64, normalize_embeddings=True, show_progress_bar=False)


class FastEmbed:
    """A model of the fastembed package."""

    def __init__(self, model: str) -> None:
        self.model = model
        self._loaded: Any = None

    def __call__(self, texts: list[str]) -> Sequence[Iterable[float]]:
        """Return one vector per text; the first call loads the model, and may fetch it."""
        if self._loaded is None:
            self._loaded = import_module("fastembed").TextEmbedding(model_name=self.model)
        return list(self._loaded.embed(texts))
