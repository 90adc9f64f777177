"""Emits OpenLLMetry (Traceloop) spans: `emit_openllmetry.py CASE`."""

import os
import sys

from traceloop.sdk import Traceloop
from traceloop.sdk.decorators import task, tool, workflow

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is two and two?"}]


@task(name="ask")
def ask() -> str:
    from openai import OpenAI

    answer = OpenAI().chat.completions.create(model="gpt-4o", messages=ASKED, temperature=0.2)
    return answer.choices[0].message.content


@tool(name="look")
def look(city: str) -> str:
    return f"rain in {city}"


@workflow(name="sums")
def chat() -> str:
    Traceloop.set_association_properties({"user_id": "u-1", "session_id": "s-1", "customer_id": "acme", "tier": "pro"})
    look("Oslo")
    return ask()


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


os.environ["TRACELOOP_TELEMETRY"] = "false"
Traceloop.init(app_name="fixtures", api_endpoint=os.environ["SINK_URL"], api_key="not-a-key", disable_batch=True)
globals()[sys.argv[1]]()
