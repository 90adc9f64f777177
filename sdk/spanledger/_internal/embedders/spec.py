"""`init(embedder="...")`: what the word stands for."""

from __future__ import annotations

from importlib.util import find_spec
from typing import NamedTuple
from urllib.parse import urlsplit

from spanledger._internal.content.vectors import Embedder
from spanledger._internal.embedders.local import FastEmbed, SentenceTransformers
from spanledger._internal.embedders.remote import RemoteEmbedder
from spanledger.lexical import HashEmbedder

_OPENAI = "https://api.openai.com/v1"
KINDS = "lexical, openai:MODEL, http://HOST/v1#MODEL, sentence-transformers:MODEL, fastembed:MODEL"


class Chosen(NamedTuple):
    """An embedder and its model's name; or why there is none."""

    embedder: Embedder | None = None
    model: str | None = None
    problem: str | None = None


def chosen(spec: str, key: str | None = None) -> Chosen:
    """Return the embedder a spec names. Nothing is loaded and nothing is sent yet; raises nothing."""
    spec = spec.strip()
    word, _, model = spec.partition(":")
    if spec.lower() in ("off", "none", "false"):
        return Chosen()
    if spec == "lexical":
        made = HashEmbedder()
        return Chosen(made, made.model)
    if word in ("http", "https"):
        return _of_url(spec, key)
    if word == "openai" and model:
        if not key:
            return Chosen(problem=f"embedder={spec!r} needs a key in OPENAI_API_KEY; nothing is embedded")
        return Chosen(RemoteEmbedder(_OPENAI, model, key), model)
    if word in ("sentence-transformers", "fastembed") and model:
        if find_spec(word.replace("-", "_")) is None:
            return Chosen(problem=f"embedder={spec!r} needs a package: pip install {word}; nothing is embedded")
        return Chosen(SentenceTransformers(model) if word == "sentence-transformers" else FastEmbed(model), model)
    return Chosen(problem=f"embedder={spec!r} is not known; nothing is embedded. It is one of {KINDS}, or a callable")


def _of_url(spec: str, key: str | None) -> Chosen:
    base, _, model = spec.partition("#")
    try:
        parts = urlsplit(base)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not model:
        return Chosen(
            problem=f"embedder={spec!r} is no address with a model, such as "
            "http://127.0.0.1:11434/v1#nomic-embed-text; nothing is embedded"
        )
    return Chosen(RemoteEmbedder(base, model, key), model)
