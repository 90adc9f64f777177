"""What the words of a bill mean: which provider, which model, which class of tokens, which class of service.

Bills name a model as they like: `gpt-4o-2024-08-06, input`, `Claude Sonnet 4 Usage - Input Tokens`,
`USE1-Claude3Sonnet-input-tokens`, `gpt 4o 0806 Inp glbl Tokens`. A name is compared by its words and numbers, whatever
stands between them and in whatever order the words are; what says region, direction or measure is no part of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from spanledger.semconv import provider_name

# How each format writes: AWS CUR usage types after
# https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-understanding-cur-data.html
_REGION: Final = re.compile(r"^(?:[A-Z]{2,4}\d{1,2}|[A-Z]{2,4})[-_](?:MP:(?:[A-Z]{2,4}\d{1,2}_)?)?")
_DATE: Final = re.compile(r"(?<!\d)20\d\d[-_ ]?(?:0[1-9]|1[0-2])[-_ ]?(?:0[1-9]|[12]\d|3[01])(?!\d)")
# The month and day that OpenAI's and Azure's older names carry, and Google's three digits.
_SHORT_DATE: Final = re.compile(r"(?<![\d.])(?:(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])|00\d)(?![\d.])")
_VERSION: Final = re.compile(r"[-_ ]v\d+(?::\d+)?(?=$|[^\w.])")
_WORD: Final = re.compile(r"[a-z]+|\d+")
_VENDOR: Final = re.compile(
    r"^(?:(?:us|eu|apac|global|au|ca|jp)\.)?(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|qwen|google|zai|"
    r"moonshotai?|minimax|nvidia|publishers/\w+/models|models)[./]"
)


def _words(text: str) -> list[str]:
    return text.split()


# A text without one of these names no model.
_FAMILIES: Final = frozenset(
    _words(
        "ada babbage chatgpt claude codestral codex command curie dall davinci deepseek devstral embed gemini "
        "gemma glm gpt grok imagen instant jamba jurassic kimi llama magistral minimax ministral mistral mixtral "
        "nemotron nova o palm phi pixtral qwen rerank sonar sora titan tts veo voxtral whisper "
    )
)
# Words of a line that say what was done with a model and where.
_BESIDE: Final = frozenset(
    _words(
        "a access actions amazon anthropic apac api aws azure batch batches bedrock cache cached caching call "
        "calls cch cchd character characters chat completion completions content context count cross cust "
        "customized data datazone dz east edition eu fee flex for foundry from generate generated generation geo "
        "glbl global hit hits hour hourly in inference inp input inputs invocation k length line long m mantle "
        "million model modelinference models north of on openai opt out outp output outputs per pred prediction "
        "predictions priority processed prompt provisioned read reads reasoning refresh region regional regn "
        "regnl request requests response responses search searches seconds service short south standard std "
        "storage sub text thinking tier time token tokens tool unit units us usage v vertex web west with write "
        "writes zai zone "
    )
)
_SAME: Final[Mapping[str, str]] = {"embedding": "embed", "embeddings": "embed"}
_SAYS_NOTHING: Final = frozenset({"instruct"})
_MODALITY: Final = re.compile(r"\b(?:text|audio|image|video)\b(?=\s+(?:input|output|inp|outp|token))")

_ISSUERS: Final[Mapping[str, str]] = {"aws": "aws", "azure": "azure", "gcp": "gcp", "microsoft": "azure",
                                      "amazon": "aws", "google": "gcp", "vertex": "gcp"}  # fmt: skip
_SPELLED: Final[Mapping[str, str]] = {
    "aws": "aws.bedrock",
    "amazon": "aws.bedrock",
    "amazon web services": "aws.bedrock",
    "microsoft": "azure.ai.openai",
    "microsoft azure": "azure.ai.openai",
    "google": "gcp.vertex_ai",
    "google cloud": "gcp.vertex_ai",
    "google cloud platform": "gcp.vertex_ai",
    "gcp": "gcp.vertex_ai",
}


class Key(NamedTuple):
    """A model's name as its words, in order of the alphabet, and its numbers, in their own; '' dates for none."""

    words: tuple[str, ...]
    numbers: tuple[str, ...]
    date: str = ""

    @property
    def family(self) -> Key:
        """The same without its date."""
        return self._replace(date="")

    @property
    def core(self) -> Key:
        """The family without words that may say what was done with it: `deepseek-chat` may be `deepseek`."""
        return Key(tuple(word for word in self.words if word not in _BESIDE), self.numbers)


