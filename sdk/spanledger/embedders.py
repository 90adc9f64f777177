"""Embedders by name, for programs that embed texts themselves: the same names as `init(embedder=...)` takes.

>>> made, model, problem = chosen("lexical")
>>> model, problem, len(made(["where is my order"])[0])
('lexical-hash-256', None, 256)
"""

from __future__ import annotations

from spanledger._internal.content.vectors import Embedder
from spanledger._internal.embedders.remote import EmbeddingError
from spanledger._internal.embedders.spec import KINDS, Chosen, chosen

__all__ = ["KINDS", "Chosen", "Embedder", "EmbeddingError", "chosen"]
