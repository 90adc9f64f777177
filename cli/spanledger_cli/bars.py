"""A waterfall of bars on the terminal: from one sum to another, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

WIDTH = 36
_EIGHTHS = " ▏▎▍▌▋▊▉█"

Step = tuple[str, Decimal]
"""A label, and what it adds."""


def waterfall(start: Step, steps: Sequence[Step], end: Step) -> Table:
    """A table of the sums at both ends as bars from zero, and of each step as a bar from where the last one ended.

    Where the steps are small beside the sums, the bars do not begin at zero but shortly before the least of them.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    reached = [start[1]]
    for _, amount in steps:
        reached.append(reached[-1] + amount)
    low, high = _reach([*reached, end[1]])
    table = Table(box=box.SIMPLE_HEAD, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(no_wrap=True)

    def row(step: Step, first: Decimal, last: Decimal, style: str, *, signed: bool) -> None:
        amount = f"{step[1]:+,.2f}" if signed else f"{step[1]:,.2f}"
        table.add_row(Text(step[0]), Text(amount), Text(bar(first, last, low, high), style=style))

    row(start, low, start[1], "blue", signed=False)
    for step, last in zip(steps, reached[1:], strict=True):
        # Blue and orange can be told apart where red and green cannot.
        row(step, last - step[1], last, "dark_orange" if step[1] > 0 else "cyan", signed=True)
    row(end, low, end[1], "blue", signed=False)
    return table


def _reach(reached: Sequence[Decimal]) -> tuple[Decimal, Decimal]:
    low, high = min(reached), max(reached)
    span = high - low
    return (min(Decimal(0), low) if low < 4 * span else low - span / 2), (high if high > 0 else Decimal(0))


def bar(first: Decimal, last: Decimal, low: Decimal, high: Decimal, width: int = WIDTH) -> str:
    """Blocks from `first` to `last` on a line of `width` characters from `low` to `high`, to an eighth at its end."""
    if high <= low:
        return ""
    near, far = (float((edge - low) / (high - low)) * width for edge in sorted((first, last)))
    blank = int(near)
    filled, eighths = divmod(round((far - blank) * 8), 8)
    return " " * blank + ("█" * filled + _EIGHTHS[eighths]).rstrip() or "▏"
