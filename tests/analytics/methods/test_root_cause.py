"""Slices that changed are found at their own level, also where they offset each other; chance is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spanledger_analytics.methods.changes.root_cause import Params, median, search

SIZES = (8, 6, 5)


def leaves(seed: int, noise: float = 0.05) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every combination of three dimensions, before and after, with nothing but noise between them."""
    rng = np.random.default_rng(seed)
    codes = np.indices(SIZES).reshape(3, -1).T
    before = rng.lognormal(3, 1.5, len(codes))
    return codes, before, before * np.exp(rng.normal(0, noise, len(codes)))


def changed(seed: int, *causes: tuple[dict[int, int], float], **noise: float) -> list[dict[int, int]]:
    codes, before, after = leaves(seed, **noise)
    for cause, factor in causes:
        after[np.all([codes[:, dimension] == value for dimension, value in cause.items()], axis=0)] *= factor
    return [dict(each.values) for each in search(codes, before, after)]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("cause", [{0: 3}, {1: 2, 2: 4}, {0: 1, 1: 5, 2: 0}])
def test_a_slice_is_named_with_its_own_dimensions_and_no_others(seed: int, cause: dict[int, int]) -> None:
    assert changed(seed, (cause, 2.5)) == [cause]


@pytest.mark.parametrize("seed", range(10))
def test_changes_that_offset_each_other_are_both_found(seed: int) -> None:
    codes, before, after = leaves(seed, 0.03)
    up, down = codes[:, 0] == 2, (codes[:, 1] == 1) & (codes[:, 0] != 2)
    after[up] *= 2
    after[down] *= max(1 - after[up].sum() / 2 / after[down].sum(), 0.3)
    assert {each.values for each in search(codes, before, after)} >= {((0, 2),), ((1, 1),)}


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.3])
def test_noise_alone_is_no_cause_but_for_the_doubt_that_was_chosen(noise: float) -> None:
    assert sum(bool(changed(seed, noise=noise)) for seed in range(100)) <= 4


def test_a_change_of_everything_is_nobodys() -> None:
    codes, before, after = leaves(3)
    assert search(codes, before, after * 3) == []


def test_small_counts_vary_and_large_ones_do_not() -> None:
    """Half as many again of few calls is chance; of many it is not."""
    codes, before, _ = leaves(4)
    after = np.where(codes[:, 0] == 2, before * 1.5, before)
    assert search(codes, before, after, np.full(len(codes), 4.0)) == []
    assert [each.values for each in search(codes, before, after, np.full(len(codes), 4000.0))] == [((0, 2),)]


def test_what_begins_and_what_ends_is_found() -> None:
    codes, before, after = leaves(5)
    before[codes[:, 0] == 1] = 0
    after[codes[:, 1] == 2] = 0
    assert {each.values for each in search(codes, before, after)} == {((0, 1),), ((1, 2),)}


def test_slices_share_no_lines_and_most_is_a_limit() -> None:
    codes, before, after = leaves(6)
    for value, factor in enumerate((5.0, 0.1, 8.0)):
        after[codes[:, 0] == value] *= factor
    found = search(codes, before, after)
    lines = np.concatenate([each.lines for each in found])
    assert len(found) == 3
    assert len(set(lines.tolist())) == len(lines)
    assert len(search(codes, before, after, params=Params(most=2))) == 2


def test_the_order_of_lines_and_the_names_of_values_do_not_matter() -> None:
    rng = np.random.default_rng(7)
    codes, before, after = leaves(7)
    after[(codes[:, 0] == 4) & (codes[:, 2] == 1)] *= 4
    plain = search(codes, before, after)
    order = rng.permutation(len(codes))
    shuffled = search(codes[order], before[order], after[order])
    assert [each.values for each in shuffled] == [each.values for each in plain]
    names = [rng.permutation(size) for size in SIZES]
    renamed = search(np.stack([name[codes[:, i]] for i, name in enumerate(names)], axis=1), before, after)
    assert [{d: int(names[d][v]) for d, v in each.values} for each in plain] == [dict(each.values) for each in renamed]


@pytest.mark.parametrize("lines", [0, 1])
def test_one_line_or_none_has_no_slices(lines: int) -> None:
    nothing: Any = np.zeros((lines, 2), int), np.full(lines, 1.0), np.full(lines, 9.0)
    assert search(*nothing) == []


def test_the_median_has_half_of_the_weight() -> None:
    assert median(np.array([3.0, 1.0, 2.0]), np.ones(3)) == 2.0
    assert median(np.array([3.0, 1.0, 2.0]), np.array([5.0, 1.0, 1.0])) == 3.0
