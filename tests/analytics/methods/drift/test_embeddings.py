"""Of the test of embeddings: its effects, strata, sampling and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest

from spanledger_analytics.methods.drift import embeddings, kernels, mix, novelty, nulls
from spanledger_analytics.methods.drift.windows import DriftInput, pool
from tests.analytics.methods.drift.made_up import Rows, rate, rows


def compared(one: Rows, two: Rows, **more) -> embeddings.Result:
    return embeddings.compare(
        one.vectors, two.vectors, reference_blocks=one.sessions, current_blocks=two.sessions, **more
    )


def test_a_new_topic_leads_by_novelty_and_its_size_is_told() -> None:
    found = compared(rows(1, 200), rows(1, 100, first=200, new=0.2))
    by_name = {each.name: each for each in found.statistics}
    assert found.p == pytest.approx(0.002)
    assert found.leading in ("novelty", "novel sessions")
    assert by_name["novel sessions"].effect == pytest.approx(0.2, abs=0.08)
    assert by_name["mean"].effect > 0.1


def test_without_drift_effects_are_near_nothing() -> None:
    found = compared(rows(3, 300), rows(3, 150, first=300))
    assert found.p > 0.05
    by_name = {each.name: each for each in found.statistics}
    assert by_name["mean"].effect < 0.15
    assert abs(by_name["novelty"].effect) < 0.06


def test_the_design_effect_is_one_for_independent_rows_and_the_sessions_size_for_alike_ones() -> None:
    alone = compared(rows(5, 300, alike=0.0), rows(5, 150, first=300, alike=0.0))
    assert alone.design_effect == pytest.approx(1.0, abs=0.15)
    # Lengths of 1 to 9: sum of squares per sum is 6.3; noise within a session takes some of it.
    alike = compared(rows(5, 300), rows(5, 150, first=300))
    assert 4.0 < alike.design_effect < 6.5
    assert alike.effective[0] == pytest.approx(alike.rows[0] / alike.design_effect)


def test_a_new_customer_is_mix_and_no_drift() -> None:
    one, more, new = rows(11, 80), rows(11, 40, first=80), rows(11, 20, first=120, new=1.0)
    two = Rows(*(np.concatenate([getattr(more, name), getattr(new, name)]) for name in Rows.__dataclass_fields__))
    ours = np.full(len(one.sessions), "old / chat")
    theirs = np.concatenate([np.full(len(more.sessions), "old / chat"), np.full(len(new.sessions), "new / chat")])
    assert compared(one, two).p < 0.01
    apart = compared(one, two, reference_strata=ours, current_strata=theirs)
    assert apart.p > 0.05
    assert apart.left_out == len(new.sessions)
    told = mix.compare(ours, theirs, reference_blocks=one.sessions, current_blocks=two.sessions)
    assert told.p < 0.01
    assert told.shares[0].name in ("old / chat", "new / chat")
    split = mix.split(one.vectors, two.vectors, ours, theirs)
    assert np.allclose(split.mix + split.within, split.total)
    assert split.mix_share is not None
    assert split.mix_share > 0.8


def test_drift_within_a_stratum_is_found_though_the_mix_changes_too() -> None:
    found: list[float] = []
    still: list[float] = []
    for seed in range(30):
        one = [rows(seed, 30), rows(seed, 30, first=500, new=1.0)]
        for new, into in ((0.0, still), (0.35, found)):
            two = [rows(seed, 45, first=1000, new=new), rows(seed, 15, first=2000, new=1.0)]
            said = embeddings.compare(
                np.concatenate([each.vectors for each in one]),
                np.concatenate([each.vectors for each in two]),
                reference_blocks=np.concatenate([each.sessions for each in one]),
                current_blocks=np.concatenate([each.sessions for each in two]),
                reference_strata=np.repeat(["a", "b"], [len(each.sessions) for each in one]),
                current_strata=np.repeat(["a", "b"], [len(each.sessions) for each in two]),
                seed=seed,
                repetitions=99,
            )
            into.append(said.p)
    assert rate(still) <= 0.2
    assert rate(found) >= 0.5


def test_a_session_in_both_windows_is_kept_whole() -> None:
    one, two = rows(2, 30), rows(2, 30, first=30)
    sessions = two.sessions.copy()
    mine = np.flatnonzero(sessions == sessions[-1])
    sessions[mine] = one.sessions[0]
    found = embeddings.compare(one.vectors, two.vectors, reference_blocks=one.sessions, current_blocks=sessions)
    there = int((one.sessions == one.sessions[0]).sum())
    assert found.moved == min(there, len(mine))
    assert sum(found.blocks) == 59


def test_distances_to_the_reference_are_those_of_brute_force() -> None:
    one, two = rows(8, 30), rows(8, 50, first=30, new=0.6)
    windows = pool(one.sessions, two.sessions)
    vectors = embeddings.vectors_of(np.concatenate([one.vectors, two.vectors]), "all")[windows.order]
    arranged = nulls.arrangements(windows, 50, np.random.default_rng(1))
    far = novelty.distances(arranged, novelty.Neighbours.of(vectors, windows))
    for labels, got in zip(arranged, far, strict=True):
        for row, block in enumerate(windows.blocks.tolist()):
            others = ~labels[windows.blocks] & (windows.blocks != block)
            assert got[row] == pytest.approx(1.0 - float((vectors[others] @ vectors[row]).max()), abs=1e-5)


def test_random_features_estimate_the_kernels_discrepancy() -> None:
    one, two = rows(9, 200), rows(9, 200, first=200, new=0.4)
    windows = pool(one.sessions, two.sessions, most_rows=10**9)
    vectors = embeddings.vectors_of(np.concatenate([one.vectors, two.vectors]), "all")[windows.order]
    now = windows.row_current
    width = kernels.median_distance(vectors, windows, np.random.default_rng(0))
    squares = 2.0 - 2.0 * vectors @ vectors.T
    found = {}
    for seed in range(8):
        for factor, features in kernels.block_features(vectors, windows, np.random.default_rng(seed)):
            moved = features[windows.current].sum(axis=0) * len(now) / (now.sum() * (~now).sum())
            found.setdefault(factor, []).append(float(moved @ moved) / (features.shape[1] / 2))
    for factor, estimates in found.items():
        kernel = np.exp(-squares / (2 * (factor * width) ** 2))
        exact = kernel[now][:, now].mean() + kernel[~now][:, ~now].mean() - 2 * kernel[now][:, ~now].mean()
        assert np.mean(estimates) == pytest.approx(float(exact), rel=0.3)


def test_many_rows_are_sampled_and_many_sessions_grouped_yet_a_change_is_found() -> None:
    one, two = rows(4, 2_600), rows(4, 1_300, first=2_600, new=0.05)
    found = compared(one, two, repetitions=99)
    assert 11_000 < found.sampled_rows <= 12_000
    assert found.p == pytest.approx(0.01)
    count = 20_000
    windows = pool(np.arange(count), np.arange(count, 2 * count))
    sizes = np.bincount(windows.units)
    assert len(sizes) <= 16_384
    assert sizes.max() - sizes.min() <= 2
    for unit in (0, 5, len(sizes) - 1):
        assert len(set(windows.current[windows.units == unit].tolist())) == 1


def test_huge_sessions_are_thinned_and_small_windows_kept() -> None:
    dice = np.random.default_rng(3)
    vectors = dice.normal(size=(9_000, 6))
    # Eight days of a thousand rows, and some small ones.
    blocks = np.concatenate([np.arange(8_000) // 1_000, 8 + np.arange(1_000) // 10])
    now = (blocks % 3 == 0) & (blocks < 30)
    found = embeddings.compare(
        vectors[~now], vectors[now], reference_blocks=blocks[~now], current_blocks=blocks[now], repetitions=19
    )
    assert found.rows == (int((~now).sum()), int(now.sum()))
    assert found.sampled_rows == 8 * 200 + 1_000
    windows = pool(np.arange(40) // 10, 10 + np.arange(40) // 10, most_rows=25)
    assert windows.sampled.all()


def test_what_a_stratum_s_effect_is_does_not_depend_on_its_share() -> None:
    dice = np.random.default_rng(8)
    one, two = dice.normal(size=(4_000, 3)), dice.normal(size=(1_000, 3))
    one[:, 0] += 3
    two[:, 0] += 3
    two[:, 1] += 2
    strata = [np.arange(4_000) % 10 == 0, np.arange(1_000) % 2 == 0]
    plain = embeddings.compare(one, two, reference_blocks=range(4_000), current_blocks=range(4_000, 5_000))
    apart = embeddings.compare(
        one,
        two,
        reference_blocks=range(4_000),
        current_blocks=range(4_000, 5_000),
        reference_strata=strata[0],
        current_strata=strata[1],
    )
    assert apart.statistics[0].effect == pytest.approx(plain.statistics[0].effect, rel=0.05)


def test_a_second_finer_look_tells_small_p_values_apart() -> None:
    one, two = rows(1, 60), rows(1, 40, first=60, new=0.4)
    assert compared(one, two, repetitions=99).p == pytest.approx(0.01)
    finer = compared(one, two, repetitions=99, resolution=0.001)
    assert finer.repetitions == 2000
    assert finer.p < 0.002
    still = compared(rows(3, 60), rows(3, 40, first=60), repetitions=99, resolution=0.001)
    assert still.repetitions == 99


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v, b: (v[:0], b[:0]), "the current window has no embeddings"),
        (lambda v, b: (v[0], b), "shape"),
        (lambda v, b: (np.where(np.arange(len(v))[:, None] == 2, np.nan, v), b), "row 2 .* not finite"),
        (lambda v, b: (np.where(np.arange(len(v))[:, None] == 3, 0.0, v), b), "row 3 .* all zeros"),
        (lambda v, b: (v[:, :5], b), "dimensions"),
        (lambda v, b: (v, b[:-1]), "blocks for"),
        (lambda v, b: (v, np.zeros(len(v), int)), "at least 4 are needed"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_its_name(change, words: str) -> None:
    one, two = rows(1, 20), rows(1, 20, first=20)
    vectors, blocks = change(two.vectors, two.sessions)
    with pytest.raises(DriftInput, match=words):
        embeddings.compare(one.vectors, vectors, reference_blocks=one.sessions, current_blocks=blocks)


def test_strata_of_one_window_only_and_too_few_repetitions_are_refused() -> None:
    one, two = rows(1, 20), rows(1, 20, first=20)
    with pytest.raises(DriftInput, match="one window only"):
        compared(one, two, reference_strata=one.topics)
    with pytest.raises(DriftInput, match="19 at least"):
        compared(one, two, repetitions=9)
    with pytest.raises(DriftInput, match="resolution 0"):
        compared(one, two, resolution=0)
