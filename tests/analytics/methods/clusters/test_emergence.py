"""New topics are found, whose sessions say so; without news, next to nothing is told however alike sessions are."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from spanledger_analytics.methods.clusters.emergence import Emergence, Settings, emergence
from spanledger_analytics.methods.clusters.errors import BadInput

DIMENSIONS, TOPICS, LENGTH = 24, 20, 4
QUICK = Settings(permutations=99, alpha=0.05)


def sessions(
    dice: np.random.Generator, count: int, topics: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Sessions of four messages about one topic each."""
    centres = np.random.default_rng(0).normal(size=(TOPICS, DIMENSIONS))
    chosen = np.repeat(dice.choice(topics, count), LENGTH)
    vectors = centres[chosen] + dice.normal(0.0, 0.7, (count * LENGTH, DIMENSIONS))
    return vectors.astype(np.float32), np.repeat(np.arange(count), LENGTH)


def trial(seed: int, fresh: int = 0, settings: Settings = QUICK) -> tuple[Emergence, NDArray[np.bool_]]:
    """300 sessions before and 100 now, of which `fresh` are about a topic that was not there."""
    dice = np.random.default_rng(seed)
    usual = np.arange(1, TOPICS)
    before, of_before = sessions(dice, 300, usual)
    now, _ = sessions(dice, 100 - fresh, usual)
    more, _ = sessions(dice, fresh, np.array([0]))
    is_fresh = np.arange(100 * LENGTH) >= (100 - fresh) * LENGTH
    whole = np.concatenate((now, more))
    return emergence(before, of_before, whole, np.repeat(np.arange(100), LENGTH), seed, settings), is_fresh


def test_a_new_topic_is_found_with_its_calls() -> None:
    for seed in range(5):
        made, fresh = trial(seed, fresh=6)
        (group,) = [each for each in made.groups if fresh[each.members].mean() > 0.5]
        assert fresh[group.members].mean() > 0.9
        assert fresh[group.members].sum() >= 0.87 * fresh.sum()
        assert group.new
        assert group.sessions >= 6
        assert group.p_value <= 0.05


def test_without_news_groups_are_as_rare_as_said() -> None:
    told = [len(trial(seed)[0].groups) > 0 for seed in range(40)]
    # 40 trials at 5 %: more than six would happen once in 70 runs of other seeds.
    assert sum(told) <= 6


def test_what_was_there_before_and_grew_is_told_as_grown() -> None:
    dice = np.random.default_rng(5)
    before, of_before = sessions(dice, 300, np.arange(TOPICS))
    more, _ = sessions(dice, 25, np.array([3]))
    now, _ = sessions(dice, 75, np.arange(TOPICS))
    made = emergence(before, of_before, np.concatenate((now, more)), np.repeat(np.arange(100), LENGTH), 1, QUICK)
    assert made.groups
    assert not made.groups[0].new
    assert 2.0 < made.groups[0].factor < 12.0


def thin(seed: int, fresh: int, spread: float, apart: float) -> tuple[Emergence, NDArray[np.bool_]]:
    """1,200 sessions of one call before and 300 now, of which `fresh` lie thinly among and between two known topics."""
    dice = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(size=(TOPICS, DIMENSIONS))[1:]
    beside = [
        centres[at] + far * np.random.default_rng(at + 1).normal(size=DIMENSIONS)
        for at in (0, 1)
        for far in (0.55, apart)
    ]
    news = np.stack([*beside, (centres[0] + centres[1]) / 2])

    def drawn(count: int, around: NDArray[np.float64], width: float) -> NDArray[np.float32]:
        chosen = around[dice.integers(len(around), size=count)]
        return (chosen + dice.normal(0.0, width, (count, DIMENSIONS))).astype(np.float32)

    before, now = drawn(1200, centres, 0.7), drawn(300 - fresh, centres, 0.7)
    whole = np.concatenate((now, drawn(fresh, news, spread)))
    made = emergence(before, np.arange(1200), whole, np.arange(300), seed, QUICK)
    return made, np.arange(300) >= 300 - fresh


def test_news_among_known_topics_are_new_rather_than_growth_of_these() -> None:
    for seed in range(4):
        made, fresh = thin(seed, 80, 0.8, 0.8)
        assert [each for each in made.groups if each.new and fresh[each.members].mean() > 0.5]