def provider_of(text: str) -> str:
    """The ledger's name of a provider that a bill or a person spells in some way; an unknown one in small letters."""
    plain = " ".join(text.lower().replace(",", " ").split()).removesuffix(" inc.").removesuffix(" inc").strip()
    return _SPELLED.get(plain) or provider_name(plain)


def issuer(provider: str) -> str:
    """Who sends the bill for a provider of the ledger: Bedrock and SageMaker are on one, so are Gemini and Vertex."""
    head = re.split(r"[._ ]", provider.lower(), maxsplit=1)[0]
    return _ISSUERS.get(head, provider.lower())


def key_of(model: str) -> Key | None:
    """The key of a model as an application or a provider's API names it; None for an empty name."""
    text = _VENDOR.sub("", model.strip().lower().removeprefix("models/"))
    return _key(text, frozenset({"latest"}))


def key_of_line(text: str) -> Key | None:
    """The key of what a line of a bill is about, a model or something else; None where nothing is left of its words."""
    plain = _REGION.sub("", text.strip())
    # Names that run together: Claude3Sonnet, gpt4omini.
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain).lower()
    spaced = re.sub(r"\(.*?\)", " ", spaced)
    if "|" in spaced:
        spaced = next((part for part in spaced.split("|") if _names(part)), spaced)
    spaced = _MODALITY.sub(" ", spaced.replace("-", " ").replace("_", " "))
    return _key(spaced, _BESIDE)


def names_model(text: str) -> bool:
    """Whether a line names a model of a family that is known, wherever it is used."""
    key = key_of_line(text)
    return key is not None and is_model(key)


def is_model(key: Key) -> bool:
    """Whether one of the words is that of a family of models."""
    return not _FAMILIES.isdisjoint(key.words)


def usage_class(text: str) -> str:
    """`input`, `cache_read`, `cache_write` or `output`, or `other`, as the words of a line say."""
    words = set(re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower()))
    if words & {"cache", "cached", "cchd", "cch", "caching", "ephemeral"}:
        if words & {"write", "writes", "creation", "storage", "ephemeral"}:
            return "cache_write"
        return "cache_read"
    if words & {"output", "outputs", "outp", "opt", "generated", "completion"}:
        return "output"
    if words & {"input", "inputs", "inp", "prompt"}:
        return "input"
    return "other"


def service_tier(text: str) -> str:
    """`batch`, `flex` or `priority` where the words of a line say so, else ''."""
    words = set(re.findall(r"[a-z]+", text.lower()))
    if words & {"batch", "batches"}:
        return "batch"
    return next((each for each in ("flex", "priority") if each in words), "")


def _names(text: str) -> bool:
    return bool(_FAMILIES.intersection(_WORD.findall(text)))


def _key(text: str, beside: frozenset[str]) -> Key | None:
    date = ""
    for pattern in (_DATE, _SHORT_DATE):
        if match := pattern.search(text):
            date = date or re.sub(r"\D", "", match[0])
            text = text[: match.start()] + " " + text[match.end() :]
    version = _VERSION.search(text)
    text = _VERSION.sub(" ", text)
    parts: list[str] = _WORD.findall(text)
    words = {_SAME.get(part, part) for part in parts if part.isalpha() and part not in beside} - _SAYS_NOTHING
    if "embed" in words:
        words.discard("text")
    numbers = [part.lstrip("0") or "0" for part in parts if part.isdigit()]
    # Where no other number tells them apart, the version is part of the name: claude-v2:1.
    if version and not numbers:
        given = re.findall(r"\d+", version[0])
        numbers = [] if given == ["1", "0"] else given[: 1 if given[-1] == "0" else 2]
    return Key(tuple(sorted(words)), tuple(numbers), date) if words else None
