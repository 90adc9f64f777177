"""What every drift test here says, whatever is compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.drift import nulls
from spanledger_analytics.methods.drift.windows import DriftInput, Windows

Array = NDArray[Any]

FEWEST_REPETITIONS = 19


@dataclass(frozen=True, slots=True)
class Evidence:
    """How sure a test is, and of how much data. Pairs are (reference, current).

    `p` is exact for "blocks can be exchanged between the windows, within strata", over all statistics together; never
    less than 1 / (repetitions + 1). `e` is an e-value of the same null, for `many`. `design_effect` is by how much
    blocks whose rows resemble each other inflate the variance of a mean, `effective` rows divided by it: as many
    independent rows would tell as much. `moved` counts rows of blocks that lay in both windows and were counted where
    most of the block lay; `left_out` rows of strata that only one window has.
    """

    p: float
    e: float
    rows: tuple[int, int]
    blocks: tuple[int, int]
    design_effect: float
    effective: tuple[float, float]
    moved: int
    left_out: int
    repetitions: int


def evidence(windows: Windows, statistics: Sequence[Array], design_effect: float) -> Evidence:
    """The evidence of statistics (each one value an arrangement) about these windows."""
    whole = nulls.combined(statistics)
    rows, now = windows.rows(), int(windows.current.sum())
    inflated = max(design_effect, 1.0)
    return Evidence(
        p=nulls.p_value(whole),
        e=nulls.e_value(whole),
        rows=rows,
        blocks=(len(windows.current) - now, now),
        design_effect=design_effect,
        effective=(rows[0] / inflated, rows[1] / inflated),
        moved=windows.moved,
        left_out=windows.left_out,
        repetitions=len(whole) - 1,
    )


def check(repetitions: int, reference: Array, current: Array, reference_blocks: Any, current_blocks: Any) -> None:
    """Raises `DriftInput` where rows and blocks do not belong together, or too few repetitions are asked for."""
    for name, rows, blocks in (("reference", reference, reference_blocks), ("current", current, current_blocks)):
        if len(rows) != len(np.asarray(blocks)):
            raise DriftInput(f"{len(np.asarray(blocks))} blocks for {len(rows)} {name} rows: one id a row is needed")
    if repetitions < FEWEST_REPETITIONS:
        raise DriftInput(f"{repetitions} repetitions cannot show a p value of .05: take 19 at least, better 499")
