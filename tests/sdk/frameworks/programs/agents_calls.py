"""OpenAI Agents, which asks the responses API."""

import asyncio

from agents import Agent, Runner
from common import QUESTION, main

AGENT = Agent(name="helper", instructions="Be brief.", model="gpt-4o")


def sync() -> object:
    return Runner.run_sync(AGENT, QUESTION).final_output


async def asynchronous() -> object:
    return (await Runner.run(AGENT, QUESTION)).final_output


async def _stream() -> object:
    result = Runner.run_streamed(AGENT, QUESTION)
    async for _ in result.stream_events():
        pass
    return result.final_output


main(sync, asynchronous, lambda: asyncio.run(_stream()))
