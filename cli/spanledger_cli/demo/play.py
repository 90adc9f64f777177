"""Plays plans through the real SDK, as an application would: observed functions, contexts, provider responses.

Only the clock and the ids are ours, so that a month passes in a minute and the same seed gives the same spans.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator

import spanledger
from spanledger._internal import clock
from spanledger_cli.demo import provider_shapes
from spanledger_cli.demo.company import SERVICE
from spanledger_cli.demo.embedder import HashEmbedder
from spanledger_cli.demo.plans import SpanPlan, TracePlan

_ENOUGH_QUEUED: Final = 4000  # well below where the SDK would begin to drop
_PACKAGES: Final = {
    "anthropic": "anthropic",
    "openai": "openai",
    "gcp.gemini": "google.api_core.exceptions",
    "mistral_ai": "mistralai",
}
_MESSAGES: Final = {
    "RateLimitError": "Error code: 429 - the rate limit of requests per minute is reached",
    "OverloadedError": "Error code: 529 - overloaded_error: Overloaded",
    "InternalServerError": "Error code: 500 - the server had an error while processing the request",
    "APITimeoutError": "Request timed out.",
    "ResourceExhausted": "429 Quota exceeded for requests per minute",
    "ServiceUnavailable": "503 The model is overloaded. Please try again later.",
    "DeadlineExceeded": "504 Deadline exceeded",
    "ConnectionError": "Connection refused",
    "ToolError": "the tool returned an error: upstream timed out",
}


@dataclass(slots=True)
class Totals:
    """What has been played so far."""

    spans: int = 0
    traces: int = 0
    llm_calls: int = 0
    errors: int = 0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    output_tokens: int = 0

    def add(self, plan: SpanPlan) -> None:
        """Count one span."""
        self.spans += 1
        self.errors += plan.error is not None
        self.llm_calls += plan.kind == "llm"
        if plan.usage is not None:
            self.input_tokens += plan.usage.input_tokens or 0
            self.cache_read_tokens += plan.usage.cache_read_tokens or 0
            self.output_tokens += plan.usage.output_tokens or 0


class PlannedError(Exception):
    """A failure that the plan wanted; its subclasses bear the names of the providers' exceptions."""


class PlannedIds(IdGenerator):
    """Trace and span ids that follow from the trace's key and the order of its spans."""

    def __init__(self) -> None:
        self._trace_id = 1
        self._key = b""
        self._number = 0

    def begin(self, plan: TracePlan) -> None:
        """The spans that follow belong to this trace."""
        self._trace_id = plan.trace_id()
        self._key = plan.key.encode()
        self._number = 0

    def generate_trace_id(self) -> int:
        """The id of the trace that was begun."""
        return self._trace_id

    def generate_span_id(self) -> int:
        """The id of the next span of the trace."""
        self._number += 1
        digest = hashlib.blake2b(self._key, digest_size=8, salt=self._number.to_bytes(16, "little")).digest()
        return int.from_bytes(digest, "big") or 1


