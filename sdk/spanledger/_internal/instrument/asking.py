"""What a client's request asks for: the operation, the model, who charges for it, and its body."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from opentelemetry.trace import SpanKind

from spanledger import semconv
from spanledger._internal.observing.declaration import Declaration
from spanledger.semconv import SpanKindName

Arguments = tuple[tuple[Any, ...], dict[str, Any]]

_OPERATIONS: Final[Mapping[str, tuple[str, SpanKindName]]] = {
    "/chat/completions": ("chat", "llm"),
    "/completions": ("text_completion", "llm"),
    "/responses": ("chat", "llm"),
    "/embeddings": ("embeddings", "embedding"),
    "/v1/messages": ("chat", "llm"),
}
_TAKES_USAGE_OPTION: Final = ("/chat/completions", "/completions")
_PROVIDERS: Final[Mapping[str, str]] = {
    "api.openai.com": "openai",
    "api.anthropic.com": "anthropic",
    "api.deepseek.com": "deepseek",
    "api.fireworks.ai": "fireworks_ai",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.moonshot.ai": "moonshot_ai",
    "api.perplexity.ai": "perplexity",
    "api.together.xyz": "together_ai",
    "api.x.ai": "x_ai",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "openrouter.ai": "openrouter",
}
_PLATFORMS: Final[Mapping[str, str]] = {
    "Azure": "azure.ai.openai",
    "Bedrock": "aws.bedrock",
    "Vertex": "gcp.vertex_ai",
}


class Request(NamedTuple):
    """What one request of a client asks for."""

    options: Any
    path: str
    body: dict[str, Any]
    asked: dict[str, Any]  # as the enrichment reads it
    is_stream: bool
    host: str
    provider: str | None
    declaration: Declaration

    @property
    def leaves_usage_unasked(self) -> bool:
        """True for a stream that tells its usage only if asked to, and is not asked."""
        return self.is_stream and self.path in _TAKES_USAGE_OPTION and "stream_options" not in self.asked

    def changed(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return the body with what the program has changed in `asked` before the call (`on_budget`)."""
        body = {name: value for name, value in self.body.items() if name in asked or name not in self.asked}
        body.update({name: value for name, value in asked.items() if value is not self.asked.get(name)})
        return body


def read(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request | None:
    """Return what the arguments of a client's `request` ask for; None if it is no call of a model."""
    options = kwargs["options"] if "options" in kwargs else args[1]
    path = str(options.url).partition("?")[0]
    known = _OPERATIONS.get(path)
    body = options.json_data
    if known is None or options.method.lower() != "post" or not isinstance(body, dict):
        return None
    asked: dict[str, Any] = _readable({**body, **(getattr(options, "extra_json", None) or {})})
    host = str(getattr(client.base_url, "host", ""))
    provider = _provider(type(client), host)
    model = asked.get("model")
    declaration = _declared(*known, model if isinstance(model, str) else None, provider)
    is_stream = bool(kwargs.get("stream") or asked.get("stream"))
    return Request(options, path, body, asked, is_stream, host, provider, declaration)


def with_body(args: tuple[Any, ...], kwargs: dict[str, Any], options: Any, body: dict[str, Any]) -> Arguments:
    """Return the arguments with another body; what was given stays as it is."""
    options = copy.copy(options)
    options.json_data = body
    if "options" in kwargs:
        return args, {**kwargs, "options": options}
    return (args[0], options, *args[2:]), kwargs


def _readable(asked: dict[str, Any]) -> dict[str, Any]:
    """The request as the enrichment reads it: instructions as one text, where they are given as blocks."""
    system = asked.get("system")
    if not isinstance(system, list):
        return asked
    texts = [block.get("text") for block in system if isinstance(block, dict)]
    return {**asked, "system": "\n".join(text for text in texts if isinstance(text, str))}


@lru_cache(maxsize=512)
def _declared(operation: str, kind: SpanKindName, model: str | None, provider: str | None) -> Declaration:
    attributes = {
        semconv.OPERATION_NAME: operation,
        semconv.KIND: kind,
        semconv.REQUEST_MODEL: model,
        semconv.PROVIDER_NAME: provider,
    }
    return Declaration(
        name=operation if model is None else f"{operation} {model}",
        kind=kind,
        capture=None,
        attributes={name: value for name, value in attributes.items() if value is not None},
        otel_kind=SpanKind.CLIENT,
        signature=None,
        skip_first=False,
        defaults={},
    )


@lru_cache(maxsize=512)
def _provider(client: type[Any], host: str) -> str | None:
    """Who charges for calls of this client; None where only the model's name can tell (a gateway, a fake)."""
    for base in client.__mro__:
        for word, provider in _PLATFORMS.items():
            if word in base.__name__ and base.__module__.startswith(("openai.", "anthropic.")):
                return provider
    return _PROVIDERS.get(host)
