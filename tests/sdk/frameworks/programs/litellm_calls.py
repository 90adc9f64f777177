"""LiteLLM."""

import litellm
from common import MESSAGES, URL, main

ASKED = {"model": "gpt-4o", "messages": MESSAGES, "api_base": f"{URL}/v1", "num_retries": 0}


def sync() -> object:
    return litellm.completion(**ASKED)


async def asynchronous() -> object:
    return await litellm.acompletion(**ASKED)


def stream() -> object:
    chunks = litellm.completion(**ASKED, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


main(sync, asynchronous, stream)