class Player:
    """Owns the SDK of this process between `start` and `finish`."""

    def __init__(self) -> None:
        self._ids = PlannedIds()
        self._now = 0
        self._plan = SpanPlan("chain", "idle")
        self._observed: dict[tuple[str, str, bool], Callable[..., Any]] = {}
        self._errors: dict[tuple[str, str], type[PlannedError]] = {}
        self._sessions: set[str] = set()
        self.totals = Totals()

    @property
    def sessions(self) -> int:
        """Sessions seen so far."""
        return len(self._sessions)

    def start(self, endpoint: str, api_key: str | None = None) -> None:
        """Begin to observe, with simulated time, towards the collector at `endpoint`."""
        provider = TracerProvider(
            resource=Resource({SERVICE_NAME: SERVICE}), id_generator=self._ids, shutdown_on_exit=False
        )
        spanledger.init(endpoint, api_key, capture_content="on", embedder=HashEmbedder(), tracer_provider=provider)
        clock.use(lambda: self._now)

    def finish(self) -> None:
        """Wait until the collector has acknowledged everything, however long that takes."""
        while not spanledger.flush(5.0):
            pass
        clock.use(None)
        spanledger.shutdown()

    def play(self, plan: TracePlan) -> None:
        """Run one trace; returns when its spans are queued, and slows down while the collector is behind."""
        while spanledger.stats().queued > _ENOUGH_QUEUED:
            time.sleep(0.005)
        self.totals.traces += 1
        if plan.session:
            self._sessions.add(plan.session)
        self._ids.begin(plan)
        self._now = plan.start_ns
        prompt = (plan.prompt_name, plan.prompt_version or "") if plan.prompt_name else None
        with spanledger.context(
            customer=plan.customer, user=plan.user, session=plan.session, feature=plan.feature, team=plan.team,
            environment=plan.environment, release=plan.release, prompt=prompt, tags=plan.tags,
        ):  # fmt: skip
            self._run(plan.root)

    def _run(self, plan: SpanPlan) -> None:
        self._now += plan.gap_ns
        self._plan = plan
        self.totals.add(plan)
        streams = plan.ttft_ns is not None and plan.error is None
        observed = self._function(plan, streams)
        messages = [{"role": role, "content": text} for role, text in plan.messages]
        try:
            if streams:
                for _ in observed(model=plan.model, messages=messages, system=plan.system):
                    pass
            elif plan.kind == "llm":
                observed(model=plan.model, messages=messages, system=plan.system)
            elif plan.kind == "embedding":
                observed(model=plan.model, input=plan.messages[0][1])
            elif plan.kind == "tool":
                observed(**json.loads(plan.messages[0][1]))
            else:
                observed(prompt=plan.messages[0][1])
        except PlannedError:
            return  # the caller's plan says what the application does about it

    def _function(self, plan: SpanPlan, streams: bool) -> Callable[..., Any]:
        """The observed function for such a span; decorated once, as in an application."""
        key = (plan.kind, plan.name, streams)
        found = self._observed.get(key)
        if found is None:
            if plan.kind == "llm":
                decorate = spanledger.observe(kind="llm", name=f"chat {plan.name}")
                found = decorate(self._stream if streams else self._complete)
            elif plan.kind == "embedding":
                found = spanledger.observe(kind="embedding", name=f"embeddings {plan.name}")(self._embed)
            else:
                found = spanledger.observe(kind=plan.kind, name=plan.name)(self._step)
            self._observed[key] = found
        return found

    def _complete(self, **_: object) -> provider_shapes.Response:
        plan = self._plan
        self._now += plan.work_ns
        self._tell(plan)
        self._fail_if_planned(plan)
        return provider_shapes.response(plan, self._identity())

    def _stream(self, **_: object) -> Iterator[provider_shapes.Response]:
        plan = self._plan
        first_ns = min(plan.ttft_ns or 0, plan.work_ns)
        self._now += first_ns
        for number, chunk in enumerate(provider_shapes.chunks(plan, self._identity())):
            if number == 1:
                self._now += plan.work_ns - first_ns
            yield chunk
        self._tell(plan)

    def _embed(self, **_: object) -> provider_shapes.Response:
        plan = self._plan
        self._now += plan.work_ns
        return provider_shapes.embeddings(plan)

    def _step(self, **_: object) -> str | None:
        """An agent, a chain, a retrieval, a tool, a guardrail: its children, then its own work."""
        plan = self._plan
        for child in plan.children:
            self._run(child)
        self._now += plan.work_ns
        self._fail_if_planned(plan)
        return plan.output

    def _tell(self, plan: SpanPlan) -> None:
        """What no response says."""
        if plan.provider == "self_hosted" or plan.error:
            spanledger.update(provider=plan.provider, model=plan.model)
        if plan.attempt > 1:
            spanledger.update(metadata={"attempt": plan.attempt})
        if plan.cache_hit:
            spanledger.update(cache_hit=True)

    def _fail_if_planned(self, plan: SpanPlan) -> None:
        if plan.error is None:
            return
        provider = next((span.provider for span in plan.walk() if span.error and span.provider), "")
        key = (provider, plan.error)
        if key not in self._errors:
            module = _PACKAGES.get(provider, "plumbottle.errors")
            self._errors[key] = type(plan.error, (PlannedError,), {"__module__": module})
        raise self._errors[key](_MESSAGES[plan.error])

    def _identity(self) -> str:
        return spanledger.current().span_id
