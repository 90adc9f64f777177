"""Clusters keep their numbers across refits, and what happened to them is told."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanledger_analytics.methods.clusters.errors import BadInput
from spanledger_analytics.methods.clusters.matching import Edits, Event, Kind, Match, carry, match


def points(*cells: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(old numbers, new positions) of so many points each."""
    old = np.concatenate([np.full(count, number) for number, _, count in cells])
    new = np.concatenate([np.full(count, at) for _, at, count in cells])
    return old, new


def shared(old: np.ndarray, new: np.ndarray, ids: tuple[int, ...]) -> float:
    """The sum over continued clusters of what they have in common with what they continue (Jaccard)."""
    pairs = [(old == number, new == at) for at, number in enumerate(ids)]
    return sum((one & other).sum() / max((one | other).sum(), 1) for one, other in pairs if one.any())


def test_clusters_that_stay_keep_their_numbers_whatever_their_order() -> None:
    made = match([3, 7, 9], 10, *points((3, 2, 50), (7, 0, 40), (9, 1, 30), (3, 0, 2)), 3)
    assert made == Match((7, 9, 3), 10, ())


def test_births_get_fresh_numbers_and_deaths_give_none_back() -> None:
    made = match([1, 2, 5], 8, *points((1, 0, 50), (2, 1, 50), (0, 2, 30), (5, -1, 9)), 3)
    assert made.ids == (1, 2, 8)
    assert made.next_id == 9
    assert made.events == (Event(Kind.BIRTH, 8, (), 30), Event(Kind.DEATH, 5, (), 9))


def test_the_larger_part_of_a_split_keeps_the_number() -> None:
    made = match([1, 2], 3, *points((1, 0, 60), (1, 1, 40), (2, 2, 50)), 3)
    assert made.ids == (1, 3, 2)
    assert made.events == (Event(Kind.SPLIT, 1, (1, 3), 100),)


def test_a_merger_keeps_the_number_of_the_larger() -> None:
    made = match([1, 2, 4], 5, *points((1, 0, 40), (2, 0, 60), (4, 1, 50)), 2)
    assert made.ids == (2, 4)
    assert made.events == (Event(Kind.MERGE, 2, (1, 2), 100),)


def test_a_cluster_of_other_points_continues_nothing() -> None:
    made = match([1, 2], 3, *points((1, 0, 10), (2, 0, 10), (0, 0, 80), (1, 1, 90), (2, 2, 90)), 3)
    assert made.ids == (3, 1, 2)
    assert made.events == (Event(Kind.BIRTH, 3, (), 100),)


def test_nothing_before_or_nothing_now() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert match([], 1, none, none, 2).ids == (1, 2)
    assert match([1, 2], 3, none, none, 0).events == (Event(Kind.DEATH, 1), Event(Kind.DEATH, 2))


@settings(max_examples=60, deadline=None)
@given(
    table=st.lists(st.lists(st.integers(0, 30), min_size=5, max_size=5), min_size=4, max_size=4),
    order=st.permutations(range(4)),
    seed=st.integers(0, 100),
)
def test_numbers_are_never_given_twice_and_order_plays_no_part(
    table: list[list[int]], order: list[int], seed: int
) -> None:
    old_ids = [2, 3, 5, 8]
    cells = [([0, *old_ids][row], column - 1, table[column][row]) for column in range(4) for row in range(5)]
    old, new = points(*cells)
    made = match(old_ids, 11, old, new, 3)
    assert len(set(made.ids)) == 3
    fresh = [each for each in made.ids if each not in old_ids]
    assert fresh == list(range(11, 11 + len(fresh)))
    assert made.next_id == 11 + len(fresh)
    shuffled = np.random.default_rng(seed).permutation(len(old))
    again = match([old_ids[each] for each in order], 11, old[shuffled], new[shuffled], 3)
    assert len(set(again.ids)) == 3
    assert shared(old, new, made.ids) == pytest.approx(shared(old, new, again.ids))


def test_words_of_people_survive_and_hold_for_what_splits_off() -> None:
    edits = Edits({1: "Refunds", 9: "Gone"}, {2: 1}, frozenset({4}))
    made = Match((1, 2, 4, 10, 11), 12, (Event(Kind.SPLIT, 4, (4, 10), 50), Event(Kind.SPLIT, 2, (2, 11), 50)))
    after = carry(edits, made)
    assert after.names == {1: "Refunds", 9: "Gone"}
    assert after.hidden == {4, 10}
    assert after.merged == {2: 1, 11: 1}
    assert [after.shown(each) for each in (1, 2, 11, 4)] == [1, 1, 1, 4]
    assert (edits.hidden, edits.merged) == ({4}, {2: 1})


def test_merging_in_a_circle_ends() -> None:
    assert Edits(merged={1: 2, 2: 1}).shown(1) in (1, 2)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([1], 2, [1, 1], [0], 1), "2 old and 1 new"),
        (([1, 1], 2, [], [], 1), "must differ"),
        (([4], 4, [], [], 1), "4 was given"),
        (([1], 2, [1], [3], 2), "give -1 to 1"),
    ],
)
def test_bad_input_is_refused_with_its_value(arguments: tuple, said: str) -> None:
    old_ids, next_id, old, new, clusters = arguments
    with pytest.raises(BadInput, match=said):
        match(old_ids, next_id, np.array(old, dtype=int), np.array(new, dtype=int), clusters)


def test_words_of_people_go_with_what_several_became() -> None:
    """A cluster that people named, and showed others under, goes into one of another number."""
    edits = Edits({252: "EV chargers", 212: "Old words"}, {212: 252, 266: 252}, frozenset({264}))
    made = Match((212, 266), 300, (Event(Kind.MERGE, 266, (252, 264, 266), 90),))
    after = carry(edits, made)
    assert after.names == {266: "EV chargers", 252: "EV chargers", 212: "Old words"}
    assert {each: after.shown(each) for each in (212, 252, 264, 266)} == dict.fromkeys((212, 252, 264, 266), 266)
    # Not all that went into it were hidden.
    assert after.hidden == {264}


def test_what_several_became_keeps_its_own_name_and_stays_hidden_only_if_all_were() -> None:
    merge = (Event(Kind.MERGE, 5, (5, 6), 90),)
    assert carry(Edits({5: "own", 6: "other"}), Match((5,), 9, merge)).names[5] == "own"
    assert carry(Edits(hidden=frozenset({5})), Match((5,), 9, merge)).hidden == frozenset()
    assert carry(Edits(hidden=frozenset({5, 6})), Match((5,), 9, merge)).hidden == {5, 6}
