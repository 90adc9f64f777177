"""Safe copies of arguments and results, cheap enough for the caller's path.

What is recorded is what the function was given: strings and numbers are immutable and are kept by reference;
lists, dicts, tuples and sets of them are copied container by container (the strings inside are not), up to
`MAX_NODES` values. Larger structures and objects of other types (a provider's response, a data frame) are
kept by reference and read when they are sent, about a second later: a program that changes such an object
in the meantime sees the later state recorded.
"""

from __future__ import annotations

from typing import Any, Final, cast

MAX_NODES: Final = 2000
_OBJECT_BYTES: Final = 1000  # what an object kept by reference is taken to weigh in the queue

ATOMS: Final = frozenset({str, int, float, bool, type(None), bytes, complex})


class Room:
    """How many values may still be copied, and about how many bytes the copies hold."""

    __slots__ = ("bytes", "nodes")

    def __init__(self) -> None:
        self.nodes = MAX_NODES
        self.bytes = 0


def snapshot(value: Any, room: Room) -> Any:
    """Return `value`, copied as far as it is made of plain containers; tallies its weight in `room`."""
    kind = type(value)
    if kind is str or kind is bytes:
        room.bytes += len(value)
        return value
    if kind in ATOMS:
        return value
    if kind is dict:
        members = cast("dict[Any, Any]", value)
        room.nodes -= len(members)
        room.bytes += 64 * len(members)
        if room.nodes < 0:
            return members
        try:
            return {key: snapshot(member, room) for key, member in members.items()}
        except RuntimeError:  # another thread is changing it just now
            return members
    if kind is list or kind is tuple or kind is set or kind is frozenset:
        items = cast("list[Any]", value)
        room.nodes -= len(items)
        room.bytes += 16 * len(items)
        if room.nodes < 0:
            return items
        try:
            copied = [snapshot(item, room) for item in items]
        except RuntimeError:
            return items
        return tuple(copied) if kind is tuple else copied
    if kind is bytearray:
        room.bytes += len(value)
        return bytes(value)
    room.bytes += _OBJECT_BYTES
    return value
