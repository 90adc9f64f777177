"""Which libraries are tried, with which instrumentation, by which program, and what the fake provider charges."""

from __future__ import annotations

from dataclasses import dataclass

GENAI = "opentelemetry-instrumentation-genai-"
OPENINFERENCE = "openinference-instrumentation-"
OPENLLMETRY = "opentelemetry-instrumentation-"
CASES = ("sync", "async", "stream", "error")


@dataclass(frozen=True, slots=True)
class Trial:
    """One environment: a library, and an instrumentation package or none, where the SDK's own wrapping serves."""

    library: str  # as in SPANLEDGER_INSTRUMENT
    program: str  # of programs/
    package: str  # whose version the table shows
    instrumentation: str | None
    others: tuple[str, ...] = ()  # packages to be installed beside
    answers: str = "openai"  # which API the program speaks: what one call of it costs
    calls: int = 1  # billable calls of one case

    @property
    def name(self) -> str:
        """Of its environment, and of the trial on the command line."""
        return f"{self.program}-{self.instrumentation or 'own'}"

    @property
    def packages(self) -> tuple[str, ...]:
        """All that is installed into its environment, beside the SDK."""
        return (self.package, *self.others, *((self.instrumentation,) if self.instrumentation else ()))


@dataclass(frozen=True, slots=True)
class Charge:
    """What one call is: all input and all output tokens, and dollars."""

    input: int
    output: int
    cost: str | None


CHARGES = {
    # What tests/sdk/provider.py answers; whole answers and streams are the same, except Anthropic's.
    "openai": {"": Charge(1000, 100, "0.003")},
    "responses": {"": Charge(100, 60, "0.00085")},
    "anthropic": {"": Charge(1110, 20, "0.001005"), "stream": Charge(10, 20, "0.00033")},
    "google": {"": Charge(100, 15, "0.0000675")},
    "mistral": {"": Charge(1000, 100, None)},
    "cohere": {"": Charge(100, 10, None)},
    "bedrock": {"": Charge(100, 10, None)},
    "none": {"": Charge(0, 0, None)},
}

TRIALS = (
    Trial("openai", "openai_client", "openai", None),
    Trial("openai", "openai_client", "openai", f"{GENAI}openai"),
    Trial("openai", "openai_client", "openai", f"{OPENINFERENCE}openai"),
    Trial("openai", "openai_client", "openai", f"{OPENLLMETRY}openai"),
    Trial("anthropic", "anthropic_client", "anthropic", None, answers="anthropic"),
    Trial("anthropic", "anthropic_client", "anthropic", f"{GENAI}anthropic", answers="anthropic"),
    Trial("anthropic", "anthropic_client", "anthropic", f"{OPENINFERENCE}anthropic", answers="anthropic"),
    Trial("google-genai", "google_client", "google-genai<3", f"{OPENLLMETRY}google-genai", answers="google"),
    Trial("google-genai", "google_client", "google-genai", f"{OPENINFERENCE}google-genai", answers="google"),
    Trial("mistral", "mistral_client", "mistralai", f"{OPENINFERENCE}mistralai", answers="mistral"),
    Trial("cohere", "cohere_client", "cohere", f"{OPENINFERENCE}cohere", answers="cohere"),
    Trial("cohere", "cohere_client", "cohere<6", f"{OPENLLMETRY}cohere", answers="cohere"),
    Trial("bedrock", "bedrock_client", "boto3", f"{GENAI}bedrock", answers="bedrock"),
    Trial("bedrock", "bedrock_client", "boto3", f"{OPENINFERENCE}bedrock", answers="bedrock"),
    Trial("litellm", "litellm_calls", "litellm", f"{OPENINFERENCE}litellm"),
    Trial(
        "langchain",
        "langchain_calls",
        "langchain-core",
        f"{GENAI}langchain",
        ("langchain", "langchain-openai", "langgraph"),
    ),
    Trial(
        "langchain",
        "langchain_calls",
        "langchain-core",
        f"{OPENINFERENCE}langchain",
        ("langchain", "langchain-openai", "langgraph"),
    ),
    Trial("llama-index", "llama_index_calls", "llama-index-core", f"{GENAI}llama-index", ("llama-index-llms-openai",)),
    Trial(
        "llama-index",
        "llama_index_calls",
        "llama-index-core",
        f"{OPENINFERENCE}llama-index",
        ("llama-index-llms-openai",),
    ),
    Trial("pydantic-ai", "pydantic_ai_calls", "pydantic-ai-slim[openai]", None),
    Trial("crewai", "crewai_calls", "crewai", f"{OPENINFERENCE}crewai"),
    Trial("haystack", "haystack_calls", "haystack-ai", f"{OPENINFERENCE}haystack"),
    Trial("dspy", "dspy_calls", "dspy", f"{GENAI}dspy"),
    Trial("dspy", "dspy_calls", "dspy", f"{OPENINFERENCE}dspy"),
    Trial("openai-agents", "agents_calls", "openai-agents", f"{GENAI}openai-agents", answers="responses"),
    Trial("openai-agents", "agents_calls", "openai-agents", f"{OPENINFERENCE}openai-agents", answers="responses"),
    Trial("mcp", "mcp_calls", "mcp", f"{OPENINFERENCE}mcp", answers="none", calls=0),
)
