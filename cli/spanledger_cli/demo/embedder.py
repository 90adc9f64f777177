"""A small embedder: hashed words and character trigrams, the same vector for the same text anywhere.

It needs no model and no download. Texts that share words are near each other. So are words of one subject, as in a
model that has read such texts: a word of few of the demo's topics leans towards these.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spanledger_cli.demo.texts import corpus, features, words

DIMENSIONS: Final = 192
MODEL: Final = f"spanledger-demo-words-{DIMENSIONS}"
_WORD: Final = re.compile(r"[a-z]+|\d+")
_SLOT: Final = re.compile(r"\{\w+\}")
_CACHED_WORDS: Final = 20_000
# A word of more topics than this says nothing of any; one of fewer leans towards them by so much.
_FEW_TOPICS: Final = 2
_LEANING: Final = 0.6


class HashEmbedder:
    """Turns texts into unit vectors of float16. Keeps the vectors of words it has seen, up to a bound."""

    model: Final = MODEL

    def __init__(self) -> None:
        self._words: dict[str, NDArray[np.float32]] = {}

    def __call__(self, texts: Sequence[str]) -> list[NDArray[np.float16]]:
        """One vector of length 1 per text, zeros for a text without a word; never fails."""
        return [self.embed(text) for text in texts]

    def embed(self, text: str) -> NDArray[np.float16]:
        """The vector of one text."""
        total = np.zeros(DIMENSIONS, dtype=np.float32)
        for word in _WORD.findall(text.lower()):
            total += self._word(word)
        norm = float(np.sqrt(total @ total))
        return (total / norm if norm > 0 else total).astype(np.float16)

    def _word(self, word: str) -> NDArray[np.float32]:
        known = self._words.get(word)
        if known is None:
            known = _vector(word)
            if len(self._words) < _CACHED_WORDS:
                self._words[word] = known
        return known


@cache
def _subjects() -> Mapping[str, Sequence[str]]:
    """Word -> the topics that use it, where these are few."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for feature in features():
        texts = corpus(feature)
        for topic in (*texts.topics, texts.latent):
            for text in (*topic.ask, *topic.follow, *topic.answer):
                for word in _WORD.findall(_SLOT.sub(" ", text.lower())):
                    found[word].add(f"{feature}/{topic.id}")
    return {word: sorted(topics) for word, topics in found.items() if len(topics) <= _FEW_TOPICS}


def _vector(word: str) -> NDArray[np.float32]:
    """A word as itself plus its trigrams; frequent words and numbers say little and weigh little."""
    vector = np.zeros(DIMENSIONS, dtype=np.float32)
    weight = 0.12 if word in words("stop") else 0.2 if word.isdigit() else 1.0
    for spread in range(4):  # several places per word, so that two words rarely share all of theirs
        _add(vector, f"{spread}:{word}", weight * 0.5)
    padded = f"<{word}>"
    grams = [padded[i : i + 3] for i in range(len(padded) - 2)]
    for gram in grams:
        _add(vector, gram, weight * 0.6 / len(grams) ** 0.5)
    topics = () if word in words("stop") else _subjects().get(word, ())
    for topic in topics:
        for spread in range(8):
            _add(vector, f"topic {spread}:{topic}", _LEANING / (8 * len(topics)) ** 0.5)
    return vector


def _add(vector: NDArray[np.float32], feature: str, weight: float) -> None:
    # crc32 and not hash(): the same in every process.
    code = zlib.crc32(feature.encode())
    vector[code % DIMENSIONS] += weight if code & 0x8000_0000 else -weight
