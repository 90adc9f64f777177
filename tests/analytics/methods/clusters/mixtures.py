"""Directions around centres on the sphere, of which the truth is known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def mixture(
    sizes: list[int], seed: int, spread: float = 0.11, dimensions: int = 48
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """(vectors, which centre each is around): isotropic around random centres, `spread` in each dimension."""
    dice = np.random.default_rng(seed)
    centres = dice.normal(size=(len(sizes), dimensions))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    order = dice.permutation(len(labels))
    vectors = centres[labels] + dice.normal(0.0, spread, (len(labels), dimensions))
    return vectors[order].astype(np.float32), labels[order]
