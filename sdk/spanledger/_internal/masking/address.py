"""IP addresses; those that name no machine (loopback, unspecified, network masks) are left alone."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Final

from spanledger._internal.masking.detector import Found

# Four numbers after a slash, a `v` or the word version are a version: Chrome/120.0.0.0.
_V4: Final = re.compile(
    r"[0-9](?<![\w.-][0-9])(?<![\w)]/[0-9])[0-9]{0,2}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?![\w-]|\.[0-9])"
)
_VERSION: Final = re.compile(
    r"(?:version|release|build|firmware|ver\.?|driver|section|chapter|clause|article|oid|§)(?: is| no\.?|:|=|==)?\s*$",
    re.IGNORECASE,
)
_COLONS: Final = re.compile(r":[0-9A-Fa-f]{0,4}:")
_BEFORE: Final = re.compile(r"[0-9A-Fa-f:]{0,45}\Z")
_HEX: Final = frozenset("0123456789abcdefABCDEF:")
_JOINED: Final = re.compile(r"\w")
_NOBODY: Final = re.compile(r"127\.|0\.|255\.")


def addresses(text: str) -> Iterator[Found]:
    """Yield where IPv4 and IPv6 addresses are."""
    for match in _V4.finditer(text):
        if (
            not _NOBODY.match(match[0])
            and all(int(part) < 256 and (part == "0" or part[0] != "0") for part in match[0].split("."))
            and not _VERSION.search(text, max(0, match.start() - 20), match.start())
        ):
            yield match.start(), match.end()
    done = 0
    for colons in _COLONS.finditer(text):
        if colons.start() < done:
            continue
        start, done = _v6_around(text, colons.start())
        found = text[start:done]
        # Short ones are times, slices (`a[1::2]`) and scopes of C++ far more often than addresses.
        if sum(map(str.isalnum, found)) >= 5 and any(map(str.isdigit, found)) and _is_v6(found):
            yield start, done


def _v6_around(text: str, at: int) -> Found:
    """The word of hexadecimal digits and colons around a place; an empty one where it goes on in another word."""
    before = _BEFORE.search(text, max(0, at - 45), at)
    start = before.start() if before else at
    end = at
    while end < len(text) and end - start < 46 and text[end] in _HEX:
        end += 1
    if _JOINED.match(text[start - 1 : start]) or _JOINED.match(text[end : end + 1]):
        return end, end
    return start, end


def _is_v6(text: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        return False
    return True
