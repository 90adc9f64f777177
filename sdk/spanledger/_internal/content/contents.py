"""What our own calls were given and returned, as attributes: as far as it may be sent, masked, then cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spanledger import semconv
from spanledger._internal.content import messages
from spanledger._internal.content import text as content
from spanledger._internal.content.capturing import Permission
from spanledger._internal.content.messages import Message
from spanledger._internal.masking.spans import SpanMasker
from spanledger._internal.observing.call import Call

WRITTEN = frozenset({semconv.INPUT_MESSAGES, semconv.OUTPUT_MESSAGES, semconv.SYSTEM_INSTRUCTIONS})
"""The attributes that are masked already when they are written here."""


class Contents:
    """Writes the content of observed calls."""

    def __init__(self, limit: int, masker: SpanMasker | None) -> None:
        self._limit = limit
        self._masker = masker

    def add_input(
        self,
        attributes: dict[str, Any],
        arguments: Mapping[str, Any],
        updates: Mapping[str, Any],
        allowed: Permission,
    ) -> str:
        """Write what went in, if it may be sent, and return the text of the last user message."""
        if "input" in updates:
            system, given = [], messages.from_arguments({"prompt": updates["input"]})[1]
        else:
            system, given = messages.from_arguments(arguments)
        given, system = self._masked(attributes, given), self._masked(attributes, system)
        text = messages.last_user_text(given) if allowed.vector else ""
        if allowed.input:
            self._put(attributes, semconv.INPUT_MESSAGES, semconv.INPUT_LENGTH, given)
            if system:
                parts = [part for message in system for part in message["parts"]]
                content.encode([{"role": "system", "parts": parts}], self._limit)
                attributes[semconv.SYSTEM_INSTRUCTIONS] = content.clean(messages.as_text(parts))
        return text

    def add_output(self, attributes: dict[str, Any], call: Call, updates: Mapping[str, Any]) -> None:
        """Write what came out."""
        if "output" in updates:
            made = messages.from_result(updates["output"])
        elif "response" in updates and call.items is None:
            made = messages.from_result(updates["response"])
        elif call.items is not None:
            made = messages.from_items([*call.items, *(call.last_items or ())])
        else:
            made = messages.from_result(call.result)
        self._put(attributes, semconv.OUTPUT_MESSAGES, semconv.OUTPUT_LENGTH, self._masked(attributes, made))

    def _masked(self, attributes: dict[str, Any], given: list[Message]) -> list[Message]:
        # Before anything is cut: half an address is no address to a detector, and still half of one to a reader.
        if self._masker is None or not given or self._masker.messages(given):
            return given
        attributes[semconv.MASK_DROPPED] = attributes.get(semconv.MASK_DROPPED, 0) + 1
        return []

    def _put(self, attributes: dict[str, Any], name: str, length_name: str, made: Sequence[Message]) -> None:
        if not made:
            return
        text, whole = content.encode(made, self._limit)
        attributes[name] = text
        if whole is not None:
            attributes[length_name] = whole
