"""Samplers that decide at a span's start, made to record what they would forget: its tokens and cost still count."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Decision, ParentBased, Sampler, SamplingResult, StaticSampler
from opentelemetry.trace import Link, SpanKind

_RECORDED: Final = StaticSampler(Decision.RECORD_ONLY)


def counting(installed: Sampler) -> Sampler:
    """Return a sampler that samples what `installed` does and records the rest, which no exporter sends on.

    `installed` is what OpenTelemetry chose; where it was not asked to (OTEL_TRACES_SAMPLER), the same is built anew
    so that no call pays for being asked twice.
    """
    if not os.environ.get("OTEL_TRACES_SAMPLER"):
        return ParentBased(ALWAYS_ON, remote_parent_not_sampled=_RECORDED, local_parent_not_sampled=_RECORDED)
    return _Counting(installed)


class _Counting(Sampler):
    def __init__(self, installed: Sampler) -> None:
        self._installed = installed

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Any = None,
        links: Sequence[Link] | None = None,
        trace_state: Any = None,
    ) -> SamplingResult:
        made = self._installed.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        if made.decision is not Decision.DROP:
            return made
        return SamplingResult(Decision.RECORD_ONLY, attributes, made.trace_state)

    def get_description(self) -> str:
        return f"Counting({self._installed.get_description()})"
