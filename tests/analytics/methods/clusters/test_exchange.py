"""Sessions change their period within their stratum; those that have nobody to change with are one stratum."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from spanledger_analytics.methods.clusters.exchange import permuted, shares, strata_of


def labelled(counts: dict[str, tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Labels and periods of sessions: so many before and so many now of each label."""
    labels = [name for name, both in counts.items() for _ in range(sum(both))]
    current = [at >= then for then, now in counts.values() for at in range(then + now)]
    return np.array(labels), np.array(current)


def rest(counts: dict[str, tuple[int, int]]) -> set[str]:
    labels, current = labelled(counts)
    return set(labels[strata_of(labels, current) == 0].tolist())


def test_what_is_small_or_new_is_the_rest() -> None:
    large = {"a": (450, 150), "b": (17, 4), "c": (30, 1), "gone": (30, 0)}
    small = {"d": (14, 4), "e": (9, 2), "f": (10, 1), "began": (4, 16)}
    assert rest(large | small) == set(small)
    assert rest({"a": (150, 50), "b": (30, 10)}) == set()


def test_a_new_customer_is_not_compared_with_itself_alone() -> None:
    # The smallest of the others come to it, until it is not for the most part current.
    assert rest({"a": (300, 100), "b": (200, 60), "c": (60, 20), "new": (0, 20)}) == {"c", "new"}
    assert rest({"a": (30, 10), "new": (0, 50)}) == {"a", "new"}


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=8), st.integers(0, 99))
def test_each_stratum_keeps_how_many_are_current(counts: list[tuple[int, int]], seed: int) -> None:
    labels, current = labelled({str(at): each for at, each in enumerate(counts)})
    if current.all() or not current.any():
        return
    strata = strata_of(labels, current)
    for label in set(labels.tolist()):
        assert len(set(strata[labels == label].tolist())) == 1
    (made,) = permuted(strata, current, 1, np.random.default_rng(seed)).T
    expected = shares(strata, current)
    for each in set(strata.tolist()):
        mine = strata == each
        assert made[mine].sum() == current[mine].sum()
        assert np.allclose(expected[mine], current[mine].mean())
    few = strata == 0
    assert not few.any() or current[few].sum() * (~current).sum() <= 2 * current.sum() * (~current[few]).sum()


def test_all_arrangements_of_a_stratum_are_as_likely() -> None:
    strata, current = np.array([2, 1, 2, 1, 2]), np.array([True, True, False, False, False])
    dice = np.random.default_rng(1)
    made = permuted(strata, current, 3000, dice)
    assert np.abs(made.mean(axis=1) - [1 / 3, 1 / 2, 1 / 3, 1 / 2, 1 / 3]).max() < 0.04
