"""How surprising a sum is: gamma tails, their calibration on what was, and thresholds for many at once.

A sum of costs of a random number of calls is skewed to the right the more, the fewer calls there are: a normal tail
would call every dear call an anomaly, and no calls in a quiet hour another. Above what is expected, a gamma of the
same mean and variance has the skew; the cube root makes it normal to the third digit (Wilson and Hilferty, PNAS 17,
1931). Below, where the sum may be 0, it is the deviance of an over-dispersed Poisson, for which nothing at all is as
rare as it is where calls come alone, and a little rarer than said where they come in clumps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_TOP: Final = 0.10
_FEWEST: Final = 200
_ERFC: Final = (
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
    0.17087277,
)  # fmt: skip
# A tail is never believed to be thinner than the model's own.
_STEEPEST: Final = 1.0


def surprise(actual: Floats, expected: Floats, variance: Floats) -> Floats:
    """Normal scores of sums: 0 as expected, 2 above or -2 below what one in 44 exceeds; 0 where nothing is expected.

    `variance` is that of the sum. Multiplying actual and expected by k and variance by k² changes nothing.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        square = variance / expected**2
        times = np.maximum(actual, 0.0) / expected
        above = (np.cbrt(times) - (1.0 - square / 9.0)) * 3.0 / np.sqrt(square)
        entropy = np.where(times > 0, times * np.log(np.maximum(times, 1e-300)), 0.0)
        below = -np.sqrt(np.maximum(2.0 * (1.0 - times + entropy), 0.0) / square)
        score = np.where(times >= 1.0, above, below)
    return np.where((expected > 0) & (variance > 0) & np.isfinite(score), score, 0.0)


def improbability(score: Floats) -> Floats:
    """-ln of the two-sided probability of a normal score at least as far from 0.

    By the Chebyshev fit of erfc in Press et al., Numerical Recipes (2nd ed., 6.2), whose relative error is below
    1.2e-7; in logarithms it does not underflow.
    """
    x = np.abs(score) / np.sqrt(2.0)
    t = 1.0 / (1.0 + 0.5 * x)
    return x * x - np.log(t) - np.polynomial.polynomial.polyval(t, _ERFC)


@dataclass(frozen=True, slots=True)
class Tail:
    """Probabilities of block maxima, learnt from earlier ones: the empirical share, and an exponential beyond the top
    tenth.

    Peaks over a threshold (Pickands 1975) on the scale of -ln p, where the tail of a right model is exponential with
    scale 1. The scale is the median excess / ln 2, so that real anomalies among the past do not stretch it.
    """

    past: Floats
    threshold: float = np.nan
    scale: float = _STEEPEST

    @classmethod
    def of(cls, past: Floats) -> Tail:
        """The tail of earlier maxima of -ln p, one per series and block of time; without enough, the model's own."""
        kept = np.sort(past[np.isfinite(past)])
        if len(kept) < _FEWEST:
            return cls(np.empty(0))
        threshold = float(np.quantile(kept, 1.0 - _TOP))
        excess = kept[kept > threshold] - threshold
        scale = float(np.median(excess)) / np.log(2.0) if len(excess) else _STEEPEST
        return cls(kept, threshold, max(scale, _STEEPEST))

    def p_values(self, maxima: Floats, tries: float) -> Floats:
        """The chance that a block's maximum is that large; `tries` looks a block stand in for a past that is not
        there."""
        if not len(self.past):
            return np.minimum(tries * np.exp(-maxima), 1.0)
        above = (len(self.past) - np.searchsorted(self.past, maxima, side="left") + 1.0) / (len(self.past) + 1.0)
        beyond = _TOP * np.exp(-(maxima - self.threshold) / self.scale)
        return np.where(maxima > self.threshold, np.minimum(beyond, _TOP), np.minimum(above, 1.0))


def discoveries(p_values: Floats, rate: float) -> NDArray[np.bool_]:
    """Which hypotheses are rejected so that of all rejected ones a share of `rate` is false at most, on average.

    The step-up procedure of Benjamini and Yekutieli (Annals of Statistics 29, 2001): it holds under any dependence,
    and a customer's series, its features' and the total depend on one another in every way.
    """
    count = len(p_values)
    if not count:
        return np.zeros(0, bool)
    order = np.argsort(p_values)
    ranks = np.arange(1, count + 1)
    steps = rate * ranks / (count * np.sum(1.0 / ranks))
    passed = np.nonzero(p_values[order] <= steps)[0]
    out = np.zeros(count, bool)
    if len(passed):
        out[order[: passed[-1] + 1]] = True
    return out
