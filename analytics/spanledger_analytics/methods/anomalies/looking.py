"""Of each slice and hour, the stretch of hours up to it that surprises most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.anomalies import scan
from spanledger_analytics.methods.anomalies.cells import Floats
from spanledger_analytics.methods.anomalies.scan import DAY, Sums

APART: Final = np.array([5, 11, 17, 23])
"""The last hours of the day's quarters."""
_SIX: Final = int(np.argmax(scan.WINDOWS == 6))


@dataclass(frozen=True, slots=True)
class Looked:
    """The score of the most surprising stretch, and sums over it. Slices x 24.

    `apart` are the unscaled scores of the day's quarters, which do not overlap.
    """

    score: Floats
    actual: Floats
    expected: Floats
    active: NDArray[np.bool_]
    apart: Floats


def most(sums: Sums, scale: Floats) -> Looked:
    """The most surprising stretches; scores are divided by each slice's `scale`. Sums are slices x 24 x stretches."""
    score = sums.score / scale[:, None, None]
    place = np.abs(score).argmax(axis=2)[..., None]
    picked = [np.take_along_axis(each, place, 2)[..., 0] for each in (score, sums.actual, sums.expected)]
    apart = score[:, APART, _SIX] * scale[:, None]
    return Looked(*picked, active=(sums.expected[..., -1] > 0), apart=apart)


def nothing(slices: int) -> Looked:
    """Where nothing is usual yet, nothing surprises."""
    empty = np.zeros((slices, DAY))
    return Looked(empty, empty, empty, np.zeros((slices, DAY), bool), np.zeros((slices, len(APART))))
