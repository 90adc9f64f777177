"""The libraries that can be observed without code, and who instruments them, best first. Data only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Library:
    """One library: what people call it, the module whose import says it is used, and its instrumentations.

    `genai` are OpenTelemetry's own, `openinference` and `openllmetry` those projects'. `is_ours` where a wrapping of
    our own serves as the last. `distribution` is set where the module's name alone does not tell whose it is, `within`
    where `module` is a mere namespace in some versions.
    """

    name: str
    module: str
    genai: tuple[str, ...] = ()
    openinference: str | None = None
    openllmetry: str | None = None
    is_ours: bool = False
    distribution: str | None = None
    within: str | None = None

    @property
    def instrumentations(self) -> tuple[str, ...]:
        """All modules that hold an instrumentation of this library, best first."""
        others = (self.openinference, self.openllmetry)
        return (*self.genai, *(module for module in others if module is not None))


_GENAI: Final = "opentelemetry.instrumentation.genai"
_OPENINFERENCE: Final = "openinference.instrumentation"
_OPENLLMETRY: Final = "opentelemetry.instrumentation"

LIBRARIES: Final[tuple[Library, ...]] = (
    Library(
        "openai",
        "openai",
        (f"{_GENAI}.openai", "opentelemetry.instrumentation.openai_v2"),
        f"{_OPENINFERENCE}.openai",
        f"{_OPENLLMETRY}.openai",
        is_ours=True,
    ),
    Library(
        "anthropic",
        "anthropic",
        (f"{_GENAI}.anthropic",),
        f"{_OPENINFERENCE}.anthropic",
        f"{_OPENLLMETRY}.anthropic",
        is_ours=True,
    ),
    Library(
        "google-genai",
        "google.genai",
        ("opentelemetry.instrumentation.google_genai",),
        f"{_OPENINFERENCE}.google_genai",
        f"{_OPENLLMETRY}.google_generativeai",
    ),
    Library(
        "mistral",
        "mistralai",
        (),
        f"{_OPENINFERENCE}.mistralai",
        f"{_OPENLLMETRY}.mistralai",
        within="mistralai.client",
    ),
    Library("cohere", "cohere", (), f"{_OPENINFERENCE}.cohere", f"{_OPENLLMETRY}.cohere"),
    Library(
        "bedrock",
        "botocore",
        (f"{_GENAI}.bedrock",),
        f"{_OPENINFERENCE}.bedrock",
        f"{_OPENLLMETRY}.bedrock",
    ),
    Library("litellm", "litellm", (), f"{_OPENINFERENCE}.litellm"),
    Library(
        "langchain",
        "langchain_core",
        (f"{_GENAI}.langchain",),
        f"{_OPENINFERENCE}.langchain",
        f"{_OPENLLMETRY}.langchain",
    ),
    Library(
        "llama-index",
        "llama_index.core",
        (f"{_GENAI}.llama_index",),
        f"{_OPENINFERENCE}.llama_index",
        f"{_OPENLLMETRY}.llamaindex",
    ),
    Library("pydantic-ai", "pydantic_ai"),  # instruments itself
    Library("crewai", "crewai", (), f"{_OPENINFERENCE}.crewai", f"{_OPENLLMETRY}.crewai"),
    Library("haystack", "haystack", (), f"{_OPENINFERENCE}.haystack", f"{_OPENLLMETRY}.haystack"),
    Library("dspy", "dspy", (f"{_GENAI}.dspy",), f"{_OPENINFERENCE}.dspy"),
    Library(
        "openai-agents",
        "agents",  # a name that a program's own package may have as well
        (f"{_GENAI}.openai_agents",),
        f"{_OPENINFERENCE}.openai_agents",
        f"{_OPENLLMETRY}.openai_agents",
        distribution="openai-agents",
    ),
    Library("mcp", "mcp", (), f"{_OPENINFERENCE}.mcp", f"{_OPENLLMETRY}.mcp"),
)
NAMES: Final[tuple[str, ...]] = tuple(library.name for library in LIBRARIES)


OWN: Final = "own"
"""Beside names of libraries: OpenAI's and Anthropic's clients are wrapped by ourselves, whatever else is installed."""


def names_of(value: str | bool | Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return (names of libraries and `own`, words that are neither) for `auto`, `off` or a (comma) list of names."""
    if isinstance(value, bool):
        value = "auto" if value else "off"
    words = value.split(",") if isinstance(value, str) else list(value)
    words = [word.strip().lower().replace("_", "-") for word in words]
    words = [word for word in words if word]
    if words == ["off"]:
        return (), ()
    if "auto" in words:
        words = [*NAMES, *(word for word in words if word != "auto")]
    known = (*NAMES, OWN)
    return tuple(name for name in known if name in words), tuple(word for word in words if word not in known)
