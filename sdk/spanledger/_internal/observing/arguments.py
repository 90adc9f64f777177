"""A call's arguments by name, and what of them is the request and no content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from spanledger import semconv

if TYPE_CHECKING:
    from spanledger._internal.observing.call import Call
    from spanledger._internal.observing.declaration import Declaration

_PARAMETERS: Final[Mapping[str, str]] = {
    "temperature": semconv.REQUEST_TEMPERATURE,
    "top_p": semconv.REQUEST_TOP_P,
    "top_k": semconv.REQUEST_TOP_K,
    "max_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_completion_tokens": semconv.REQUEST_MAX_TOKENS,
    "max_output_tokens": semconv.REQUEST_MAX_TOKENS,
    "seed": semconv.REQUEST_SEED,
    "stream": semconv.REQUEST_STREAM,
}


def named(call: Call) -> dict[str, Any]:
    """Return the arguments by the names of the function's parameters, `**kwargs` by their own."""
    return bound(call.declaration, call.args, call.kwargs)


def bound(declaration: Declaration, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments by name, as `named` does; `args` without the first one of a method."""
    signature = declaration.signature
    if not args and not kwargs:
        return {}
    if signature is not None:
        try:
            if declaration.skip_first:
                signature = signature.replace(parameters=list(signature.parameters.values())[1:])
            return _flat(signature.bind_partial(*args, **kwargs).arguments, signature)
        except TypeError:  # called wrongly: the function itself has said so
            pass
    return {**{f"arg{index}": value for index, value in enumerate(args)}, **kwargs}


def _flat(arguments: Mapping[str, Any], signature: Any) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in arguments.items():
        if signature.parameters[name].kind is signature.parameters[name].VAR_KEYWORD:
            flat.update(value)
        else:
            flat[name] = value
    return flat


def request_attributes(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the attributes of a model call's request: its model and parameters."""
    found: dict[str, Any] = {}
    model = arguments.get("model")
    if isinstance(model, str) and model:
        found[semconv.REQUEST_MODEL] = model
    for name, attribute in _PARAMETERS.items():
        value = arguments.get(name)
        if isinstance(value, (int, float)):
            found[attribute] = value
    return found
