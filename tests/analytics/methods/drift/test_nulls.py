"""Arrangements: which blocks are current is exchanged within strata, every way as often as any other."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from scipy.stats import chisquare

from spanledger_analytics.methods.drift import nulls
from spanledger_analytics.methods.drift.windows import pool

DRAWN = 30_000


@pytest.mark.parametrize("current", [1, 2, 3, 4])
def test_every_arrangement_of_a_stratum_is_as_likely(current: int) -> None:
    blocks = np.arange(18)
    # A stratum of five blocks, of which so many are current, beside one with one of five, and one with four of eight.
    strata = np.repeat([0, 1, 2], [5, 5, 8])
    is_current = np.concatenate([np.arange(5) < current, np.arange(5) < 1, np.arange(8) < 4])
    windows = pool(blocks[~is_current], blocks[is_current], strata[~is_current], strata[is_current], seed=1)
    made = nulls.arrangements(windows, DRAWN, np.random.default_rng(7))[:, windows.units]
    assert made.shape == (DRAWN + 1, 18)
    assert (made[0] == windows.current).all()
    for stratum, count, ways in ((0, current, comb(5, current)), (1, 1, 5), (2, 4, 70)):
        mine = made[1:, windows.strata == stratum]
        assert (mine.sum(axis=1) == count).all()
        found, times = np.unique(mine, axis=0, return_counts=True)
        assert len(found) == ways
        assert chisquare(times).pvalue > 0.001
    # What is drawn in one stratum says nothing of the other.
    first, second = (made[1:, windows.strata == each][:, 0] for each in (0, 1))
    assert abs(np.corrcoef(first, second)[0, 1]) < 4 / DRAWN**0.5
