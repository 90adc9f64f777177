"""What a text is made of: words, pairs of neighbouring words, and pieces of words, each known by a hash of 32 bits.

Hashes and not the n-grams themselves: what is kept of a project's texts then holds no word of them.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from unicodedata import category
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Hashes = NDArray[np.uint32]
Csr = sparse.csr_matrix

MAX_CHARS: Final = 8192
"""Characters of a text that count; what follows says little more, and costs time."""

_ASCII_WORD: Final = re.compile(r"\w+")
# Vowel signs of Indic and other scripts are marks, which \w leaves out: words would fall apart at each.
_MARKS: Final = "".join(chr(code) for code in range(0x300, 0xABFF) if category(chr(code)) in ("Mn", "Mc"))
_WORD: Final = re.compile(f"[\\w{_MARKS}]+")
# Scripts that are written without spaces between words: Thai and Lao, Burmese, Khmer, kana, Han.
_DENSE: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
)
_ANY_DENSE: Final = re.compile(f"[{_DENSE}]")
_RUNS: Final = re.compile(f"[{_DENSE}]+|[^{_DENSE}]+")
_GRAMS: Final = (3, 4)
# A word longer than this is a number, an address or code; its beginning says what kind.
_LONGEST: Final = 40
_NO_PIECES: Final = np.empty(0, dtype=np.uint32)
# Words whose hashes are remembered: those of a language come again and again.
_REMEMBERED: Final = 100_000
_PAIR_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)


def words(text: str) -> list[str]:
    """The words of a text in order, case folded; of scripts without spaces every two neighbouring characters.

    A text of signs alone, such as an emoji, is one word per run of them.
    """
    text = text[:MAX_CHARS].casefold()
    if text.isascii():
        return _ASCII_WORD.findall(text) or text.split()
    found = _WORD.findall(text) or text.split()
    if not _ANY_DENSE.search(text):
        return found
    split: list[str] = []
    for word in found:
        for run in _RUNS.findall(word):
            if len(run) > 1 and _ANY_DENSE.match(run):
                split += (a + b for a, b in pairwise(run))
            else:
                split.append(run)
    return split


def _hashed(word: str) -> int:
    return crc32(word.encode("utf-8", "replace"))


def _pieces(word: str) -> Hashes:
    """Pieces of 3 and 4 characters, `<` and `>` marking the word's ends; none of numbers, which mean themselves."""
    if word.isdigit():
        return _NO_PIECES
    marked = f"<{word[:_LONGEST]}>"
    found = {marked[at : at + size] for size in _GRAMS for at in range(len(marked) - size + 1)}
    # The sign keeps a piece apart from the word that is spelt like it.
    return np.fromiter((_hashed(f"#{piece}") for piece in sorted(found)), dtype=np.uint32, count=len(found))


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts as numbers: `counts[text, word]`, how often it has the word, and `pair_counts[text, pair]` likewise.

    `words` and `pairs` are the hashes of the columns; `names[i]` and `pieces[i]` are the word of column i of `counts`
    and the hashes of its pieces.
    """

    names: Sequence[str]
    words: Hashes
    pieces: Sequence[Hashes]
    counts: Csr
    pairs: Hashes
    pair_counts: Csr


class Reader:
    """Turns texts into batches, and remembers words it has seen, up to a bound. Not for several threads at once."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[int, Hashes]] = OrderedDict()

    def read(self, texts: Iterable[str]) -> Batch:
        """The batch of these texts; a text without words has empty rows."""
        places: dict[str, int] = {}
        columns: list[int] = []
        ends = [0]
        for text in texts:
            for word in words(text):
                columns.append(places.setdefault(word, len(places)))
            ends.append(len(columns))
        known = [self._of(word) for word in places]
        hashes = np.fromiter((each[0] for each in known), dtype=np.uint32, count=len(known))
        at, edges = np.asarray(columns, dtype=np.int64), np.asarray(ends, dtype=np.int64)
        counts = _counted(at, edges, len(hashes))
        # A pair begins at every word but the last of each text.
        row = np.repeat(np.arange(len(ends) - 1), np.diff(edges))
        within = row[:-1] == row[1:] if len(row) else np.empty(0, dtype=bool)
        sequence = hashes[at]
        pairs = pair_hashes(sequence[:-1][within], sequence[1:][within])
        distinct, inverse = np.unique(pairs, return_inverse=True)
        pair_edges = np.concatenate([[0], np.cumsum(np.bincount(row[:-1][within], minlength=len(ends) - 1))])
        pair_counts = _counted(inverse, pair_edges, len(distinct))
        return Batch(list(places), hashes, [each[1] for each in known], counts, distinct, pair_counts)

    def _of(self, word: str) -> tuple[int, Hashes]:
        known = self._known.get(word)
        if known is None:
            known = self._known[word] = (_hashed(word), _pieces(word))
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return known


def pair_hashes(first: Hashes, second: Hashes) -> Hashes:
    """The hashes of pairs of words, from those of their words; order counts."""
    mixed = (first.astype(np.uint64) * np.uint64(0x100000001B3) + second.astype(np.uint64)) * _PAIR_FACTOR
    return (mixed >> np.uint64(32)).astype(np.uint32)


def _counted(columns: NDArray[np.int64], edges: NDArray[np.int64], width: int) -> Csr:
    made = sparse.csr_matrix(
        (np.ones(len(columns), dtype=np.float32), columns, edges), shape=(len(edges) - 1, width), copy=False
    )
    made.sum_duplicates()
    return made
