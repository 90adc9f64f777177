"""A small stand-in for OpenAI and Anthropic on 127.0.0.1; every answer it gives is written down here.

| call | usage it answers |
|---|---|
| chat, answers, streams | input 1200, of which cached 1000; output 80, of which reasoning 30 |
| chat with tools, first turn | input 90, cached 0; output 12, reasoning 0 |
| embeddings | input 7; vectors (0.5, -0.25, 0.125, 1.0), the second one negated |
| Anthropic messages | input 150 beside cache read 1000 and cache write 50; output 80 |
"""

from __future__ import annotations

import base64
import itertools
import json
import struct
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWER = "Two and two is four."
SERVED = {"gpt-4o": "gpt-4o-2024-08-06", "claude-sonnet-4-5": "claude-sonnet-4-5-20250929"}
VECTOR = (0.5, -0.25, 0.125, 1.0)
CREATED = 1_793_491_200

FULL = {
    "prompt_tokens": 1200,
    "completion_tokens": 80,
    "total_tokens": 1280,
    "prompt_tokens_details": {"cached_tokens": 1000, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 30, "audio_tokens": 0},
}
SMALL = {
    "prompt_tokens": 90,
    "completion_tokens": 12,
    "total_tokens": 102,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
}


class Provider:
    """Answers until `close`; `url` is where."""

    def __init__(self) -> None:
        numbers = itertools.count(1)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
                for suffix, answer in ROUTES.items():
                    if self.path.split("?")[0].endswith(suffix):
                        made = answer(asked, next(numbers))
                        return self._stream(made) if isinstance(made, list) else self._json(made)
                return self._json({"error": {"message": f"no such page {self.path}"}}, 404)

            def do_GET(self) -> None:
                self._json({})

            def _json(self, value: Any, status: int = 200) -> None:
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _stream(self, chunks: list[tuple[str, Any]]) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                for event, value in chunks:
                    head = f"event: {event}\n" if event else ""
                    data = value if isinstance(value, str) else json.dumps(value)
                    self.wfile.write(f"{head}data: {data}\n\n".encode())
                self.close_connection = True

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _wants_tool(asked: dict[str, Any]) -> bool:
    return bool(asked.get("tools")) and not any(
        item.get("role") == "tool" or item.get("type") == "function_call_output"
        for item in asked.get("messages") or asked.get("input") or ()
        if isinstance(item, dict)
    )


def _tool_name(asked: dict[str, Any]) -> str:
    tool = asked["tools"][0]
    return tool.get("function", tool)["name"]


def _chat(asked: dict[str, Any], number: int) -> Any:
    if asked.get("stream"):
        return list(_chat_chunks(asked, number))
    message: dict[str, Any] = {"role": "assistant", "content": ANSWER}
    finish, usage = "stop", FULL
    if _wants_tool(asked):
        call = {
            "id": f"call_{number:04}",
            "type": "function",
            "function": {"name": _tool_name(asked), "arguments": '{"city": "Oslo"}'},
        }
        message, finish, usage = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls", SMALL
    return {
        "id": f"chatcmpl-{number:04}",
        "object": "chat.completion",
        "created": CREATED,
        "model": SERVED.get(asked["model"], asked["model"]),
        "choices": [{"index": 0, "message": message, "finish_reason": finish, "logprobs": None}],
        "usage": usage,
    }


def _chat_chunks(asked: dict[str, Any], number: int) -> Iterator[tuple[str, Any]]:
    common = {
        "id": f"chatcmpl-{number:04}",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": SERVED.get(asked["model"], asked["model"]),
    }
    for text in ("Two and two ", "is four."):
        delta = {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}
        yield "", {**common, "choices": [delta]}
    yield "", {**common, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    if (asked.get("stream_options") or {}).get("include_usage"):
        yield "", {**common, "choices": [], "usage": FULL}
    yield "", "[DONE]"


def _embeddings(asked: dict[str, Any], _: int) -> Any:
    texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
    data = []
    for index, _text in enumerate(texts):
        vector: Any = [-x for x in VECTOR] if index else list(VECTOR)
        if asked.get("encoding_format") == "base64":
            vector = base64.b64encode(struct.pack("<4f", *vector)).decode()
        data.append({"object": "embedding", "index": index, "embedding": vector})
    return {
        "object": "list",
        "data": data,
        "model": asked["model"],
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }


def _responses(asked: dict[str, Any], number: int) -> Any:
    item: dict[str, Any] = {
        "type": "message",
        "id": f"msg_{number:04}",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "text": ANSWER, "annotations": []}],
    }
    usage = FULL
    if _wants_tool(asked):
        item = {
            "type": "function_call",
            "id": f"fc_{number:04}",
            "call_id": f"call_{number:04}",
            "name": _tool_name(asked),
            "arguments": '{"city": "Oslo"}',
            "status": "completed",
        }
        usage = SMALL
    return {
        "id": f"resp_{number:04}",
        "object": "response",
        "created_at": CREATED,
        "status": "completed",
        "model": SERVED.get(asked["model"], asked["model"]),
        "output": [item],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": asked.get("tools") or [],
        "error": None,
        "incomplete_details": None,
        "instructions": asked.get("instructions"),
        "metadata": {},
        "usage": {
            "input_tokens": usage["prompt_tokens"],
            "input_tokens_details": {"cached_tokens": usage["prompt_tokens_details"]["cached_tokens"]},
            "output_tokens": usage["completion_tokens"],
            "output_tokens_details": {"reasoning_tokens": usage["completion_tokens_details"]["reasoning_tokens"]},
            "total_tokens": usage["total_tokens"],
        },
    }


def _messages(asked: dict[str, Any], number: int) -> Any:
    return {
        "id": f"msg_{number:04}",
        "type": "message",
        "role": "assistant",
        "model": SERVED.get(asked["model"], asked["model"]),
        "content": [{"type": "text", "text": ANSWER}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 150,
            "cache_read_input_tokens": 1000,
            "cache_creation_input_tokens": 50,
            "output_tokens": 80,
        },
    }


ROUTES = {
    "/chat/completions": _chat,
    "/embeddings": _embeddings,
    "/responses": _responses,
    "/messages": _messages,
}
