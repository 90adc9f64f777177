"""Sessions whose rows resemble each other, made up: what every test of drift here is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Rows:
    """Vectors and numbers of one window, and the session and topic of each row."""

    vectors: Array
    numbers: Array
    sessions: Array
    topics: Array


def rows(seed: int, sessions: int, *, first: int = 0, alike: float = 1.0, new: float = 0.0, shift: float = 0.0) -> Rows:
    """Sessions of 1 to 9 rows about one of twenty topics in 24 dimensions; with `alike` below 1, rows often are about
    another. A share `new` of the sessions is about a 21st topic. `shift` is added to the numbers, whose sessions
    differ as much as rows within them."""
    dice = np.random.default_rng([seed, first])
    middles = np.random.default_rng(7).standard_normal((21, 24))
    lengths = dice.integers(1, 10, sessions)
    of_session = dice.integers(20, size=sessions)
    of_session[: round(new * sessions)] = 20
    session = np.repeat(np.arange(sessions), lengths)
    topic = of_session[session]
    other = dice.random(len(session)) >= alike
    topic[other] = dice.integers(20, size=int(other.sum()))
    vectors = middles[topic] + 0.6 * dice.standard_normal((len(session), 24))
    numbers = np.exp(
        5 + shift + 0.5 * dice.standard_normal(sessions)[session] + 0.5 * dice.standard_normal(len(session))
    )
    return Rows(vectors, numbers, session + first, topic)


def rate(p_values: list[float], level: float = 0.05) -> float:
    """The share that is rejected."""
    return float(np.mean(np.array(p_values) <= level))
