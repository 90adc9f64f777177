"""Ledger lines as arrays: cells of the finest split, and the slices that are made of them.

cells = Cells.of(lines)          # lines: at, customer, feature, provider, model and the ledger's sums
slices = Slices.of(cells, SPLITS)
slices.sums(values)              # values per cell -> sums per slice
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DIMENSIONS: Final = ("customer", "feature", "provider", "model")
SPLITS: Final[Sequence[tuple[str, ...]]] = (
    ("customer", "feature"),
    ("feature",),
    ("customer",),
    (),
    ("feature", "provider"),
    ("customer", "feature", "provider"),
    ("customer", "feature", "model"),
    ("feature", "model"),
    ("customer", "model"),
    ("model",),
    ("provider",),
)
"""Every slice that is looked at. Of slices of the same cells the first named here is kept."""
WORK: Final[Sequence[tuple[str, ...]]] = SPLITS[:4]
"""Slices of work, whatever model does it: a model that replaces another changes no volume."""
_PART: Final = 2000
OUTPUT_WEIGHT: Final = 5.0
"""Tokens of input that one of output counts as; price lists ask 4 to 8 times as much."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Lines of hour x cell, sorted by cell and time; `keys` has a row per cell.

    `calls` are those that succeeded, were priced and reached a provider; `tokens` and `cost` (US dollars) are theirs.
    Tokens are weighted: input of every class counts once, output five times. `step` counts `seconds` since 1970.
    """

    dimensions: tuple[str, ...]
    keys: pl.DataFrame
    cell: Ints
    step: Ints
    calls: Floats
    tokens: Floats
    cost: Floats
    done: Floats
    seconds: int = 3600
    first: Ints = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def of(cls, lines: pl.DataFrame, seconds: int = 3600, dimensions: Sequence[str] = DIMENSIONS) -> Cells:
        """Cells of the ledger's lines: `at` (UTC), dimensions, calls, errors, unpriced_calls, tokens, cost_usd."""
        names = list(dimensions)
        frame = _measures(lines).group_by([*names, "step"]).agg(pl.col("calls", "tokens", "cost", "done").sum())
        frame = frame.with_columns(pl.col("step") // seconds).group_by([*names, "step"]).agg(pl.all().sum())
        keys = frame.select(names).unique().sort(names) if names else pl.DataFrame({"": [0]})
        keys = keys.with_row_index("cell")
        frame = (frame.join(keys, on=names) if names else frame.with_columns(cell=0)).sort("cell", "step")
        cell = frame["cell"].to_numpy().astype(np.int64)
        step = frame["step"].to_numpy().astype(np.int64)
        first = np.full(len(keys), np.iinfo(np.int64).max)
        np.minimum.at(first, cell, step)
        columns = {name: frame[name].to_numpy().astype(np.float64) for name in ("calls", "tokens", "cost", "done")}
        return cls(tuple(names), keys.drop("cell"), cell, step, seconds=seconds, first=first, **columns)

    @property
    def count(self) -> int:
        """Number of cells."""
        return len(self.keys)

    def dense(self, values: Floats, start: int, steps: int) -> Floats:
        """Values of lines as an array of cells x steps; 0 where there is no line."""
        inside = (self.step >= start) & (self.step < start + steps)
        out = np.zeros((self.count, steps))
        np.add.at(out, (self.cell[inside], self.step[inside] - start), values[inside])
        return out

    def within(self, where: Mapping[str, str]) -> NDArray[np.bool_]:
        """Which cells lie in a slice; none where it names a dimension that is not kept apart."""
        inside = np.ones(self.count, bool)
        for name, value in where.items():
            inside &= (self.keys[name] == value).to_numpy() if name in self.dimensions else False
        return inside


def _measures(lines: pl.DataFrame) -> pl.DataFrame:
    number = {
        name: pl.col(name).cast(pl.Float64) for name in lines.columns if name.endswith(("calls", "tokens", "hits"))
    }
    done = (number["calls"] - pl.col("errors").cast(pl.Float64)).clip(0)
    hits = number.get("cache_hits", pl.lit(0.0))
    paid = (done - number["unpriced_calls"] - hits).clip(0)
    tokens = (
        number["input_tokens"] + number["cache_read_tokens"] + number["cache_write_tokens"]
        + OUTPUT_WEIGHT * (number["output_tokens"] + number.get("reasoning_tokens", pl.lit(0.0)))
    )  # fmt: skip
    return lines.with_columns(
        step=pl.col("at").dt.epoch("s"),
        done=done,
        calls=paid,
        # What unpriced calls and cache hits used has no price to be compared.
        tokens=tokens * pl.when(done > 0).then(paid / done).otherwise(0.0),
        cost=pl.col("cost_usd").cast(pl.Float64),
    )


@dataclass(frozen=True, slots=True)
class Slices:
    """Sets of cells that share values of some dimensions; `where[i]` names them, `cells[starts[i]:starts[i + 1]]` they
    are."""

    where: Sequence[Mapping[str, str]]
    cells: Ints
    starts: Ints
    places: Mapping[tuple[tuple[str, str], ...], int]

    @classmethod
    def of(cls, cells: Cells, splits: Sequence[Sequence[str]] = SPLITS) -> Slices:
        """Every slice of every split, without those that are another one's cells again."""
        where: list[dict[str, str]] = []
        members: list[Ints] = []
        seen: set[bytes] = set()
        for split in splits:
            if not set(split) <= set(cells.dimensions):
                continue
            for name, inside in _groups(cells.keys, split):
                mark = inside.tobytes()
                if mark not in seen:
                    seen.add(mark)
                    members.append(inside)
                    where.append(name)
        starts = np.concatenate(([0], np.cumsum([len(each) for each in members]))).astype(np.int64)
        every = np.concatenate(members) if members else np.empty(0, np.int64)
        return cls(where, every, starts, {_key(each): number for number, each in enumerate(where)})

    def __len__(self) -> int:
        return len(self.where)

    def number(self, where: Mapping[str, str]) -> int | None:
        """The place of a slice, None where it is not among these."""
        return self.places.get(_key(where))

    def sharing(self, number: int) -> NDArray[np.bool_]:
        """Which slices lie within one, or it within them."""
        mine = self.cells[self.starts[number] : self.starts[number + 1]]
        sizes = np.diff(self.starts)
        inside = np.zeros(int(self.cells.max(initial=-1)) + 1)
        inside[mine] = 1.0
        common = self.sums(inside)
        return (common == sizes) | (common == len(mine))

    def sums(self, values: Floats, first: int = 0, end: int | None = None) -> Floats:
        """Sums over the cells of each slice from `first` to `end`; `values` is cells x anything."""
        stop = len(self) if end is None else min(end, len(self))
        out = np.empty((max(stop - first, 0), *values.shape[1:]))
        # No slice is empty. In parts, because every cell is gathered once for each slice that it is in.
        for start in range(first, stop, _PART):
            last = min(start + _PART, stop)
            rows = self.cells[self.starts[start] : self.starts[last]]
            np.add.reduceat(
                values[rows],
                self.starts[start:last] - self.starts[start],
                axis=0,
                out=out[start - first : last - first],
            )
        return out


def _key(where: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(where.items()))


def _groups(keys: pl.DataFrame, split: Sequence[str]) -> Sequence[tuple[dict[str, str], Ints]]:
    numbered = keys.with_row_index("cell")
    if not split:
        return [({}, numbered["cell"].to_numpy().astype(np.int64))] if len(keys) else []
    grouped = numbered.group_by(list(split), maintain_order=True).agg("cell")
    return [(dict(zip(split, row[:-1], strict=True)), np.asarray(row[-1], np.int64)) for row in grouped.iter_rows()]
