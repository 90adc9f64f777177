"""The few slices that explain why a sum has changed, among all combinations of dimensions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]

_LEFT = 2 / 3
_TAIL, _TAIL_TELLS = 20, 2000


@dataclass(frozen=True, slots=True)
class Params:
    """`layers` is how many dimensions a slice may name, `most` how many slices are wanted.

    `spread` is the relative noise that even the largest line is granted, `clumps` how many times as noisy as chance
    counts are (calls come in sessions); both are only where an estimate begins. `doubt` is how often, about, a slice
    may be named where there is only noise. `material` is the least share of all change that is worth a mention.
    """

    layers: int = 3
    most: int = 5
    spread: float = 0.05
    clumps: float = 4.0
    doubt: float = 0.01
    material: float = 0.02


@dataclass(frozen=True, slots=True)
class Slice:
    """Lines that have changed by one common ratio: `values` has (dimension, code) pairs, `lines` the lines' numbers.

    `gain` is the log-likelihood, beyond the slice's description, that the one ratio adds to "like everything else";
    `distance` is the same without the description taken off, as a number of standard deviations.
    """

    values: tuple[tuple[int, int], ...]
    lines: Codes
    gain: float
    distance: float


def search(
    codes: Codes, before: Floats, after: Floats, support: Floats | None = None, params: Params | None = None
) -> list[Slice]:
    """Disjoint slices in the order in which they were found, the best explanation first; [] where nothing stands out.

    `codes` is (lines, dimensions) with values 0, 1, ...; `before` and `after` are what each line came to, never
    negative. `support` is how many independent things (calls) a line is a sum of, over both periods: the more, the less
    chance changes it; None takes every line for equally noisy.

    The model is the generalised ripple effect (Li et al., Squeeze, ISSRE 2019): lines under one root cause change by
    one ratio, so their deviations d = 2 (after - before) / (after + before) scatter about one value; all other lines
    scatter about that of the whole. A slice's evidence is what the likelihood gains when its lines get a value of their
    own, less the description length of naming it: the logarithms of how many slices its dimensions have, of how many
    choices of no more dimensions there are, and of the doubt that is wanted. So of two slices with the same lines the
    one with fewer dimensions wins; a wider one pays for each ordinary line that it takes in, because its value is the
    median, and a narrower one leaves deviating lines to be paid for again. The best slice is taken, its lines are set
    aside, and the search goes on.
    Directions are not assumed: changes that offset each other are found like others.
    """
    chosen = params or Params()
    wanted = np.flatnonzero(before + after > 0)
    if not len(wanted):
        return []
    deviation = 2 * (after[wanted] - before[wanted]) / (after[wanted] + before[wanted])
    support = None if support is None else support[wanted]
    layers = min(chosen.layers, codes.shape[1])
    cuboids = [
        _Cuboid(each, codes[wanted], _price(codes.shape[1], len(each), chosen.doubt))
        for layer in range(1, layers + 1)
        for each in combinations(range(codes.shape[1]), layer)
    ]
    cuboids = [cuboid for cuboid in cuboids if cuboid.size > 1]
    left = np.ones(len(wanted), bool)
    found: list[Slice] = []
    while len(found) < chosen.most and left.any():
        # What has been found is no part of what is usual.
        centre, precision = _background(deviation, support, left, chosen)
        best = _best(cuboids, left, deviation, centre, precision)
        if best is None:
            break
        cuboid, group, gain = best
        lines = np.flatnonzero((cuboid.groups == group) & left)
        distance = math.sqrt(2 * (gain + cuboid.price))
        left[lines] = False
        values = codes[wanted[lines[0]], list(cuboid.dimensions)]
        found.append(Slice(tuple(zip(cuboid.dimensions, values.tolist(), strict=True)), wanted[lines], gain, distance))
    return found


def _price(dimensions: int, layer: int, doubt: float) -> float:
    """The logarithm of how many choices of at most `layer` dimensions there are, over the doubt: it grows with each."""
    return math.log(sum(math.comb(dimensions, fewer) for fewer in range(1, layer + 1)) / doubt)


class _Cuboid:
    """One choice of dimensions: which of its slices each line is in, and what naming one of them costs."""

    def __init__(self, dimensions: Sequence[int], codes: Codes, price: float) -> None:
        self.dimensions = tuple(dimensions)
        key = np.zeros(len(codes), np.int64)
        for dimension in dimensions:
            key = key * (int(codes[:, dimension].max()) + 1) + codes[:, dimension]
        values, self.groups = np.unique(key, return_inverse=True)
        self.size = len(values)
        self.price = math.log(self.size) + price


def _background(deviation: Floats, support: Floats | None, left: Mask, params: Params) -> tuple[float, Floats]:
    """(the value that lines have without a cause, 1 / variance of each line about it), robust, of the lines `left`."""
    # Two sums of n calls in all differ by chance with a variance of 4 / n, times their clumping.
    variance = params.spread**2 + (0.0 if support is None else 4 * params.clumps / np.maximum(support, 1.0))
    weights = np.broadcast_to(1.0 / variance, deviation.shape).astype(float)
    centre = median(deviation[left], weights[left])
    beyond = np.abs(deviation[left] - centre) * np.sqrt(weights[left])
    scale = (1.4826 * float(np.median(beyond))) ** 2
    lines = len(beyond)
    if lines >= _TAIL_TELLS:
        # Tails may be heavier than a normal distribution's, and among many lines that is where false findings are.
        # Slices that are yet to be found widen it only until they are set aside.
        tail = float(np.partition(beyond, lines - _TAIL)[lines - _TAIL])
        scale = max(scale, (tail / NormalDist().inv_cdf(1 - _TAIL / lines / 2)) ** 2)
    # Few lines say little about their noise: the assumption counts like ten of them.
    scale = (lines * scale + 10) / (lines + 10)
    if support is not None:
        # Counts that have stood still so far are not known to vary less than chance lets them.
        scale = max(scale, 1 / params.clumps)
    return centre, weights / scale


def median(values: Floats, weights: Floats) -> float:
    """The weighted median: half of the weight is at or below it."""
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(reached, reached[-1] / 2)]])


def _best(
    cuboids: Sequence[_Cuboid], left: Mask, deviation: Floats, centre: float, precision: Floats
) -> tuple[_Cuboid, int, float] | None:
    """The slice with the greatest gain above its price, or None where none has any."""
    weights = np.where(left, precision, 0.0)
    weighted = weights * (deviation - centre)
    best, most = None, 0.0
    for cuboid, group, bound in _candidates(cuboids, weights, weighted, precision):
        if bound <= most:
            break
        inside = np.flatnonzero((cuboid.groups == group) & left)
        own = median(deviation[inside], precision[inside])
        squares = (deviation[inside] - centre) ** 2 - (deviation[inside] - own) ** 2
        gain = float((squares * precision[inside]).sum()) / 2 - cuboid.price
        if gain > most:
            best, most = (cuboid, group), gain
    return None if best is None else (*best, most)


def _candidates(
    cuboids: Sequence[_Cuboid], weights: Floats, weighted: Floats, precision: Floats
) -> Iterator[tuple[_Cuboid, int, float]]:
    """Slices that may have a gain, by the most it can be: the mean would gain that, the median gains no more."""
    parts: list[tuple[Floats, Codes, int]] = []
    for number, cuboid in enumerate(cuboids):
        mass = np.bincount(cuboid.groups, weights, cuboid.size)
        pull = np.bincount(cuboid.groups, weighted, cuboid.size)
        bounds = pull**2 / np.where(mass > 0, mass, 1.0) / 2 - cuboid.price
        # A slice whose lines have mostly been set aside is a wrong name for the few that are left.
        some = np.flatnonzero((bounds > 0) & (mass >= _LEFT * np.bincount(cuboid.groups, precision, cuboid.size)))
        parts.append((bounds[some], some, number))
    if not parts:
        return
    bounds = np.concatenate([part[0] for part in parts])
    groups = np.concatenate([part[1] for part in parts])
    owners = np.concatenate([np.full(len(part[1]), part[2]) for part in parts])
    for at in np.lexsort((groups, owners, -bounds)).tolist():
        yield cuboids[int(owners[at])], int(groups[at]), float(bounds[at])
