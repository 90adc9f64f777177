"""The span tree of one trace: which steps a feature takes, how long each lasts and what it uses."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass
from typing import Final

from spanledger.usage import Usage
from spanledger_cli.demo.company import EMBEDDING_MODEL, MODELS, Customer, Feature
from spanledger_cli.demo.plans import Message, SpanPlan
from spanledger_cli.demo.texts import Speaker, corpus

MS: Final = 1_000_000
_ATTEMPTS: Final = 3
MAX_EXTRA_STEPS: Final = 5
MAX_TURNS: Final = 8
_CONTEXT_WINDOW: Final = 190_000.0  # also where some providers begin to charge more
_ERRORS: Final = {
    "anthropic": (("RateLimitError", 0.45), ("OverloadedError", 0.35), ("APITimeoutError", 0.20)),
    "openai": (("RateLimitError", 0.55), ("InternalServerError", 0.20), ("APITimeoutError", 0.25)),
    "gcp.gemini": (("ResourceExhausted", 0.60), ("ServiceUnavailable", 0.25), ("DeadlineExceeded", 0.15)),
    "mistral_ai": (("RateLimitError", 0.60), ("ServiceUnavailable", 0.20), ("APITimeoutError", 0.20)),
    "self_hosted": (("ConnectionError", 0.50), ("APITimeoutError", 0.50)),
}  # fmt: skip
_SLOW_FAILURES: Final = frozenset({"APITimeoutError", "DeadlineExceeded"})


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the story says about this moment and slice; the defaults are an ordinary day."""

    token_factor: float = 1.0
    cache_hit: float = 0.0
    error_rates: tuple[tuple[str, float], ...] = ()
    successor: bool = False  # the first model has been replaced by its successor
    slow_share: float = 0.0
    slow_factor: float = 1.0
    load: float = 0.0  # 0 at night, 1 at the busiest: providers are a little slower then

    def error_rate(self, provider: str) -> float:
        """The chance that one call to the provider fails."""
        for name, rate in self.error_rates:
            if name == provider:
                return rate
        return 0.0


class Failed(Exception):
    """A step gave up after its last attempt; carries the spans of all attempts."""

    def __init__(self, spans: list[SpanPlan]) -> None:
        super().__init__()
        self.spans = spans


