"""One call that two instrumentations saw is counted once.

Decided inside one request, and by nothing outside it, so that a request that is normalised again gives the same rows.
The spans of a call nest in each other, so exporters send them together most of the time. What is undetected when
they arrive apart is told in docs/dialects.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spanledger_store.columns import SPAN_COLUMNS

Row = tuple[Any, ...]

_AT = {name: index for index, name in enumerate(SPAN_COLUMNS)}
_TRACE, _SPAN, _PARENT = _AT["trace_id"], _AT["span_id"], _AT["parent_span_id"]
_BILLABLE, _WARNINGS, _ATTRIBUTES = _AT["is_billable"], _AT["warnings"], _AT["attributes"]
_RESPONSE, _MODEL, _REQUESTED, _KIND = _AT["response_id"], _AT["model"], _AT["request_model"], _AT["kind"]
_OTHER, _DIALECT, _START, _DURATION = _AT["other_tokens"], _AT["dialect"], _AT["start_time"], _AT["duration_ns"]
_INPUTS = tuple(_AT[name] for name in ("input_tokens", "cache_read_tokens", "cache_write_tokens"))
_OUTPUTS = tuple(_AT[name] for name in ("output_tokens", "reasoning_tokens"))
_TOKENS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens", "reasoning_tokens")
_COSTS = (
    "cost_usd", "input_cost_usd", "cache_read_cost_usd", "cache_write_cost_usd", "output_cost_usd", "other_cost_usd",
)  # fmt: skip
_DEEPEST = 100  # parents are walked no further: ids from outside may form a circle


def mark_duplicates(rows: list[Row], first: int = 0) -> None:
    """Make every span in `rows[first:]` that repeats another's call non-billable, with a warning that names the other.

    Its tokens move among its attributes, out of every sum.
    """
    for index, other in find_duplicates(rows[first:]).items():
        rows[first + index] = _unbilled(rows[first + index], rows[first + other][_SPAN])


def find_duplicates(rows: Sequence[Row]) -> dict[int, int]:
    """Index of each repeating row -> index of the row that is to be kept.

    Of two that nest, the inner one is kept, because it is nearer to the wire; unless it alone knows no usage.
    """
    billable = [index for index, row in enumerate(rows) if row[_BILLABLE]]
    if len(billable) < 2:
        return {}
    found: dict[int, int] = {}
    if any(rows[index][_PARENT] for index in billable):
        _nested(rows, billable, found)
    _beside(rows, [index for index in billable if rows[index][_RESPONSE] and index not in found], found)
    return {drop: _kept(found, keep) for drop, keep in found.items()}


def _drop(found: dict[int, int], drop: int, keep: int) -> None:
    """Note a duplicate, unless the kept one is itself a duplicate of it: one of each call stays, whatever the ids."""
    if drop not in found and _kept(found, keep) != drop:
        found[drop] = keep


def _kept(found: dict[int, int], keep: int) -> int:
    while keep in found:
        keep = found[keep]
    return keep


def _nested(rows: Sequence[Row], billable: Sequence[int], found: dict[int, int]) -> None:
    places = {(row[_TRACE], row[_SPAN]): index for index, row in enumerate(rows)}
    for index in billable:
        inner = rows[index]
        parent = inner[_PARENT]
        for _ in range(_DEEPEST):
            place = places.get((inner[_TRACE], parent)) if parent else None
            if place is None or place == index:
                break
            outer = rows[place]
            if outer[_BILLABLE] and _same_call(outer, inner):
                if _is_silent(inner) and not _is_silent(outer):
                    _drop(found, index, place)
                else:
                    _drop(found, place, index)
            parent = outer[_PARENT]


def _beside(rows: Sequence[Row], billable: Sequence[int], found: dict[int, int]) -> None:
    """Two instrumentations that did not nest: one answer's id, from two dialects, at the same time."""
    last: dict[tuple[str, str], int] = {}
    for index in billable:
        row = rows[index]
        key = (row[_TRACE], row[_RESPONSE])
        other = last.get(key)
        if other is not None and rows[other][_DIALECT] != row[_DIALECT] and _overlap(rows[other], row):
            later = row[_START] >= rows[other][_START]
            keep, drop = (index, other) if later != _is_silent(row) else (other, index)
            _drop(found, drop, keep)
            last[key] = keep
        else:
            last[key] = index


def _overlap(a: Row, b: Row) -> bool:
    return a[_START] <= b[_START] + (b[_DURATION] or 0) and b[_START] <= a[_START] + (a[_DURATION] or 0)


def _same_call(outer: Row, inner: Row) -> bool:
    if outer[_KIND] != inner[_KIND]:
        return False
    if outer[_RESPONSE] and inner[_RESPONSE]:
        return outer[_RESPONSE] == inner[_RESPONSE]
    if not (outer[_MODEL] == inner[_MODEL] or outer[_REQUESTED] == inner[_REQUESTED]):
        return False
    counts = _counts(outer)
    return counts == _counts(inner) and counts != (None, None)


def _counts(row: Row) -> tuple[int | None, int | None]:
    """All input and all output: two emitters may know different parts of the same whole."""
    other = row[_OTHER]
    return (
        _sum([row[at] for at in _INPUTS], [count for unit, count in other.items() if unit.startswith("input_")]),
        _sum([row[at] for at in _OUTPUTS], [count for unit, count in other.items() if unit.startswith("output_")]),
    )


def _sum(counts: list[int | None], other: list[int]) -> int | None:
    known = [count for count in counts if count is not None] + other
    return sum(known) if known else None


def _is_silent(row: Row) -> bool:
    return _counts(row) == (None, None)


def _unbilled(row: Row, kept: str) -> Row:
    changed = list(row)
    changed[_BILLABLE] = False
    changed[_WARNINGS] = [*row[_WARNINGS], f"duplicate of {kept}"]
    attributes = dict(row[_ATTRIBUTES])
    for name in _TOKENS:
        if (count := row[_AT[name]]) is not None:
            attributes[f"duplicate.{name}"] = str(count)
        changed[_AT[name]] = None
    for unit, count in row[_OTHER].items():
        attributes[f"duplicate.{unit}"] = str(count)
    changed[_OTHER] = {}
    for name in _COSTS:
        changed[_AT[name]] = None
    changed[_AT["price_source"]] = ""
    changed[_ATTRIBUTES] = attributes
    return tuple(changed)
