"""After a rejection: what tells the windows apart, and which rows are the best examples of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import expit

from spanledger_analytics.methods.drift.embeddings import vectors_of
from spanledger_analytics.methods.drift.evidence import FEWEST_REPETITIONS, check
from spanledger_analytics.methods.drift.windows import DriftInput, Windows, pool

Array = NDArray[Any]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_FOLDS: Final = 5
_WIDTH: Final = 96
# As of a prior that a direction's weight, in its own deviations, is within 1 of 0.
_PENALTY: Final = 1.0
# Examples more alike than this say the same.
_SAME: Final = 0.9


@dataclass(frozen=True, slots=True)
class Contrast:
    """Log-odds of each row to be current, from models that have not seen its session (in the order rows were given).

    They are balanced: 0 is undecided. `accuracy` is the area under the receiver operating curve (.5: cannot be told
    apart), `low` and `high` its 95 % interval with sessions as units (Obuchowski, Biometrics 53, 1997). It explains;
    whether windows differ is for the test to say, which is the more powerful.
    """

    reference: Floats
    current: Floats
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Examples:
    """Row numbers, the best first, each of another session: of the current window those most typical of what is new and
    those least (as ever), of the reference those most typical of what has gone."""

    new: Ints
    usual: Ints
    gone: Ints


def contrast(
    reference: ArrayLike,
    current: ArrayLike,
    *,
    reference_blocks: ArrayLike,
    current_blocks: ArrayLike,
    seed: int = 0,
) -> Contrast:
    """Scores of a classifier two-sample test (Lopez-Paz and Oquab, ICLR 2017) with a linear logistic model.

    Cross-fitted in five parts of whole sessions. Embeddings are rows x dimensions, blocks session ids. Raises
    `DriftInput` for what cannot be compared.
    """
    before, after = vectors_of(reference, "reference"), vectors_of(current, "current")
    if before.shape[1] != after.shape[1]:
        raise DriftInput(
            f"embeddings of {before.shape[1]} and {after.shape[1]} dimensions cannot be compared: take one model's"
        )
    check(FEWEST_REPETITIONS, before, after, reference_blocks, current_blocks)
    windows = pool(reference_blocks, current_blocks, seed=seed, most_rows=2**62)
    vectors = np.concatenate([before, after])[windows.order].astype(np.float64)
    vectors -= vectors.mean(axis=0)
    values, directions = np.linalg.eigh(vectors.T @ vectors / len(vectors))
    kept = np.argsort(-values)[:_WIDTH]
    kept = kept[values[kept] > 1e-10]
    features = vectors @ directions[:, kept] / np.sqrt(values[kept])
    labels = windows.row_current
    folds = _folds(windows, seed)[windows.blocks]
    scores = np.zeros(len(features))
    for fold in range(_FOLDS):
        mine = folds == fold
        at = _weights(features[~mine], labels[~mine])
        scores[mine] = features[mine] @ at[1:] + at[0]
    area, error = _area(scores, windows)
    given = np.empty(len(scores))
    given[windows.order] = scores
    return Contrast(
        reference=given[: len(before)],
        current=given[len(before) :],
        accuracy=area,
        low=max(area - 1.96 * error, 0.0),
        high=min(area + 1.96 * error, 1.0),
    )


def examples(
    found: Contrast,
    reference: ArrayLike,
    current: ArrayLike,
    *,
    reference_blocks: ArrayLike,
    current_blocks: ArrayLike,
    count: int = 5,
) -> Examples:
    """The rows that show best what is new, what is as ever and what has gone; no two of a session, or nearly alike."""
    before, after = vectors_of(reference, "reference"), vectors_of(current, "current")
    ours, theirs = np.asarray(reference_blocks), np.asarray(current_blocks)
    return Examples(
        new=_best(found.current, after, theirs, count),
        usual=_best(-found.current, after, theirs, count),
        gone=_best(-found.reference, before, ours, count),
    )


def _folds(windows: Windows, seed: int) -> Ints:
    """The part of each block; each window is spread evenly over the parts."""
    made = np.empty(len(windows.current), np.int64)
    dice = np.random.default_rng([seed, 6])
    for which in (windows.current, ~windows.current):
        mine = dice.permutation(np.flatnonzero(which))
        made[mine] = np.arange(len(mine)) % _FOLDS
    return made


def _weights(features: Floats, labels: NDArray[np.bool_]) -> Floats:
    """Intercept and weights of a logistic model in which both windows count the same."""
    now = labels.sum()
    balance = np.where(labels, 0.5 / now, 0.5 / (len(labels) - now)) * len(labels)
    signs = np.where(labels, 1.0, -1.0)

    def loss(at: Floats) -> tuple[float, Floats]:
        margin = signs * (features @ at[1:] + at[0])
        slope = -balance * signs * expit(-margin)
        value = float(balance @ np.logaddexp(0.0, -margin) + 0.5 * _PENALTY * at[1:] @ at[1:])
        return value, np.concatenate([[slope.sum()], slope @ features + _PENALTY * at[1:]])

    start = np.zeros(features.shape[1] + 1)
    return minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x


def _area(scores: Floats, windows: Windows) -> tuple[float, float]:
    """The area under the curve and its standard error with whole blocks as units."""
    now = windows.row_current
    one, two = np.sort(scores[~now]), np.sort(scores[now])
    place = np.empty(len(scores))
    place[now] = (np.searchsorted(one, scores[now], "left") + np.searchsorted(one, scores[now], "right")) / 2 / len(one)
    less = (np.searchsorted(two, scores[~now], "left") + np.searchsorted(two, scores[~now], "right")) / 2 / len(two)
    place[~now] = 1.0 - less
    area = float(place[now].mean())
    variance = 0.0
    for which, rows in ((windows.current, len(two)), (~windows.current, len(one))):
        off = np.bincount(windows.blocks, place - area, len(windows.current))[which]
        variance += float((off**2).sum()) * len(off) / max(len(off) - 1, 1) / rows**2
    return area, variance**0.5


def _best(scores: Floats, vectors: Array, blocks: Array, count: int) -> Ints:
    taken: list[int] = []
    seen: set[Any] = set()
    for row in np.argsort(-scores, kind="stable").tolist():
        if len(taken) == count:
            break
        block = blocks[row].item() if hasattr(blocks[row], "item") else blocks[row]
        if block in seen or any(float(vectors[row] @ vectors[other]) > _SAME for other in taken):
            continue
        taken.append(row)
        seen.add(block)
    return np.array(taken, np.int64)
