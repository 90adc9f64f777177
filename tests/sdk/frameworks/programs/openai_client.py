"""The client of OpenAI."""

import openai
from common import MESSAGES, main


def sync() -> object:
    return openai.OpenAI().chat.completions.create(model="gpt-4o", messages=MESSAGES)


async def asynchronous() -> object:
    async with openai.AsyncOpenAI() as client:
        return await client.chat.completions.create(model="gpt-4o", messages=MESSAGES)


def stream() -> object:
    chunks = openai.OpenAI().chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


main(sync, asynchronous, stream)
