"""Names of the span attributes that Spanledger's parts agree on, and the tables that read them.

`gen_ai.*` names follow OpenTelemetry's GenAI conventions, which are in development and whose published
Python constants lag behind, so the names live here. `spanledger.*` names exist only where no `gen_ai.*`
name does. Nothing is imported: the collector reads this module for every span.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

SpanKindName = Literal["llm", "agent", "tool", "retrieval", "embedding", "guardrail", "chain"]

KINDS: Final[tuple[SpanKindName, ...]] = (
    "llm",
    "agent",
    "tool",
    "retrieval",
    "embedding",
    "guardrail",
    "chain",
)

# --- what was called -----------------------------------------------------------------------------
OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
SYSTEM: Final = "gen_ai.system"  # the old name of PROVIDER_NAME
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"
REQUEST_TOP_K: Final = "gen_ai.request.top_k"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_STREAM: Final = "gen_ai.request.stream"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
REQUEST_SERVICE_TIER: Final = "openai.request.service_tier"
OLD_REQUEST_SERVICE_TIER: Final = "gen_ai.openai.request.service_tier"
RESPONSE_SERVICE_TIER: Final = "openai.response.service_tier"
OLD_RESPONSE_SERVICE_TIER: Final = "gen_ai.openai.response.service_tier"
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"  # seconds, a float
OUTPUT_TYPE: Final = "gen_ai.output.type"
AGENT_ID: Final = "gen_ai.agent.id"
AGENT_NAME: Final = "gen_ai.agent.name"
AGENT_VERSION: Final = "gen_ai.agent.version"
WORKFLOW_NAME: Final = "gen_ai.workflow.name"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_TYPE: Final = "gen_ai.tool.type"
TOOL_DESCRIPTION: Final = "gen_ai.tool.description"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
ERROR_TYPE: Final = "error.type"
HTTP_STATUS: Final = "http.response.status_code"
HTTP_RESEND_COUNT: Final = "http.request.resend_count"  # how often the client tried again

# --- usage: input INCLUDES cache reads and writes, output INCLUDES reasoning -----------------------
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
USAGE_REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
USAGE_AUDIO_INPUT_TOKENS: Final = "gen_ai.usage.audio.input_tokens"
USAGE_AUDIO_OUTPUT_TOKENS: Final = "gen_ai.usage.audio.output_tokens"
USAGE_IMAGE_INPUT_TOKENS: Final = "gen_ai.usage.image.input_tokens"
USAGE_IMAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.image.output_tokens"
# Buckets without a gen_ai name go under this prefix, keyed by genai-prices unit (`web_searches`, ...).
USAGE_OTHER_PREFIX: Final = "spanledger.usage."
# Names that emitters used before, in the order they are to be believed.
OLD_USAGE_INPUT_TOKENS: Final = ("gen_ai.usage.prompt_tokens",)
OLD_USAGE_OUTPUT_TOKENS: Final = ("gen_ai.usage.completion_tokens",)
OLD_USAGE_CACHE_READ_TOKENS: Final = ("gen_ai.usage.cache_read_input_tokens",)
OLD_USAGE_CACHE_WRITE_TOKENS: Final = (
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
)
OLD_USAGE_REASONING_TOKENS: Final = ("gen_ai.usage.reasoning_tokens",)

# --- who and what for ------------------------------------------------------------------------------
CONVERSATION_ID: Final = "gen_ai.conversation.id"  # our session
OLD_SESSION_ID: Final = "session.id"
USER_ID: Final = "user.id"
OLD_USER_ID: Final = "enduser.id"
ENVIRONMENT: Final = "deployment.environment.name"
OLD_ENVIRONMENT: Final = "deployment.environment"
PROMPT_NAME: Final = "gen_ai.prompt.name"
PROMPT_VERSION: Final = "gen_ai.prompt.version"
PROMPT_VARIABLE_PREFIX: Final = "gen_ai.prompt.variable."

# --- content: JSON strings on spans ----------------------------------------------------------------
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"

# --- evaluation events -----------------------------------------------------------------------------
EVALUATION_NAME: Final = "gen_ai.evaluation.name"
EVALUATION_SCORE_VALUE: Final = "gen_ai.evaluation.score.value"
EVALUATION_SCORE_LABEL: Final = "gen_ai.evaluation.score.label"
EVALUATION_EXPLANATION: Final = "gen_ai.evaluation.explanation"
EVALUATION_SOURCE: Final = "spanledger.evaluation.source"  # who judged: a person, a judge model, a test

# --- ours ------------------------------------------------------------------------------------------
KIND: Final = "spanledger.kind"
CUSTOMER_ID: Final = "spanledger.customer.id"
FEATURE: Final = "spanledger.feature"
TEAM: Final = "spanledger.team"
RELEASE: Final = "spanledger.release"
TAGS: Final = "spanledger.tags"  # an array of strings
METADATA_PREFIX: Final = "spanledger.metadata."
COST_USD: Final = "spanledger.cost.usd"  # a decimal STRING: a double would not be exact
COST_SOURCE: Final = "spanledger.cost.source"
CALL_COUNT: Final = "spanledger.call.count"  # how many calls the span is the sum of; 1 where it is not there
EMBEDDING: Final = "spanledger.embedding"  # base64 of little-endian floats
EMBEDDING_MODEL: Final = "spanledger.embedding.model"
EMBEDDING_DTYPE: Final = "spanledger.embedding.dtype"  # "float16" or "float32"
EMBEDDING_DIMENSIONS: Final = "spanledger.embedding.dimensions"
EMBEDDING_MISSING: Final = "spanledger.embedding.missing"  # "late" or "failed": a vector was wanted
CAPTURE: Final = "spanledger.capture"  # what a block or function around another library's span allows of its content
MASK_DROPPED: Final = "spanledger.mask.dropped"  # texts that could not be masked, and so were not sent
COUNTED_INSIDE: Final = "spanledger.counted.inside"  # tells of a model call whose own span lies inside this one
STREAM_INTERRUPTED: Final = "spanledger.stream.interrupted"  # read in part: the usage is what was told until then
CACHE_HIT: Final = "spanledger.cache.hit"  # the application's own cache: such a call costs nothing
GUARDRAIL_PREFIX: Final = "spanledger.guardrail."
GUARDRAIL_NAME: Final = "spanledger.guardrail.name"
GUARDRAIL_ACTION: Final = "spanledger.guardrail.action"  # passed, blocked or modified
GUARDRAIL_REASON: Final = "spanledger.guardrail.reason"
# On the guardrail span of a call that was refused: which budget, whose of those that each value has, what it saved.
BUDGET_ID: Final = "spanledger.budget.id"
BUDGET_NAME: Final = "spanledger.budget.name"
BUDGET_VALUE: Final = "spanledger.budget.value"
BUDGET_SAVED_USD: Final = "spanledger.budget.saved_usd"  # a decimal STRING
GUARDRAIL_CATEGORY: Final = "spanledger.guardrail.category"
GUARDRAIL_SCORE: Final = "spanledger.guardrail.score"  # a float
# The share of traces like this one that are sent: 0.1 stands for ten. 1 for what is always kept.
SAMPLE_RATE: Final = "spanledger.sample.rate"
# Characters of the whole content, set only where the attribute beside it was cut.
INPUT_LENGTH: Final = "spanledger.input.length"
OUTPUT_LENGTH: Final = "spanledger.output.length"

OPERATION_KINDS: Final[Mapping[str, SpanKindName]] = MappingProxyType(
    {
        "chat": "llm",
        "generate_content": "llm",
        "text_completion": "llm",
        "fetch_response": "llm",
        "embeddings": "embedding",
        "retrieval": "retrieval",
        "create_agent": "agent",
        "invoke_agent": "agent",
        "execute_tool": "tool",
        "invoke_workflow": "chain",
    }
)
"""`gen_ai.operation.name` -> our kind."""

KIND_OPERATIONS: Final[Mapping[SpanKindName, str]] = MappingProxyType(
    {
        "llm": "chat",
        "agent": "invoke_agent",
        "tool": "execute_tool",
        "retrieval": "retrieval",
        "embedding": "embeddings",
    }
)
"""Our kind -> the `gen_ai.operation.name` the SDK writes; chain and guardrail have none and use `KIND`."""

PROVIDER_ALIASES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "az.ai.inference": "azure.ai.inference",
        "az.ai.openai": "azure.ai.openai",
        "azure_openai": "azure.ai.openai",
        "azure": "azure.ai.openai",
        "bedrock": "aws.bedrock",
        "aws_bedrock": "aws.bedrock",
        "amazon_bedrock": "aws.bedrock",
        "vertex_ai": "gcp.vertex_ai",
        "vertexai": "gcp.vertex_ai",
        "google_vertexai": "gcp.vertex_ai",
        "gemini": "gcp.gemini",
        "google": "gcp.gemini",
        "google_genai": "gcp.gemini",
        "gcp.gen_ai": "gcp.gemini",
        "xai": "x_ai",
        "x-ai": "x_ai",
        "grok": "x_ai",
        "mistral": "mistral_ai",
        "mistralai": "mistral_ai",
        "moonshot": "moonshot_ai",
        "moonshotai": "moonshot_ai",
        "watsonx": "ibm.watsonx.ai",
    }
)
"""Old or colloquial provider names -> the current `gen_ai.provider.name`."""


FRAMEWORKS: Final = frozenset(
    {
        "langchain",
        "langgraph",
        "llama_index",
        "llamaindex",
        "crewai",
        "haystack",
        "microsoft.agent_framework",
        "gcp.vertex.agent",
        "autogen",
        "smolagents",
    }
)
"""What emitters name as provider where they do not know it; the model's name then decides the price."""


def provider_name(value: str) -> str:
    """Return the current `gen_ai.provider.name` for a provider's spelling; unknown names pass through."""
    name = value.strip().lower()
    return PROVIDER_ALIASES.get(name, name)
