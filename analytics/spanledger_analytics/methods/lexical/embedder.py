"""Latent semantic analysis of hashed n-grams, fitted to a project's own texts.

Words, pairs of words and pieces of words are weighted by their inverse document frequency (Spärck Jones 1972), texts
brought to length 1, and the space cut to its largest singular directions (Deerwester et al. 1990). A text's vector is
linear in its words, so what a word adds is computed once per word: pieces that are known place a word that is not.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from spanledger_analytics.methods.lexical.features import Batch, Csr, Hashes, Reader
from spanledger_analytics.methods.lexical.svd import right_vectors

Floats = NDArray[np.float32]

DIMENSIONS: Final = 256
FEATURES: Final = 32_768
"""N-grams that are kept at most, the most frequent ones."""
LEAST_TEXTS: Final = 200
"""Distinct texts below which there is nothing to learn from."""
# An n-gram of one text alone says nothing about others.
_LEAST_DOCUMENTS: Final = 2
_PAIR_WEIGHT: Final = 0.3
_PIECE_WEIGHT: Final = 0.6
# A little steeper than the plain logarithm: questions are short, and half of their words are "how", "my" and "is".
_RARITY: Final = 1.2
_BLOCK: Final = 4096
_REMEMBERED: Final = 20_000
_FORMAT: Final = 1
# Hashes of the three kinds lie in tables of their own.
_WORDS, _PAIRS, _PIECES = 0, 1, 2


class LexicalInvalid(ValueError):
    """Texts that nothing can be learned from, or bytes that are no embedder."""


@dataclass(frozen=True, slots=True)
class Table:
    """What was learned of one kind of n-gram: hashes in rising order, and each one's direction as steps of `scale`."""

    hashes: Hashes
    steps: NDArray[np.int8]
    scale: Floats

    def find(self, wanted: Hashes) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """(rows, known): where each of the hashes is; rows of those that are not known mean nothing."""
        if not len(self.hashes):
            return np.zeros(len(wanted), dtype=np.intp), np.zeros(len(wanted), dtype=bool)
        at = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
        return at, self.hashes[at] == wanted

    def vectors(self, rows: NDArray[np.intp]) -> Floats:
        """The directions of these rows."""
        return self.steps[rows].astype(np.float32) * self.scale[rows, None]


