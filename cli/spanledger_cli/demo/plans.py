"""What will happen, as plain data: a plan says everything about a trace before it is played."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from spanledger.semconv import SpanKindName
from spanledger.usage import Usage

Message = tuple[str, str]
"""Role and text."""


@dataclass(frozen=True, slots=True)
class SpanPlan:
    """One span: `gap_ns` passes before it starts, `work_ns` after its last child (or in all, without children)."""

    kind: SpanKindName
    name: str
    gap_ns: int = 0
    work_ns: int = 0
    ttft_ns: int | None = None
    provider: str | None = None
    model: str | None = None
    usage: Usage | None = None
    system: str | None = None
    messages: tuple[Message, ...] = ()
    output: str | None = None
    finish_reason: str | None = None
    error: str | None = None
    attempt: int = 1
    cache_hit: bool = False  # answered from the application's own cache
    children: tuple[SpanPlan, ...] = ()

    @property
    def duration_ns(self) -> int:
        """Time from this span's start to its end."""
        return self.work_ns + sum(child.gap_ns + child.duration_ns for child in self.children)

    def walk(self) -> Iterator[SpanPlan]:
        """This span and all below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class TracePlan:
    """One trace and who it is for. `key` is unique in a demo and decides the trace's ids."""

    key: str
    start_ns: int
    root: SpanPlan
    customer: str | None
    user: str | None
    session: str | None
    feature: str | None
    team: str | None
    environment: str
    release: str | None
    prompt_name: str | None
    prompt_version: str | None
    turn: int = 0
    topic: str = ""  # the truth about what was asked; never sent
    tags: tuple[str, ...] = field(default=())

    @property
    def end_ns(self) -> int:
        """When the root span ends."""
        return self.start_ns + self.root.duration_ns

    def trace_id(self) -> int:
        """128 bits, the same for the same key and never 0."""
        return int.from_bytes(hashlib.blake2b(self.key.encode(), digest_size=16).digest(), "big") or 1
