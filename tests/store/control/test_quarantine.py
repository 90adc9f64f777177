"""What could not be taken is kept whole, once, and countable."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from spanledger_store.control import Control, quarantine
from spanledger_store.control.quarantine import ReasonCount

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def put(control: Control, payload: bytes, reason: str = "undecodable", minutes: int = 0, spans: int = 2) -> str:
    return quarantine.add(
        control,
        project_id="default",
        reason=reason,
        detail="byte 7: \0 is no tag",
        span_count=spans,
        payload=payload,
        received_at=NOON + timedelta(minutes=minutes),
    )


def test_an_entry_is_kept_whole(control: Control) -> None:
    poison = bytes(range(256)) * 40
    entry_id = put(control, poison)
    entry = quarantine.get(control, entry_id)
    assert entry is not None
    assert (entry.project_id, entry.reason, entry.span_count, entry.size) == (
        "default",
        "undecodable",
        2,
        10240,
    )
    assert entry.detail == "byte 7: � is no tag"
    assert entry.received_at == NOON
    assert quarantine.payload(control, entry_id) == poison


def test_the_same_bytes_are_kept_once(control: Control) -> None:
    assert put(control, b"x") == put(control, b"x", minutes=5)
    assert quarantine.count(control) == 1


def test_the_newest_come_first_and_reasons_are_counted(control: Control) -> None:
    ids = [put(control, str(n).encode(), minutes=n, reason="a" if n else "b") for n in range(4)]
    assert [each.id for each in quarantine.listing(control, limit=3)] == ids[:0:-1]
    assert quarantine.reasons(control) == [ReasonCount("a", 3, 6), ReasonCount("b", 1, 2)]


def test_removing(control: Control) -> None:
    entry_id = put(control, b"x")
    assert quarantine.remove(control, entry_id)
    assert not quarantine.remove(control, entry_id)
    assert quarantine.get(control, entry_id) is None
    assert quarantine.payload(control, entry_id) is None
    assert quarantine.count(control) == 0
    assert quarantine.reasons(control) == []