def mixed(seed: int, strata: bool, *, fresh: int = 0) -> tuple[Emergence, NDArray[np.bool_], NDArray[np.int64]]:
    """Eight customers with topics of their own; the first asks for 2 % of sessions before and a quarter now.

    `fresh` sessions of now are of one more customer, about a topic that nobody else asks about.
    """
    dice = np.random.default_rng(seed)
    parts, who = [], []
    for counts in ((6, [42] * 7, 0), (25, [11] * 7, fresh)):
        vectors, owners = [], []
        for customer, count in enumerate([counts[0], *counts[1], counts[2]]):
            own = np.array([1, 2]) + 2 * customer if customer < 8 else np.array([0])
            vectors.append(sessions(dice, count, own)[0])
            owners += [customer] * (count * LENGTH)
        parts.append(np.concatenate(vectors))
        who.append(np.array(owners))
    names = [np.arange(len(each)) // LENGTH for each in parts]
    made = emergence(parts[0], names[0], parts[1], names[1], seed, QUICK, strata=(who[0], who[1]) if strata else None)
    return made, who[1] == 8, who[1]


def test_a_customer_that_asks_more_is_no_news_within_its_stratum() -> None:
    for seed in range(6):
        pooled, _, owners = mixed(seed, strata=False)
        assert any(each.new and (owners[each.members] == 0).all() for each in pooled.groups)
        assert not [each for each in mixed(seed, strata=True)[0].groups if (owners[each.members] == 0).any()]


def test_what_only_a_new_customer_asks_about_is_found_though_another_asks_more() -> None:
    for seed in range(4):
        made, fresh, _ = mixed(seed, strata=True, fresh=8)
        (group,) = [each for each in made.groups if fresh[each.members].mean() > 0.5]
        assert group.new
        assert fresh[group.members].mean() > 0.9
        assert (group.sessions, group.sessions_before) == (8, 0)


def test_strata_that_say_nothing_change_little() -> None:
    made = []
    for seed in range(30):
        dice = np.random.default_rng(seed)
        before, of_before = sessions(dice, 300, np.arange(1, TOPICS))
        now, of_now = sessions(dice, 100, np.arange(1, TOPICS))
        asking = dice.integers(6, size=300)[of_before], dice.integers(6, size=100)[of_now]
        made.append(len(emergence(before, of_before, now, of_now, seed, QUICK, strata=asking).groups) > 0)
    # 30 trials at 5 %: more than five would happen once in 30 runs of other seeds.
    assert sum(made) <= 5


def test_no_call_is_in_two_groups() -> None:
    several = 0
    for seed in range(3):
        made, fresh = thin(seed, 150, 1.2, 0.9)
        members = np.concatenate([each.members for each in made.groups])
        assert len(np.unique(members)) == len(members)
        assert all(fresh[each.members].mean() > 0.5 for each in made.groups)
        several += len(made.groups) > 1
    assert several


def test_one_session_that_repeats_itself_is_no_topic() -> None:
    dice = np.random.default_rng(6)
    before, of_before = sessions(dice, 300, np.arange(1, TOPICS))
    now, of_now = sessions(dice, 100, np.arange(1, TOPICS))
    echo = np.random.default_rng(7).normal(size=DIMENSIONS) + dice.normal(0.0, 0.05, (60, DIMENSIONS))
    made = emergence(
        before, of_before, np.concatenate((now, echo)), np.concatenate((of_now, np.full(60, 500))), 1, QUICK
    )
    assert not [each for each in made.groups if (each.members >= len(now)).mean() > 0.5]


def test_the_same_seed_gives_the_same_answer() -> None:
    (one, _), (other, _) = trial(3, fresh=6), trial(3, fresh=6)
    assert [(each.p_value, each.members.tolist()) for each in one.groups] == [
        (each.p_value, each.members.tolist()) for each in other.groups
    ]


def test_names_of_sessions_play_no_part() -> None:
    dice = np.random.default_rng(1)
    before, of_before = sessions(dice, 60, np.arange(TOPICS))
    now, of_now = sessions(dice, 40, np.arange(TOPICS))
    named = np.array([f"session {each}" for each in of_now])
    assert emergence(before, of_before, now, of_now, 1, QUICK).sessions_now == 40
    assert emergence(before, np.array([str(each) for each in of_before]), now, named, 1, QUICK).sessions_before == 60


@pytest.mark.parametrize(("before", "now"), [(0, 10), (10, 0), (1, 10), (0, 0)])
def test_too_few_sessions_tell_nothing(before: int, now: int) -> None:
    dice = np.random.default_rng(1)
    made = emergence(*sessions(dice, before, np.arange(3)), *sessions(dice, now, np.arange(3)), 1, QUICK)
    assert made == Emergence((), before, now)


def test_bad_input_is_refused_with_its_value() -> None:
    some = np.ones((4, 3))
    with pytest.raises(BadInput, match="4 vectors and 3 sessions"):
        emergence(some, np.arange(3), some, np.arange(4), 1)
    with pytest.raises(BadInput, match="one model"):
        emergence(some, np.arange(4), np.ones((4, 2)), np.arange(4), 1)
    with pytest.raises(BadInput, match="4 \\+ 3 strata for 4 \\+ 4 rows"):
        emergence(some, np.arange(4), some, np.arange(4), 1, strata=(np.arange(4), np.arange(3)))
    with pytest.raises(BadInput, match="at least 100"):
        Settings(alpha=0.01, permutations=20)
