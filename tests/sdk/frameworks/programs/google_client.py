"""The client of Google GenAI."""

from common import QUESTION, URL, main
from google import genai

CLIENT = genai.Client(api_key="not-a-key", http_options={"base_url": URL})
MODEL = "gemini-2.5-flash"


def sync() -> object:
    return CLIENT.models.generate_content(model=MODEL, contents=QUESTION).text


async def asynchronous() -> object:
    return (await CLIENT.aio.models.generate_content(model=MODEL, contents=QUESTION)).text


def stream() -> object:
    return "".join(chunk.text or "" for chunk in CLIENT.models.generate_content_stream(model=MODEL, contents=QUESTION))


main(sync, asynchronous, stream)
