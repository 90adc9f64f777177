"""The work list never loses a mark, whatever overlaps."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from spanledger_store.control import Control, DirtyHour, dirty
from spanledger_store.settings import StoreSettings

T0 = datetime(2026, 3, 1, tzinfo=UTC)


def hour(n: int) -> datetime:
    return T0 + timedelta(hours=n)


def named(found: list[DirtyHour]) -> list[tuple[str, datetime]]:
    return [(each.project_id, each.hour) for each in found]


def test_a_mark_is_found_at_its_full_utc_hour(control: Control) -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    moment = datetime(2026, 3, 1, 5, 44, 59, 999999, tzinfo=india)
    dirty.mark(control, [("default", moment), ("default", moment)])
    assert named(dirty.pending(control)) == [("default", T0)]
    assert dirty.pending(control)[0].hour.tzinfo is UTC
    dirty.mark(control, [])
    dirty.clear(control, [])
    assert dirty.count(control) == 1


def test_cleared_hours_are_gone(control: Control) -> None:
    dirty.mark(control, [("a", hour(n)) for n in range(1201)] + [("b", hour(0))])
    found = dirty.pending(control)
    assert len(found) == 1202
    dirty.clear(control, found[:-1])
    assert dirty.pending(control) == found[-1:]


def test_a_mark_made_meanwhile_survives(control: Control) -> None:
    dirty.mark(control, [("a", hour(0)), ("a", hour(1))])
    read = dirty.pending(control)
    dirty.mark(control, [("a", hour(1))])
    dirty.clear(control, read)
    assert named(dirty.pending(control)) == [("a", hour(1))]


def test_a_generation_never_comes_back(control: Control) -> None:
    dirty.mark(control, [("a", hour(0))])
    slow = dirty.pending(control)
    dirty.clear(control, slow)
    dirty.mark(control, [("a", hour(0))])
    dirty.clear(control, slow)
    assert named(dirty.pending(control)) == [("a", hour(0))]


def test_the_longest_waiting_comes_first_and_a_restless_hour_waits_its_turn(control: Control) -> None:
    for n in (3, 1, 2):
        dirty.mark(control, [("a", hour(n))])
    dirty.mark(control, [("a", hour(3))])
    assert named(dirty.pending(control)) == [("a", hour(3)), ("a", hour(1)), ("a", hour(2))]
    served: list[datetime] = []
    for _ in range(3):
        first = dirty.pending(control, limit=1)
        served.append(first[0].hour)
        dirty.mark(control, [("a", hour(3))])
        dirty.clear(control, first)
    assert served == [hour(3), hour(1), hour(2)]


def test_threads_that_mark_and_clear_lose_nothing(
    control: Control, threads: Callable[[int, Callable[[int], object]], list[object]]
) -> None:
    """Writers bump a value, then mark; workers note it, then clear: in the end nothing unnoted is unmarked."""
    written = [0] * 6
    noted = [0] * 6

    def work(i: int) -> None:
        rng = random.Random(i)
        for _ in range(15):
            if i % 2:
                chosen = rng.sample(range(6), 3)
                for n in chosen:
                    written[n] += 1
                dirty.mark(control, [("a", hour(n)) for n in chosen])
            else:
                read = dirty.pending(control, limit=rng.randint(1, 6))
                for each in read:
                    n = int((each.hour - T0).total_seconds() // 3600)
                    noted[n] = max(noted[n], written[n])
                dirty.clear(control, read)

    threads(4, work)
    left = {int((each.hour - T0).total_seconds() // 3600) for each in dirty.pending(control)}
    assert {n for n in range(6) if noted[n] < written[n]} <= left


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("mark"), st.sets(st.integers(0, 3), min_size=1)),
        st.tuples(st.just("read"), st.integers(1, 4)),
        st.tuples(st.just("clear"), st.integers(0, 3)),
    ),
    max_size=25,
)


@hypothesis(max_examples=40, deadline=None)
@given(STEPS)
def test_any_interleaving_keeps_the_list_exact(tmp_path_factory, steps) -> None:  # pyright: ignore
    """Against a model: an hour is on the list exactly if it was marked after the read that last cleared it."""
    with Control.open(StoreSettings(data=tmp_path_factory.mktemp("dirty"))) as control:
        marked: dict[int, int] = {}
        reads: list[tuple[int, list[DirtyHour]]] = []
        for clock, (action, value) in enumerate(steps):
            if action == "mark":
                dirty.mark(control, [("a", hour(n)) for n in value])
                marked.update(dict.fromkeys(value, clock))
            elif action == "read":
                reads.append((clock, dirty.pending(control, limit=value)))
            elif reads:
                at, read = reads[value % len(reads)]
                dirty.clear(control, read)
                for each in read:
                    n = int((each.hour - T0).total_seconds() // 3600)
                    if marked.get(n, clock) < at:
                        del marked[n]
            assert sorted(each.hour for each in dirty.pending(control)) == [hour(n) for n in sorted(marked)]