class TraceBuilder:
    """Builds one trace of `feature` for `customer`, drawing from `rng` alone."""

    def __init__(
        self, customer: Customer, feature: Feature, conditions: Conditions, speaker: Speaker, rng: random.Random
    ) -> None:
        self._customer = customer
        self._feature = feature
        self._conditions = conditions
        self._speaker = speaker
        self._rng = rng
        self._system = corpus(feature.name).system
        self._model = rng.choices([m for m, _ in feature.models], [w for _, w in feature.models])[0]
        if conditions.successor and self._model == feature.models[0][0] and feature.successor:
            self._model = feature.successor

    def build(self, history: list[Message], turn: int) -> tuple[SpanPlan, str, str]:
        """Return the root span, the question and the answer of this turn."""
        question = self._speaker.question(turn)
        messages = [*history[-4:], ("user", question)]
        children: list[SpanPlan] = []
        error: str | None = None
        answer = ""
        try:
            answer = self._steps(children, messages, question, turn)
        except Failed as failed:
            children.extend(failed.spans)
            error = failed.spans[-1].error
        root = SpanPlan(
            kind="chain" if self._feature.shape in ("search", "minutes", "single") else "agent",
            name=self._feature.name,
            work_ns=self._span_of(6, 0.4),
            messages=(("user", question),),
            output=answer or None,
            error=error,
            children=tuple(children),
        )
        return root, question, answer

    def _steps(self, spans: list[SpanPlan], messages: list[Message], question: str, turn: int) -> str:
        shape, rng = self._feature.shape, self._rng
        if shape == "single":
            if rng.random() < 0.35:
                spans.append(self._guardrail(question))
            return self._llm(spans, messages, turn, 0, sentences=1)
        if shape == "search":
            spans.append(self._retrieval(question, nested=False))
            if rng.random() < self._feature.answer_cache:
                return self._from_answer_cache(spans, messages, turn)
            return self._llm(spans, messages, turn, 0, sentences=2)
        if shape == "minutes":
            answer = self._llm(spans, messages, turn, 0, sentences=3)
            if turn == 0:
                follow = [*messages, ("assistant", answer), ("user", "Now list actions with owner and date.")]
                self._llm(spans, follow, turn, 1, sentences=2, input_factor=0.8, output_factor=0.5)
            return answer
        if shape == "chat":
            answer = self._llm(spans, messages, turn, 0, sentences=2)
            if rng.random() < 0.18:
                spans.append(self._tool(rng.choice(self._feature.tools)))
            return answer
        if shape in ("rag", "document"):
            spans.append(self._retrieval(question, nested=True))
            calls = 1 + int(rng.random() < self._feature.extra_steps)
        else:
            calls = 2 + min(int(rng.expovariate(1 / self._feature.extra_steps)), MAX_EXTRA_STEPS)
        for step in range(calls - 1):
            tool = rng.choice(self._feature.tools)
            self._llm(spans, messages, turn, step, calls_tool=tool, output_factor=0.4)
            spans.append(self._tool(tool))
            messages = [*messages, ("assistant", f"Calling {tool}."), ("tool", spans[-1].output or "")][-6:]
        return self._llm(spans, messages, turn, calls - 1, sentences=3)

    def _llm(
        self,
        spans: list[SpanPlan],
        messages: list[Message],
        turn: int,
        step: int,
        *,
        sentences: int = 2,
        calls_tool: str | None = None,
        input_factor: float = 1.0,
        output_factor: float = 1.0,
    ) -> str:
        """Append the call with its failed attempts; return its text, or raise Failed."""
        rng, model = self._rng, MODELS[self._model]
        failures: list[SpanPlan] = []
        gap = self._span_of(4, 0.5)
        name, system = model.name, self._system
        for attempt in range(1, _ATTEMPTS + 1):
            if rng.random() >= self._conditions.error_rate(model.provider):
                break
            names, weights = zip(*_ERRORS[model.provider], strict=True)
            error = rng.choices(names, weights)[0]
            lasted = 30_000 * MS if error in _SLOW_FAILURES else self._span_of(240, 0.5)
            failures.append(
                SpanPlan(
                    "llm", name, gap, lasted, provider=model.provider, model=name, system=system,
                    messages=tuple(messages), error=error, attempt=attempt,
                )
            )  # fmt: skip
            gap = self._span_of(700 * 2**attempt, 0.3)
        else:
            raise Failed(failures)
        spans.extend(failures)
        usage = self._usage(turn, step, input_factor, output_factor)
        ttft, duration = self._latency(usage)
        text = f"Calling {calls_tool}." if calls_tool else self._speaker.answer(sentences)
        spans.append(
            SpanPlan(
                "llm", name, gap, duration, ttft_ns=ttft if self._feature.streams else None,
                provider=model.provider, model=name, usage=usage, system=system, messages=tuple(messages),
                output=text, finish_reason="tool_calls" if calls_tool else self._finish(),
                attempt=len(failures) + 1,
            )
        )  # fmt: skip
        return text

    def _from_answer_cache(self, spans: list[SpanPlan], messages: list[Message], turn: int) -> str:
        """A question asked before: the application repeats its answer, which costs nothing."""
        model = MODELS[self._model]
        text = self._speaker.answer(2)
        spans.append(
            SpanPlan(
                "llm", model.name, self._span_of(2, 0.4), self._span_of(7, 0.4), provider=model.provider,
                model=model.name, usage=self._usage(turn, 0, 1.0, 1.0), system=self._system,
                messages=tuple(messages), output=text, finish_reason="stop", cache_hit=True,
            )
        )  # fmt: skip
        return text

    def _usage(self, turn: int, step: int, input_factor: float, output_factor: float) -> Usage:
        feature, rng, conditions = self._feature, self._rng, self._conditions
        growth = (1 + 0.12 * turn) * (1 + 0.06 * step)
        scale = self._customer.verbosity * conditions.token_factor
        total = feature.input_tokens * input_factor * growth * scale * rng.lognormvariate(0.0, feature.input_sigma)
        total = min(total, _CONTEXT_WINDOW)
        output = feature.output_tokens * output_factor * scale * rng.lognormvariate(0.0, feature.output_sigma)
        reasoning = feature.reasoning_tokens * conditions.token_factor * rng.lognormvariate(0.0, 0.6)
        cached = int(total * feature.cached_share * rng.uniform(0.92, 1.08))
        hit = rng.random() < conditions.cache_hit
        writes = MODELS[self._model].provider == "anthropic" and not hit
        return Usage(
            input_tokens=int(total) - (cached if hit or writes else 0),
            cache_read_tokens=(cached if hit else 0) if feature.cached_share else None,
            cache_write_tokens=(cached if writes else 0) if feature.cached_share else None,
            output_tokens=max(int(output), 4),
            reasoning_tokens=int(reasoning) if feature.reasoning_tokens else None,
        )

    def _latency(self, usage: Usage) -> tuple[int, int]:
        """Nanoseconds to the first token and in all."""
        rng, model = self._rng, MODELS[self._model]
        busy = 1 + 0.14 * self._conditions.load
        waiting = model.first_token_s * rng.lognormvariate(0.0, 0.32) * busy
        waiting += ((usage.input_tokens or 0) + (usage.cache_write_tokens or 0)) / 45_000
        waiting += (usage.reasoning_tokens or 0) / (model.tokens_per_s * 1.6)
        writing = (usage.output_tokens or 0) / model.tokens_per_s * rng.lognormvariate(0.0, 0.18) * busy
        slow = rng.random() < self._conditions.slow_share
        factor = self._conditions.slow_factor * rng.uniform(0.8, 1.2) if slow else 1.0
        return int(waiting * factor * 1e9), int((waiting + writing) * factor * 1e9)

    def _retrieval(self, question: str, *, nested: bool) -> SpanPlan:
        """A vector search; with `nested`, its embedding call is inside it, three levels deep."""
        model = MODELS[EMBEDDING_MODEL]
        embedding = SpanPlan(
            "embedding", EMBEDDING_MODEL, self._span_of(1, 0.3), self._span_of(85, 0.35),
            provider=model.provider, model=EMBEDDING_MODEL,
            usage=Usage(input_tokens=max(len(question) // 4, 3)), messages=(("user", question),),
        )  # fmt: skip
        passages = self._speaker.passages(2)
        return SpanPlan(
            "retrieval", "search_documents" if nested else "search_index", self._span_of(2, 0.4),
            self._span_of(38, 0.5), messages=(("user", question),), output=passages, children=(embedding,),
        )  # fmt: skip

    def _tool(self, name: str) -> SpanPlan:
        rng = self._rng
        slow = {"run_sql": 900, "run_tests": 6_500, "compare_playbook": 700}.get(name, 120)
        error = "ToolError" if rng.random() < 0.012 else None
        result = json.dumps({"rows": rng.randint(0, 60), "note": self._speaker.passages(1)})
        arguments = json.dumps({"topic": self._speaker.topic.id, "limit": rng.choice((5, 10, 20, 50))})
        return SpanPlan(
            "tool", name, self._span_of(3, 0.5), self._span_of(slow, 0.7),
            messages=(("user", arguments),), output=None if error else result, error=error,
        )  # fmt: skip

    def _guardrail(self, question: str) -> SpanPlan:
        return SpanPlan(
            "guardrail", "personal_data", self._span_of(1, 0.3), self._span_of(14, 0.4),
            messages=(("user", question),), output="allow",
        )  # fmt: skip

    def _finish(self) -> str:
        return "length" if self._rng.random() < 0.012 else "stop"

    def _span_of(self, median_ms: float, sigma: float) -> int:
        return int(median_ms * MS * math.exp(self._rng.gauss(0.0, sigma)))