@dataclass(frozen=True, slots=True)
class Embedder:
    """Takes texts, gives vectors: the same for the same text on every machine, to the precision of float32.

    `texts` is how many distinct texts it was fitted to; `expected_unseen` the share of words that a new text from the
    same source has and the embedder does not know.
    """

    words: Table
    pairs: Table
    pieces: Table
    texts: int
    expected_unseen: float
    _reader: Reader = field(default_factory=Reader, repr=False, compare=False)
    _held: OrderedDict[str, Floats] = field(default_factory=OrderedDict, repr=False, compare=False)

    @property
    def dimensions(self) -> int:
        """The length of its vectors."""
        return self.words.steps.shape[1]

    def embed(self, texts: Sequence[str]) -> Floats:
        """Texts x dimensions, each row of length 1; zeros for a text of which nothing is known."""
        return self.look(texts)[0]

    def look(self, texts: Sequence[str]) -> tuple[Floats, int, int]:
        """(vectors as `embed` gives them, words in the texts, words among them that are not known)."""
        made = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        total = unseen = 0
        for at in range(0, len(texts), _BLOCK):
            batch = self._reader.read(texts[at : at + _BLOCK])
            known = self.words.find(batch.words)[1]
            total += int(batch.counts.sum())
            unseen += int(batch.counts[:, ~known].sum())
            made[at : at + _BLOCK] = self._vectors(batch)
        return made, total, unseen

    def _vectors(self, batch: Batch) -> Floats:
        found = _dampened(batch.counts) @ self._of_words(batch)
        rows, known = self.pairs.find(batch.pairs)
        if known.any():
            found += _dampened(batch.pair_counts[:, known]) @ self.pairs.vectors(rows[known])
        lengths = np.sqrt(np.einsum("ij,ij->i", found, found))
        return np.asarray(found / np.maximum(lengths, 1e-12)[:, None], dtype=np.float32)

    def _of_words(self, batch: Batch) -> Floats:
        """What each word of the batch adds: its own direction and those of its pieces."""
        made = np.zeros((len(batch.words), self.dimensions), dtype=np.float32)
        fresh = [at for at, word in enumerate(batch.names) if word not in self._held]
        old = [at for at, word in enumerate(batch.names) if word in self._held]
        if old:
            made[old] = [self._held[batch.names[at]] for at in old]
        if fresh:
            rows, known = self.words.find(batch.words[fresh])
            made[np.asarray(fresh)[known]] = self.words.vectors(rows[known])
            pieces = [batch.pieces[at] for at in fresh]
            edges = np.concatenate([[0], np.cumsum([len(each) for each in pieces])])
            rows, known = self.pieces.find(np.concatenate(pieces))
            ones = known.astype(np.float32)
            inverse, columns = np.unique(rows, return_inverse=True)
            of_word = sparse.csr_matrix((ones, columns, edges), shape=(len(fresh), len(inverse)))
            made[fresh] += of_word @ self.pieces.vectors(inverse) if len(self.pieces.hashes) else 0.0
            for at in fresh:
                self._held[batch.names[at]] = made[at]
            while len(self._held) > _REMEMBERED:
                self._held.popitem(last=False)
        return made

    def dumps(self) -> bytes:
        """All of it as bytes, from which `loads` makes the same again."""
        held: dict[str, NDArray[Any]] = {}
        for name in ("words", "pairs", "pieces"):
            table: Table = getattr(self, name)
            held |= {f"{name}_hashes": table.hashes, f"{name}_steps": table.steps, f"{name}_scale": table.scale}
        head = {"format": _FORMAT, "texts": self.texts, "expected_unseen": self.expected_unseen}
        held["head"] = np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)
        sink = io.BytesIO()
        np.savez_compressed(sink, allow_pickle=False, **held)
        return sink.getvalue()


def loads(raw: bytes) -> Embedder:
    """The embedder that `dumps` made these bytes of. Raises LexicalInvalid."""
    try:
        with np.load(io.BytesIO(raw), allow_pickle=False) as held:
            head = json.loads(held["head"].tobytes())
            if head["format"] != _FORMAT:
                raise LexicalInvalid(f"an embedder of format {head['format']}; this release reads {_FORMAT}.")
            tables = [
                Table(held[f"{name}_hashes"], held[f"{name}_steps"], held[f"{name}_scale"])
                for name in ("words", "pairs", "pieces")
            ]
    except (OSError, KeyError, TypeError, zipfile.BadZipFile, ValueError) as error:
        if isinstance(error, LexicalInvalid):
            raise
        raise LexicalInvalid(f"{len(raw)} bytes are no lexical embedder: {error!r}.") from error
    return Embedder(tables[0], tables[1], tables[2], head["texts"], head["expected_unseen"])


