"""What every drift test here says, whatever is compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from spanledger_analytics.methods.drift import nulls
from spanledger_analytics.methods.drift.windows import DriftInput, Windows

Array = NDArray[Any]

FEWEST_REPETITIONS = 19
FINEST: Final = 1e-5
"""The finest resolution of p values that can be asked for."""
# A p value of at most the first is made anew from so many arrangements; None is as many as the resolution takes.
_STAGES: Final = ((0.05, 4_999), (0.002, None))
Drawn = TypeVar("Drawn")


@dataclass(frozen=True, slots=True)
class Evidence:
    """How sure a test is, and of how much data. Pairs are (reference, current).

    `p` is exact for "blocks can be exchanged between the windows, within strata", over all statistics together; never
    less than 1 / (repetitions + 1). `design_effect` is by how much blocks whose rows resemble each other inflate the
    variance of a mean, `effective` rows divided by it: as many independent rows would tell as much. `moved` counts rows
    of blocks that lay in both windows and were counted where most of the block lay; `left_out` rows of strata that only
    one window has.
    """

    p: float
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
        rows=rows,
        blocks=(len(windows.current) - now, now),
        design_effect=design_effect,
        effective=(rows[0] / inflated, rows[1] / inflated),
        moved=windows.moved,
        left_out=windows.left_out,
        repetitions=len(whole) - 1,
    )


def finer(
    said: Evidence,
    found: Drawn,
    draw: Callable[[int], Drawn],
    values: Callable[[Drawn], Sequence[Array]],
    resolution: float | None,
) -> tuple[Evidence, Drawn]:
    """The evidence, where its p value is small made anew from more arrangements, until p values down to the resolution
    are told apart; and what was drawn last.

    Each stage is independent of those before. A final p value of at most a takes one of at most a at every stage that
    was made, so that it stays valid at every level. The e-value stays that of the first look: taking another only where
    it is large would not keep its mean. Raises `DriftInput` for a resolution that cannot be.
    """
    if resolution is None:
        return said, found
    if not FINEST <= resolution < 1:
        raise DriftInput(f"resolution {resolution!r} of p values: a number from {FINEST} up to 1 is needed")
    enough = int(np.ceil(2 / resolution))
    for bound, most in _STAGES:
        count = enough if most is None else min(most, enough)
        if said.p <= bound and said.repetitions < count:
            found = draw(count)
            said = replace(said, p=nulls.p_value(nulls.combined(values(found))), repetitions=count)
    return said, found


def check(repetitions: int, reference: Array, current: Array, reference_blocks: Any, current_blocks: Any) -> None:
    """Raises `DriftInput` where rows and blocks do not belong together, or too few repetitions are asked for."""
    for name, rows, blocks in (("reference", reference, reference_blocks), ("current", current, current_blocks)):
        if len(rows) != len(np.asarray(blocks)):
            raise DriftInput(f"{len(np.asarray(blocks))} blocks for {len(rows)} {name} rows: one id a row is needed")
    if repetitions < FEWEST_REPETITIONS:
        raise DriftInput(f"{repetitions} repetitions cannot show a p value of .05: take 19 at least, better 499")
