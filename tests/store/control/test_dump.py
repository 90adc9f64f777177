from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from spanledger_store.control import Control, dirty, dump, keeping, keys, projects, quarantine
from spanledger_store.control.errors import ProjectUnknown
from spanledger_store.control.exclusive import Occupied, exclusively
from spanledger_store.errors import MigrationError, StoreError

HOUR = datetime(2026, 5, 1, 3, tzinfo=UTC)


def fill(control: Control) -> None:
    projects.ensure(control, "other", "Ötheř")
    keys.create(control, "other", "mine", "read")
    quarantine.add(control, project_id="other", reason="odd", detail="d", span_count=3, payload=b"\x00\xff")
    keeping.keep(control, "other", {"spans": 30})
    dirty.mark(control, [("other", HOUR)])


def test_a_dump_comes_back_whole(control: Control) -> None:
    assert dump.is_fresh(control)
    fill(control)
    assert not dump.is_fresh(control)
    lines = list(dump.lines(control))
    at = dump.revision(control)
    projects.ensure(control, "newer")
    dirty.mark(control, [("newer", HOUR)])
    dump.load(control, at, lines)
    assert list(dump.lines(control)) == lines
    assert projects.find(control, "newer") is None
    (held,) = dirty.pending(control)
    dirty.mark(control, [("other", HOUR)])
    # The counter came back too: no generation is given twice.
    assert dirty.pending(control)[0].generation > held.generation


def test_a_dump_that_cannot_be_loaded_changes_nothing(control: Control) -> None:
    fill(control)
    lines = list(dump.lines(control))
    with pytest.raises(StoreError, match="line 2 of the control dump cannot be read"):
        dump.load(control, dump.revision(control), [lines[0], '{"table": "nix", "row": {}}\n'])
    with pytest.raises(MigrationError, match="revision 9999, which this release does not know"):
        dump.load(control, "9999", lines)
    assert list(dump.lines(control)) == lines


def test_an_older_dump_is_brought_to_this_release(control: Control) -> None:
    fill(control)
    later = ('"table": "retention"', "join", '"prices"')  # what the revisions since have brought
    older = [line for line in dump.lines(control) if not any(each in line for each in later)]
    dump.load(control, "0001", older)
    assert dump.revision(control) != "0001"
    assert keeping.days(control) == {}
    assert projects.get(control, "other").name == "Ötheř"


def test_one_at_a_time(control: Control) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with exclusively(control):
            entered.set()
            leave.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait()
    try:
        with pytest.raises(Occupied, match="still at work here"), exclusively(control, patience=0):
            pytest.fail("two at a time")
    finally:
        leave.set()
        holder.join()
    with exclusively(control, patience=0):
        pass


def test_how_long_is_kept_by_project_and_class(control: Control) -> None:
    keeping.keep(control, "default", {"spans": 30, "content": 7})
    keeping.keep(control, "default", {"spans": None, "content": 8})
    assert keeping.days(control) == {"default": {"content": 8}}
    with pytest.raises(ProjectUnknown, match="nix"):
        keeping.keep(control, "nix", {"spans": 1})
    assert keeping.last_run(control) is None
    keeping.note_run(control, HOUR.date())
    keeping.note_run(control, HOUR.date())
    assert keeping.last_run(control) == HOUR.date()
