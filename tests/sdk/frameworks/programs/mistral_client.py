"""The client of Mistral."""

from common import MESSAGES, URL, main

try:
    from mistralai import Mistral
except ImportError:  # from version 2 on
    from mistralai.client import Mistral

CLIENT = Mistral(api_key="not-a-key", server_url=URL)
ASKED = {"model": "mistral-small-latest", "messages": MESSAGES}


def sync() -> object:
    return CLIENT.chat.complete(**ASKED)


async def asynchronous() -> object:
    return await CLIENT.chat.complete_async(**ASKED)


def stream() -> object:
    return "".join(event.data.choices[0].delta.content or "" for event in CLIENT.chat.stream(**ASKED))


main(sync, asynchronous, stream)
