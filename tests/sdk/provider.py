"""A local server that answers like OpenAI, Anthropic, Google, Mistral, Cohere and Bedrock, for their real clients.

The first part of the path changes its ways: `{url}/busy2/v1` answers 429 to the first two requests, `/plain`
refuses `stream_options` as older servers do, `/broken` sends an error in the middle of a stream, `/down` answers
500, `/mistral` tells the usage of a chat's stream unasked. Ids are counted, so that no two answers are the same.
"""

from __future__ import annotations

import itertools
import json
import re
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OPENAI_CHAT = {
    "id": "chatcmpl-9",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-2024-08-06",
    "choices": [
        {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Paris", "refusal": None}}
    ],
    "usage": {
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "total_tokens": 1100,
        "prompt_tokens_details": {"cached_tokens": 400},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
}
OPENAI_EMBEDDINGS = {
    "object": "list",
    "model": "text-embedding-3-small",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
    "usage": {"prompt_tokens": 50, "total_tokens": 50},
}
OPENAI_RESPONSE: dict[str, Any] = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "o3",
    "output": [
        {
            "type": "message",
            "id": "m",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Paris", "annotations": []}],
        }
    ],
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "usage": {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 60,
        "output_tokens_details": {"reasoning_tokens": 50},
        "total_tokens": 160,
    },
}
ANTHROPIC = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Paris"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "output_tokens": 20,
        "cache_read_input_tokens": 1000,
        "cache_creation_input_tokens": 100,
    },
}
GOOGLE = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Paris"}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {
        "promptTokenCount": 100,
        "candidatesTokenCount": 10,
        "thoughtsTokenCount": 5,
        "totalTokenCount": 115,
    },
    "modelVersion": "gemini-2.5-flash",
    "responseId": "g-1",
}


COHERE = {
    "id": "c-1",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "Paris"}]},
    "usage": {
        "billed_units": {"input_tokens": 100, "output_tokens": 10},
        "tokens": {"input_tokens": 100, "output_tokens": 10},
    },
}
BEDROCK: dict[str, Any] = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Paris"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 100, "outputTokens": 10, "totalTokens": 110},
    "metrics": {"latencyMs": 1},
}
SERVED = {"gpt-4o": "gpt-4o-2024-08-06", "gpt-4o-mini": "gpt-4o-mini-2024-07-18"}


def _served(asked: dict[str, Any]) -> str:
    return SERVED.get(asked["model"], asked["model"])


def _openai_stream(asked: dict[str, Any], identity: str) -> Iterator[dict[str, Any]]:
    base = {"id": identity, "object": "chat.completion.chunk", "created": 1, "model": _served(asked)}
    for piece in ("Pa", "ris"):
        yield {**base, "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": None}], "usage": None}
    yield {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": None}
    if (asked.get("stream_options") or {}).get("include_usage"):
        yield {**base, "choices": [], "usage": OPENAI_CHAT["usage"]}


def _mistral_stream(asked: dict[str, Any], identity: str) -> Iterator[dict[str, Any]]:
    *pieces, last = _openai_stream(asked, identity)
    yield from pieces
    yield {**last, "usage": OPENAI_CHAT["usage"]}


def _google_stream(identity: str) -> Iterator[dict[str, Any]]:
    for piece in ("Pa", "ris"):
        part = {"content": {"role": "model", "parts": [{"text": piece}]}, "index": 0}
        end = {"finishReason": "STOP"} if piece == "ris" else {}
        chunk = {**GOOGLE, "candidates": [{**part, **end}], "responseId": identity}
        if not end:
            del chunk["usageMetadata"]
        yield chunk


def _cohere_stream(identity: str) -> Iterator[dict[str, Any]]:
    message = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
    yield {"type": "message-start", "id": identity, "delta": {"message": message}}
    yield {
        "type": "content-start",
        "index": 0,
        "delta": {"message": {"content": {"type": "text", "text": ""}}},
    }
    for piece in ("Pa", "ris"):
        yield {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": piece}}}}
    yield {"type": "content-end", "index": 0}
    yield {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": COHERE["usage"]}}


def _bedrock_stream() -> Iterator[bytes]:
    yield _aws_event("messageStart", {"role": "assistant"})
    for piece in ("Pa", "ris"):
        yield _aws_event("contentBlockDelta", {"delta": {"text": piece}, "contentBlockIndex": 0})
    yield _aws_event("contentBlockStop", {"contentBlockIndex": 0})
    yield _aws_event("messageStop", {"stopReason": "end_turn"})
    yield _aws_event("metadata", {"usage": BEDROCK["usage"], "metrics": BEDROCK["metrics"]})


def _aws_event(name: str, value: dict[str, Any]) -> bytes:
    """One message of AWS' event stream encoding."""
    headers = b""
    for key, text in ((":event-type", name), (":content-type", "application/json"), (":message-type", "event")):
        headers += bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(text)) + text.encode()
    body = json.dumps(value).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


def _responses_stream(asked: dict[str, Any], identity: str) -> Iterator[dict[str, Any]]:
    whole = {**OPENAI_RESPONSE, "id": identity, "model": _served(asked)}
    begun = {**whole, "status": "in_progress", "output": [], "usage": None}
    text = {"item_id": "m", "output_index": 0, "content_index": 0, "logprobs": []}
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**whole["output"][0], "content": [], "status": "in_progress"},
        },
        {
            "type": "response.content_part.added",
            **text,
            "part": {"type": "output_text", "text": "", "annotations": []},
        },
        {"type": "response.output_text.delta", **text, "delta": "Pa"},
        {"type": "response.output_text.delta", **text, "delta": "ris"},
        {"type": "response.completed", "response": whole},
    ]
    for number, event in enumerate(events):
        yield {**event, "sequence_number": number}


