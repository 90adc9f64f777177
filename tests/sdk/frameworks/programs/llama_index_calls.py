"""LlamaIndex."""

from common import QUESTION, URL, main
from llama_index.core.llms import ChatMessage
from llama_index.llms.openai import OpenAI

MODEL = OpenAI(model="gpt-4o", api_base=f"{URL}/v1", max_retries=0)
ASKED = [ChatMessage(role="user", content=QUESTION)]


def sync() -> object:
    return MODEL.chat(ASKED)


async def asynchronous() -> object:
    return await MODEL.achat(ASKED)


def stream() -> object:
    return "".join(chunk.delta or "" for chunk in MODEL.stream_chat(ASKED))


main(sync, asynchronous, stream)
