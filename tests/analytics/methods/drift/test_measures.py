"""Several quantities under the same permutations: levels, which of them changed, and what is not known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from spanledger_analytics.methods.drift import measures
from spanledger_analytics.methods.drift.monitoring import FixedMonitor
from spanledger_analytics.methods.drift.windows import DriftInput
from spanledger_analytics.methods.languages import language
from tests.analytics.methods.drift.made_up import rate

Rows = dict[str, Any]


def drawn(dice: np.random.Generator, sessions: int, first: int, shift: float = 0.0) -> tuple[Rows, Any]:
    """Sessions of which half of the variance of a number is shared, names that are the session's, and unknown ones."""
    blocks = np.repeat(np.arange(sessions), 1 + dice.poisson(4, sessions))
    count = len(blocks)
    number = np.exp(6 + shift + 0.7 * dice.standard_normal(sessions)[blocks] + 0.7 * dice.standard_normal(count))
    half = np.where(dice.random(count) < 0.3, np.nan, dice.standard_normal(count))
    names = np.array(["a", "b", "c"], dtype=object)[dice.integers(3, size=sessions)][blocks]
    names[dice.random(count) < 0.1] = None
    return {"number": number, "half": half, "names": names}, blocks + first


def seen(seed: int, shift: float, **more: Any) -> measures.Measures:
    dice = np.random.default_rng([3, seed])
    (before, ours), (after, theirs) = drawn(dice, 120, 0), drawn(dice, 50, 1000, shift)
    return measures.compare(
        before, after, reference_blocks=ours, current_blocks=theirs, seed=seed, repetitions=99, **more
    )


def test_without_a_change_one_in_twenty_is_called_one_and_with_it_the_right_quantity() -> None:
    quiet = [seen(seed, 0.0).p for seed in range(200)]
    assert 0.02 <= rate(quiet) <= 0.09
    loud = [seen(seed, 0.6) for seed in range(40)]
    assert rate([each.p for each in loud]) >= 0.8
    named = [{q.name for q in each.quantities if q.p_corrected <= 0.05} for each in loud]
    assert sum("number" in each for each in named) >= 32
    assert sum(bool(each - {"number"}) for each in named) <= 5


def test_a_shift_has_the_size_of_its_gap() -> None:
    ones = np.arange(400) // 2
    found = measures.compare(
        {"n": np.r_[np.zeros(200), np.ones(200)], "s": np.array(["x"] * 300 + ["y"] * 100)},
        {"n": np.r_[np.zeros(100), np.ones(300)], "s": np.array(["x"] * 200 + ["y"] * 200)},
        reference_blocks=ones, current_blocks=ones + 1000,
    )  # fmt: skip
    effects = {each.name: each.effect for each in found.quantities}
    assert effects == pytest.approx({"n": 0.25, "s": 0.25})
    assert found.quantities[0].known == (400, 400)


def test_finer_p_values_are_told_apart_and_the_same_seed_says_the_same() -> None:
    found = seen(1, 1.5, resolution=1e-3)
    assert found.repetitions == 2000
    assert found.p == pytest.approx(1 / 2001)
    assert found == seen(1, 1.5, resolution=1e-3)


def test_what_is_never_known_or_never_differs_takes_no_part() -> None:
    blocks = np.arange(40)
    rows = {"none": np.full(40, np.nan), "same": np.array(["a"] * 40, dtype=object), "n": blocks.astype(float)}
    found = measures.compare(rows, rows, reference_blocks=blocks, current_blocks=blocks + 100)
    assert [each.name for each in found.quantities] == ["n"]
    with pytest.raises(DriftInput, match="none of none, same is known on both sides"):
        measures.compare(
            {name: rows[name] for name in ("none", "same")}, {name: rows[name] for name in ("none", "same")},
            reference_blocks=blocks, current_blocks=blocks + 100,
        )  # fmt: skip
    with pytest.raises(DriftInput, match="give the same"):
        measures.compare({"a": blocks}, {"b": blocks}, reference_blocks=blocks, current_blocks=blocks)


def test_looks_at_a_fixed_baseline_are_each_judged_by_themselves() -> None:
    state = FixedMonitor(level=0.09, horizon=90)
    for p in (0.01, 0.01, 0.01, 0.0011):
        state = state.look(p)
    assert not state.alarmed
    assert (state.looks, state.since) == (4, 0)
    state = state.look(0.0005).look(0.001)
    assert state.alarmed
    assert state.since == 2
    assert not state.look(0.5).alarmed
    with pytest.raises(DriftInput):
        state.look(0.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("How can I cancel my order?", "en"), ("Wie kann ich meine Bestellung stornieren?", "de"),
        ("Où est mon colis, s'il vous plaît ?", "fr"), ("¿Dónde está mi pedido?", "es"), ("注文をキャンセル", "ja"),
        ("取消订单", "zh"), ("Где мой заказ", "Cyrillic"), ("kubectl", "Latin"), ("", None), ("12 + 3", None),
    ],
)  # fmt: skip
def test_languages_are_told_by_letters_and_small_words(text: str, said: str | None) -> None:
    assert language(text) == said
