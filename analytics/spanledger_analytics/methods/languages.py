"""Which language a text is in, as far as its letters and commonest words tell: enough to see that shares have changed.

>>> language("Where is the parcel that I have ordered?"), language("Wo ist das Paket, das ich bestellt habe?")
('en', 'de')
>>> language("荷物はどこですか"), language("посылка"), language("42")
('ja', 'Cyrillic', None)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_WORD: Final = re.compile(r"[^\W\d_]+")
_LETTER: Final = re.compile(r"[A-Za-z]")
_READ: Final = 1_000
# Languages of the Latin script by words that hold their sentences together; words of several count for each.
_WORDS: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset(words.split())
    for name, words in {
        "en": "the is are was of and to in that it my me can you how what do does i for on with this have not please",
        "de": "der die das ist sind und ich nicht ein eine zu mit auf wie was kann mein meine für den es von bitte wo",
        "fr": "le la les est et je ne pas un une des du mon ma que qui dans pour avec comment vous puis au ce sur où",
        "es": "el la los las es y que de no un una mi en por para con cómo qué puedo se lo su me dónde está como",
        "it": "il lo la gli le è e che di non un una mio mia in per con come cosa posso sono del della mi dove",
        "pt": "o a os as é e que de não um uma meu minha em por para com como posso se do da me onde está você",
        "nl": "de het een is en ik niet van mijn dat te met op hoe wat kan zijn voor aan er waar bij naar wel",
        "sv": "och är jag inte en ett det att min mitt på för med hur vad kan som av den var till har",
        "pl": "i jest nie w na się do to że jak co mój moja czy z dla mam mogę gdzie po ale są",
    }.items()
}
_SPOKEN: Final[Mapping[str, tuple[str, ...]]] = {
    word: tuple(name for name, known in _WORDS.items() if word in known) for word in frozenset().union(*_WORDS.values())
}
# The first and last code point of scripts, by what a text in them is called.
_SCRIPTS: Final = (
    (0x3040, 0x30FF, "ja"), (0xAC00, 0xD7AF, "ko"), (0x4E00, 0x9FFF, "zh"), (0x0400, 0x052F, "Cyrillic"),
    (0x0600, 0x06FF, "Arabic"), (0x0590, 0x05FF, "he"), (0x0370, 0x03FF, "el"), (0x0900, 0x097F, "Devanagari"),
    (0x0E00, 0x0E7F, "th"),
)  # fmt: skip
_LATIN_ENDS: Final = 0x024F
OTHER: Final = "Latin"
"""A text in Latin letters whose language its words do not tell."""


def language(text: str) -> str | None:
    """An ISO 639-1 code, or a script's name where that is all its letters tell; None for a text without letters."""
    read = text[:_READ]
    script = _script(read)
    if script != OTHER:
        return script
    hits: dict[str, int] = {}
    for word in _WORD.findall(read):
        for name in _SPOKEN.get(word.lower(), ()):
            hits[name] = hits.get(name, 0) + 1
    most = max(hits.values(), default=0)
    best = [name for name, count in hits.items() if count == most]
    return best[0] if len(best) == 1 else OTHER


def _script(text: str) -> str | None:
    if text.isascii():
        # Most texts are; going through their letters one by one took a large part of the drift job's time.
        return OTHER if _LETTER.search(text) else None
    counts: dict[str, int] = {}
    for letter in text:
        if not letter.isalpha():
            continue
        code = ord(letter)
        name = OTHER if code <= _LATIN_ENDS else next((n for first, last, n in _SCRIPTS if first <= code <= last), None)
        counts[name or "another script"] = counts.get(name or "another script", 0) + 1
    if not counts:
        return None
    # Japanese is written with Chinese characters too; those without kana are not Japanese.
    if counts.get("ja") and counts.get("zh"):
        counts["ja"] += counts.pop("zh")
    return max(counts, key=lambda name: (counts[name], name))
