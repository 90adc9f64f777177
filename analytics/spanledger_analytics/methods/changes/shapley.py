"""Shapley values of factors whose product has changed: exact, and defined where factors are zero."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# What is worked on at a time: intermediate arrays stay at some tens of megabytes.
_CHUNK = 65_536


def of_products(before: Floats, after: Floats) -> Floats:
    """What each factor contributed to the change of each product; the contributions of a product sum to its change.

    Both arrays are (factors, products). The value of a factor is its mean marginal contribution over all orders in
    which factors can change (Shapley 1953). For a product that is the integral of its partial derivative along the
    straight line from `before` to `after` (Owen 1972, the diagonal formula): a polynomial of degree factors - 1, which
    Gauss-Legendre quadrature with half as many nodes integrates exactly. So the cost is that of a few products, not of
    2^factors, and the only error is that of floating point: some 1e-15 of the larger of both products.

    Exchanging `before` and `after` changes signs and no bit else. Nothing is divided: zeros need no care.

    >>> of_products(np.array([[2.0], [3.0]]), np.array([[4.0], [5.0]])).ravel().tolist()
    [8.0, 6.0]
    """
    factors, products = before.shape
    found = np.empty((factors, products))
    for first in range(0, products, _CHUNK):
        part = slice(first, first + _CHUNK)
        found[:, part] = _of_chunk(before[:, part], after[:, part])
    return found


def _of_chunk(before: Floats, after: Floats) -> Floats:
    nodes, weights = np.polynomial.legendre.leggauss(-(-len(before) // 2))
    slopes = np.zeros_like(before)
    for node, weight in zip(nodes.tolist(), weights.tolist(), strict=True):
        if node < 0:
            continue
        # Nodes come in pairs that mirror each other, and are added as pairs: so neither period is the first.
        high, low = (1 + node) / 2, (1 - node) / 2
        pair = _others(before * high + after * low) + _others(before * low + after * high)
        slopes += pair * (weight / 2 if node else weight / 4)
    return (after - before) * slopes


def _others(values: Floats) -> Floats:
    """For each factor the product of all the others, without dividing."""
    result = np.ones_like(values)
    for row in range(1, len(values)):
        result[row] = result[row - 1] * values[row - 1]
    behind = np.ones_like(values[0])
    for row in range(len(values) - 1, -1, -1):
        result[row] *= behind
        behind = behind * values[row]
    return result
