"""Series too young to have a rhythm of their own are compared with others like them."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

YOUNG: Final = 14
"""Points below which a series is judged by its peers."""
_FEWEST: Final = 5
_LEAST: Final = 0.25


def against_peers(values: Floats, floor: float) -> Floats:
    """Robust scores of each row's last value among the last values of all rows; NaN rows and values score 0.

    Medians and median absolute deviations of ln(value) (Iglewicz and Hoaglin 1993). Nothing below `floor`, in the unit
    of the values, scores above 0, nor does anything where there are not at least five peers.
    """
    if not values.size:
        return np.zeros(len(values))
    last = values[:, -1]
    known = np.isfinite(last) & (last > 0)
    if known.sum() < _FEWEST:
        return np.zeros(len(values))
    logs = np.log(last[known])
    centre = np.median(logs)
    spread = max(1.4826 * float(np.median(np.abs(logs - centre))), _LEAST)
    out = np.zeros(len(values))
    out[known] = (logs - centre) / spread
    return np.where(last < floor, np.minimum(out, 0.0), out)
