"""What every test of drift must do, whatever it compares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from spanledger_analytics.methods.drift import categories, embeddings, mix, scalars
from spanledger_analytics.methods.drift.windows import DriftInput
from tests.analytics.methods.drift.made_up import Rows, rows


@dataclass(frozen=True)
class Method:
    """One test, and what it reads of a window."""

    name: str
    compare: Callable[..., Any]
    of: Callable[[Rows], Any]


METHODS = (
    Method("embeddings", embeddings.compare, lambda each: each.vectors),
    Method("scalars", scalars.compare, lambda each: each.numbers),
    Method("categories", categories.compare, lambda each: each.topics),
    Method("mix", mix.compare, lambda each: each.topics),
)
every = pytest.mark.parametrize("method", METHODS, ids=lambda each: each.name)


def asked(method: Method, one: Rows, two: Rows, **more: Any) -> Any:
    return method.compare(
        method.of(one),
        method.of(two),
        reference_blocks=one.sessions,
        current_blocks=two.sessions,
        repetitions=99,
        **more,
    )


def shuffled(given: Rows, seed: int) -> Rows:
    order = np.random.default_rng(seed).permutation(len(given.sessions))
    return Rows(*(getattr(given, name)[order] for name in Rows.__dataclass_fields__))


@every
def test_its_input_stays_as_it_was_and_its_output_is_the_same_again(method: Method) -> None:
    one, two = rows(1, 30), rows(1, 20, first=30)
    held = [method.of(each).copy() for each in (one, two)]
    first = asked(method, one, two, seed=5)
    assert first == asked(method, one, two, seed=5)
    assert all(np.array_equal(before, method.of(each)) for before, each in zip(held, (one, two), strict=True))


@every
def test_the_order_of_rows_does_not_matter(method: Method) -> None:
    one, two = rows(2, 30), rows(2, 20, first=30, new=0.3)
    first, again = asked(method, one, two), asked(method, shuffled(one, 3), shuffled(two, 4))
    # Sums of other orders differ in their last digits, by which ties may fall the other way.
    assert again.p == pytest.approx(first.p, abs=0.021)
    assert (again.rows, again.blocks) == (first.rows, first.blocks)
    assert again.design_effect == pytest.approx(first.design_effect, rel=1e-3)


@every
def test_names_of_sessions_play_no_part_but_their_order(method: Method) -> None:
    one, two = rows(3, 30), rows(3, 20, first=30)
    named = [
        Rows(each.vectors, each.numbers, np.array([f"session {at:05}" for at in each.sessions]), each.topics)
        for each in (one, two)
    ]
    assert asked(method, one, two) == asked(method, named[0], named[1])


@every
def test_the_same_rows_in_both_windows_are_no_drift(method: Method) -> None:
    one = rows(4, 40)
    twin = Rows(one.vectors, one.numbers, one.sessions + 1000, one.topics)
    assert asked(method, one, twin).p > 0.9


@every
def test_a_window_of_too_few_sessions_is_refused_with_their_number(method: Method) -> None:
    one, two = rows(5, 30), rows(5, 3, first=30)
    with pytest.raises(DriftInput, match=r"3 sessions of the current window .* longer windows"):
        asked(method, one, two)


@every
def test_p_values_are_within_their_bounds(method: Method) -> None:
    for seed in range(5):
        found = asked(method, rows(seed, 20), rows(seed, 12, first=20, new=0.2 * seed))
        assert 0.01 <= found.p <= 1
        assert found.repetitions == 99
