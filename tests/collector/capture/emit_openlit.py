"""Emits OpenLIT spans: `emit_openlit.py CASE`."""

import json
import os
import sys
from pathlib import Path

import openlit
from opentelemetry import trace

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is two and two?"}]


def chat() -> None:
    from openai import OpenAI

    OpenAI().chat.completions.create(model="gpt-4o", messages=ASKED, temperature=0.2, user="u-1")


def stream() -> None:
    from openai import OpenAI

    for _ in OpenAI().chat.completions.create(
        model="gpt-4o", messages=ASKED, stream=True, stream_options={"include_usage": True}
    ):
        pass


def tools() -> None:
    from openai import OpenAI

    OpenAI().chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Weather in Oslo?"}], tools=[WEATHER]
    )


def embeddings() -> None:
    from openai import OpenAI

    OpenAI().embeddings.create(model="text-embedding-3-small", input="two")


def anthropic() -> None:
    from anthropic import Anthropic

    Anthropic().messages.create(
        model="claude-sonnet-4-5", max_tokens=100, messages=[{"role": "user", "content": "What is two and two?"}]
    )


# Its price list comes from the network otherwise.
prices = Path(os.environ["HOME"]) / "prices.json"
prices.write_text(json.dumps({"chat": {"gpt-4o": {"promptPrice": 0.0025, "completionPrice": 0.01}}}))
openlit.init(
    pricing_json=str(prices),
    otlp_endpoint=os.environ["SINK_URL"],
    application_name="fixtures",
    environment="staging",
    disable_metrics=True,
    disable_events=True,
    disabled_instrumentors=["httpx", "requests", "urllib", "urllib3"],
)
globals()[sys.argv[1]]()
trace.get_tracer_provider().shutdown()
