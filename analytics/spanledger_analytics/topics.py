"""What clusters are about: words and calls that stand for them, shown only where enough people stand behind them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.clusters.exemplars import exemplars
from spanledger_analytics.methods.clusters.labels import UNNAMED, label

LEAST_OWNERS: Final = 5
"""Customers (users, sessions, where there are no more) that a word or an example needs behind it to be shown."""
EXEMPLARS: Final = 6
_IN_TOPIC: Final = 2
_OF_CLUSTER: Final = 5
# Terms that are told, and that a label of an earlier codebook may be made of.
_WORDS: Final = 10
_TERMS: Final = 60
_COMMA: Final = ", "


class Calls(Protocol):
    """What is known of calls, row by row."""

    @property
    def vectors(self) -> NDArray[np.float32]: ...
    @property
    def texts(self) -> Sequence[str]: ...
    @property
    def customers(self) -> Sequence[str]: ...
    @property
    def users(self) -> Sequence[str]: ...
    @property
    def sessions(self) -> Sequence[str]: ...


@dataclass(frozen=True, slots=True)
class Described:
    """A cluster in words: a label, words that set it apart (the most telling first), rows of typical calls.

    `terms` are more of the words that may be told of it, in the same order.
    """

    label: str
    words: tuple[str, ...]
    exemplars: tuple[int, ...]
    terms: tuple[str, ...] = ()


def owners(calls: Calls, least: int = LEAST_OWNERS) -> tuple[str, Sequence[str]]:
    """Who stands behind calls, and each call's owner: customers if there are enough of them, else users or sessions."""
    for kind, named in (("customer", calls.customers), ("user", calls.users)):
        if len(set(named) - {""}) >= 2 * least:
            return kind, named
    return "session", calls.sessions


def describe(
    calls: Calls, positions: NDArray[np.int64], behind: Sequence[str], least: int = LEAST_OWNERS
) -> dict[int, Described]:
    """What each cluster is about, by its position; `positions` is that of each call's cluster, -1 for none.

    Nothing is told that fewer than `least` of those `behind` calls have said; a label is then ''.
    """
    # A call without an owner stands for nobody, and one without a text says nothing.
    known = np.array([bool(owner and text) for owner, text in zip(behind, calls.texts, strict=True)], dtype=bool)
    numbers = np.where(known, positions + 1, 0)
    labels = label(calls.texts, numbers, behind, floor=least, most=_TERMS)
    made: dict[int, Described] = {}
    for number, each in labels.items():
        rows = np.flatnonzero(numbers == number)
        # Of many calls with one text, the first is as good as any.
        distinct: dict[str, int] = {}
        for row in rows.tolist():
            distinct.setdefault(calls.texts[row].casefold(), row)
        few = len({behind[row] for row in rows.tolist()}) < least
        shown = np.array([] if few else sorted(distinct.values()), dtype=np.int64)
        picked = exemplars(calls.vectors[shown], shown.tolist(), floor=1, most=EXEMPLARS)
        name = "" if each.name == UNNAMED else each.name
        terms = tuple(term for term, _ in each.terms)
        made[number - 1] = Described(name, terms[:_WORDS], tuple(shown[picked].tolist()), terms)
    return made


def joined(
    described: Mapping[int, Described],
    topics: Sequence[int],
    sizes: Sequence[int],
    before: Mapping[int, str] | None = None,
) -> dict[int, str]:
    """A label for each topic of topics, all different: words that its clusters have in front, those of large ones
    counting more. One of `before` stays where its words still are the topic's."""
    counted: defaultdict[int, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    for at, (topic, size) in enumerate(zip(topics, sizes, strict=True)):
        for rank, word in enumerate(described[at].words[:_OF_CLUSTER] if at in described else ()):
            counted[topic][word] += size / (1 + rank)
    made: dict[int, str] = {}
    for topic, label_ in (before or {}).items():
        if label_ and label_ not in made.values() and set(label_.split(_COMMA)) <= set(counted.get(topic, ())):
            made[topic] = label_
    for topic in sorted(counted, key=lambda each: (-sum(counted[each].values()), each)):
        if topic not in made:
            words = counted[topic]
            ranked = _apart(sorted(words, key=lambda word: (-words[word], word)))
            named = (_COMMA.join(ranked[:most]) for most in range(_IN_TOPIC, len(ranked) + 1))
            made[topic] = next((each for each in named if each not in made.values()), _COMMA.join(ranked[:_IN_TOPIC]))
    return made


def _apart(terms: Sequence[str]) -> list[str]:
    """The terms that have no word in common with one before them."""
    kept: list[str] = []
    for term in terms:
        if not any(set(term.split()) & set(each.split()) for each in kept):
            kept.append(term)
    return kept
