"""Looking again every day without crying wolf: evidence multiplied since the change that explains it best.

Each look compares a window with *all* that came before it since the baseline began (a random part of the sessions,
drawn anew, where it is much). While sessions can be exchanged, p values of such looks are uniform and independent, as
those of conformal prediction are (Vovk, Gammerman and Shafer, 2005, ch. 8): which sessions are the last is chance,
whatever the order of those before. Each p value is turned into an e-value, of mean 1 at most. The largest product of
e-values over all possible beginnings that ends at a given look exceeds c with a probability of at most 1 / c (Ville's
inequality, read backwards), and over all looks of a horizon of at most horizon / c. That largest product is CUSUM: an
e-detector (Shin, Ramdas and Rinaldo, "E-detectors", NEJSDS 2023).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spanledger_analytics.methods.drift.windows import DriftInput

# Small exponents pay for small p values: two looks at .0005 in a row are as good as one at .0003.
_EXPONENT: Final = 0.2


@dataclass(frozen=True, slots=True)
class Watched:
    """What is kept of one stream between looks; at most a share of `level` of streams without drift is to alarm within
    `horizon` looks. Raises `DriftInput` for a level or a horizon of which no threshold can be made."""

    level: float = 0.05
    horizon: int = 90
    evidence: float = 0.0
    looks: int = 0
    since: int = 0

    def __post_init__(self) -> None:
        """Refuse what no threshold can be made of."""
        if not 0 < self.level < 1:
            raise DriftInput(f"level {self.level!r} of a monitor: a share of streams between 0 and 1 is needed")
        if self.horizon < 1:
            raise DriftInput(f"horizon {self.horizon!r} of a monitor: at least one look is needed")

    @property
    def threshold(self) -> float:
        """The evidence at which it alarms."""
        return self.horizon / self.level

    @property
    def alarmed(self) -> bool:
        """Whether the last look brought the evidence there."""
        return self.evidence >= self.threshold


@dataclass(frozen=True, slots=True)
class Monitor(Watched):
    """The state of one watched stream; keep it between looks.

    At most a share of `level` of streams without drift alarm within `horizon` looks, whatever the looks depend on but
    that sessions can be exchanged. `evidence` is the product, `looks` since the baseline began, `since` the number of
    looks that the product is of: when the change is likely to have begun.
    """

    @property
    def resolution(self) -> float:
        """The p value that alarms by itself; tests are to tell p values down to it apart."""
        return 0.5 / self.threshold

    def look(self, p: float) -> Monitor:
        """The state after one more p value. After an alarm the count begins anew, as should the baseline.

        Half of each look is put on one plain change, half on faint ones that last.
        """
        e = 0.5 * calibrated(p) + (self.threshold if p <= self.resolution else 0.0)
        if self.alarmed:
            return replace(self, evidence=e, looks=1, since=1)
        if self.evidence > 1:
            return replace(self, evidence=self.evidence * e, looks=self.looks + 1, since=self.since + 1)
        return replace(self, evidence=e, looks=self.looks + 1, since=1)


@dataclass(frozen=True, slots=True)
class FixedMonitor(Watched):
    """The state of one stream that is compared with a baseline that stays as it is.

    Such looks share the baseline's chance and are not independent, so that their evidence must not be multiplied. Each
    is judged by itself, at `level / horizon`: at most a share of `level` of streams without drift alarm within
    `horizon` looks, whatever the looks' dependence (Bonferroni). `evidence` is the reciprocal of the last p value,
    `since` the number of alarming looks in a row that it ends.
    """

    @property
    def resolution(self) -> float:
        """The p value that alarms; tests are to tell p values down to it apart."""
        return 1.0 / self.threshold

    def look(self, p: float) -> FixedMonitor:
        """The state after one more p value. Raises `DriftInput` for what is no p value."""
        calibrated(p)
        found = replace(self, evidence=1.0 / p, looks=self.looks + 1, since=0)
        return replace(found, since=self.since + 1) if found.alarmed else found


def alarms(p_values: Iterable[float], monitor: Monitor | None = None) -> list[int]:
    """The numbers (from 0) of the looks that alarm; after each the count begins anew.

    >>> alarms([0.4, 0.9, 0.0001, 0.7])
    [2]
    """
    state = monitor or Monitor()
    found: list[int] = []
    for at, p in enumerate(p_values):
        state = state.look(p)
        if state.alarmed:
            found.append(at)
    return found


def remembered(blocks: ArrayLike, most: int, dice: np.random.Generator) -> NDArray[np.bool_]:
    """Which rows of the past are read at a look: those of `most` sessions at random, all where there are no more.

    Drawn anew at each look from all since the baseline began; to take the latest would make looks depend on each other.
    """
    given = np.asarray(blocks)
    return np.isin(given, dice.permutation(np.unique(given))[:most])


def calibrated(p: float, exponent: float = _EXPONENT) -> float:
    """An e-value of a p value: k * p^(k - 1), whose mean is at most 1 for uniform p (Vovk and Wang, Annals of
    Statistics 49, 2021). For tests that have none of their own. Raises `DriftInput` for what is no p value."""
    if not 0 < p <= 1:
        raise DriftInput(f"p value {p!r}: a number above 0 and up to 1 is needed; leave out looks that were not made")
    return exponent * p ** (exponent - 1)
