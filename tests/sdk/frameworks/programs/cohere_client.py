"""The client of Cohere, version 2 of its API."""

import cohere
from common import MESSAGES, URL, main

ASKED = {"model": "command-a-03-2025", "messages": MESSAGES}


def sync() -> object:
    return cohere.ClientV2(api_key="not-a-key", base_url=URL).chat(**ASKED)


async def asynchronous() -> object:
    return await cohere.AsyncClientV2(api_key="not-a-key", base_url=URL).chat(**ASKED)


def stream() -> object:
    events = cohere.ClientV2(api_key="not-a-key", base_url=URL).chat_stream(**ASKED)
    return "".join(event.delta.message.content.text for event in events if event.type == "content-delta")


main(sync, asynchronous, stream)
