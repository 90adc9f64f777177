"""Haystack: a pipeline of one chat generator."""

import haystack
from common import QUESTION, URL, main
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.dataclasses import ChatMessage
from haystack.utils import Secret

Pipeline = haystack.Pipeline
AsyncPipeline = getattr(haystack, "AsyncPipeline", Pipeline)  # one class from version 3 on
ASKED = {"llm": {"messages": [ChatMessage.from_user(QUESTION)]}}


def pipeline(kind: type, **options: object) -> object:
    made = kind()
    key = Secret.from_token("not-a-key")
    made.add_component(
        "llm", OpenAIChatGenerator(model="gpt-4o", api_key=key, api_base_url=f"{URL}/v1", max_retries=0, **options)
    )
    return made


def sync() -> object:
    return pipeline(Pipeline).run(ASKED)


async def asynchronous() -> object:
    return await pipeline(AsyncPipeline).run_async(ASKED)


def stream() -> object:
    return pipeline(Pipeline, streaming_callback=lambda _: None).run(ASKED)


main(sync, asynchronous, stream)
