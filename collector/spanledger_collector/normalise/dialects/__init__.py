"""The dialects we read, most particular first. A new one is a module here and a line in `DIALECTS`."""

from spanledger_collector.normalise.dialect import Dialect
from spanledger_collector.normalise.dialects.agent_framework import AGENT_FRAMEWORK
from spanledger_collector.normalise.dialects.langfuse import LANGFUSE
from spanledger_collector.normalise.dialects.langsmith import LANGSMITH
from spanledger_collector.normalise.dialects.mlflow import MLFLOW
from spanledger_collector.normalise.dialects.openinference import OPENINFERENCE
from spanledger_collector.normalise.dialects.openlit import OPENLIT
from spanledger_collector.normalise.dialects.openllmetry import OPENLLMETRY
from spanledger_collector.normalise.dialects.opik import OPIK
from spanledger_collector.normalise.dialects.otel import OTEL
from spanledger_collector.normalise.dialects.pydantic_ai import PYDANTIC_AI
from spanledger_collector.normalise.dialects.vercel import VERCEL

DIALECTS: tuple[Dialect, ...] = (
    OPENINFERENCE,
    LANGFUSE,
    VERCEL,
    MLFLOW,
    LANGSMITH,
    PYDANTIC_AI,
    OPENLIT,
    OPENLLMETRY,
    OPIK,
    AGENT_FRAMEWORK,
    OTEL,
)
"""Order decides where the keys of several are on one span; the last one also takes what nobody recognises."""

__all__ = ["DIALECTS", "OTEL"]
