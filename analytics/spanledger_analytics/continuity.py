"""What clusters and topics of topics are called when a codebook is made anew: what was true of them still is.

Which words stand first in a cluster is a matter of chance where many are as frequent, as in questions that an
application words itself. So a name stays while it is true, and people find again what they have read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.clusters.matching import OUTSIDE, match
from spanledger_analytics.topics import Described
from spanledger_store.quality.clusters import Called

# Of the first words that a cluster had, so many are still its words.
_FIRST: Final = 5
_MOST: Final = 3


def kept(told: Mapping[int, Described], ids: Sequence[int], before: Mapping[int, Called]) -> dict[int, Described]:
    """Descriptions by position, with the labels that the numbers `ids` had `before` where they still hold.

    A label holds while most of the words its cluster had in front still are its words, and, where it was made of
    words, while all of its own are: none is shown that by now too few people have written.
    """
    return {at: _kept(each, before.get(ids[at])) for at, each in told.items()}


def _kept(now: Described, before: Called | None) -> Described:
    if before is None or not before.label or not now.label:
        return now
    parts, terms = set(before.label.split(", ")), set(now.terms)
    of_words = parts & {*before.words, *now.terms}
    same = len(terms.intersection(before.words[:_FIRST])) >= min(_MOST, len(before.words))
    return replace(now, label=before.label) if same and (not of_words or parts <= terms) else now


@dataclass(frozen=True, slots=True)
class Topics:
    """A codebook's topics of topics, each with its number and the label it had before, by position; `free` is the next
    number that was never given."""

    ids: tuple[int, ...]
    free: int
    labels: Mapping[int, str]


def topics(
    before: Mapping[int, Called],
    free: int,
    earlier: NDArray[np.int64],
    positions: NDArray[np.int64],
    topic_of: NDArray[np.int64],
) -> Topics:
    """Topics keep their numbers as clusters do, by the calls that both codebooks have assigned.

    `earlier` is each call's number in the earlier codebook (0: none), `positions` its cluster's position in the new one
    (-1: none), `topic_of` the topic of each of those clusters. `free` is the first number that was never given.
    """
    highest = max(before, default=0)
    lookup: NDArray[np.int64] = np.zeros(highest + 1, dtype=np.int64)
    for number, each in before.items():
        lookup[number] = each.topic
    old = lookup[np.where(earlier <= highest, earlier, OUTSIDE)]
    new = np.where(positions >= 0, topic_of[np.maximum(positions, 0)], -1)
    known = sorted({each.topic for each in before.values()} - {OUTSIDE})
    made = match(known, max(free, max(known, default=0) + 1), old, new, int(topic_of.max(initial=-1)) + 1)
    labels = {each.topic: each.topic_label for each in before.values()}
    return Topics(made.ids, made.next_id, {at: labels[id_] for at, id_ in enumerate(made.ids) if id_ in labels})
