"""What a change of the price book would do to stored calls, before it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from spanledger.pricebook import Book
from spanledger_store.engine import Engine
from spanledger_store.pricing.repricing import Change, change_as_json, change_of, judged
from spanledger_store.stored_calls import Period, blocks

_EXAMPLES: Final = 3


@dataclass(slots=True)
class Preview:
    """(customer, provider, model) -> the calls whose price the change would change: cost as stored, and as it would be.

    `examples` are a few of their traces per slice.
    """

    slices: dict[tuple[str, str, str], Change] = field(default_factory=dict[tuple[str, str, str], Change])
    examples: dict[tuple[str, str, str], list[str]] = field(default_factory=dict[tuple[str, str, str], list[str]])

    def as_json(self) -> dict[str, Any]:
        """The slices by name and their sum, every amount as a string of all its digits."""
        total = Change()
        for each in self.slices.values():
            total = total.plus(each)
        rows = [
            {"customer": customer, "provider": provider, "model": model, **change_as_json(change),
             "examples": self.examples[customer, provider, model]}
            for (customer, provider, model), change in sorted(self.slices.items())
        ]  # fmt: skip
        return {"slices": rows, "total": change_as_json(total)}


def preview(engine: Engine, period: Period, current: Book, candidate: Book) -> Preview:
    """What repricing the period by `candidate` would change that repricing it by `current` would not.

    Nothing is written. Calls whose spans have expired keep what they have and are none of these; days of GPUs appear at
    their estimates.
    """
    found = Preview()
    for block in blocks(engine, period):
        for row in block:
            after = judged(row, period.project, candidate)
            if after.stands or after == judged(row, period.project, current):
                continue
            _count(found, row, change_of(row, after))
    return found


def _count(found: Preview, row: Mapping[str, Any], change: Change) -> None:
    key = (row["customer"], row["provider"], row["model"])
    found.slices[key] = found.slices.get(key, Change()).plus(change)
    examples = found.examples.setdefault(key, [])
    if len(examples) < _EXAMPLES and row["trace_id"] not in examples:
        examples.append(row["trace_id"])
