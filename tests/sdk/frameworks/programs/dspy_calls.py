"""DSPy: its model, without a signature that the fake provider would have to obey."""

import dspy
from common import QUESTION, URL, main

MODEL = dspy.LM("openai/gpt-4o", api_base=f"{URL}/v1", api_key="not-a-key", cache=False, num_retries=0)


def sync() -> object:
    return MODEL(QUESTION)


async def asynchronous() -> object:
    return await MODEL.acall(QUESTION)


main(sync, asynchronous)
