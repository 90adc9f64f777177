"""Codebooks as bytes, with the places of their clusters on the map; those that are in use are read once."""

from __future__ import annotations

import io
from collections import OrderedDict
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics import drawing
from spanledger_analytics.methods import placing
from spanledger_analytics.methods.clusters.assigning import assign, nearest_centroid
from spanledger_analytics.methods.clusters.codebook import Codebook
from spanledger_analytics.methods.clusters.neighbours import unit
from spanledger_store.control import clusters as stored

_OPEN: Final = 8
_PLACES: Final = "map places"
_read: OrderedDict[str, Book] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Book:
    """A codebook, and where its clusters lie on the map (clusters x 2)."""

    codebook: Codebook
    places: NDArray[np.float64]

    def assign(
        self, vectors: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
        """(number of each vector's cluster, 0 for none; distance to its centroid; place on the map)."""
        ids, distances = assign(self.codebook, vectors)
        rows = unit(vectors)
        nearest, _ = nearest_centroid(self.codebook.centroids, rows)
        return ids, distances, placing.place(rows, nearest, self.codebook.centroids, self.codebook.radii, self.places)

    def dumps(self) -> bytes:
        """All of it as bytes, from which `loads` makes the same again."""
        sink = io.BytesIO()
        held: dict[str, Any] = {
            each.name: np.asarray(getattr(self.codebook, each.name)) for each in fields(self.codebook)
        }
        np.savez_compressed(sink, allow_pickle=False, **held, **{_PLACES: self.places})
        return sink.getvalue()


def loads(raw: bytes) -> Book:
    """The book that `dumps` made these bytes of; raises KeyError where another release made them otherwise."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as held:
        values = {each.name: held[each.name] for each in fields(Codebook)}
        places = held[_PLACES]
    return Book(Codebook(**{name: each.item() if each.ndim == 0 else each for name, each in values.items()}), places)


def made(codebook: Codebook, before: Book | None) -> Book:
    """The book of a codebook that has its numbers; on its map, what was on that of the one before is about there still.

    Draws the map in a process of its own, which takes seconds.
    """
    if before is None:
        return Book(codebook, drawing.drawn(codebook.centroids))
    where = {number: at for at, number in enumerate(before.codebook.ids.tolist())}
    rows = np.array([at for at, number in enumerate(codebook.ids.tolist()) if number in where], dtype=np.intp)
    earlier = before.places[[where[number] for number in codebook.ids[rows].tolist()]]
    return Book(codebook, drawing.drawn(codebook.centroids, earlier, rows))


def of(kept: stored.Codebook) -> Book | None:
    """The book that was kept, read once per process; None for one of a release that made them otherwise."""
    found = _read.get(kept.id)
    if found is None:
        try:
            found = _read[kept.id] = loads(kept.body)
        except (KeyError, ValueError, OSError):
            return None
        while len(_read) > _OPEN:
            _read.popitem(last=False)
    return found
