"""Emits Langfuse spans: `emit_langfuse.py CASE`."""

import os
import sys

from langfuse import Langfuse, observe, propagate_attributes
from langfuse.openai import OpenAI

ASKED = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is two and two?"}]
langfuse = Langfuse(
    public_key="pk-lf-not-a-key", secret_key="sk-lf-not-a-key", base_url=os.environ["SINK_URL"], environment="staging"
)


def chat() -> None:
    with propagate_attributes(
        user_id="u-1", session_id="s-1", tags=["beta"], metadata={"customer_id": "acme", "tier": "pro"}
    ):
        OpenAI().chat.completions.create(model="gpt-4o", messages=ASKED, temperature=0.2)


def stream() -> None:
    for _ in OpenAI().chat.completions.create(
        model="gpt-4o", messages=ASKED, stream=True, stream_options={"include_usage": True}
    ):
        pass


@observe(as_type="agent", name="sums")
def observed() -> str:
    """A generation written by hand, in Langfuse's own words: its input does not include what was cached."""
    with langfuse.start_as_current_observation(
        as_type="generation",
        name="claude",
        model="claude-sonnet-4-5",
        input=ASKED,
        metadata={"tier": "pro"},
    ) as generation:
        generation.update(
            output={"role": "assistant", "content": "Two and two is four."},
            usage_details={
                "input": 150,
                "cache_read_input_tokens": 1000,
                "cache_creation_input_tokens": 50,
                "output": 80,
            },
            cost_details={"input": 0.00045, "output": 0.0012, "total": 0.0021375},
        )
    with langfuse.start_as_current_observation(as_type="tool", name="weather", input={"city": "Oslo"}) as look:
        look.update(output="rain")
    return "done"


def embeddings() -> None:
    OpenAI().embeddings.create(model="text-embedding-3-small", input="two")


globals()[sys.argv[1]]()
langfuse.flush()
langfuse.shutdown()
