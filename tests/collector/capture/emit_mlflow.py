"""Emits MLflow's spans over OTLP: `emit_mlflow.py CASE`."""

import os
import sys

# Given here, the tracing package does not look for a store that it does not bring along.
os.environ["MLFLOW_TRACKING_URI"] = os.environ["SINK_URL"]

import mlflow
from mlflow.entities import SpanType
from mlflow.tracking import fluent
from openai import OpenAI

# The same for the experiment, which plain OTLP does not need.
fluent._active_experiment_id = "1"

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is two and two?"}]


def chat() -> None:
    mlflow.openai.autolog()
    OpenAI().chat.completions.create(model="gpt-4o", messages=ASKED, temperature=0.2)


def stream() -> None:
    mlflow.openai.autolog()
    for _ in OpenAI().chat.completions.create(
        model="gpt-4o", messages=ASKED, stream=True, stream_options={"include_usage": True}
    ):
        pass


@mlflow.trace(span_type=SpanType.TOOL)
def weather(city: str) -> str:
    return f"rain in {city}"


@mlflow.trace(name="sums", span_type=SpanType.AGENT)
def traced() -> str:
    mlflow.update_current_trace(metadata={"mlflow.trace.user": "u-1", "mlflow.trace.session": "s-1"})
    weather("Oslo")
    chat()
    return "done"


globals()[sys.argv[1]]()
mlflow.flush_trace_async_logging()
