"""Spans of one trace laid out as a tree over time: order, depth and position, whatever the spans claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from spanledger_dashboard import fmt

TICKS = 5
SKEW_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class Line:
    """One span in its place. Times are nanoseconds from the trace's beginning, after correction of clocks."""

    span: Mapping[str, Any]
    depth: int
    children: int
    start_ns: int
    note: str


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The lines in reading order, and how long all of it took."""

    lines: Sequence[Line]
    length_ns: int


def layout(spans: Sequence[Mapping[str, Any]]) -> Waterfall:
    """Every span once, children below their parents in order of time.

    A span whose parent is not here is a root that says so. Spans that name each other in a circle are cut open at the
    earliest. A span that begins before its parent was timed by another clock: it and all below it are moved to where
    the parent begins, and say by how much.
    """
    by_id = {span["span_id"]: span for span in spans}
    ordered = sorted(by_id.values(), key=lambda span: (span["start_ns"], span["span_id"]))
    below: dict[str, list[Mapping[str, Any]]] = {}
    roots: list[Mapping[str, Any]] = []
    for span in ordered:
        parent = span["parent_span_id"]
        if parent in by_id and parent != span["span_id"]:
            below.setdefault(parent, []).append(span)
        else:
            roots.append(span)
    origin = min((span["start_ns"] for span in roots), default=ordered[0]["start_ns"] if ordered else 0)
    lines: list[Line] = []
    seen: set[str] = set()
    for root in [*roots, *ordered]:
        if root["span_id"] in seen:
            continue
        orphan = bool(root["parent_span_id"])
        # (span, depth, shift that its parent got, start of its parent after correction, note)
        stack = [(root, 0, 0, None, "parent missing" if orphan else "")]
        while stack:
            span, depth, shift, floor, note = stack.pop()
            if span["span_id"] in seen:
                continue
            seen.add(span["span_id"])
            start = span["start_ns"] + shift
            if floor is not None and floor - start > SKEW_NS:
                note = f"clock {fmt.duration(floor - start)} early"
                shift, start = shift + floor - start, floor
            children = [child for child in below.get(span["span_id"], []) if child["span_id"] not in seen]
            lines.append(Line(span, depth, len(children), start - origin, note))
            stack.extend((child, depth + 1, shift, start, "") for child in reversed(children))
    first = min((line.start_ns for line in lines), default=0)
    if first < 0:
        lines = [Line(x.span, x.depth, x.children, x.start_ns - first, x.note) for x in lines]
    length = max((line.start_ns + (line.span["duration_ns"] or 0) for line in lines), default=0)
    return Waterfall(lines, max(length, 1))


def rows(waterfall: Waterfall) -> list[dict[str, Any]]:
    """The lines as the browser draws them: positions in per cent, numbers as texts."""
    return [_row(line, waterfall.length_ns) for line in waterfall.lines]


def packed(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows of the same fields with each field named once: half the bytes, of which a long trace has a million."""
    return {"names": list(lines[0]) if lines else [], "rows": [list(line.values()) for line in lines]}


def ticks(length_ns: int) -> list[str]:
    """The times at which the lane's grid lines stand."""
    return [fmt.duration(length_ns * step / TICKS) if step else "0" for step in range(TICKS)]


def first_choice(waterfall: Waterfall) -> str | None:
    """The span to look at first: one that failed, else the dearest model call, else the first."""
    failed = [line for line in waterfall.lines if line.span["status"] == "error"]
    if failed:
        return max(failed, key=lambda line: line.depth).span["span_id"]
    billed = [line for line in waterfall.lines if line.span["is_billable"]]
    if billed:
        return max(billed, key=lambda line: line.span["cost_usd"] or Decimal(-1)).span["span_id"]
    return waterfall.lines[0].span["span_id"] if waterfall.lines else None


def sent(span: Mapping[str, Any]) -> int | None:
    """Prompt tokens, cached or not; None where the span counted none."""
    return _sum(span, ("input_tokens", "cache_read_tokens", "cache_write_tokens"))


def received(span: Mapping[str, Any]) -> int | None:
    """Tokens the model wrote; None where the span counted none."""
    return _sum(span, ("output_tokens", "reasoning_tokens"))


def tokens_text(span: Mapping[str, Any]) -> str:
    """`11.8k → 1.2k`; only the first half where nothing was written, '' where nothing was counted."""
    before, after = sent(span), received(span)
    if before is None and after is None:
        return ""
    return fmt.tokens(before) + (f" → {fmt.tokens(after)}" if after is not None else "")


def cost_text(span: Mapping[str, Any]) -> str:
    """What the span cost; '' for spans that cost nothing by nature."""
    if not span["is_billable"]:
        return ""
    return fmt.money(span["cost_usd"], "unpriced" if unpriced(span) else fmt.DASH)


def unpriced(span: Mapping[str, Any]) -> bool:
    """True for a call that has a price nobody knows; a call that failed without usage has none to know."""
    return span["is_billable"] and span["cost_usd"] is None and not span["price_source"]


def _sum(span: Mapping[str, Any], names: Sequence[str]) -> int | None:
    total: int | None = None
    for name in names:
        if (count := span[name]) is not None:
            total = count if total is None else total + count
    return total


def _row(line: Line, length: int) -> dict[str, Any]:
    span = line.span
    duration = span["duration_ns"]
    left = line.start_ns / length * 100
    width = 100 - left if duration is None else duration / length * 100
    waited = span["ttft_ns"]
    failed = span["status"] == "error"
    return {
        "id": span["span_id"],
        "depth": line.depth,
        "children": line.children,
        "name": span["name"] or span["model"] or span["kind"] or "span",
        "kind": span["kind"] or "chain",
        "left": round(left, 3),
        "width": round(min(width, 100 - left), 3),
        "duration": "running" if duration is None else fmt.duration(duration),
        "open": duration is None,
        "ttft": round(min(100.0, waited / duration * 100), 1) if waited and duration else 0,
        "tokens": tokens_text(span),
        "cost": cost_text(span),
        # The class without its module: the panel names it in full.
        "error": (span["error_type"].rpartition(".")[2] or "error") if failed else "",
        "note": line.note,
    }
