"""Vectors of texts without a pre-trained model: hashed n-grams, weighted by how rare they are, and a truncated SVD.

>>> texts = [f"{verb} my {thing}" for verb in ("cancel", "pay", "track") for thing in ("order", "invoice")] * 40
>>> embedder = fit(texts, seed=1)
>>> one, other = embedder.embed(["cancel my order", "cancel the order"])
>>> round(float(one @ one), 3), float(one @ other) > 0.8
(1.0, True)
"""

from __future__ import annotations

from spanledger_analytics.methods.lexical.embedder import Embedder, LexicalInvalid, fit, loads

__all__ = ["Embedder", "LexicalInvalid", "fit", "loads"]
