"""Words that tell a cluster from the others, and names made of them.

Class-based tf-idf (Grootendorst, "BERTopic", arXiv 2203.05794): how often a term is in a cluster, times how much rarer
it is elsewhere. Terms are words and pairs of neighbouring words. None is told that comes from fewer than `floor` people
(Sweeney, "k-anonymity", 2002): a name or an order's number that one customer has written is nobody else's to read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.clusters.errors import BadInput
from spanledger_analytics.methods.clusters.stopwords import STOP_WORDS

UNNAMED: Final = "(too few people to tell)"

# Letters and digits of any script; digits alone say nothing and may be somebody's.
_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_LONGEST_WORD: Final = 30
_CHARACTERS_READ: Final = 1000


@dataclass(frozen=True, slots=True)
class Label:
    """A cluster's terms, the most telling first with their weights, and a name of the best three that differ."""

    name: str
    terms: tuple[tuple[str, float], ...]


def label(
    texts: Sequence[str],
    clusters: NDArray[Any],
    people: Sequence[Any],
    floor: int = 5,
    most: int = 10,
) -> dict[int, Label]:
    """The label of each cluster but 0, which stands for none.

    `texts`, `clusters` (numbers) and `people` (a user's, customer's or session's id of any one type) are of the same
    calls. Only terms that at least `floor` different people have written in the cluster are told; a cluster without any
    is named `UNNAMED`. The order of calls changes nothing.
    """
    if not len(texts) == len(clusters) == len(people):
        raise BadInput(
            f"{len(texts)} texts, {len(clusters)} clusters and {len(people)} people: give one of each per call"
        )
    if floor < 1:
        raise BadInput(f"floor is {floor}: give at least 1; 5 is usual")
    numbers = [int(each) for each in np.unique(np.asarray(clusters)) if int(each) != 0]
    counts: dict[int, Counter[str]] = {each: Counter() for each in numbers}
    writers: dict[int, dict[str, set[Any]]] = {each: {} for each in numbers}
    for text, cluster, person in zip(texts, clusters, people, strict=True):
        if int(cluster) == 0:
            continue
        own, by = counts[int(cluster)], writers[int(cluster)]
        # A term counts once a call: a text that repeats itself is one text.
        for term in sorted(set(terms(text))):
            own[term] += 1
            known = by.setdefault(term, set())
            if len(known) < floor:
                known.add(person)
    whole: Counter[str] = Counter()
    for own in counts.values():
        whole.update(own)
    average = sum(whole.values()) / max(len(numbers), 1)
    made: dict[int, Label] = {}
    for cluster in numbers:
        own = counts[cluster]
        total = max(sum(own.values()), 1)
        told = {
            term: count / total * log(1 + average / whole[term])
            for term, count in own.items()
            if len(writers[cluster][term]) >= floor
        }
        best = sorted(told.items(), key=lambda each: (-each[1], each[0]))
        made[cluster] = Label(_name(term for term, _ in best), tuple(best[:most]))
    return made


def terms(text: str) -> list[str]:
    """The words of a text that may say something, and its pairs of neighbouring ones.

    >>> terms("What is my account balance?")
    ['account', 'balance', 'account balance']
    """
    words = [each.lower().replace("’", "'") for each in _WORD.findall(text[:_CHARACTERS_READ])]
    kept = [
        word if len(word) > 1 and word not in STOP_WORDS and not word.isdigit() and len(word) <= _LONGEST_WORD else ""
        for word in words
    ]
    return [each for each in kept if each] + [f"{one} {other}" for one, other in pairwise(kept) if one and other]


def _name(best: Iterable[str]) -> str:
    """Up to three terms, no word in two of them: a pair takes the place of its words."""
    chosen: list[str] = []
    ranked = list(best)[:12]
    for term in ranked:
        words = set(term.split())
        if any(words & set(each.split()) for each in chosen):
            continue
        pairs = [each for each in ranked[:6] if " " in each and words < set(each.split())]
        chosen.append(
            next((each for each in pairs if not any(set(each.split()) & set(c.split()) for c in chosen)), term)
        )
        if len(chosen) == 3:
            break
    return ", ".join(chosen) or UNNAMED
