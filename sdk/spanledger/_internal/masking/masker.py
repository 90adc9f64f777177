"""Text without the personal data that was in it; JSON stays JSON."""

from __future__ import annotations

import hmac
import json
import re
import sys
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, Final

from spanledger._internal.content.text import clean
from spanledger._internal.masking.credentials import SENSITIVE_KEY
from spanledger._internal.masking.detector import Found
from spanledger._internal.masking.detectors import DETECTORS
from spanledger._internal.masking.names import NAMES, Hook
from spanledger._internal.masking.payment import is_card

_ROUNDS: Final = 4
# Strings and long whole numbers of a JSON text; everything between them stays as it is, to the byte.
_JSON_TOKEN: Final = re.compile(r'("(?:[^"\\]++|\\.)*+")(\s*:)?|(?<![\w.+-])(\d{13,19})(?![\w.])', re.DOTALL)
# Values of a message's structure, which a masker that knows names and places would take for one.
_STRUCTURE: Final = frozenset(
    {"role", "type", "id", "call_id", "tool_call_id", "tool_use_id", "finish_reason", "model", "object", "modality"}
)
_PLACEHOLDER: Final = re.compile(rf"\[(?:{'|'.join(NAMES).upper()})(?::[0-9a-f]{{8}})?\]")


class Masker:
    """Masks texts with some of the built-in detectors, then with the user's own maskers, in their order.

        Masker(["email"])("write to a@b.example")                    -> "write to [EMAIL]"
        Masker(["email"], key="k")("a@b.example, A@b.example")       -> "[EMAIL:1d0e6e21], [EMAIL:1d0e6e21]"

    With a key equal values get equal pseudonyms (HMAC-SHA256, 32 bits of it), which tell nothing without the key.
    A masked text holds nothing more that the detectors find, and a text that was valid JSON still is.
    """

    def __init__(self, names: Sequence[str], hooks: Sequence[Hook] = (), key: str | None = None) -> None:
        self._detectors = [detector for detector in DETECTORS if detector.name in names]
        self._hints = tuple(dict.fromkeys(hint for detector in self._detectors for hint in detector.hints))
        self._glances = tuple(dict.fromkeys(one.glance for one in self._detectors if one.glance is not None))
        self._hooks = tuple(hooks)
        self._key = key.encode() if key else None
        self._hides_secrets = "secret" in names
        self._hides_cards = "card" in names

    def __call__(self, text: str) -> str:
        """Return the text masked; raises what a masker of the user's own raises, and TypeError for its non-text."""
        if not self._hooks and not self._may_match(text):
            return text
        if text[:1] in "[{ \n\t" and (head := text.lstrip()[:1]) and head in "[{":
            masked = self._json(text)
            if masked is not None:
                return masked
        return self._hooked(self._detected(text))

    def _may_match(self, text: str) -> bool:
        lowered = text.lower()
        # In JSON `\u0040` is an @: what is written so is read before it is judged.
        return (
            "\\u" in text
            or any(hint in lowered for hint in self._hints)
            or any(glance(text) for glance in self._glances)
        )

    def _detected(self, text: str) -> str:
        """The text masked by the detectors until they find nothing: a replacement may bring parts together."""
        for _ in range(_ROUNDS):
            masked = self._once(text)
            if masked == text:
                break
            text = masked
        return text

    def _once(self, text: str) -> str:
        lowered = text.lower()
        for detector in self._detectors:
            if not detector.may_match(text, lowered):
                continue
            done: list[str] = []
            at = 0
            masked = [match.span() for match in _PLACEHOLDER.finditer(text)] if "[" in text else []
            for start, end in sorted(detector.find(text), key=lambda found: (found[0], -found[1])):
                if end <= at or _lies_in(masked, start, end):
                    continue
                start = max(start, at)
                done += (text[at:start], self._replacement(detector.name, text[start:end]))
                at = end
            if done:
                text = "".join((*done, text[at:]))
                lowered = text.lower()
        return text

    def _replacement(self, name: str, value: str) -> str:
        label = name.upper()
        if self._key is None:
            return f"[{label}]"
        # However it is written, one number is one number.
        plain = value.lower().replace("%40", "@")
        if name not in ("email", "secret", "ip"):
            plain = "".join(filter(str.isalnum, plain))
        digest = hmac.new(self._key, f"{name}:{plain}".encode("utf-8", "replace"), "sha256")
        return f"[{label}:{digest.hexdigest()[:8]}]"

    def _hooked(self, text: str) -> str:
        for hook in self._hooks:
            masked: Any = hook(text)
            if not isinstance(masked, str):
                raise TypeError(f"a masker returned {type(masked).__name__}, not str")
            text = masked
        return text

    def _json(self, text: str) -> str | None:
        """The JSON text with its strings masked; None if it is no JSON."""
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return None
        key = ""

        def masked(match: re.Match[str]) -> str:
            nonlocal key
            raw, colon, number = match.groups()
            if number is not None:
                hide = self._hides_cards and is_card(number)
                return f'"{self._replacement("card", number)}"' if hide else number
            value: str = json.loads(raw) if "\\" in raw else raw[1:-1]
            if colon is not None:
                key = value
                return _quoted(self._detected(value), value, raw) + colon
            name, key = key, ""
            return _quoted(self._value(name, value), value, raw)

        return _JSON_TOKEN.sub(masked, text)

    def _value(self, key: str, value: str) -> str:
        if self._hides_secrets and value and SENSITIVE_KEY.fullmatch(key) and not _PLACEHOLDER.fullmatch(value):
            return self._replacement("secret", value)
        if key in _STRUCTURE:
            return self._detected(value)
        return self(value)


def _lies_in(spans: list[Found], start: int, end: int) -> bool:
    """True if one of these spans, which are in order and apart, holds this one."""
    before = bisect_right(spans, (start, sys.maxsize)) - 1
    return before >= 0 and end <= spans[before][1]


def _quoted(masked: str, value: str, raw: str) -> str:
    return raw if masked == value else clean(json.dumps(masked, ensure_ascii=False))