def _anthropic_stream(identity: str) -> Iterator[dict[str, Any]]:
    start = {**ANTHROPIC, "content": [], "stop_reason": None, "usage": {"input_tokens": 10, "output_tokens": 1}}
    yield {"type": "message_start", "message": {**start, "id": identity}}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    for piece in ("Pa", "ris"):
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
    yield {"type": "content_block_stop", "index": 0}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 20},
    }
    yield {"type": "message_stop"}


class Provider(str):
    """The base URL of a running fake, which remembers what it was asked."""

    asked: list[dict[str, Any]]
    headers: list[dict[str, str]]


@contextmanager
def serving() -> Iterator[Provider]:
    """The base URL of a running fake."""
    numbers = itertools.count(9)
    remembered: list[dict[str, Any]] = []
    headers: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # headers and body are written apart: the second would wait 40 ms

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            remembered.append(asked)
            headers.append({name.lower(): value for name, value in self.headers.items()})
            ways = self.path.split("/")[1]
            busy = re.fullmatch(r"busy(\d+)", ways)
            if busy and len(remembered) <= int(busy[1]):
                return self.refuse(429, "too many", {"retry-after-ms": "1", "x-should-retry": "true"})
            if ways == "down":
                return self.refuse(500, "out of order", {"x-should-retry": "false"})
            if ways == "plain" and "stream_options" in asked:
                return self.refuse(400, "Unrecognized request argument supplied: stream_options", {})
            identity = f"answer-{next(numbers)}"
            if "converse-stream" in self.path:
                return self.reply(b"".join(_bedrock_stream()), "application/vnd.amazon.eventstream")
            if asked.get("stream") or "streamGenerateContent" in self.path:
                return self.stream(asked, identity, ways)
            answers: tuple[tuple[str, Callable[[], dict[str, Any]]], ...] = (
                ("/chat/completions", lambda: {**OPENAI_CHAT, "id": identity, "model": _served(asked)}),
                ("/embeddings", lambda: OPENAI_EMBEDDINGS),
                ("/responses", lambda: {**OPENAI_RESPONSE, "id": identity, "model": _served(asked)}),
                ("/messages", lambda: {**ANTHROPIC, "id": identity}),
                ("generateContent", lambda: {**GOOGLE, "responseId": identity}),
                ("/v2/chat", lambda: {**COHERE, "id": identity}),
                ("/converse", lambda: BEDROCK),
            )
            for part, answer in answers:
                if part in self.path:
                    return self.reply(json.dumps(answer()), "application/json")
            self.send_error(404)
            return None

        def stream(self, asked: dict[str, Any], identity: str, ways: str) -> None:
            """Send event by event, as a stream is sent that may be left before its end."""
            is_chat = "/chat/completions" in self.path
            if "messages" in self.path:
                events = _anthropic_stream(identity)
            elif "/v2/chat" in self.path:
                events = _cohere_stream(identity)
            elif "GenerateContent" in self.path:
                events = _google_stream(identity)
            elif is_chat:
                events = (_mistral_stream if ways == "mistral" else _openai_stream)(asked, identity)
            else:
                events = _responses_stream(asked, identity)
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            self.close_connection = True
            for number, event in enumerate(events):
                if ways == "broken" and number == 2:
                    trouble = {"type": "error", "error": {"type": "overloaded_error", "message": "overloaded"}}
                    return self.write(f"event: error\ndata: {json.dumps(trouble)}\n\n")
                name = "" if "GenerateContent" in self.path else f"event: {event.get('type', 'x')}\n"
                self.write(f"{name}data: {json.dumps(event)}\n\n")
            return self.write("data: [DONE]\n\n") if is_chat else None

        def write(self, text: str) -> None:
            """Send one event at once; a client that has gone away is no news."""
            with suppress(OSError):
                self.wfile.write(text.encode())
                self.wfile.flush()

        def refuse(self, status: int, message: str, extra: dict[str, str]) -> None:
            """Send an error in the shape of both providers."""
            body = {"type": "error", "error": {"type": "trouble", "message": message, "code": None, "param": None}}
            self.reply(json.dumps(body), "application/json", status, extra)

        def reply(self, body: str | bytes, kind: str, status: int = 200, extra: dict[str, str] | None = None) -> None:
            """Send one whole body."""
            content = body.encode() if isinstance(body, str) else body
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            for name, value in (extra or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    url = Provider(f"http://127.0.0.1:{server.server_address[1]}")
    url.asked, url.headers = remembered, headers
    try:
        yield url
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
