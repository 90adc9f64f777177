"""MLflow's tracing, exported over OTLP: names of its own, every value as JSON."""

from __future__ import annotations

from spanledger_collector.normalise import values as v
from spanledger_collector.normalise.dialect import Dialect

MLFLOW = Dialect(
    name="mlflow",
    scopes=("mlflow",),
    keys=("mlflow.",),
    fields={
        "kind": (("mlflow.spanType", v.json_label),),
        "provider": (("mlflow.llm.provider", v.json_label),),
        "request_model": (("mlflow.llm.model", v.json_label),),
        "usage": ("mlflow.chat.tokenUsage",),
        "costs": ("mlflow.llm.cost",),
        "input": (("mlflow.spanInputs", v.json_label),),
        "output": (("mlflow.spanOutputs", v.json_label),),
        "tools": ("mlflow.chat.tools",),
        "user": (("user.id", v.json_label), ("mlflow.trace.user", v.json_label)),
        "session": (("session.id", v.json_label), ("mlflow.trace.session", v.json_label)),
        "linked_prompts": ("mlflow.linkedPrompts",),
    },
    kinds={
        "LLM": "llm",
        "CHAT_MODEL": "llm",
        "EMBEDDING": "embedding",
        "CHAIN": "chain",
        "WORKFLOW": "chain",
        "TASK": "chain",
        "AGENT": "agent",
        "TOOL": "tool",
        "RETRIEVER": "retrieval",
        "RERANKER": "reranker",
        "GUARDRAIL": "guardrail",
        "EVALUATOR": "evaluator",
        "PARSER": "span",
        "MEMORY": "span",
        "UNKNOWN": "span",
    },
    inside={
        "usage": {
            "input_tokens": ("input_tokens",),
            "output_tokens": ("output_tokens",),
            "total_tokens": ("total_tokens",),
            "cache_read_tokens": ("cache_read_input_tokens",),
            "cache_write_tokens": ("cache_creation_input_tokens",),
        },
        "costs": {"client_cost": ("total_cost",)},
        "linked_prompts": {"prompt_name": ("0.name",), "prompt_version": ("0.version",)},
    },
    metadata=("mlflow.traceTag.",),
)