def fit(
    texts: Sequence[str],
    seed: int,
    dimensions: int = DIMENSIONS,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Embedder:
    """The embedder of these texts; the same for the same texts in any order, and seed. A text counts once.

    Takes some 100 bytes of memory per n-gram of each text. Raises LexicalInvalid for fewer than LEAST_TEXTS.
    """
    distinct = sorted({text for text in texts if text.strip()})
    if len(distinct) < LEAST_TEXTS:
        raise LexicalInvalid(f"{len(distinct)} distinct texts are too few to learn from; wait for {LEAST_TEXTS}.")
    if dimensions < 2:
        raise LexicalInvalid(f"{dimensions} dimensions are too few; use {DIMENSIONS}.")
    progress("reading texts", 0, 2)
    batch = Reader().read(distinct)
    kinds = list(_documents(batch))
    documents = np.concatenate([counts for _, _, counts in kinds])
    kind_of = np.concatenate([np.full(len(hashes), kind) for kind, (hashes, _, _) in enumerate(kinds)])
    kept = _most_frequent(documents, len(distinct))
    rarity = np.log(len(distinct) / np.maximum(documents, 1)).astype(np.float32) ** _RARITY
    own = np.asarray((1.0, _PAIR_WEIGHT, _PIECE_WEIGHT), dtype=np.float32)[kind_of]
    weights = rarity * own
    whole = cast("Csr", sparse.hstack([matrix for _, matrix, _ in kinds], format="csr"))[:, kept]
    whole = whole @ sparse.diags_array(weights[kept])
    lengths = np.sqrt(whole.multiply(whole).sum(axis=1)).A1
    whole = sparse.csr_matrix(sparse.diags_array(1.0 / np.maximum(lengths, 1e-12)) @ whole)
    rank = min(dimensions, len(distinct), len(kept))
    found, _ = right_vectors(whole, rank, seed, lambda done, total: progress("finding directions", done, total))
    directions = np.zeros((len(kept), dimensions), dtype=np.float32)
    directions[:, :rank] = found
    directions *= weights[kept, None]
    hashes = np.concatenate([names for names, _, _ in kinds])
    tables = [_table(hashes[kept], directions, kind_of[kept] == kind) for kind in range(3)]
    progress("finding directions", 1, 1)
    known = np.isin(np.arange(len(batch.words)), kept[kind_of[kept] == _WORDS])
    unseen = _unseen(batch, known & (documents[: len(batch.words)] > _LEAST_DOCUMENTS))
    return Embedder(tables[_WORDS], tables[_PAIRS], tables[_PIECES], len(distinct), unseen)


def _documents(batch: Batch) -> Iterator[tuple[Hashes, Csr, NDArray[np.int64]]]:
    """Of words, pairs and pieces: hashes, texts x n-grams with dampened counts, and in how many texts each one is."""
    edges = np.concatenate([[0], np.cumsum([len(each) for each in batch.pieces])])
    names, columns = np.unique(np.concatenate([*batch.pieces, np.empty(0, np.uint32)]), return_inverse=True)
    ones = np.ones(len(columns), dtype=np.float32)
    of_words = sparse.csr_matrix((ones, columns, edges), shape=(len(batch.words), len(names)))
    dampened = _dampened(batch.counts)
    for hashes, matrix in (
        (batch.words, dampened),
        (batch.pairs, _dampened(batch.pair_counts)),
        # As `embed` adds them up: per word that has them.
        (names, cast("Csr", dampened @ of_words)),
    ):
        yield hashes, matrix, np.bincount(matrix.indices, minlength=len(hashes))


def _most_frequent(documents: NDArray[np.int64], texts: int) -> NDArray[np.intp]:
    # What every text has says nothing, and has no weight; it is known all the same.
    useful = np.flatnonzero(documents >= _LEAST_DOCUMENTS)
    if not (documents[useful] < texts).any():
        raise LexicalInvalid(f"the {texts} texts have nothing in common to learn from.")
    return np.sort(useful[np.argsort(-documents[useful], kind="stable")[:FEATURES]])


def _table(hashes: Hashes, directions: Floats, chosen: NDArray[np.bool_]) -> Table:
    """One kind's directions, rounded to 8 bits: 0.4 % of the largest entry, far below what tells texts apart."""
    names, vectors = hashes[chosen], directions[chosen]
    # Two n-grams of one hash are one.
    names, first = np.unique(names, return_index=True)
    vectors = vectors[first]
    scale = np.maximum(np.abs(vectors).max(axis=1, initial=0.0) / 127, 1e-12).astype(np.float32)
    return Table(names, np.rint(vectors / scale[:, None]).astype(np.int8), scale)


def _unseen(batch: Batch, known: NDArray[np.bool_]) -> float:
    """The chance that a word of a new text is not known: that of words not known without their own text (Good 1953)."""
    total = float(batch.counts.sum())
    return float(batch.counts[:, ~known].sum()) / total if total else 0.0


def _dampened(counts: Csr) -> Csr:
    """Counts as 1 + ln n: a word that is there ten times says little more than one."""
    made = counts.copy()
    made.data = 1.0 + np.log(made.data)
    return made
