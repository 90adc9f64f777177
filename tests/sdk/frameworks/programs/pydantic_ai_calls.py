"""pydantic-ai, which instruments itself."""

import asyncio

from common import QUESTION, main
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel

AGENT = Agent(OpenAIChatModel("gpt-4o"), name="helper")


def sync() -> object:
    return AGENT.run_sync(QUESTION).output


async def asynchronous() -> object:
    return (await AGENT.run(QUESTION)).output


async def _stream() -> object:
    async with AGENT.run_stream(QUESTION) as result:
        return await result.get_output()


main(sync, asynchronous, lambda: asyncio.run(_stream()))
