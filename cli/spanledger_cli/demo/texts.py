"""Varied English from a grammar of topics: questions, follow-ups and answers of one topic share its vocabulary."""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, Final

_SLOT: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing people ask a feature about; a latent one is silent until a story wakes it."""

    id: str
    label: str
    latent: bool
    ask: tuple[str, ...]
    follow: tuple[str, ...]
    answer: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Corpus:
    """All texts of one feature."""

    system: str
    context: tuple[str, ...]
    slots: Mapping[str, tuple[str, ...]]
    topics: tuple[Topic, ...]
    latent: Topic


@cache
def words(kind: str) -> tuple[str, ...]:
    """The shared words of one kind: `city`, `person`, `month`, `greeting`, `closing`, `bridge`, `stop`."""
    found = _load("shared")[kind]
    return tuple(found.split() if isinstance(found, str) else found)


@cache
def corpus(feature: str) -> Corpus:
    """The texts shipped for a feature."""
    raw = _load(feature)
    topics = [
        Topic(
            id=entry["id"],
            label=entry.get("label", entry["id"]),
            latent=bool(entry.get("latent", False)),
            ask=tuple(entry["ask"]),
            follow=tuple(entry["follow"]) or tuple(entry["ask"]),
            answer=tuple(entry["answer"]),
        )
        for entry in raw["topic"]
    ]
    return Corpus(
        system=raw["system"],
        context=tuple(raw["context"]),
        slots={name: tuple(values) for name, values in raw["slots"].items()},
        topics=tuple(topic for topic in topics if not topic.latent),
        latent=next(topic for topic in topics if topic.latent),
    )


@cache
def features() -> tuple[str, ...]:
    """Every feature that texts are shipped for."""
    shipped = {file.name for file in files("spanledger_cli.demo").joinpath("texts").iterdir()} - {"shared.toml"}
    return tuple(sorted(name.removesuffix(".toml") for name in shipped if name.endswith(".toml")))


class Speaker:
    """The words of one session: the same names and places throughout, drawn from `rng` alone."""

    def __init__(self, texts: Corpus, topic: Topic, rng: random.Random) -> None:
        self._texts = texts
        self._rng = rng
        self.topic = topic
        self._fixed = {"person": rng.choice(words("person")), "city": rng.choice(words("city"))}
        self._greets = rng.random() < 0.3
        self._lower = rng.random() < 0.12
        self._clumsy = rng.random() < 0.18
        self._asked: list[str] = []

    def question(self, turn: int) -> str:
        """What the user writes in that turn."""
        rng = self._rng
        pool = self.topic.ask if turn == 0 or rng.random() < 0.3 else self.topic.follow
        choices = [text for text in pool if text not in self._asked] or list(pool)
        template = rng.choice(choices)
        self._asked.append(template)
        text = self._fill(template)
        if turn == 0 and rng.random() < 0.55 and (extra := rng.choice(self._texts.context)):
            text = f"{text} {self._fill(extra)}"
        if turn == 0 and self._greets:
            text = rng.choice(words("greeting")) + text
        if rng.random() < 0.15:
            text += rng.choice(words("closing"))
        if self._clumsy and rng.random() < 0.5:
            text = _swap_letters(text, rng)
        return text.lower() if self._lower else text

    def answer(self, sentences: int) -> str:
        """What the model replies: so many sentences, not repeated."""
        rng = self._rng
        pool = self.topic.answer
        picked = rng.sample(pool, min(max(sentences, 1), len(pool)))
        if picked[0].startswith("{"):
            return picked[0]
        return rng.choice(words("bridge")) + " ".join(self._fill(sentence) for sentence in picked)

    def passages(self, count: int) -> str:
        """Retrieved sentences on the topic, one a line."""
        picked = self._rng.sample(self.topic.answer, min(count, len(self.topic.answer)))
        return "\n".join(map(self._fill, picked))

    def _fill(self, template: str) -> str:
        parts = _parse(template)
        if len(parts) == 1:
            return template
        return "".join(part if index % 2 == 0 else self._slot(part) for index, part in enumerate(parts))

    def _slot(self, name: str) -> str:
        rng = self._rng
        if name in self._fixed:
            return self._fixed[name]
        if name == "n":
            return str(rng.randint(3, 48))
        if name == "days":
            return str(rng.choice((2, 3, 5, 7, 10, 14, 30)))
        if name == "amount":
            return f"{rng.choice((rng.randint(12, 950), 50 * rng.randint(20, 900))):,}"
        if name == "date":
            return f"{rng.randint(1, 28)} {rng.choice(words('month'))}"
        if name == "order":
            return f"{rng.choice('KMPTX')}-{rng.randint(10_000, 99_999)}"
        # A word of the feature's own list stays the same within the session.
        value = self._fill(rng.choice(self._texts.slots[name]))
        self._fixed[name] = value
        return value


@cache
def _load(name: str) -> dict[str, Any]:
    text = files("spanledger_cli.demo").joinpath("texts", f"{name}.toml").read_text("utf-8")
    return tomllib.loads(text)


@lru_cache(maxsize=4096)
def _parse(template: str) -> tuple[str, ...]:
    return tuple(_SLOT.split(template))


def _swap_letters(text: str, rng: random.Random) -> str:
    """A typing slip: two neighbouring letters of one word change places."""
    at = rng.randrange(1, max(len(text) - 2, 2))
    if at + 1 < len(text) and text[at].isalpha() and text[at + 1].isalpha():
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    return text
