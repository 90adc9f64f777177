"""`spanledger.context`: who and what for, on every span started inside, whoever starts it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import Token
from types import TracebackType
from typing import Any, Final

from opentelemetry import context as otel_context

from spanledger import semconv
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

    Blocks nest and merge: what an inner block does not name stays as the outer one set it. Spans of other
    libraries are stamped too. Works as `with` in plain and in async code; make a new object for every block.
    A new thread starts without it unless the context is copied, as with OpenTelemetry itself.
    """

    __slots__ = ("_stamps", "_tags", "_tokens")

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
    ) -> None:
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
        self._tokens.append(otel_context.attach(otel_context.set_value(STAMPS_KEY, merged, current)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        otel_context.detach(self._tokens.pop())


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
