"""Questions that are nearly the same: what a cache of answers that compares vectors would have found."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def answered_before(vectors: NDArray[Any], seconds: NDArray[Any], least: float, within: float) -> NDArray[np.int64]:
    """For each row the row whose kept answer a semantic cache would have given, -1 where it would have had to ask.

    The cache keeps the answers to what it had to ask, each for `within` seconds after it was last given, and gives the
    nearest whose cosine is `least` or more. `vectors` is n x d; `seconds` are the moments of the rows, ascending. Rows
    of zeros are near nothing. n x kept products: meant for some thousand rows.
    """
    found = np.full(len(seconds), -1, np.int64)
    if not len(seconds):
        return found
    held = np.asarray(vectors, np.float32)
    length = np.linalg.norm(held, axis=1, keepdims=True)
    unit = np.divide(held, length, out=np.zeros_like(held), where=length > 0)
    kept = np.empty_like(unit)
    used = np.empty(len(unit))
    rows: list[int] = []
    for at, vector in enumerate(unit):
        count = len(rows)
        if count:
            cosines = np.where(used[:count] >= seconds[at] - within, kept[:count] @ vector, -2.0)
            best = int(cosines.argmax())
            if cosines[best] >= least:
                found[at] = rows[best]
                used[best] = seconds[at]
                continue
        kept[count], used[count] = vector, seconds[at]
        rows.append(at)
    return found
