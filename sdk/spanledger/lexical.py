"""Embeddings without a model: hashed word and character n-grams of a text.

    >>> embed = HashEmbedder()
    >>> one, other = embed(["Where is my order?", "where's my order"])
    >>> len(one), round(sum(a * b for a, b in zip(one, other)), 1) > 0.5
    (256, True)

Texts that share words, or parts of words, are near each other; synonyms are not. It needs nothing but Python, knows
no language, has learned nothing, and gives the same vector in every process. What is fitted to data (weights of rare
words, fewer dimensions) begins with `features`, which this module shares with the analytics.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final
from zlib import crc32

MODEL: Final = "lexical-hash-256"
MAX_CHARS: Final = 8192
"""Characters of a text that count; what follows says little more, and costs time."""

_WORD: Final = re.compile(r"\w+")
_GRAMS: Final = (3, 4)
# A text has far more pieces of words than words: without a weight they would drown them.
_PIECE_WEIGHT: Final = 0.5
_PAIR_WEIGHT: Final = 0.4


def features(text: str) -> dict[str, float]:
    """Return feature -> weight: words, pairs of neighbouring words, and pieces of 3 and 4 letters of each word.

    Weights are sublinear in how often a feature is there (1 + ln n), less for pairs and pieces. Features of the
    three kinds never collide: a pair holds a space, a piece begins with `#`.
    """
    text = text[:MAX_CHARS].casefold()
    # A text of signs alone, such as an emoji, is one word.
    words = _WORD.findall(text) or text.split()
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    found = {word: 1.0 + math.log(count) for word, count in counts.items()}
    pairs: dict[str, int] = {}
    before = ""
    for word in words:
        if before:
            pair = f"{before} {word}"
            pairs[pair] = pairs.get(pair, 0) + 1
        before = word
    for pair, count in pairs.items():
        found[pair] = _PAIR_WEIGHT * (1.0 + math.log(count))
    pieces: dict[str, int] = {}
    for word, count in counts.items():
        marked = f"<{word}>"
        length = len(marked)
        for size in _GRAMS:
            for at in range(length - size + 1):
                piece = marked[at : at + size]
                pieces[piece] = pieces.get(piece, 0) + count
    for piece, count in pieces.items():
        found[f"#{piece}"] = _PIECE_WEIGHT * (1.0 + math.log(count))
    return found


def hashed(weights: Mapping[str, float], dimensions: int = 256) -> list[float]:
    """Return the features' vector of length 1, by signed hashing (Weinberger et al. 2009); zeros without features.

    The sign keeps the inner product of two texts unbiased where features share a place.
    """
    vector = [0.0] * dimensions
    for feature, weight in weights.items():
        code = crc32(feature.encode("utf-8", "replace"))
        vector[(code >> 1) % dimensions] += weight if code & 1 else -weight
    norm = math.sqrt(sum(value * value for value in vector))
    return [value / norm for value in vector] if norm else vector


class HashEmbedder:
    """Takes texts, returns one vector of length 1 per text; an empty text gives zeros."""

    def __init__(self, dimensions: int = 256) -> None:
        if dimensions < 8:
            raise ValueError(f"HashEmbedder({dimensions}): a vector needs at least 8 dimensions")
        self.dimensions = dimensions
        self.model = f"lexical-hash-{dimensions}"

    def __call__(self, texts: list[str]) -> list[list[float]]:
        """Return the vectors, in order."""
        return [hashed(features(text), self.dimensions) for text in texts]
