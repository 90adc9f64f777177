"""Of what explains a change: scores, examples and splits of a mean."""

from __future__ import annotations

import numpy as np
import pytest

from spanledger_analytics.methods.drift import contrast, mix
from spanledger_analytics.methods.drift.monitoring import Monitor
from spanledger_analytics.methods.drift.windows import DriftInput
from tests.analytics.methods.drift.made_up import Rows, rows


def found_in(one: Rows, two: Rows) -> contrast.Contrast:
    return contrast.contrast(one.vectors, two.vectors, reference_blocks=one.sessions, current_blocks=two.sessions)


def test_examples_are_of_the_new_topic_and_each_of_another_session() -> None:
    one, two = rows(1, 150), rows(1, 100, first=150, new=0.3)
    found = found_in(one, two)
    shown = contrast.examples(
        found, one.vectors, two.vectors, reference_blocks=one.sessions, current_blocks=two.sessions, count=5
    )
    assert (two.topics[shown.new] == 20).sum() >= 4
    assert (two.topics[shown.usual] != 20).all()
    assert len(set(two.sessions[shown.new].tolist())) == len(shown.new) == 5
    assert found.low < found.accuracy < found.high
    assert found.low > 0.5
    new = found.current[two.topics == 20]
    assert new.mean() > found.current[two.topics != 20].mean() + 1


def test_what_has_gone_is_shown_of_the_reference() -> None:
    one, two = rows(2, 150, new=0.2), rows(2, 100, first=150)
    shown = contrast.examples(
        found_in(one, two), one.vectors, two.vectors, reference_blocks=one.sessions, current_blocks=two.sessions
    )
    assert (one.topics[shown.gone] == 20).sum() >= 4


def test_without_drift_sessions_cannot_be_told_apart() -> None:
    within = 0
    for seed in range(12):
        found = found_in(rows(seed, 60), rows(seed, 60, first=60))
        within += found.low <= 0.5 <= found.high
    assert within >= 9


def test_a_split_adds_up_and_knows_pure_mix_from_pure_change() -> None:
    dice = np.random.default_rng(3)
    ours, theirs = dice.choice(["a", "b", "c"], 500), dice.choice(["b", "c", "d"], 400)
    split = mix.split(dice.normal(size=500), dice.normal(size=400), ours, theirs)
    assert np.allclose(split.mix + split.within, split.total)
    same = {"a": 1.0, "b": 2.0, "c": 3.0, "d": 9.0}
    pure = mix.split([same[each] for each in ours], [same[each] for each in theirs], ours, theirs)
    assert pure.mix_share == pytest.approx(1.0)
    moved = mix.split([same[each] for each in ours], [same[each] + 5 for each in ours], ours, ours)
    assert moved.mix_share == pytest.approx(0.0)
    assert moved.total == pytest.approx([5.0])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Monitor(level=0.0), r"level 0\.0"),
        (lambda: Monitor(horizon=0), "horizon 0"),
        (lambda: Monitor().look(0.0), r"p value 0\.0"),
        (lambda: Monitor().look(float("nan")), "p value nan"),
        (lambda: mix.split([1.0], [1.0], ["a", "b"], ["a"]), "one id a row"),
    ],
)
def test_what_makes_no_sense_is_refused(call, words: str) -> None:
    with pytest.raises(DriftInput, match=words):
        call()


def test_a_monitor_begins_anew_after_an_alarm_and_knows_since_when() -> None:
    state = Monitor()
    for p in (0.9, 0.4, 0.001, 0.001):
        state = state.look(p)
    assert not state.alarmed
    assert (state.looks, state.since) == (4, 2)
    state = state.look(0.0001)
    assert state.alarmed
    assert state.since == 3
    after = state.look(0.8)
    assert (after.looks, after.since, after.alarmed) == (1, 1, False)
