"""`spanledger.context`: who and what for, on every span started inside, whoever starts it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import Token
from types import TracebackType
from typing import Any, Final

from opentelemetry import context as otel_context

from spanledger import semconv
from spanledger._internal.budgets.policy import BudgetMode, OnBudget, entered, policy_of
from spanledger._internal.content.capturing import PERMISSIONS, CaptureChoice, narrower
from spanledger._internal.context import baggage
from spanledger._internal.log import warn_once

STAMPS_KEY: Final = otel_context.create_key("spanledger-stamps")


class context:  # noqa: N801 - reads as a function: `with spanledger.context(customer="acme"):`
    """Stamp every span started inside the block, in this thread or task and in tasks created inside it.

    | argument | attribute |
    |---|---|
    | customer | spanledger.customer.id |
    | user | user.id |
    | session | gen_ai.conversation.id |
    | feature, team, release | spanledger.feature, .team, .release |
    | environment | deployment.environment.name |
    | prompt: a name, or (name, version) | gen_ai.prompt.name, gen_ai.prompt.version |
    | tags | spanledger.tags; inner tags are added to outer ones |
    | metadata | spanledger.metadata.KEY; inner keys replace outer ones |
    | capture: on, off, embedding, input, output | spanledger.capture: what may be sent of the content inside |

    With `budget=True`, calls of models inside raise BudgetExceeded before they are made once a budget that blocks is
    used up for them; while the collector cannot be asked they go on, and with "fail-closed" they do not. False takes
    it back. `on_budget(error, kwargs)` is asked first: keyword arguments that it returns are called with instead.

    Blocks nest and merge: what an inner block does not name stays as the outer one set it. Spans of other
    libraries are stamped too. Works as `with` in plain and in async code; make a new object for every block.
    A new thread starts without it unless it is carried there (`spanledger.carry`, `spanledger.propagating`).
    """

    __slots__ = ("_policy", "_stamps", "_tags", "_tokens")

    def __init__(
        self,
        *,
        customer: str | int | None = None,
        user: str | int | None = None,
        session: str | int | None = None,
        feature: str | None = None,
        team: str | None = None,
        environment: str | None = None,
        release: str | None = None,
        prompt: str | tuple[str, str | int] | None = None,
        tags: Iterable[str] | None = None,
        metadata: Mapping[str, object] | None = None,
        capture: CaptureChoice | bool | None = None,
        budget: BudgetMode | bool | None = None,
        on_budget: OnBudget | None = None,
    ) -> None:
        self._policy = policy_of(budget, on_budget)
        stamps: dict[str, Any] = {}
        for key, value in (
            (semconv.CUSTOMER_ID, customer),
            (semconv.USER_ID, user),
            (semconv.CONVERSATION_ID, session),
            (semconv.FEATURE, feature),
            (semconv.TEAM, team),
            (semconv.ENVIRONMENT, environment),
            (semconv.RELEASE, release),
        ):
            if value is not None:
                stamps[key] = value if type(value) is str else str(value)
        try:
            if prompt is not None:
                name, version = (prompt, None) if isinstance(prompt, str) else prompt
                stamps[semconv.PROMPT_NAME] = str(name)
                if version is not None:
                    stamps[semconv.PROMPT_VERSION] = str(version)
            if metadata:
                stamps.update(metadata_attributes(metadata))
            if capture is not None and (word := _capture_word(capture)) != "on":
                stamps[semconv.CAPTURE] = word
            self._tags = tag_values(tags)
        except Exception as error:  # the user's program is not ours to break
            warn_once("context", "spanledger.context: an argument cannot be used: %s", error, error=error)
            self._tags = ()
        self._stamps = stamps
        self._tokens: list[Token[otel_context.Context]] = []

    def __enter__(self) -> context:
        current = otel_context.get_current()
        outer: Mapping[str, Any] = current.get(STAMPS_KEY) or {}  # pyright: ignore[reportAssignmentType]
        merged = {**outer, **self._stamps}
        if self._tags:
            merged[semconv.TAGS] = tuple(dict.fromkeys((*outer.get(semconv.TAGS, ()), *self._tags)))
        if semconv.CAPTURE in self._stamps:
            merged[semconv.CAPTURE] = narrower(outer.get(semconv.CAPTURE), self._stamps[semconv.CAPTURE])
        inner = otel_context.set_value(STAMPS_KEY, merged, current)
        if self._policy is not None:
            inner = entered(self._policy, inner)
        if baggage.allowed:
            inner = baggage.outgoing(self._stamps, inner)
        self._tokens.append(otel_context.attach(inner))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        otel_context.detach(self._tokens.pop())


def stamps_of(current: otel_context.Context) -> Mapping[str, Any] | None:
    """Return what is stamped on a span started in this context; None or empty for nothing.

    What arrived from another service gives way to what this one says itself.
    """
    stamps: Any = current.get(STAMPS_KEY)
    if baggage.allowed and (arrived := baggage.incoming(current)):
        return {**arrived, **(stamps or {})}
    return stamps


def restricted(current: otel_context.Context, capture: CaptureChoice) -> otel_context.Context:
    """Return the context in which what is started captures no more than `capture`, and no more than before."""
    outer: Mapping[str, Any] = current.get(STAMPS_KEY) or {}  # pyright: ignore[reportAssignmentType]
    inner = {**outer, semconv.CAPTURE: narrower(outer.get(semconv.CAPTURE), capture)}
    return otel_context.set_value(STAMPS_KEY, inner, current)


def _capture_word(capture: CaptureChoice | bool) -> str:
    word = ("on" if capture else "off") if isinstance(capture, bool) else capture
    if word in PERMISSIONS:
        return word
    # What was meant is unknown, and content once sent cannot be called back.
    warn_once("context-capture", "context(capture=%r) is not on, off, embedding, input or output; off is used", capture)
    return "off"


def tag_values(tags: Iterable[str] | str | None) -> tuple[str, ...]:
    """Return tags as strings; a single string is one tag, not its letters."""
    if tags is None:
        return ()
    return (tags,) if isinstance(tags, str) else tuple(str(tag) for tag in tags)


def metadata_attributes(metadata: Mapping[str, object]) -> dict[str, Any]:
    """Return metadata as span attributes; what is neither a string, a number nor a flag becomes a string."""
    attributes: dict[str, Any] = {}
    for key, value in metadata.items():
        if value is None:
            continue
        plain = isinstance(value, (str, bool, float)) or (isinstance(value, int) and -(2**63) <= value < 2**63)
        attributes[f"{semconv.METADATA_PREFIX}{key}"] = value if plain else str(value)
    return attributes
