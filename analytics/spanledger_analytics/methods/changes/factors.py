"""The factors whose product a ledger line's cost is, in two periods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from spanledger_analytics.methods.changes.shapley import Floats

Two = tuple[Floats, Floats]
"""A number of every line in both periods."""

# Class of tokens -> columns of its counts, column of its cost. The first three are what a prompt consists of.
_CLASSES: Final = {
    "input": (("input_tokens",), "input_cost_usd"),
    "cache_read": (("cache_read_tokens",), "cache_read_cost_usd"),
    "cache_write": (("cache_write_tokens",), "cache_write_cost_usd"),
    "output": (("output_tokens", "reasoning_tokens"), "output_cost_usd"),
    "other": (("other_tokens",), "other_cost_usd"),
}
_PROMPT: Final = ("input", "cache_read", "cache_write")
# What is reported of a class; of whatever cost has no class (an hourly machine, a discount) as `other`.
REPORTED: Final = {"input": "input", "cache_read": "cached", "cache_write": "cached", "output": "output"}
_COUNTS: Final = ("calls", "errors", "cache_hits", "unpriced_calls")
COLUMNS: Final = (*_COUNTS, *(name for names, _ in _CLASSES.values() for name in names), "cost_usd",
                  *(cost for _, cost in _CLASSES.values()))  # fmt: skip
"""What frames must have beside the mix dimensions, under the ledger's names."""


def of_lines(paired: pl.DataFrame, mix: Sequence[str]) -> dict[str, dict[str, Two]]:
    """Class of tokens -> the factors whose product that class costs in each line, by name.

    The classes add up to the lines' cost, in both periods. `paired` has a line per value of `mix` and its sums twice,
    as `decomposition.pair` makes it. A ratio that a period does not have is that of the other.
    """
    calls, failed, hits, unpriced = (_both(paired, name) for name in _COUNTS)
    answered = _less(calls, failed)
    asked = _less(answered, hits)
    paying = _less(asked, unpriced)
    # A failed call may have been charged, and the books count it among the failed all the same: where that leaves
    # nobody to have paid, all of the line's calls did.
    blurred = _either(paying, _both(paired, "cost_usd"), lambda left, cost: (left <= 0) & (cost != 0))
    answered, asked, paying = ((np.where(blurred, calls[0], x), np.where(blurred, calls[1], y))
                               for x, y in (answered, asked, paying))  # fmt: skip
    shared = {"volume": _totals(calls)}
    within = shared["volume"]
    for level, name in enumerate(mix, 1):
        sums = tuple(paired.select(pl.col(f"calls_{t}").sum().over(mix[:level])).to_series().to_numpy().astype(float)
                     for t in (0, 1))  # fmt: skip
        inside: Two = (sums[0], sums[1])
        shared[f"mix_{name}"] = _ratio(inside, within)
        within = inside
    shared |= {
        "errors": _ratio(answered, calls),
        "own_cache": _ratio(asked, answered),
        "priced": _ratio(paying, asked),
    }
    return {each: shared | of_class for each, of_class in _of_classes(paired, answered, paying).items()}


def _of_classes(paired: pl.DataFrame, answered: Two, paying: Two) -> dict[str, dict[str, Two]]:
    """Class -> the factors of its cost for an answered call: tokens, share in the prompt, price of a token."""
    one: Two = (np.ones(paired.height), np.ones(paired.height))
    paid_share = _ratio(paying, answered)
    tokens = {name: _sum([_both(paired, column) for column in columns]) for name, (columns, _) in _CLASSES.items()}
    costs = {name: _both(paired, column) for name, (_, column) in _CLASSES.items()}
    prompt = _sum([tokens[name] for name in _PROMPT])
    classes: dict[str, dict[str, Two]] = {}
    for name, count in tokens.items():
        # A price per call, a minimum: without tokens a class is one thing that each paying call bought.
        per_call = _either(count, costs[name], lambda n, cost: (n == 0) & (cost != 0))
        length = prompt if name in _PROMPT else count
        each: dict[str, Two] = {"tokens": _ratio(length, answered)}
        if name in _PROMPT:
            each["cache_rate"] = _ratio(count, prompt)
        each["price"] = _ratio(costs[name], _times(_ratio(count, answered), _times(answered, paid_share)))
        by_call = {"tokens": one, "cache_rate": one, "price": _ratio(costs[name], paying)}
        classes[name] = {
            key: (np.where(per_call, by_call[key][0], x), np.where(per_call, by_call[key][1], y))
            for key, (x, y) in each.items()
        }
    classes["rest"] = {"price": _ratio((_classless(paired, 0), _classless(paired, 1)), paying)}
    return classes


def _classless(paired: pl.DataFrame, t: int) -> Floats:
    # Exact in decimals, so that nothing is 0 and not a remainder of rounding.
    classes = pl.sum_horizontal(f"{cost}_{t}" for _, cost in _CLASSES.values())
    return paired.select((pl.col(f"cost_usd_{t}") - classes).cast(pl.Float64)).to_series().to_numpy()


def _both(paired: pl.DataFrame, name: str) -> Two:
    return (paired[f"{name}_0"].cast(pl.Float64).to_numpy(), paired[f"{name}_1"].cast(pl.Float64).to_numpy())


def _totals(counts: Two) -> Two:
    """The sum of all lines, on each of them."""
    return (np.full_like(counts[0], counts[0].sum()), np.full_like(counts[1], counts[1].sum()))


def _less(many: Two, few: Two) -> Two:
    return (np.maximum(many[0] - few[0], 0.0), np.maximum(many[1] - few[1], 0.0))


def _sum(parts: Sequence[Two]) -> Two:
    return (np.sum([part[0] for part in parts], axis=0), np.sum([part[1] for part in parts], axis=0))


def _times(left: Two, right: Two) -> Two:
    return (left[0] * right[0], left[1] * right[1])


def _ratio(parts: Two, wholes: Two) -> Two:
    """Part by whole; the other period's where a period has no whole, and 0 where neither has."""
    none = [whole == 0 for whole in wholes]
    plain = [part / np.where(absent, 1.0, whole) for part, whole, absent in zip(parts, wholes, none, strict=True)]
    both = none[0] & none[1]
    return (np.where(both, 0.0, np.where(none[0], plain[1], plain[0])),
            np.where(both, 0.0, np.where(none[1], plain[0], plain[1])))  # fmt: skip


def _either(first: Two, second: Two, holds: Callable[[Floats, Floats], NDArray[np.bool_]]) -> NDArray[np.bool_]:
    return holds(first[0], second[0]) | holds(first[1], second[1])
