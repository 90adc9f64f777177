"""Many slices looked at together: which of them changed, with few false ones among those that are named."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spanledger_analytics.methods.drift.windows import DriftInput


def changed(e_values: ArrayLike, rate: float = 0.05) -> NDArray[np.bool_]:
    """Which slices are named so that a share of `rate` of them is false at most, on average, whatever their dependence.

    The e-BH procedure (Wang and Ramdas, JRSS B 84, 2022): the k largest of n, for the greatest k whose k-th largest
    e-value is at least n / (rate * k). Slices overlap (a customer's, its features', the whole), which costs nothing
    here. An e-value of a permutation test is at most the number of its arrangements: for one slice in n to be
    named by itself these must be n / rate. For p values: `methods.tails.discoveries`.

    >>> changed([1000.0, 0.3, 50.0, 1.0]).tolist()
    [True, False, True, False]
    """
    values = np.asarray(e_values, dtype=np.float64)
    if values.ndim != 1 or not (values >= 0).all():
        raise DriftInput(f"e-values of shape {values.shape}: one number of at least 0 a slice is needed")
    if not 0 < rate < 1:
        raise DriftInput(f"rate {rate!r} of false discoveries: a share between 0 and 1 is needed")
    count = len(values)
    named = np.zeros(count, bool)
    order = np.argsort(-values, kind="stable")
    passed = np.flatnonzero(values[order] * np.arange(1, count + 1) >= count / rate)
    if len(passed):
        named[order[: passed[-1] + 1]] = True
    return named
