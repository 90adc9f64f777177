"""Keys, tokens and passwords: by the prefixes their issuers gave them, or by the name they are given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from spanledger._internal.masking.detector import Found

_ISSUED: Final = re.compile(
    r"(?:"
    r"sk-(?=[A-Za-z0-9_-]{0,200}[0-9])[A-Za-z0-9_-]{20,}"  # OpenAI, Anthropic (sk-ant-), OpenRouter (sk-or-)
    r"|(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9]{16,}"  # Stripe
    r"|(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA|ANPA)[A-Z0-9]{16}(?![A-Za-z0-9])"  # AWS
    r"|AIza[A-Za-z0-9_-]{35}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}"  # Google
    r"|gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}"  # GitHub, GitLab
    r"|xox[abeoprs]-[A-Za-z0-9-]{12,}|xapp-[A-Za-z0-9-]{12,}"  # Slack
    r"|hf_[A-Za-z0-9]{30,}|gsk_[A-Za-z0-9]{30,}|xai-[A-Za-z0-9]{30,}|pplx-[A-Za-z0-9]{30,}"  # Hugging Face, Groq, ...
    r"|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"  # npm, PyPI, SendGrid
    r"|eyJ[A-Za-z0-9_-]{8,1000}+\.eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*"  # JSON Web Tokens
    r")"
)
# A block whose end was cut off is masked to the end of the text.
_BLOCK: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?"
    r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    re.DOTALL,
)
_HOOK: Final = re.compile(r"hooks\.slack\.com/services/([A-Za-z0-9/]{20,})")
_HEADER: Final = re.compile(r"\b(?:bearer|basic)\s+((?=[^\s\"']{0,400}\d)[A-Za-z0-9._~+/-]{16,}=*)", re.IGNORECASE)
_USERINFO: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,30}://[^\s/:@\"'<>]{0,256}:([^\s/@\"'<>]{1,256})@")
_NAMES: Final = (
    r"pass(?:word|wd|phrase)|pwd|(?:client|app|aws|api|shared|signing)?[_-]?secret(?:[_-](?:access[_-])?key)?"
    r"|api[_-]?key|(?:access|auth|refresh|session|id)[_-]token|private[_-]key|account[_-]?key"
)
_IN_QUERY: Final = re.compile(rf"[?&;](?:{_NAMES}|token|key|sig|signature)=([^&\s\"'<>#;]{{4,}})", re.IGNORECASE)
_VALUES: Final = (
    (("hooks.slack.com",), _HOOK),
    (("bearer",), _HEADER),
    (("basic",), _HEADER),
    (("://", "@"), _USERINFO),
    (("=",), _IN_QUERY),
)
NAME_HINTS: Final = ("pass", "pwd", "secret", "key", "token")
_NAMED: Final = re.compile(
    r"(?:password|passwd|passphrase|pwd|secret|key|token)[\"']?\s{0,3}(=>|:=|=|:)\s{0,3}[\"']?"
    r"([^\s\"'&<>;,)\]}\[]{4,})",
    re.IGNORECASE,
)
_NAME: Final = re.compile(rf"(?<![A-Za-z])(?:[A-Za-z0-9]{{1,30}}_)?(?:{_NAMES})\Z", re.IGNORECASE)
_WORD_END: Final = re.compile(r"[A-Za-z]+")
# What stands in a value's place in code and in documentation.
_NO_VALUE: Final = re.compile(
    r"[$%{(*.]|os\.|self\.|process\.|env\.|config\.|settings\.|getenv|(?:none|null|true|false|undefined|str|string"
    r"|your|my|xxx+|changeme|required|optional|redacted)(?![a-z])|.*\(",
    re.IGNORECASE,
)
SENSITIVE_KEY: Final = re.compile(rf"(?:[a-z0-9]{{1,30}}[_-])?(?:{_NAMES}|authorization)", re.IGNORECASE)
"""A JSON key whose value is a secret whatever it looks like."""


LEAST_KEY: Final = 17
"""Characters of the shortest key that an issuer's pattern finds: a text of shorter words holds none."""


def has_long_word(text: str) -> bool:
    """True if there is a word as long as a key, or as the value after `bearer`."""
    return max(map(len, text.split()), default=0) >= LEAST_KEY - 1


def secrets(text: str) -> Iterator[Found]:
    """Yield where keys, tokens and passwords are; of `password=x`, `bearer x` and URLs only the value."""
    lowered = text.lower()
    if "private key" in lowered:
        for match in _BLOCK.finditer(text):
            yield match.span()
    if has_long_word(text):
        for match in _ISSUED.finditer(text):
            if not match.start() or not (text[match.start() - 1].isascii() and text[match.start() - 1].isalnum()):
                yield match.span()
    for hints, pattern in _VALUES:
        if all(hint in lowered for hint in hints):
            for match in pattern.finditer(text):
                if not match[1].startswith("["):
                    yield match.span(1)
    if not any(hint in lowered for hint in NAME_HINTS):
        return
    for match in _NAMED.finditer(text):
        value = match[2].rstrip(".!?")
        if len(value) < 4 or _NO_VALUE.match(value) or not _is_named(text, match.start()):
            continue
        # After a colon comes prose as well: "the password: never share it".
        if match[1] == ":" and not (re.search(r"\d", value) and len(value) > 5):
            continue
        yield match.start(2), match.start(2) + len(value)


def _is_named(text: str, at: int) -> bool:
    """True if the word that begins or ends here is a secret's name: `api_key`, not `key` or `monkey`."""
    word = _WORD_END.match(text, at)
    return word is not None and _NAME.search(text, max(0, at - 50), word.end()) is not None
