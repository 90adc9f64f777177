"""Context that crosses to other services, as W3C baggage: only what both sides have allowed by name.

The sending service puts allowed stamps of `spanledger.context` into OpenTelemetry's baggage, which any OpenTelemetry
propagator sends with outgoing requests, to whomever they go. The receiving service takes what arrived under these
names, and which it allows itself, as stamps of its spans. Without `init(baggage=...)` nothing is put there or read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from opentelemetry import baggage
from opentelemetry.context import Context

from spanledger import semconv
from spanledger._internal.log import warn_once

LONGEST: Final = 256  # characters of a value: baggage travels with every request, and comes from outside
_PREFIX: Final = "spanledger."
ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "customer": (semconv.CUSTOMER_ID,),
    "user": (semconv.USER_ID,),
    "session": (semconv.CONVERSATION_ID,),
    "feature": (semconv.FEATURE,),
    "team": (semconv.TEAM,),
    "environment": (semconv.ENVIRONMENT,),
    "release": (semconv.RELEASE,),
    "prompt": (semconv.PROMPT_NAME, semconv.PROMPT_VERSION),
}
"""What may be allowed -> the attributes that cross."""
_KEYS: Final[Mapping[str, str]] = {
    semconv.CUSTOMER_ID: "customer",
    semconv.USER_ID: "user",
    semconv.CONVERSATION_ID: "session",
    semconv.FEATURE: "feature",
    semconv.TEAM: "team",
    semconv.ENVIRONMENT: "environment",
    semconv.RELEASE: "release",
    semconv.PROMPT_NAME: "prompt",
    semconv.PROMPT_VERSION: "prompt_version",
}

allowed: Mapping[str, str] = {}
"""Attribute -> name in the baggage, of what may cross; empty until `allow`, and read for every block of context."""


def baggage_of(given: Iterable[str] | None, env: Mapping[str, str], problems: list[str]) -> tuple[str, ...]:
    """Return the names that may cross, each once; a sentence in `problems` for each that may not."""
    words = env.get("SPANLEDGER_BAGGAGE", "") if given is None else given
    listed = words.split(",") if isinstance(words, str) else [str(word) for word in words]
    asked = dict.fromkeys(word.strip().lower() for word in listed if word.strip())
    problems += [
        f"baggage={name!r} cannot be sent to other services; what can is {', '.join(ATTRIBUTES)}"
        for name in asked
        if name not in ATTRIBUTES
    ]
    return tuple(name for name in asked if name in ATTRIBUTES)


def allow(names: Iterable[str]) -> None:
    """Let these names cross from now on, in both directions, and no others."""
    global allowed
    allowed = {attribute: _PREFIX + _KEYS[attribute] for name in names for attribute in ATTRIBUTES[name]}


def outgoing(stamps: Mapping[str, Any], context: Context) -> Context:
    """Return the context with the allowed ones of these stamps in its baggage."""
    for attribute, key in allowed.items():
        value = stamps.get(attribute)
        if value is None:
            continue
        text = str(value)
        if len(text) > LONGEST or not text.isprintable():
            warn_once(
                f"baggage-{key}",
                "%s is not sent to other services: it has %d characters (at most %d, all printable)",
                key,
                len(text),
                LONGEST,
            )
            context = baggage.remove_baggage(key, context)
        else:
            context = baggage.set_baggage(key, text, context)
    return context


def incoming(context: Context) -> dict[str, str]:
    """Return the stamps that arrived in the context's baggage, as far as they are allowed and of sane length."""
    arrived = baggage.get_all(context)
    found: dict[str, str] = {}
    if arrived:
        for attribute, key in allowed.items():
            value = arrived.get(key)
            if isinstance(value, str) and 0 < len(value) <= LONGEST and value.isprintable():
                found[attribute] = value
    return found
