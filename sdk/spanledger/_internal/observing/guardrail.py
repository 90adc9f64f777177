"""`spanledger.guardrail`: a check that lets a request pass, blocks it, or changes it, as a span that says which."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache, wraps
from types import TracebackType
from typing import Any, Final, Literal, ParamSpec, TypeVar

from opentelemetry import context as otel_context

from spanledger import semconv
from spanledger._internal import runtime
from spanledger._internal.content.capturing import CaptureChoice
from spanledger._internal.log import warn_once
from spanledger._internal.observing.call import CALL_KEY, Call, begin
from spanledger._internal.observing.declaration import Declaration, check_options, declare
from spanledger._internal.observing.decorator import observe
from spanledger._internal.scores.evaluation import Unusable, value_and_label

P = ParamSpec("P")
R = TypeVar("R")

Outcome = Literal["passed", "blocked", "modified"]
_OUTCOMES: Final = ("passed", "blocked", "modified")


class Verdict:
    """What a guardrail decided; in a `with spanledger.guardrail(...)` block, and to be returned by decorated checks.

    | argument | attribute |
    |---|---|
    | outcome: passed, blocked or modified | spanledger.guardrail.action |
    | reason: a sentence for whoever reads the trace | spanledger.guardrail.reason |
    | category: what was looked for or found | spanledger.guardrail.category |
    | score: how sure it is, a finite number | spanledger.guardrail.score |

    True in a condition where the request may go on: `if not check("..."): return`.
    """

    __slots__ = ("category", "outcome", "reason", "score")

    def __init__(
        self,
        outcome: Outcome = "passed",
        reason: str | None = None,
        *,
        category: str | None = None,
        score: float | None = None,
    ) -> None:
        self.outcome: Outcome = "passed"
        self.reason: str | None = None
        self.category: str | None = category
        self.score: float | None = None
        self.set(outcome, reason, category=category, score=score)

    def passed(self, reason: str | None = None, *, category: str | None = None, score: float | None = None) -> None:
        """Let the request pass, which is what it does if nothing is said."""
        self.set("passed", reason, category=category, score=score)

    def blocked(self, reason: str | None = None, *, category: str | None = None, score: float | None = None) -> None:
        """Block the request; what it has cost so far counts as wasted."""
        self.set("blocked", reason, category=category, score=score)

    def modified(self, reason: str | None = None, *, category: str | None = None, score: float | None = None) -> None:
        """Let a changed request or answer pass (masked, shortened, replaced)."""
        self.set("modified", reason, category=category, score=score)

    def set(self, outcome: str, reason: str | None, *, category: str | None = None, score: float | None = None) -> None:
        """Set what is not None; a value that cannot be used is named in a warning and left out."""
        if outcome in _OUTCOMES:
            self.outcome = outcome
        else:
            warn_once("guardrail-outcome", "guardrail outcome %r is none of %s", outcome, ", ".join(_OUTCOMES))
        self.reason = self.reason if reason is None else str(reason)
        self.category = self.category if category is None else str(category)
        if score is not None:
            try:
                self.score = value_and_label(score, None)[0]
            except Unusable as error:
                warn_once("guardrail-score", "guardrail score: %s", error)

    def __bool__(self) -> bool:
        return self.outcome != "blocked"

    def __repr__(self) -> str:
        return f"Verdict({self.outcome!r}, {self.reason!r}, category={self.category!r}, score={self.score!r})"

    def attributes(self) -> dict[str, Any]:
        """Return the attributes of the span."""
        found = {
            semconv.GUARDRAIL_ACTION: self.outcome,
            semconv.GUARDRAIL_REASON: self.reason,
            semconv.GUARDRAIL_CATEGORY: self.category,
            semconv.GUARDRAIL_SCORE: self.score,
        }
        return {name: value for name, value in found.items() if value is not None}


class guardrail:  # noqa: N801 - reads as a function, like `context`
    """Record a check as a span of kind guardrail, with what it decided.

        with spanledger.guardrail("card numbers", category="personal data") as check:
            if found := cards_in(text):
                check.blocked(f"{len(found)} card numbers", score=0.99)

        @spanledger.guardrail("toxicity", blocks=(Refused,))
        def toxicity(text: str) -> bool: ...

    Decorated, a function or coroutine function says by its result what it decided: a `Verdict`, or False for blocked;
    anything else has passed. It is returned unchanged. An exception named in `blocks` blocks, in a `with` block too;
    any other is a failure of the check itself. Every exception passes through and is recorded as the span's error.
    """

    __slots__ = ("_blocks", "_calls", "_capture", "_category", "_name")

    def __init__(
        self,
        name: str,
        *,
        category: str | None = None,
        blocks: type[BaseException] | tuple[type[BaseException], ...] = (),
        capture: CaptureChoice | bool | None = None,
    ) -> None:
        self._name = name
        self._category = category
        self._blocks = blocks
        self._capture: CaptureChoice | None = check_options("guardrail", capture)
        self._calls: list[tuple[Call | None, Verdict]] = []

    def __call__(self, fn: Callable[P, R]) -> Callable[P, R]:
        if isinstance(fn, (staticmethod, classmethod)):
            return type(fn)(self(fn.__func__))  # pyright: ignore[reportReturnType] - a descriptor stays one
        if inspect.isgeneratorfunction(fn) or inspect.isasyncgenfunction(fn):
            warn_once("guardrail-generator", "guardrail(%r) on a generator cannot tell what it decided", self._name)
            checked: Any = fn
        else:
            checked = self._coroutine(fn) if inspect.iscoroutinefunction(fn) else self._plain(fn)
        return observe(kind="guardrail", name=self._name, capture=self._capture)(checked)

    def _plain(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(fn)
        def checked(*args: Any, **kwargs: Any) -> Any:
            try:
                result = fn(*args, **kwargs)
            except self._blocks as error:
                self._tell(Verdict("blocked", _words(error)))
                raise
            self._tell(_verdict(result))
            return result

        return checked

    def _coroutine(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(fn)
        async def checked(*args: Any, **kwargs: Any) -> Any:
            try:
                result = await fn(*args, **kwargs)
            except self._blocks as error:
                self._tell(Verdict("blocked", _words(error)))
                raise
            self._tell(_verdict(result))
            return result

        return checked

    def _tell(self, verdict: Verdict) -> None:
        call = otel_context.get_value(CALL_KEY)
        # Where nothing is recorded, the call around us is somebody else's.
        if isinstance(call, Call) and call.declaration.kind == "guardrail" and call.declaration.name == self._name:
            verdict.category = verdict.category or self._category
            call.span.set_attributes(verdict.attributes())

    def __enter__(self) -> Verdict:
        verdict = Verdict(category=self._category)
        call: Call | None = None
        if runtime.active is not None:
            call = begin(_declared(self._name, self._capture), (), {})
            if call is not None:
                call.attach()
        self._calls.append((call, verdict))
        return verdict

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        call, verdict = self._calls.pop()
        if call is None:
            return
        call.detach()
        if error is not None and isinstance(error, self._blocks):
            verdict.set("blocked", verdict.reason or _words(error))
        if call.span.is_recording():
            call.span.set_attributes(verdict.attributes())
        if error is None:
            call.finish(None)
        else:
            call.fail(error)

    async def __aenter__(self) -> Verdict:
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.__exit__(kind, error, traceback)


def _block() -> None:
    """What a `with` block is declared as: nothing is given to it and nothing comes back."""


@lru_cache(maxsize=256)
def _declared(name: str, capture: CaptureChoice | None) -> Declaration:
    return declare(_block, name, "guardrail", capture, {})


def _verdict(result: object) -> Verdict:
    if isinstance(result, Verdict):
        return result
    return Verdict("blocked" if result is False else "passed")


def _words(error: BaseException) -> str:
    # Messages quote content, and follow its switch.
    is_shown = runtime.active is not None and runtime.active.settings.capture == "on"
    return f"{type(error).__name__}: {error}"[:500] if is_shown else type(error).__name__
