from __future__ import annotations

from spanledger_store.control import Control, joins
from spanledger_store.control.joins import Waiting

ONE = Waiting("default", 495_000, "trace", "a" * 32)
OTHER = Waiting("default", 495_000, "response", "chatcmpl-1")


def test_what_is_marked_waits_until_it_is_cleared(control: Control) -> None:
    joins.mark(control, [ONE, OTHER, ONE])
    found = joins.pending(control)
    assert {each.waiting for each in found} == {ONE, OTHER}
    joins.clear(control, found)
    assert (joins.pending(control), joins.count(control)) == ([], 0)


def test_a_mark_made_meanwhile_survives_even_after_a_clear(control: Control) -> None:
    joins.mark(control, [ONE])
    slow = joins.pending(control)
    joins.clear(control, slow)
    joins.mark(control, [ONE])
    # The slow worker's second go clears a generation that is gone.
    joins.clear(control, slow)
    assert [each.waiting for each in joins.pending(control)] == [ONE]


def test_the_oldest_marks_come_first(control: Control) -> None:
    for number in range(3):
        joins.mark(control, [ONE._replace(hour=number)])
    joins.mark(control, [ONE._replace(hour=0)])
    assert [each.waiting.hour for each in joins.pending(control, 2)] == [1, 2]


def test_many_at_once_fit_their_statements(control: Control) -> None:
    joins.mark(control, [ONE._replace(subject=f"{n:032x}") for n in range(1300)])
    assert joins.count(control) == 1300
