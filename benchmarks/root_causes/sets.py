"""Root-cause cases: the published synthetic sets S and L, drawn anew after their description, and files of others.

The description is that of Kalander, RiskLoc (arXiv 2205.10004, section on synthetic data, and the arguments its
repository names): every combination of the dimensions' values is a leaf; leaf values are Weibull, some are zero; the
forecast differs by normal noise, on either side; some root causes scale their leaves down by a severity (plus the noise
level, so that they can be told from it), each leaf by a little more or less. S has 5 dimensions and causes of 1 to 5 of
them with 1 to 3 elements, L has single leaves. The numbers are ours, since the generator of random numbers is.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Cause = tuple[tuple[int, int], ...]
"""(dimension, value) pairs, by dimension."""


@dataclass(frozen=True)
class Case:
    """Leaves with what was expected and what came, and what is to be found."""

    name: str
    codes: np.ndarray
    before: np.ndarray
    after: np.ndarray
    causes: frozenset[Cause]

    @property
    def layer(self) -> int:
        """How many dimensions the deepest cause names."""
        return max(len(cause) for cause in self.causes)


@dataclass(frozen=True)
class Shape:
    """How a set is drawn; pairs are ranges."""

    sizes: tuple[int, ...]
    noise: tuple[float, float]
    severity: tuple[float, float]
    deviation: tuple[float, float]
    causes: tuple[int, int]
    elements: tuple[int, int]
    leaves_only: bool
    zeros: tuple[float, float] = (0.0, 0.25)
    alpha: tuple[float, float] = (0.5, 1.0)


SETS = {
    "S": Shape((10, 12, 10, 8, 5), (0.0, 0.25), (0.2, 1.0), (0.0, 0.1), (1, 3), (1, 3), False),
    "L": Shape((10, 24, 10, 15), (0.0, 0.1), (0.5, 1.0), (0.0, 0.0), (1, 5), (1, 1), True),
}


def drawn(name: str, count: int, seed: int) -> Iterator[Case]:
    """So many cases of a set."""
    for number in range(count):
        yield _case(f"{name}{number}", SETS[name], np.random.default_rng([seed, number]))


def _case(name: str, shape: Shape, rng: np.random.Generator) -> Case:
    noise, zeros = rng.uniform(*shape.noise), rng.uniform(*shape.zeros)
    codes = np.indices(shape.sizes).reshape(len(shape.sizes), -1).T
    real = rng.weibull(rng.uniform(*shape.alpha), len(codes)) * 100 * (rng.random(len(codes)) > zeros)
    other = np.maximum(real * (1 + rng.normal(0, noise, len(codes))), 0.0)
    swap = rng.random(len(codes)) < 0.5
    before, after = np.where(swap, real, other), np.where(swap, other, real)
    # The causes' error goes the way of the rest's, which could else be greater than theirs.
    falls = after.sum() <= before.sum()
    base, scaled = (before, after) if falls else (after, before)
    causes: set[Cause] = set()
    used: list[tuple[int, ...]] = []
    for _ in range(rng.integers(*shape.causes, endpoint=True)):
        severity, spread = rng.uniform(*shape.severity) + noise, rng.uniform(*shape.deviation)
        elements = _elements(shape, rng, causes, used, codes, base)
        for element in elements:
            inside = np.all([codes[:, dimension] == value for dimension, value in element], axis=0)
            scaled[inside] = np.maximum(base[inside] * (1 - rng.normal(severity, spread, inside.sum())), 0.0)
        causes |= elements
    return Case(name, codes, before, after, frozenset(causes))


def _elements(
    shape: Shape,
    rng: np.random.Generator,
    causes: set[Cause],
    used: list[tuple[int, ...]],
    codes: np.ndarray,
    base: np.ndarray,
) -> set[Cause]:
    """Elements of one choice of dimensions that share no value with earlier causes; tried until they fit."""
    while True:
        layer = len(shape.sizes) if shape.leaves_only else int(rng.integers(1, len(shape.sizes), endpoint=True))
        dimensions = tuple(sorted(rng.choice(len(shape.sizes), layer, replace=False).tolist()))
        if dimensions in used and layer < len(shape.sizes):
            continue
        taken = {pair for cause in causes for pair in cause}
        free = [[v for v in range(shape.sizes[d]) if (d, v) not in taken] for d in dimensions]
        count = int(rng.integers(*shape.elements, endpoint=True))
        if not all(free):
            continue
        found = {tuple((d, int(rng.choice(v))) for d, v in zip(dimensions, free, strict=True)) for _ in range(count)}
        if len(found) < count or (layer == len(shape.sizes) and any(not _value(each, shape, base) for each in found)):
            continue
        used.append(dimensions)
        return found


def _value(leaf: Cause, shape: Shape, base: np.ndarray) -> float:
    return float(base[np.ravel_multi_index([value for _, value in leaf], shape.sizes)])


def read(folder: Path) -> Iterator[Case]:
    """Cases in the files' form of the Squeeze sets: `injection_info.csv`, and per case `TIMESTAMP.csv`.

    Columns of a case are the attributes, `real` and `predict`; of the other file `timestamp` and `set`, the causes as
    `a=a1&b=b2;c=c3`. Subfolders are read too.
    """
    for info in sorted(folder.rglob("injection_info.csv")):
        with info.open(newline="") as file:
            cases = list(csv.DictReader(file))
        for each in cases:
            with (info.parent / f"{each['timestamp']}.csv").open(newline="") as file:
                rows = list(csv.DictReader(file))
            yield _of_rows(f"{info.parent.name}/{each['timestamp']}", rows, each["set"])


def _of_rows(name: str, rows: Sequence[dict[str, str]], causes: str) -> Case:
    attributes = sorted(rows[0].keys() - {"real", "predict"})
    values = [sorted({row[each] for row in rows}) for each in attributes]
    at = [{value: code for code, value in enumerate(known)} for known in values]
    codes = np.array([[at[i][row[each]] for i, each in enumerate(attributes)] for row in rows])
    found: set[Cause] = set()
    for cause in causes.split(";"):
        pairs = [pair.split("=", 1) for pair in cause.split("&")]
        found.add(tuple(sorted((attributes.index(key), at[attributes.index(key)][value]) for key, value in pairs)))
    before, after = (np.array([float(row[column]) for row in rows]) for column in ("predict", "real"))
    return Case(name, codes, before, after, frozenset(found))
