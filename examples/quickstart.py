"""Spanledger in two minutes, without any provider's key: a support bot with a tool and a made-up model.

    spanledger up                       # in one terminal
    python examples/quickstart.py       # in another; then open http://127.0.0.1:8787

Content is captured by default; SPANLEDGER_CAPTURE_CONTENT=off turns it off.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import spanledger


@spanledger.observe(kind="tool")
def look_up_order(number: str) -> dict[str, str]:
    """Stand in for a database."""
    return {"order": number, "status": "on its way", "arrives": "tomorrow"}


@spanledger.observe
def complete(messages: list[dict[str, str]], model: str = "gpt-4o-mini") -> dict[str, object]:
    """Stand in for `client.chat.completions.create`: usage, model and text are read from what it returns."""
    time.sleep(0.05)
    words = sum(len(message["content"].split()) for message in messages)
    return {
        "id": f"chatcmpl-{time.time_ns()}",
        "object": "chat.completion",
        "model": model,
        "choices": [
            {"finish_reason": "stop", "message": {"role": "assistant", "content": "It is on its way: tomorrow."}}
        ],
        "usage": {"prompt_tokens": 40 + words * 2, "completion_tokens": 12},
    }


@spanledger.observe(kind="llm")
def tell(text: str) -> Iterator[str]:
    """Stream an answer; what the items do not say is set by hand."""
    for word in text.split():
        time.sleep(0.005)
        yield f"{word} "
    spanledger.update(model="gpt-4o-mini", provider="openai", input_tokens=20, output_tokens=len(text.split()))


@spanledger.observe(kind="agent")
def answer(question: str) -> str:
    """Look something up, then ask the model."""
    order = look_up_order("4711")
    complete(
        [
            {"role": "system", "content": f"You are a support bot. The order: {order}"},
            {"role": "user", "content": question},
        ]
    )
    return "".join(tell("Your order arrives tomorrow."))


def main() -> None:
    """Serve two customers and say what became of the spans."""
    spanledger.init(service_name="quickstart")
    for customer in ("acme", "globex"):
        with spanledger.context(customer=customer, user="u-1", session=f"{customer}-1", feature="support"):
            print(f"{customer}: {answer('Where is my order 4711?')}")
    delivered = spanledger.flush(timeout=5)
    stats = spanledger.stats()
    print(f"{stats.acknowledged} of {stats.ended} spans delivered")
    if not delivered:
        print("Nobody answers: start the collector with `spanledger up`, or set SPANLEDGER_ENDPOINT.")


if __name__ == "__main__":
    main()
