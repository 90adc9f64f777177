"""Of numbers and categories: what is told of a change, held against scipy where rows are independent."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance

from spanledger_analytics.methods.drift import categories, scalars
from spanledger_analytics.methods.drift.windows import DriftInput
from tests.analytics.methods.drift.made_up import rows

ALONE = {"reference_blocks": np.arange(3000), "current_blocks": np.arange(3000, 5000)}


def test_gap_and_distance_are_those_of_scipy_but_for_the_points() -> None:
    dice = np.random.default_rng(1)
    one, two = dice.lognormal(5, 1, 3000), dice.lognormal(5.3, 1, 2000)
    found = scalars.compare(one, two, **ALONE)
    assert found.largest_gap == pytest.approx(float(ks_2samp(one, two).statistic), abs=0.01)
    assert found.distance == pytest.approx(float(wasserstein_distance(one, two)), rel=0.15)
    assert found.p == pytest.approx(0.001)
    assert found.design_effect == pytest.approx(1.0, abs=0.05)
    assert found.means == pytest.approx((one.mean(), two.mean()))


def test_p_values_of_independent_rows_are_those_of_the_usual_tests() -> None:
    dice = np.random.default_rng(2)
    one, two = dice.normal(size=3000), dice.normal(0.05, 1, size=2000)
    found = scalars.compare(one, two, **ALONE, repetitions=1999)
    assert found.p_gap == pytest.approx(float(ks_2samp(one, two).pvalue), abs=0.06)
    before, after = dice.choice(4, 3000, p=[0.4, 0.3, 0.2, 0.1]), dice.choice(4, 2000, p=[0.38, 0.31, 0.2, 0.11])
    shares = categories.compare(before, after, **ALONE, repetitions=1999)
    usual = chi2_contingency(np.stack([np.bincount(before), np.bincount(after)])).pvalue
    assert shares.p == pytest.approx(float(usual), abs=0.06)


def test_a_quantile_and_the_bounds_of_its_change() -> None:
    one, two = rows(3, 400), rows(3, 300, first=400, shift=0.7)
    found = scalars.compare(
        one.numbers, two.numbers, reference_blocks=one.sessions, current_blocks=two.sessions, levels=(0.5, 0.95)
    )
    for each in found.quantiles:
        assert each.before == pytest.approx(np.quantile(one.numbers, each.level))
        assert each.after == pytest.approx(np.quantile(two.numbers, each.level))
        assert 0 < each.low < each.after - each.before < each.high
    # The median of a lognormal is exp of its middle.
    true = np.exp(5.7) - np.exp(5)
    assert found.quantiles[0].low < true < found.quantiles[0].high


def test_bounds_of_a_median_s_change_cover_it_though_sessions_are_alike() -> None:
    inside = 0
    for seed in range(60):
        one, two = rows(seed, 80), rows(seed, 60, first=80)
        found = scalars.compare(
            one.numbers, two.numbers, reference_blocks=one.sessions, current_blocks=two.sessions, repetitions=19
        )
        inside += found.quantiles[0].low <= 0 <= found.quantiles[0].high
    assert inside >= 51


def test_shares_of_what_appeared_went_and_stayed() -> None:
    before = np.array(["stop"] * 80 + ["length"] * 20)
    after = np.array(["stop"] * 50 + ["tool_calls"] * 50)
    found = categories.compare(
        before, after, reference_blocks=np.arange(100) // 2, current_blocks=100 + np.arange(100) // 2
    )
    shares = {each.name: each for each in found.shares}
    assert (shares["tool_calls"].before, shares["tool_calls"].after) == (0.0, 0.5)
    assert shares["length"].change == pytest.approx(-0.2)
    assert found.shares[0].name == "tool_calls"
    assert shares["tool_calls"].p < 0.01
    assert shares["stop"].low < -0.3 < shares["stop"].high
    assert 0 < found.divergence < 1
    assert found.stability_index > 0.25


def test_rare_categories_beyond_the_bound_are_counted_as_one() -> None:
    dice = np.random.default_rng(5)
    before, after = dice.integers(900, size=3000), dice.integers(900, size=2000)
    found = categories.compare(before, after, **ALONE, repetitions=99)
    assert len(found.shares) == 400
    assert sum(each.before for each in found.shares) == pytest.approx(1.0)
    assert None in {each.name for each in found.shares}


def test_what_never_changes_is_no_drift() -> None:
    still = np.full(40, 7.0)
    blocks = {"reference_blocks": np.arange(40) // 4, "current_blocks": 100 + np.arange(40) // 4}
    assert scalars.compare(still, still, **blocks).p == 1.0
    assert categories.compare(still, still, **blocks).p == 1.0


@pytest.mark.parametrize(
    ("method", "given", "words"),
    [
        (scalars.compare, [1.0, np.nan], "row 1 .* nan"),
        (scalars.compare, [], "shape"),
        (scalars.compare, ["a", "b"], "no numbers"),
        (categories.compare, ["a", None], "row 1 .* unknown"),
        (categories.compare, [1.0, np.nan], "row 1 .* unknown"),
        (categories.compare, [], "shape"),
    ],
)
def test_unknown_and_empty_input_is_refused_with_its_place(method, given, words: str) -> None:
    with pytest.raises(DriftInput, match=words):
        method([1.0] * 8, given, reference_blocks=np.arange(8), current_blocks=np.arange(len(given)))


def test_levels_beyond_the_ends_are_refused() -> None:
    with pytest.raises(DriftInput, match="between 0 and 1"):
        scalars.compare(
            np.ones(8), np.ones(8), reference_blocks=range(8), current_blocks=range(8, 16), levels=(0.5, 1.0)
        )
