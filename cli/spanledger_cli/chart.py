"""A small chart in text: days that were, and the days ahead with what they may come to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

HEIGHT: Final = 8
WIDTH: Final = 72
BEEN, SURE, LIKELY, POSSIBLE = "█", "▓", "▒", "░"


def chart(
    been: Sequence[float], mean: Sequence[float], low: Sequence[float], high: Sequence[float], *, width: int = WIDTH
) -> list[str]:
    """Lines of a bar chart: what has been; then, of each step ahead, its lower end, its mean and its upper end.

    Steps that do not fit into the width are drawn as means of neighbours. Empty without steps.
    """
    count = len(been) + len(mean)
    if not count:
        return []
    size = -(-count // width)
    left = _means(been, size)
    right = list(zip(_means(low, size), _means(mean, size), _means(high, size), strict=True))
    top = max([*left, *(each[2] for each in right)], default=0.0) or 1.0
    lines: list[str] = []
    for row in range(HEIGHT, 0, -1):
        level = (row - 0.5) / HEIGHT * top
        bars = "".join(BEEN if value >= level else " " for value in left)
        ahead = "".join(
            SURE if below >= level else LIKELY if expected >= level else POSSIBLE if above >= level else " "
            for below, expected, above in right
        )
        label = f"{top * row / HEIGHT:,.2f}" if row in (HEIGHT, HEIGHT // 2) else ""
        lines.append(f"{label:>12} {bars}{'┊' if left and right else ''}{ahead}".rstrip())
    return lines


def _means(values: Sequence[float], size: int) -> list[float]:
    # From the right where days have been, so that the newest stand whole beside the first ones ahead.
    first = len(values) % size
    cuts = [0, *range(first or size, len(values) + 1, size)] if values else [0]
    return [sum(values[low:high]) / (high - low) for low, high in pairwise(cuts) if high > low]
