"""The client of Anthropic."""

import anthropic
from common import MESSAGES, main

ASKED = {"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": MESSAGES}


def sync() -> object:
    return anthropic.Anthropic().messages.create(**ASKED)


async def asynchronous() -> object:
    async with anthropic.AsyncAnthropic() as client:
        return await client.messages.create(**ASKED)


def stream() -> object:
    with anthropic.Anthropic().messages.stream(**ASKED) as events:
        return events.get_final_text()


main(sync, asynchronous, stream)
